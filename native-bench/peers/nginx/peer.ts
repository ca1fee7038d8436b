import { join } from 'node:path'
import { endpointAddresses } from '../../frame/endpoints.ts'
import type { Peer, ProxyCommand, ProxySetup } from '../../frame/peer.ts'
import { executableOf, probeCommand } from '../native-command.ts'
import { writeFilled } from '../template.ts'

/** Connections besides the clients' and the pool's: what listens, the logs, some air. */
const SPARE_CONNECTIONS = 256

export const nginx: Peer = {
  name: 'nginx',
  kind: 'native',
  capabilities: new Set(['http1', 'websocket', 'access-log', 'workers', 'least-connections']),
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
  })
  // `-e`: what nginx says before it has read its configuration goes to the folder too, not to the system's log.
  return { executable: executableOf('nginx'), args: ['-e', join(setup.folder, 'error.log'), '-c', path] }
}
