import type {
  ActiveCheckSnapshot,
  AdaptiveConcurrencySnapshot,
  Address,
  CircuitBreakerSnapshot,
  ConnectionLimits,
  EndpointSnapshot,
  ErrorPageSnapshot,
  FieldEdits,
  HedgeSnapshot,
  Http2Snapshot,
  ListenerSnapshot,
  PassiveHealthSnapshot,
  PathPolicy,
  PoolSnapshot,
  QueueSnapshot,
  ResolverSnapshot,
  RetrySnapshot,
  RouteAction,
  RouteMatch,
  RouteSnapshot,
  RouteTimeouts,
  ServiceName,
  Snapshot,
  StickySnapshot,
  SuccessRateSnapshot,
  TcpListenerSnapshot,
  UdpListenerSnapshot,
  UpstreamSnapshot,
  UpstreamTimeouts,
} from '../../engine/snapshot.ts'

/** Everything optional; what is absent has the default of the documented limits. */
export interface TestListener extends Partial<Omit<ListenerSnapshot, 'limits' | 'timeouts'>> {
  readonly limits?: Partial<ListenerSnapshot['limits']>
  readonly timeouts?: Partial<ListenerSnapshot['timeouts']>
}

/** Absent `upstream`: the first. */
export interface TestTcpListener extends Partial<Omit<TcpListenerSnapshot, 'limits' | 'timeouts' | 'firstBytes'>> {
  readonly limits?: Partial<TcpListenerSnapshot['limits']>
  readonly timeouts?: Partial<TcpListenerSnapshot['timeouts']>
  readonly firstBytes?: Partial<TcpListenerSnapshot['firstBytes']>
}

/** Absent `upstream`: the first. */
export interface TestUdpListener extends Partial<Omit<UdpListenerSnapshot, 'limits'>> {
  readonly limits?: Partial<UdpListenerSnapshot['limits']>
}

export interface TestEndpoint extends Partial<Omit<EndpointSnapshot, 'address'>> {
  readonly address: Address | ServiceName
}

export interface TestPassiveHealth extends Partial<Omit<PassiveHealthSnapshot, 'successRate'>> {
  readonly successRate?: Partial<SuccessRateSnapshot> | null
}

/** The sections of an upstream. `{}` turns on one that is off unless it is written; `null` turns any of them off. */
interface TestSections {
  readonly active?: Partial<ActiveCheckSnapshot> | null
  /** Absent: on, as in a configuration that says nothing of it. */
  readonly passive?: TestPassiveHealth | null
  readonly circuitBreaker?: Partial<CircuitBreakerSnapshot> | null
  readonly hedge?: Partial<HedgeSnapshot> | null
  readonly adaptiveConcurrency?: Partial<AdaptiveConcurrencySnapshot> | null
  readonly sticky?: Partial<StickySnapshot> | null
  readonly queue?: Partial<QueueSnapshot> | null
  readonly http2?: Partial<Http2Snapshot>
}

type PlainKey =
  | 'name'
  | 'balance'
  | 'measure'
  | 'hashOn'
  | 'slowStartMs'
  | 'panicThreshold'
  | 'protocol'
  | 'tls'
  | 'proxyProtocol'

/** Absent `name`: the key in `upstreams`. */
export interface TestUpstream extends TestSections, Partial<Pick<UpstreamSnapshot, PlainKey>> {
  readonly endpoints: readonly (Address | TestEndpoint)[]
  readonly pool?: Partial<PoolSnapshot>
  readonly timeouts?: Partial<UpstreamTimeouts>
  readonly resolver?: Partial<ResolverSnapshot>
  readonly retry?: Partial<RetrySnapshot>
}

export interface TestRoute
  extends Partial<Omit<RouteSnapshot, 'match' | 'action' | 'timeouts' | 'request' | 'response'>> {
  /** Absent: every request. */
  readonly match?: Partial<RouteMatch>
  /** The name of an upstream, or an action. */
  readonly to: string | RouteAction
  readonly timeouts?: Partial<RouteTimeouts>
  readonly request?: Partial<FieldEdits>
  readonly response?: Partial<FieldEdits>
}

export interface TestProxyOptions {
  /** Absent: one, on a free port of 127.0.0.1; none where there are others. */
  readonly listeners?: readonly TestListener[]
  readonly tcpListeners?: readonly TestTcpListener[]
  readonly udpListeners?: readonly TestUdpListener[]
  /** An array is short for `{ endpoints }`. */
  readonly upstreams?: Readonly<Record<string, TestUpstream | readonly Address[]>>
  /** Absent: everything goes to the first upstream. */
  readonly routes?: readonly TestRoute[]
  readonly errorPages?: readonly ErrorPageSnapshot[]
}

