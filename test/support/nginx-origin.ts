import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'
import { within } from './bell.ts'
import { freePort } from './free-port.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { turns } from './turns.ts'

export interface NginxOrigin extends AsyncDisposable {
  readonly address: Address
  /** What nginx has said about errors so far. */
  readonly errors: string
}

/** Debian's, and what is on the path elsewhere; `/usr/sbin` is in few users' paths. */
const COMMAND = 'nginx'
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`

function configuration(port: number): string {
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root www;
    location = /small { return 200 "${'0123456789'.repeat(10)}"; }
  }
}
`
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
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
  await writeFile(folder.file('nginx.conf'), configuration(port))
  const child = spawn(COMMAND, ['-p', folder.path, '-e', 'stderr', '-c', 'nginx.conf'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH },
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const exited = once(child, 'exit')
  const gone = exited.then(([code]) => Promise.reject(new Error(`nginx ended with ${code}: ${errors}`)))
  const ready = (async () => {
    while (!(await accepts(port))) await turns()
  })()
  await within(Promise.race([ready, gone]), 10_000, () => `nginx on port ${port}: ${errors}`)
  gone.catch(() => {})
  return {
    address: { kind: 'tcp', host: '127.0.0.1', port },
    get errors() {
      return errors
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
      await folder[Symbol.asyncDispose]()
    },
  }
}
