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
  capabilities: new Set(['http1', 'websocket', 'workers', 'least-connections']),
  probe: () => probeCommand('haproxy', ['-v'], /version (\S+)/),
  command,
}

function command(setup: ProxySetup): ProxyCommand {
  const path = writeFilled(setup.folder, 'haproxy.cfg', join(import.meta.dirname, 'haproxy.cfg'), {
    workers: setup.workers,
    connections: setup.connections + SPARE_CONNECTIONS,
    port: setup.port,
    balance: setup.endpoints > 1 ? 'leastconn' : 'roundrobin',
    servers: endpointAddresses(setup.endpoints, setup.originPort)
      .map((address, index) => `server origin${index} ${address}`)
      .join('\n  '),
  })
  // `-db`: in the foreground, as one process. `-q`: nothing but errors.
  return { executable: executableOf('haproxy'), args: ['-db', '-q', '-f', path] }
}