export const NO_EDITS: FieldEdits = { rename: [], remove: [], set: [], add: [] }

const PATHS: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

export const HTTP2: Http2Snapshot = {
  streamsMax: 100,
  streamWindowBytes: 64 * 1024,
  connectionWindowBytes: 1024 * 1024,
  windowBytesMax: 16 * 1024 * 1024,
  frameBytesMax: 16 * 1024,
  headerTableBytes: 4096,
  queuedControlMax: 1000,
}

const CONNECTIONS: ConnectionLimits = {
  connectionsMax: 10_000,
  connectionsPerClientMax: 0,
  newConnectionsRate: 0,
  newConnectionsBurst: 0,
}

export function listenerSnapshot(listener: TestListener, index: number): ListenerSnapshot {
  return {
    name: `listener${index}`,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    proxyProtocol: null,
    trustedProxies: [],
    forwarded: false,
    paths: PATHS,
    tls: null,
    http2: HTTP2,
    redirectToHttpsPort: 0,
    redirectToHttpsStatus: 308,
    strictTransportSecurity: '',
    ...listener,
    limits: {
      headBytesMax: 32_768,
      fieldLinesMax: 100,
      targetBytesMax: 8_192,
      ...CONNECTIONS,
      ...listener.limits,
    },
    timeouts: { headMs: 30_000, contentMs: 60_000, idleMs: 75_000, tunnelMs: 3_600_000, ...listener.timeouts },
  }
}

export function tcpListenerSnapshot(listener: TestTcpListener, index: number): TcpListenerSnapshot {
  return {
    name: `tcp${index}`,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    proxyProtocol: null,
    tls: null,
    serverNames: [],
    upstream: 0,
    ...listener,
    limits: { ...CONNECTIONS, uploadRate: 0, downloadRate: 0, ...listener.limits },
    timeouts: { idleMs: 3_600_000, halfCloseMs: 300_000, firstBytesMs: 3_000, ...listener.timeouts },
    firstBytes: { http: -1, proxy: -1, tls: -1, ...listener.firstBytes },
  }
}

export function udpListenerSnapshot(listener: TestUdpListener, index: number): UdpListenerSnapshot {
  return {
    name: `udp${index}`,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    idleMs: 30_000,
    responses: -1,
    upstream: 0,
    proxyProtocol: null,
    ...listener,
    limits: { ...CONNECTIONS, amplificationMax: 0, ...listener.limits },
  }
}

export function endpointSnapshot(endpoint: Address | TestEndpoint): EndpointSnapshot {
  const { address, ...rest } = 'address' in endpoint ? endpoint : { address: endpoint }
  const defaults = { name: nameOf(address), weight: 1, connectionsMax: 0, backup: false, priority: 0, route: '' }
  return { ...defaults, ...rest, address }
}

function nameOf(address: Address | ServiceName): string {
  if (address.kind === 'srv') return address.service
  return address.kind === 'tcp' ? `${address.host}:${address.port}` : `unix:${address.path}`
}

const POOL: PoolSnapshot = { idleMax: 64, idleTimeoutMs: 4_000, requestsMax: 0, pipelining: 1 }

const RESOLVER: ResolverSnapshot = { addresses: [], ttlMinMs: 1_000, ttlMaxMs: 3_600_000, timeoutMs: 5_000 }

const RETRY: RetrySnapshot = {
  attempts: 127,
  onConnect: true,
  onReset: true,
  onTimeout: false,
  statuses: [],
  grpcStatuses: [],
  budget: 0.2,
  backoffMs: 0,
  backoffMaxMs: 0,
  methods: ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'],
  nonIdempotent: false,
  perTryMs: 0,
  contentBytesMax: 65_536,
}

const ACTIVE: ActiveCheckSnapshot = {
  type: 'http',
  intervalMs: 5_000,
  jitter: 0.1,
  timeoutMs: 2_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  start: 'healthy',
  port: 0,
  method: 'GET',
  path: '/',
  host: '',
  fields: [],
  statuses: [[200, 399]],
  content: '',
  verify: true,
  serverName: '',
  service: '',
  protocol: 'http',
  send: '',
  expect: '',
}

const PASSIVE: PassiveHealthSnapshot = {
  consecutive: 3,
  failures: 0,
  windowMs: 10_000,
  consecutive5xx: 0,
  consecutiveGatewayErrors: 0,
  successRate: null,
  ejectMs: 10_000,
  ejectMaxMs: 300_000,
  ejectedMax: 0.5,
}

const SUCCESS_RATE: SuccessRateSnapshot = { intervalMs: 10_000, endpointsMin: 5, requestsMin: 100, deviations: 1.9 }

