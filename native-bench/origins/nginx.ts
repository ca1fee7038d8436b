/** The origin of most scenarios: nginx, whose answers cost the least of what is everywhere. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPath } from '../../scripts/system-packages.ts'
import { pinned } from '../frame/cores.ts'
import { ENDPOINTS_MAX, endpointAddresses } from '../frame/endpoints.ts'
import { BenchFailure } from '../frame/failure.ts'
import { accepting, freePort } from '../frame/ports.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { CONTENTS, contentOf, SMALL } from './content.ts'
import { type ReadyOrigin, readyOrigin } from './ready-origin.ts'

const START_TIMEOUT_MS = 5000

export async function startNginxOrigin(stage: Stage): Promise<ReadyOrigin> {
  const nginx = commandPath('nginx')
  if (nginx === null) throw new BenchFailure('the origin needs nginx: sudo apt-get install nginx')
  const folder = stage.newFolder('origin')
  const port = await freePort()
  const path = join(folder, 'nginx.conf')
  writeFileSync(path, configuration(folder, port))
  const log = join(folder, 'error.log')
  const program = new Program(pinned(stage.settings.cores.others, nginx, ['-e', log, '-c', path]), 'ignore')
  stage.atEnd(program.kill)
  await accepting(port, START_TIMEOUT_MS, () => (program.hasEnded ? `the origin does not start: see nginx -c` : null))
  return readyOrigin(port, program)
}

function configuration(folder: string, port: number): string {
  const root = join(folder, 'content')
  mkdirSync(root)
  for (const content of CONTENTS) if (content !== SMALL) writeFileSync(join(root, content.path), contentOf(content))
  const listens = endpointAddresses(ENDPOINTS_MAX, port).map(address => `listen ${address} backlog=4096;`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
master_process off;
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'error.log')};
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  keepalive_time 24h;
  client_header_timeout 600s;
  client_header_buffer_size 4k;
  default_type text/plain;
  sendfile on;
  open_file_cache max=16;
  open_file_cache_valid 600s;
  ${temporary.map(kind => `${kind}_temp_path ${join(folder, kind)};`).join('\n  ')}
  server {
    ${listens.join('\n    ')}
    root ${root};
    location = ${SMALL.path} { return 200 "${contentOf(SMALL).toString()}"; }
  }
}
`
}
