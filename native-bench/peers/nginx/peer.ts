import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { NGINX_STREAM_MODULE } from '../../../scripts/system-packages.ts'
import type { Certificate } from '../../frame/certificate.ts'
import { endpointAddresses } from '../../frame/endpoints.ts'
import { type Peer, type ProxyCommand, type ProxySetup, UDP_IDLE_SECONDS } from '../../frame/peer.ts'
import { executableOf, probeCommand } from '../native-command.ts'
import { writeFilled } from '../template.ts'

/** Connections besides the clients' and the pool's: what listens, the logs, some air. */
const SPARE_CONNECTIONS = 256

const PROTOCOLS = { http1: '', h2c: ' http2', tls: ' ssl http2' } as const

/** The same fields as to an origin of HTTP/1.1; `grpc_pass` has its own directives for all of it. */
const GRPC_PASS = `grpc_pass grpc://origin;
      grpc_set_header Host $http_host;
      grpc_set_header X-Forwarded-For $remote_addr;
      grpc_set_header X-Forwarded-Proto $scheme;
      grpc_set_header X-Forwarded-Host $http_host;
      grpc_set_header X-Forwarded-Port $server_port;
      grpc_set_header X-Request-Id $request_id;
      grpc_set_header Via "2 nginx";`

/** As Mozilla's intermediate profile has it, with sessions that are resumed by tickets. */
function tlsLines({ certificate, key }: Certificate): string {
  return `ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers off;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_ecdh_curve X25519;
    ssl_session_tickets on;
    ssl_session_timeout 1h;`
}

export const nginx: Peer = {
  name: 'nginx',
  kind: 'native',
  capabilities: new Set([
    'http1',
    'websocket',
    'access-log',
    'workers',
    'least-connections',
    'https',
    'h2',
    'h2c',
    'grpc',
    'tcp',
    'udp',
  ]),
  probe: () => probeCommand('nginx', ['-v'], /nginx\/(\S+)/),
  command,
}

function command(setup: ProxySetup): ProxyCommand {
  const { listens } = setup
  const path = listens === 'tcp' || listens === 'udp' ? streamFile(setup, listens) : httpFile(setup, PROTOCOLS[listens])
  // `-e`: what nginx says before it has read its configuration goes to the folder too, not to the system's log.
  return { executable: executableOf('nginx'), args: ['-e', join(setup.folder, 'error.log'), '-c', path] }
}

/** What both files begin with, and how requests, connections or datagrams are spread. */
function commonValues(setup: ProxySetup) {
  const isSeveral = setup.workers > 1
  return {
    master: isSeveral ? 'on' : 'off',
    workers: setup.workers,
    // Workers of root's master become `nobody`, who cannot read the runner's folder.
    user: isSeveral && process.getuid?.() === 0 ? 'user root;' : '',
    folder: setup.folder,
    workerConnections: 2 * setup.connections + SPARE_CONNECTIONS,
    balance: setup.endpoints > 1 ? 'least_conn;' : '',
    servers: endpointAddresses(setup.endpoints, setup.originPort)
      .map(address => `server ${address};`)
      .join('\n    '),
    port: setup.port,
    reuseport: isSeveral ? ' reuseport' : '',
  }
}

function httpFile(setup: ProxySetup, protocol: string): string {
  return writeFilled(setup.folder, 'nginx.conf', join(import.meta.dirname, 'nginx.conf'), {
    ...commonValues(setup),
    accessLog:
      setup.accessLogPath === null
        ? 'access_log off;'
        : `access_log ${setup.accessLogPath} combined buffer=64k flush=1s;`,
    connections: setup.connections,
    protocol,
    tls: setup.certificate === null ? '' : tlsLines(setup.certificate),
    pass: setup.originSpeaks === 'h2c' ? GRPC_PASS : 'proxy_pass http://origin;',
  })
}

function streamFile(setup: ProxySetup, listens: 'tcp' | 'udp'): string {
  return writeFilled(setup.folder, 'nginx.conf', join(import.meta.dirname, 'stream.conf'), {
    ...commonValues(setup),
    module: streamModule(),
    protocol: listens === 'udp' ? ' udp' : ' backlog=4096',
    buffer: listens === 'udp' ? '16k' : '256k',
    idle: listens === 'udp' ? UDP_IDLE_SECONDS : 600,
    responses: setup.responses === null ? '' : `proxy_responses ${setup.responses};`,
  })
}

/** The line that loads it; empty where it is part of the program. Throws where it is not there. */
function streamModule(): string {
  const { stderr } = spawnSync(executableOf('nginx'), ['-V'], { encoding: 'utf8' })
  if (/ --with-stream(?: |$)/m.test(stderr)) return ''
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? dirname(NGINX_STREAM_MODULE)
  const path = join(folder, basename(NGINX_STREAM_MODULE))
  if (!existsSync(path))
    throw new Error(`nginx has no stream module (${path}): sudo apt-get install libnginx-mod-stream`)
  return `load_module ${path};`
}
