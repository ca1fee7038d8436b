import type {
  ConnectionLimits,
  FirstBytesRoutes,
  TcpListenerSnapshot,
  UdpListenerSnapshot,
} from '../../engine/snapshot.ts'
import { compileAcceptedProxyProtocol } from './compile-proxy-protocol.ts'
import { compileListenerTls } from './compile-tls.ts'
import { type NamePlaces, placeOf } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'

/** Listeners of TCP and UDP; `upstreams` are the places that their upstreams have. */

type ListenerModel = ConfigurationModel['listeners'][string]

/** A flow may be quiet for long: a database that nobody asks anything. */
const IDLE_MS = 3_600_000

/** Where such connections make no difference, or nobody has them. */
const NONE = -1

export function compileTcpListener(name: string, listener: ListenerModel, upstreams: NamePlaces): TcpListenerSnapshot {
  const { address, limits, timeouts, sni = [], first_bytes: firstBytes } = listener
  return {
    name,
    address,
    limits: {
      ...compileConnectionLimits(limits),
      uploadRate: limits.upload_rate ?? 0,
      downloadRate: limits.download_rate ?? 0,
    },
    timeouts: {
      idleMs: timeouts.idle ?? IDLE_MS,
      halfCloseMs: timeouts.half_close,
      firstBytesMs: timeouts.first_bytes,
    },
    proxyProtocol: compileAcceptedProxyProtocol(listener),
    tls: compileListenerTls(listener),
    serverNames: sni.map(({ names, alpn = [], upstream }) => ({
      names: [...new Set(names)],
      alpn: [...new Set(alpn)],
      upstream: placeOf(upstream, upstreams),
    })),
    firstBytes: compileFirstBytes(firstBytes, upstreams),
    upstream: placeOrNone(listener.upstream, upstreams),
  }
}

export function compileUdpListener(name: string, listener: ListenerModel, upstreams: NamePlaces): UdpListenerSnapshot {
  const { address, limits, udp } = listener
  return {
    name,
    address,
    limits: { ...compileConnectionLimits(limits), amplificationMax: udp.amplification ?? 0 },
    idleMs: udp.idle,
    responses: udp.responses ?? -1,
    upstream: placeOf(listener.upstream, upstreams),
    proxyProtocol: compileAcceptedProxyProtocol(listener),
  }
}

/** What all protocols have. */
export function compileConnectionLimits(limits: ListenerModel['limits']): ConnectionLimits {
  const { connections, connections_per_client: perClient, new_connections: fresh } = limits
  return {
    connectionsMax: connections,
    connectionsPerClientMax: perClient ?? 0,
    newConnectionsRate: fresh?.rate ?? 0,
    newConnectionsBurst: fresh === null ? 0 : (fresh.burst ?? fresh.rate),
  }
}

function compileFirstBytes(routes: ListenerModel['first_bytes'], upstreams: NamePlaces): FirstBytesRoutes {
  return {
    http: placeOrNone(routes?.http, upstreams),
    proxy: placeOrNone(routes?.proxy, upstreams),
    tls: placeOrNone(routes?.tls, upstreams),
  }
}

function placeOrNone(name: string | undefined, places: NamePlaces): number {
  return name === undefined ? NONE : placeOf(name, places)
}
