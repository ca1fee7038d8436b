import { mkdir, writeFile } from 'node:fs/promises'
import type { Address } from '../../engine/snapshot.ts'
import { freePort } from './free-port.ts'
import { nginxProcess } from './nginx-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface NginxOrigin extends AsyncDisposable {
  readonly address: Address
  /** What nginx has said about errors so far. */
  readonly errors: string
}

function serverOn(port: number): string {
  return `default_type text/plain;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root www;
    location = /small { return 200 "${'0123456789'.repeat(10)}"; }
  }`
}

/**
 * nginx in one process of its own with a folder of its own: 100 bytes at `/small`, and the given files at their names.
 * Everything else is as nginx has it (a connection serves 1,000 requests).
 */
export async function nginxOrigin(files: Readonly<Record<string, Uint8Array>> = {}): Promise<NginxOrigin> {
  const folder = await temporaryFolder()
  const port = await freePort()
  await mkdir(folder.file('www'))
  for (const [name, content] of Object.entries(files)) await writeFile(folder.file(`www/${name}`), content)
  const nginx = await nginxProcess(folder, serverOn(port), port)
  return {
    address: { kind: 'tcp', host: '127.0.0.1', port },
    get errors() {
      return nginx.errors
    },
    async [Symbol.asyncDispose]() {
      await nginx[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
