import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { commandPath } from '../../scripts/system-packages.ts'
import { within } from './bell.ts'
import { turns } from './turns.ts'

export interface NghttpdProcess extends AsyncDisposable {
  readonly port: number
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}

/** nghttpd, an origin of HTTP/2, in a process of its own: serves the files of a folder, over TLS where it has a certificate. */
export async function nghttpdProcess(
  folder: string,
  port: number,
  tls: { readonly certificate: string; readonly key: string } | null,
): Promise<NghttpdProcess> {
  const secure = tls === null ? ['--no-tls', String(port)] : [String(port), tls.key, tls.certificate]
  const args = ['-a', '127.0.0.1', '-d', folder, ...secure]
  const child = spawn(commandPath('nghttpd') ?? 'nghttpd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const exited = once(child, 'exit')
  const gone = exited.then(([code]) => Promise.reject(new Error(`nghttpd ended with ${code}: ${errors}`)))
  const ready = (async () => {
    while (!(await accepts(port))) await turns()
  })()
  await within(Promise.race([ready, gone]), 10_000, () => `nghttpd on port ${port}: ${errors}`)
  gone.catch(() => {})
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