const CIRCUIT_BREAKER: CircuitBreakerSnapshot = {
  scope: 'endpoint',
  failureRatio: 0.5,
  slowRatio: 0,
  slowMs: 0,
  minimum: 20,
  windowMs: 10_000,
  openMs: 5_000,
  halfOpen: 3,
  fallback: null,
}

const HEDGE: HedgeSnapshot = { afterMs: 0, budget: 0.1 }

const ADAPTIVE_CONCURRENCY: AdaptiveConcurrencySnapshot = { initial: 20, minimum: 5, maximum: 1_000, tolerance: 1.5 }

const STICKY: StickySnapshot = {
  cookie: 'sluice_sid',
  kind: 'own',
  ttlMs: 0,
  secret: '',
  attributes: '; Path=/; HttpOnly; SameSite=Lax',
}

const QUEUE: QueueSnapshot = { size: 100, timeoutMs: 2_000 }

/** A section that is off unless it is written. */
function optional<Section>(defaults: Section, section: Partial<Section> | null | undefined): Section | null {
  return section == null ? null : { ...defaults, ...section }
}

function passiveSnapshot(passive: TestPassiveHealth | null): PassiveHealthSnapshot | null {
  if (passive === null) return null
  return { ...PASSIVE, ...passive, successRate: optional(SUCCESS_RATE, passive.successRate) }
}

export function upstreamSnapshot(name: string, upstream: TestUpstream | readonly Address[]): UpstreamSnapshot {
  const written: TestUpstream = 'endpoints' in upstream ? upstream : { endpoints: upstream }
  const balance = written.balance ?? 'round_robin'
  return {
    name: written.name ?? name,
    balance,
    measure: written.measure ?? (balance === 'least_time' ? 'first_byte' : 'connections'),
    hashOn: written.hashOn ?? null,
    endpoints: written.endpoints.map(endpointSnapshot),
    protocol: written.protocol ?? 'http',
    tls: written.tls ?? null,
    http2: { ...HTTP2, ...written.http2 },
    proxyProtocol: written.proxyProtocol ?? null,
    pool: { ...POOL, ...written.pool },
    timeouts: { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000, ...written.timeouts },
    resolver: { ...RESOLVER, ...written.resolver },
    active: optional(ACTIVE, written.active),
    passive: passiveSnapshot(written.passive === undefined ? {} : written.passive),
    circuitBreaker: optional(CIRCUIT_BREAKER, written.circuitBreaker),
    retry: { ...RETRY, ...written.retry },
    hedge: optional(HEDGE, written.hedge),
    adaptiveConcurrency: optional(ADAPTIVE_CONCURRENCY, written.adaptiveConcurrency),
    sticky: optional(STICKY, written.sticky),
    slowStartMs: written.slowStartMs ?? 0,
    queue: optional(QUEUE, written.queue),
    panicThreshold: written.panicThreshold ?? 0,
  }
}

/** `upstreams` are names, in the order of their indices. */
export function routeSnapshot(route: TestRoute, index: number, upstreams: readonly string[]): RouteSnapshot {
  const { match, to, timeouts, request, response, ...rest } = route
  const upstream = typeof to === 'string' ? upstreams.indexOf(to) : 0
  if (upstream < 0) throw new Error(`route ${index} names ${String(to)}, which is no upstream`)
  return {
    name: `route${index}`,
    priority: 0,
    host: { kind: 'keep' },
    path: [],
    query: null,
    retry: null,
    mirror: null,
    errorPages: [],
    fallback: -1,
    importance: 'normal',
    grpcWeb: false,
    ...rest,
    request: { ...NO_EDITS, ...request },
    response: { ...NO_EDITS, ...response },
    match: { listeners: null, hosts: null, path: { kind: 'prefix', path: '/' }, conditions: [], ...match },
    action: typeof to === 'string' ? { kind: 'forward', upstream } : to,
    timeouts: { responseMs: 0, idleMs: 0, totalMs: 0, ...timeouts },
  }
}

/** A snapshot with the documented defaults. */
export function testSnapshot(options: TestProxyOptions): Snapshot {
  const names = Object.keys(options.upstreams ?? {})
  const routes = options.routes ?? (names[0] === undefined ? [] : [{ to: names[0] }])
  const hasOthers = options.tcpListeners !== undefined || options.udpListeners !== undefined
  return {
    generation: 1,
    listeners: (options.listeners ?? (hasOthers ? [] : [{}])).map(listenerSnapshot),
    tcpListeners: (options.tcpListeners ?? []).map(tcpListenerSnapshot),
    udpListeners: (options.udpListeners ?? []).map(udpListenerSnapshot),
    upstreams: Object.entries(options.upstreams ?? {}).map(([name, upstream]) => upstreamSnapshot(name, upstream)),
    routes: routes.map((route, index) => routeSnapshot(route, index, names)),
    errorPages: options.errorPages ?? [],
  }
}
