import type { Certificate } from '../frame/certificate.ts'
import type { Capability, ListenKind, Peer, Presence, ProxyCommand, ProxySetup } from '../frame/peer.ts'
import { probePackage } from './npm-package.ts'

/** What the `server.mjs` of a peer is told, as JSON in its first argument. */
export interface ServerSetup {
  readonly port: number
  readonly originPort: number
  readonly workers: number
  readonly connections: number
  readonly listens: ListenKind
  /** Files; null without TLS. */
  readonly certificate: Certificate | null
  readonly responses: number | null
  readonly originSpeaks: 'http1' | 'h2c'
}

export function serverArgument(setup: ProxySetup): string {
  const { port, originPort, workers, connections, listens, certificate, responses, originSpeaks } = setup
  const place = { port, originPort, workers, connections }
  const server: ServerSetup = { ...place, listens, certificate, responses, originSpeaks }
  return JSON.stringify(server)
}

/** A proxy that is a package of npm: `server.mjs` makes a server of it, on the same Node as Sluice. */
export function nodePeer(name: string, packageName: string, server: string, capabilities: readonly Capability[]): Peer {
  return peerOnNode(name, server, capabilities, () => probePackage(packageName))
}

/** One that needs nothing but Node. */
export function plainNodePeer(name: string, server: string, capabilities: readonly Capability[]): Peer {
  return peerOnNode(name, server, capabilities, () => ({ version: process.versions.node }))
}

function peerOnNode(name: string, server: string, capabilities: readonly Capability[], probe: () => Presence): Peer {
  return {
    name,
    kind: 'node',
    capabilities: new Set(capabilities),
    probe,
    command: (setup): ProxyCommand => ({
      executable: process.execPath,
      args: [server, serverArgument(setup)],
      // As in operation: packages leave out checks that are for development.
      environment: { NODE_ENV: 'production' },
    }),
  }
}
