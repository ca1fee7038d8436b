import type { Capability, Peer, ProxyCommand, ProxySetup } from '../frame/peer.ts'
import { probePackage } from './npm-package.ts'

/** What the `server.mjs` of a peer is told, as JSON in its first argument. */
export interface ServerSetup {
  readonly port: number
  readonly originPort: number
  readonly workers: number
  readonly connections: number
}

export function serverArgument(setup: ProxySetup): string {
  const { port, originPort, workers, connections } = setup
  return JSON.stringify({ port, originPort, workers, connections } satisfies ServerSetup)
}

/** A proxy that is a package of npm: `server.mjs` makes a server of it, on the same Node as Sluice. */
export function nodePeer(name: string, packageName: string, server: string, capabilities: readonly Capability[]): Peer {
  return {
    name,
    kind: 'node',
    capabilities: new Set(capabilities),
    probe: () => probePackage(packageName),
    command: (setup): ProxyCommand => ({
      executable: process.execPath,
      args: [server, serverArgument(setup)],
      // As in operation: packages leave out checks that are for development.
      environment: { NODE_ENV: 'production' },
    }),
  }
}
