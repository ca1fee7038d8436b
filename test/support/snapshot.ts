import type {
  Address,
  EndpointSnapshot,
  ListenerSnapshot,
  PoolSnapshot,
  RouteAction,
  RouteMatch,
  RouteSnapshot,
  Snapshot,
  UpstreamSnapshot,
  UpstreamTimeouts,
} from '../../engine/snapshot.ts'

/** Everything optional; what is absent has the default of the documented limits. */
export interface TestListener extends Partial<Omit<ListenerSnapshot, 'limits' | 'timeouts'>> {
  readonly limits?: Partial<ListenerSnapshot['limits']>
  readonly timeouts?: Partial<ListenerSnapshot['timeouts']>
}

export interface TestUpstream {
  /** Absent: the key in `upstreams`. */
  readonly name?: string
  readonly endpoints: readonly (Address | EndpointSnapshot)[]
  readonly pool?: Partial<PoolSnapshot>
  readonly timeouts?: Partial<UpstreamTimeouts>
}

export interface TestRoute extends Partial<Omit<RouteSnapshot, 'match' | 'action'>> {
  /** Absent: every request. */
  readonly match?: Partial<RouteMatch>
  /** The name of an upstream, or an action. */
  readonly to: string | RouteAction
}

export interface TestProxyOptions {
  /** Absent: one, on a free port of 127.0.0.1. */
  readonly listeners?: readonly TestListener[]
  /** An array is short for `{ endpoints }`. */
  readonly upstreams?: Readonly<Record<string, TestUpstream | readonly Address[]>>
  /** Absent: everything goes to the first upstream. */
  readonly routes?: readonly TestRoute[]
}

export function listenerSnapshot(listener: TestListener, index: number): ListenerSnapshot {
  return {
    name: `listener${index}`,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    trustedProxies: [],
    forwarded: false,
    ...listener,
    limits: {
      headBytesMax: 32_768,
      fieldLinesMax: 100,
      targetBytesMax: 8_192,
      connectionsMax: 10_000,
      ...listener.limits,
    },
    timeouts: { headMs: 30_000, contentMs: 60_000, idleMs: 75_000, tunnelMs: 3_600_000, ...listener.timeouts },
  }
}

function endpointSnapshot(endpoint: Address | EndpointSnapshot): EndpointSnapshot {
  if ('address' in endpoint) return endpoint
  const name = endpoint.kind === 'tcp' ? `${endpoint.host}:${endpoint.port}` : `unix:${endpoint.path}`
  return { address: endpoint, name, weight: 1 }
}

export function upstreamSnapshot(name: string, upstream: TestUpstream | readonly Address[]): UpstreamSnapshot {
  const { endpoints, pool, timeouts, ...rest } = 'endpoints' in upstream ? upstream : { endpoints: upstream }
  return {
    name,
    balance: 'round_robin',
    ...rest,
    endpoints: endpoints.map(endpointSnapshot),
    pool: { idleMax: 64, idleTimeoutMs: 4_000, requestsMax: 0, pipelining: 1, ...pool },
    timeouts: { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000, ...timeouts },
  }
}

function routeSnapshot(route: TestRoute, index: number, upstreams: readonly string[]): RouteSnapshot {
  const { match, to, ...rest } = route
  const upstream = typeof to === 'string' ? upstreams.indexOf(to) : 0
  if (upstream < 0) throw new Error(`route ${index} names ${String(to)}, which is no upstream`)
  return {
    name: `route${index}`,
    priority: 0,
    host: { kind: 'keep' },
    request: { set: [], remove: [] },
    response: { set: [], remove: [] },
    ...rest,
    match: { listeners: null, hosts: null, path: { kind: 'prefix', path: '/' }, ...match },
    action: typeof to === 'string' ? { kind: 'forward', upstream } : to,
  }
}

/** A snapshot with the documented defaults. */
export function testSnapshot(options: TestProxyOptions): Snapshot {
  const names = Object.keys(options.upstreams ?? {})
  const routes = options.routes ?? (names[0] === undefined ? [] : [{ to: names[0] }])
  return {
    generation: 1,
    listeners: (options.listeners ?? [{}]).map(listenerSnapshot),
    upstreams: Object.entries(options.upstreams ?? {}).map(([name, upstream]) => upstreamSnapshot(name, upstream)),
    routes: routes.map((route, index) => routeSnapshot(route, index, names)),
  }
}
