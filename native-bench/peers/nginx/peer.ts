import { join } from 'node:path'
import type { Certificate } from '../../frame/certificate.ts'
import { endpointAddresses } from '../../frame/endpoints.ts'
import type { Peer, ProxyCommand, ProxySetup } from '../../frame/peer.ts'
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
  ]),
  probe: () => probeCommand('nginx', ['-v'], /nginx\/(\S+)/),
  command,
}

function command(setup: ProxySetup): ProxyCommand {
  const isSeveral = setup.workers > 1
  const path = writeFilled(setup.folder, 'nginx.conf', join(import.meta.dirname, 'nginx.conf'), {
    master: isSeveral ? 'on' : 'off',
    workers: setup.workers,
    // Workers of root's master become `nobody`, who cannot read the runner's folder.
    user: isSeveral && process.getuid?.() === 0 ? 'user root;' : '',
    folder: setup.folder,
    workerConnections: 2 * setup.connections + SPARE_CONNECTIONS,
    accessLog:
      setup.accessLogPath === null
        ? 'access_log off;'
        : `access_log ${setup.accessLogPath} combined buffer=64k flush=1s;`,
    balance: setup.endpoints > 1 ? 'least_conn;' : '',
    servers: endpointAddresses(setup.endpoints, setup.originPort)
      .map(address => `server ${address};`)
      .join('\n    '),
    connections: setup.connections,
    port: setup.port,
    reuseport: isSeveral ? ' reuseport' : '',
    protocol: PROTOCOLS[setup.listens],
    tls: setup.certificate === null ? '' : tlsLines(setup.certificate),
    pass: setup.originSpeaks === 'h2c' ? GRPC_PASS : 'proxy_pass http://origin;',
  })
  // `-e`: what nginx says before it has read its configuration goes to the folder too, not to the system's log.
  return { executable: executableOf('nginx'), args: ['-e', join(setup.folder, 'error.log'), '-c', path] }
}
