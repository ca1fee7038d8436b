import { availableParallelism } from 'node:os'
import type { Address, ListenerSnapshot, Snapshot } from '../../engine/snapshot.ts'
import { compileHttp2 } from './compile-http2.ts'
import { compileErrorPages } from './compile-response.ts'
import { compileRoute } from './compile-route.ts'
import { compileHsts, compileListenerTls } from './compile-tls.ts'
import { compileUpstream } from './compile-upstream.ts'
import { placesOf } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'

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
  const surroundings = {
    listeners: placesOf(Object.keys(model.listeners)),
    upstreams: placesOf(Object.keys(model.upstreams)),
    routes,
    retries: Object.values(model.upstreams).map(upstream => upstream.retry),
    folder,
  }
  const upstreams = Object.entries(model.upstreams)
  return {
    generation,
    listeners: Object.keys(model.listeners).map(name => compileListener(name, model.listeners)),
    tcpListeners: [],
    udpListeners: [],
    upstreams: upstreams.map(([name, upstream]) =>
      compileUpstream(name, upstream, { resolver: model.resolver, routes }),
    ),
    routes: model.routes.map((route, index) => compileRoute(route, index, surroundings)),
    errorPages: compileErrorPages(model.error_pages),
  }
}

type Listeners = ConfigurationModel['listeners']

function compileListener(name: string, listeners: Listeners): ListenerSnapshot {
  const listener = listeners[name]
  if (listener === undefined) throw new Error(`there is no listener ${name}`)
  const { address, limits, timeouts, paths, redirect_to_https: redirect } = listener
  return {
    name,
    address,
    limits: {
      headBytesMax: limits.head,
      fieldLinesMax: limits.fields,
      // The target is a part of the head: a lower limit on the head lowers the default of the target.
      targetBytesMax: Math.min(limits.target, limits.head),
      connectionsMax: limits.connections,
      connectionsPerClientMax: 0,
      newConnectionsRate: 0,
      newConnectionsBurst: 0,
    },
    timeouts: {
      headMs: timeouts.head,
      contentMs: timeouts.content,
      idleMs: timeouts.idle,
      tunnelMs: timeouts.tunnel,
    },
    proxyProtocol: null,
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
  const ports = Object.values(listeners).flatMap(({ address, tls }) => (tls && address.kind === 'tcp' ? [address] : []))
  const beside = ports.filter(({ host }) => near.kind === 'tcp' && host === near.host)
  const candidates = (beside.length > 0 ? beside : ports).map(({ port }) => port)
  return candidates.includes(HTTPS_PORT) ? HTTPS_PORT : (candidates[0] ?? HTTPS_PORT)
}

const HTTPS_PORT = 443
