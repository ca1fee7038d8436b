import { availableParallelism } from 'node:os'
import type {
  FieldLine,
  HostRewrite,
  ListenerSnapshot,
  PathMatch,
  RouteAction,
  RouteSnapshot,
  Snapshot,
} from '../../engine/snapshot.ts'
import { compileResponse } from './compile-response.ts'
import { compileUpstream } from './compile-upstream.ts'
import { type NamePlaces, placeOf, placesOf } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'

/** Turns the checked model into what the engine takes: names become indices, nothing is optional any more. */

/** What the process around the engine needs to know, as plain data. */
export interface Settings {
  /** Data-plane threads; `auto` has become a number. */
  readonly workers: number
  readonly shutdownGraceMs: number
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
  const { workers, shutdown_grace } = model.runtime
  const { level, format, access } = model.log
  return {
    workers: workers === 'auto' ? availableParallelism() : workers,
    shutdownGraceMs: shutdown_grace,
    log: { level, format, access: { enabled: access.enabled, sample: access.sample } },
  }
}

export function compileSnapshot(model: ConfigurationModel, generation: number): Snapshot {
  const places = {
    listeners: placesOf(Object.keys(model.listeners)),
    upstreams: placesOf(Object.keys(model.upstreams)),
  }
  const surroundings = { resolver: model.resolver, routes: placesOf(model.routes.map(route => route.name)) }
  return {
    generation,
    listeners: Object.entries(model.listeners).map(([name, listener]) => compileListener(name, listener)),
    upstreams: Object.entries(model.upstreams).map(([name, upstream]) => compileUpstream(name, upstream, surroundings)),
    routes: model.routes.map((route, index) => compileRoute(route, index, places)),
  }
}

/** What routes refer to by name. */
interface Places {
  readonly listeners: NamePlaces
  readonly upstreams: NamePlaces
}

function compileListener(name: string, listener: ConfigurationModel['listeners'][string]): ListenerSnapshot {
  const { address, limits, timeouts } = listener
  return {
    name,
    address,
    limits: {
      headBytesMax: limits.head,
      fieldLinesMax: limits.fields,
      // The target is a part of the head: a lower limit on the head lowers the default of the target.
      targetBytesMax: Math.min(limits.target, limits.head),
      connectionsMax: limits.connections,
    },
    timeouts: {
      headMs: timeouts.head,
      contentMs: timeouts.content,
      idleMs: timeouts.idle,
      tunnelMs: timeouts.tunnel,
    },
    trustedProxies: [...new Set(listener.trusted_proxies)],
    forwarded: listener.forwarded,
  }
}

type RouteModel = ConfigurationModel['routes'][number]

function compileRoute(route: RouteModel, index: number, places: Places): RouteSnapshot {
  const { listeners, host, path } = route.match
  return {
    name: route.name ?? `routes[${index}]`,
    match: {
      listeners: listeners === undefined ? null : [...new Set(listeners)].map(name => placeOf(name, places.listeners)),
      hosts: host === undefined ? null : [...new Set(host)],
      path: path satisfies PathMatch,
    },
    priority: route.priority,
    action: compileAction(route, places.upstreams),
    host: route.rewrite.host satisfies HostRewrite,
    request: compileEdits(route.headers.request),
    response: compileEdits(route.headers.response),
    timeouts: { responseMs: route.timeouts.response ?? 0, totalMs: route.timeouts.total ?? 0 },
    importance: route.importance,
  }
}

function compileAction(route: RouteModel, upstreams: NamePlaces): RouteAction {
  if (route.respond === undefined) return { kind: 'forward', upstream: placeOf(route.upstream, upstreams) }
  return compileResponse(route.respond)
}

function compileEdits(edits: RouteModel['headers']['request']): RouteSnapshot['request'] {
  return {
    set: Object.entries(edits.set) as FieldLine[],
    remove: [...new Set(edits.remove.map(name => name.toLowerCase()))],
  }
}
