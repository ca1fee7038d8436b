import { availableParallelism } from 'node:os'
import type { Address, ListenerSnapshot, Snapshot } from '../../engine/snapshot.ts'
import { compileConnectionLimits, compileTcpListener, compileUdpListener } from './compile-flow.ts'
import { compileHttp2 } from './compile-http2.ts'
import { compileAcceptedProxyProtocol } from './compile-proxy-protocol.ts'
import { compileErrorPages } from './compile-response.ts'
import { compileRoute } from './compile-route.ts'
import { compileHsts, compileListenerTls } from './compile-tls.ts'
import { compileUpstream } from './compile-upstream.ts'
import { placesOf } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'
import { upstreamUses } from './upstream-uses.ts'

/** Turns the checked model into what the engine takes: names become indices, nothing is optional any more. */

/** What the process around the engine needs to know, as plain data. */
export interface Settings {
  /** Data-plane threads; `auto` has become a number. */
  readonly workers: number
  readonly shutdownGraceMs: number
  /** `auto`, `off`, or the path of a unix socket. */
  readonly controlSocket: string
  readonly log: LogSettings
}

export interface LogSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'pretty'
  readonly access: {
    readonly enabled: boolean
    /** The share of exchanges that get a line, from 0 to 1. */
    readonly sample: number
  }
}

export function compileSettings(model: ConfigurationModel): Settings {
  const { workers, shutdown_grace, control_socket } = model.runtime
  const { level, format, access } = model.log
  return {
    workers: workers === 'auto' ? availableParallelism() : workers,
    shutdownGraceMs: shutdown_grace,
    controlSocket: control_socket,
    log: { level, format, access: { enabled: access.enabled, sample: access.sample } },
  }
}

/** `folder` is where relative names of folders begin: that of the configuration file. */
export function compileSnapshot(model: ConfigurationModel, generation: number, folder = process.cwd()): Snapshot {
  const routes = placesOf(model.routes.map(route => route.name))
  const upstreamPlaces = placesOf(Object.keys(model.upstreams))
  const speaking = (protocol: ListenerModel['protocol']) =>
    Object.entries(model.listeners).filter(([, listener]) => listener.protocol === protocol)
  const surroundings = {
    // Routes are for those that speak HTTP.
    listeners: placesOf(speaking('http').map(([name]) => name)),
    upstreams: upstreamPlaces,
    routes,
    retries: Object.values(model.upstreams).map(upstream => upstream.retry),
    folder,
  }
  const upstreams = Object.entries(model.upstreams)
  const usesOf = upstreamUses({ listeners: model.listeners, routes: model.routes })
  return {
    generation,
    listeners: speaking('http').map(([name, listener]) => compileListener(name, listener, model.listeners)),
    tcpListeners: speaking('tcp').map(([name, listener]) => compileTcpListener(name, listener, upstreamPlaces)),
    udpListeners: speaking('udp').map(([name, listener]) => compileUdpListener(name, listener, upstreamPlaces)),
    upstreams: upstreams.map(([name, upstream]) =>
      compileUpstream(name, upstream, { resolver: model.resolver, routes, uses: usesOf(name) }),
    ),
    routes: model.routes.map((route, index) => compileRoute(route, index, surroundings)),
    errorPages: compileErrorPages(model.error_pages),
  }
}

type Listeners = ConfigurationModel['listeners']
type ListenerModel = Listeners[string]

/** A kept-alive connection that nobody uses is soon made anew. */
const IDLE_MS = 75_000

function compileListener(name: string, listener: ListenerModel, listeners: Listeners): ListenerSnapshot {
  const { address, limits, timeouts, paths, redirect_to_https: redirect } = listener
  return {
    name,
    address,
    limits: {
      headBytesMax: limits.head,
      fieldLinesMax: limits.fields,
      // The target is a part of the head: a lower limit on the head lowers the default of the target.
      targetBytesMax: Math.min(limits.target, limits.head),
      ...compileConnectionLimits(limits),
    },
    timeouts: {
      headMs: timeouts.head,
      contentMs: timeouts.content,
      idleMs: timeouts.idle ?? IDLE_MS,
      tunnelMs: timeouts.tunnel,
    },
    proxyProtocol: compileAcceptedProxyProtocol(listener),
    trustedProxies: [...new Set(listener.trusted_proxies)],
    forwarded: listener.forwarded,
    paths: {
      dotSegments: paths.dot_segments,
      emptySegments: paths.empty_segments,
      encodedSlashes: paths.encoded_slashes,
      parameters: paths.parameters,
    },
    tls: compileListenerTls(listener),
    http2: listener.http2 === null ? null : compileHttp2(listener.http2),
    redirectToHttpsPort: redirect ? (redirect.port ?? httpsPort(listeners, address)) : 0,
    redirectToHttpsStatus: redirect ? redirect.status : 0,
    strictTransportSecurity: compileHsts(listener.tls?.hsts),
  }
}

/** Where https is: at the listener with TLS, of several the one with the same host, or the usual port; without any that too. */
function httpsPort(listeners: Listeners, near: Address): number {
  const ports = Object.values(listeners).flatMap(({ address, protocol, tls }) =>
    tls && protocol === 'http' && address.kind === 'tcp' ? [address] : [],
  )
  const beside = ports.filter(({ host }) => near.kind === 'tcp' && host === near.host)
  const candidates = (beside.length > 0 ? beside : ports).map(({ port }) => port)
  return candidates.includes(HTTPS_PORT) ? HTTPS_PORT : (candidates[0] ?? HTTPS_PORT)
}

const HTTPS_PORT = 443
