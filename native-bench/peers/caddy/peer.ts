import { join } from 'node:path'
import type { Peer, ProxyCommand, ProxySetup } from '../../frame/peer.ts'
import { executableOf, probeCommand } from '../native-command.ts'
import { writeFilled } from '../template.ts'

/**
 * How far the heap may grow before the collector runs, in percent of what is alive (default 100): a proxy keeps a few
 * MiB alive, so that by default Go would collect all the time. What Go's own guide recommends for such programs.
 */
const COLLECTOR_PERCENT = 400

export const caddy: Peer = {
  name: 'caddy',
  kind: 'native',
  capabilities: new Set(['http1', 'websocket', 'workers']),
  probe: () => probeCommand('caddy', ['version'], /v?(\d+\.\d+\S*)/),
  command,
}

function command(setup: ProxySetup): ProxyCommand {
  const path = writeFilled(setup.folder, 'Caddyfile', join(import.meta.dirname, 'Caddyfile'), {
    port: setup.port,
    originPort: setup.originPort,
    connections: setup.connections,
  })
  return {
    executable: executableOf('caddy'),
    args: ['run', '--adapter', 'caddyfile', '--config', path],
    environment: {
      // Go's threads that run code at once; by default one per core of the machine.
      GOMAXPROCS: String(setup.workers),
      GOGC: String(COLLECTOR_PERCENT),
      // Where Caddy keeps what it stores, instead of the user's home.
      XDG_DATA_HOME: setup.folder,
      XDG_CONFIG_HOME: setup.folder,
    },
  }
}
