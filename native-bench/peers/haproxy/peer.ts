import { join } from 'node:path'
import { endpointAddresses } from '../../frame/endpoints.ts'
import type { Peer, ProxyCommand, ProxySetup } from '../../frame/peer.ts'
import { executableOf, probeCommand } from '../native-command.ts'
import { writeFilled } from '../template.ts'

/** Above what clients open: a connection past `maxconn` waits, it is not refused. */
const SPARE_CONNECTIONS = 256

export const haproxy: Peer = {
  name: 'haproxy',
  kind: 'native',
  capabilities: new Set(['http1', 'websocket', 'workers', 'least-connections', 'https', 'h2', 'h2c', 'grpc', 'tcp']),
  probe: () => probeCommand('haproxy', ['-v'], /version (\S+)/),
  command,
}

function command(setup: ProxySetup): ProxyCommand {
  const template = setup.listens === 'tcp' ? 'tcp.cfg' : 'haproxy.cfg'
  const path = writeFilled(setup.folder, 'haproxy.cfg', join(import.meta.dirname, template), {
    workers: setup.workers,
    connections: setup.connections + SPARE_CONNECTIONS,
    port: setup.port,
    ...(setup.listens === 'tcp'
      ? {}
      : { protocol: protocolOf(setup), scheme: setup.listens === 'tls' ? 'https' : 'http' }),
    balance: setup.endpoints > 1 ? 'leastconn' : 'roundrobin',
    servers: endpointAddresses(setup.endpoints, setup.originPort)
      .map((address, index) => `server origin${index} ${address}${setup.originSpeaks === 'h2c' ? ' proto h2' : ''}`)
      .join('\n  '),
  })
  // `-db`: in the foreground, as one process. `-q`: nothing but errors.
  return { executable: executableOf('haproxy'), args: ['-db', '-q', '-f', path] }
}

function protocolOf({ listens, certificate }: ProxySetup): string {
  if (certificate !== null) return ` ssl crt ${certificate.both} alpn h2,http/1.1`
  return listens === 'h2c' ? ' proto h2' : ''
}
