import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { commandPath } from '../../scripts/system-packages.ts'
import { within } from './bell.ts'
import type { TemporaryFolder } from './temporary-folder.ts'
import { turns } from './turns.ts'

function configuration(http: string): string {
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${http}
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

export interface NginxProcess extends AsyncDisposable {
  /** What nginx has said about errors so far. */
  readonly errors: string
}

/**
 * nginx in one process of its own, with what stands in `http { }`. It is there when `port` of 127.0.0.1 accepts; its
 * files are in `folder`, which must outlive it.
 */
export async function nginxProcess(folder: TemporaryFolder, http: string, port: number): Promise<NginxProcess> {
  await writeFile(folder.file('nginx.conf'), configuration(http))
  const args = ['-p', folder.path, '-e', 'stderr', '-c', 'nginx.conf']
  const child = spawn(commandPath('nginx') ?? 'nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] })
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
    get errors() {
      return errors
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
