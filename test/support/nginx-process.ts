import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { NGINX_STREAM_MODULE } from '../../scripts/system-packages.ts'
import { startPeerProcess } from './peer-process.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** What stands in either of its blocks; a block that is left out is not there. */
export interface NginxBlocks {
  readonly http?: string
  readonly stream?: string
}

function configuration({ http, stream }: NginxBlocks): string {
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
${stream !== undefined && existsSync(NGINX_STREAM_MODULE) ? `load_module ${NGINX_STREAM_MODULE};` : ''}
events { worker_connections 4096; }
${http === undefined ? '' : httpBlock(http)}
${stream === undefined ? '' : `stream {\n  ${stream}\n}`}
`
}

function httpBlock(http: string): string {
  return `
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${http}
}`
}

export interface NginxProcess extends AsyncDisposable {
  readonly pid: number
  /** What nginx has said about errors so far. */
  readonly errors: string
}

/**
 * nginx in one process of its own, with what stands in `http { }`, or in that and `stream { }`. It is there when `port` of
 * 127.0.0.1 accepts (TCP); its files are in `folder`, which must outlive it.
 */
export async function nginxProcess(
  folder: TemporaryFolder,
  blocks: string | NginxBlocks,
  port: number,
): Promise<NginxProcess> {
  await writeFile(folder.file('nginx.conf'), configuration(typeof blocks === 'string' ? { http: blocks } : blocks))
  const args = ['-p', folder.path, '-e', 'stderr', '-c', 'nginx.conf']
  const peer = await startPeerProcess({ command: 'nginx', args, port })
  return {
    pid: peer.pid,
    get errors() {
      return peer.output
    },
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  }
}
