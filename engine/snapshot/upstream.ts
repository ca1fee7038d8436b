/** What one group of endpoints is like: how it is balanced, watched, and what becomes of requests that fail. */
import type { Address, ServiceName } from './address.ts'
import type { FieldLine, HashKeySource, StatusRange } from './http.ts'
import type { SentProxyProtocol } from './proxy-protocol.ts'
import type { Http2Snapshot, UpstreamTlsSnapshot } from './tls.ts'

export interface EndpointSnapshot {
  /** A host that is a name, and a service, stand for all the addresses that they have. */
  readonly address: Address | ServiceName
  /** As the configuration writes it, e.g. `10.0.0.1:3000`; the name in logs. */
  readonly name: string
  /** Share of the requests, 1 to 65535. */
  readonly weight: number
  /** Connections over all workers; 0 for no limit. */
  readonly connectionsMax: number
  /** Serves only when no other endpoint can. */
  readonly backup: boolean
  /** Its group: 0 serves first, the next one what the healthy part of those before it cannot. Not for backups. */
  readonly priority: number
  /** What the origin's own cookie calls it, for sticky sessions by route; empty for none. */
  readonly route: string
}

export interface PoolSnapshot {
  /** Idle connections kept per worker and endpoint. */
  readonly idleMax: number
  readonly idleTimeoutMs: number
  /** Requests after which a connection is closed; 0 for no limit. */
  readonly requestsMax: number
  /** Requests under way at once on one connection; 1 for no pipelining. */
  readonly pipelining: number
}

export interface UpstreamTimeouts {
  readonly connectMs: number
  /** From the request's last byte written to the first byte of the response head. Past it: 504. */
  readonly responseMs: number
  /** Between two reads of response content. Past it: the exchange is cut. */
  readonly idleMs: number
}

export type BalanceName =
  | 'round_robin'
  | 'random'
  | 'power_of_two'
  | 'least_connections'
  | 'least_time'
  | 'peak_ewma'
  | 'ip_hash'
  | 'hash'
  | 'maglev'

/**
 * What "least" means to `power_of_two` (any of them) and `least_time` (a time): requests under way, the time to the first
 * byte of the response, or to its last.
 */
export type Measure = 'connections' | 'first_byte' | 'response'

export interface ResolverSnapshot {
  /** Servers to ask, `host` or `host:port`, IPv6 in brackets; empty for the system's. */
  readonly addresses: readonly string[]
  /** Bounds on how long an answer counts, whatever its TTL says. */
  readonly ttlMinMs: number
  readonly ttlMaxMs: number
  /** For one look-up. Past it: the last good answer goes on. */
  readonly timeoutMs: number
}

export interface ActiveCheckSnapshot {
  readonly type: 'http' | 'https' | 'tcp' | 'udp' | 'grpc'
  /**
   * For http and https, in the words of `UpstreamSnapshot.protocol`: `http` is HTTP/1.1, `h2` and `h2c` are HTTP/2, `auto` is
   * what ALPN says, and HTTP/1.1 without TLS. As a rule what the upstream itself has.
   */
  readonly protocol: 'http' | 'h2' | 'h2c' | 'auto'
  readonly intervalMs: number
  /** Share of the interval by which each is shorter or longer at random, 0 to 1. */
  readonly jitter: number
  readonly timeoutMs: number
  /** Passed checks in a row that bring an endpoint up. */
  readonly healthyThreshold: number
  /** Failed checks in a row that take it down. */
  readonly unhealthyThreshold: number
  /** What counts before the first check has ended. */
  readonly start: 'healthy' | 'unhealthy'
  /** Another port than the endpoint's; 0 for its own. */
  readonly port: number
  /** For http and https. */
  readonly method: string
  readonly path: string
  /** `Host`; empty for the endpoint's own. */
  readonly host: string
  readonly fields: readonly FieldLine[]
  readonly statuses: readonly StatusRange[]
  /** A regular expression that the content (its first 64 KiB) must match; empty for any content. */
  readonly content: string
  /**
   * For https: whether the certificate must be valid, and for which name (empty: the upstream's, or the endpoint's host). The
   * rest is as the `tls` of the upstream has it.
   */
  readonly verify: boolean
  readonly serverName: string
  /** For grpc: the service that is asked for; empty for the server as a whole. */
  readonly service: string
  /**
   * For tcp and udp, as characters of one byte each: what is sent once the connection is open, or as a datagram, and what must
   * be in what comes back. Empty: nothing.
   */
  readonly send: string
  readonly expect: string
}

/** Ejecting endpoints by what requests see of them. */
export interface PassiveHealthSnapshot {
  /** Failures in a row (connection refused, reset, response too late); 0 for off. */
  readonly consecutive: number
  /** Failures within `windowMs`, nginx's max_fails; 0 for off. */
  readonly failures: number
  readonly windowMs: number
  /** Responses of 500 to 599 in a row; 0 for off. */
  readonly consecutive5xx: number
  /** Responses of 502, 503, 504 and failures in a row; 0 for off. */
  readonly consecutiveGatewayErrors: number
  readonly successRate: SuccessRateSnapshot | null
  /** For how long at first; each ejection that follows soon takes longer by as much, up to `ejectMaxMs`. */
  readonly ejectMs: number
  readonly ejectMaxMs: number
  /** Share of the upstream's endpoints that may be ejected at once, 0 to 1. At least one may be, and never the last. */
  readonly ejectedMax: number
}

/** An endpoint whose share of good responses is far below the others' is ejected. */
export interface SuccessRateSnapshot {
  readonly intervalMs: number
  /** Endpoints that must have had `requestsMin` in the interval. */
  readonly endpointsMin: number
  readonly requestsMin: number
  /** How many standard deviations below the mean is too far. */
  readonly deviations: number
}

/** What an open circuit answers instead of 503: a response, or the action of another route. */
export type CircuitFallback =
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly fields: readonly FieldLine[]
      readonly content: Uint8Array
    }
  /** Index into `routes`. */
  | { readonly kind: 'route'; readonly route: number }

export interface CircuitBreakerSnapshot {
  /** A circuit for each endpoint, one for the upstream as a whole, or both. */
  readonly scope: 'endpoint' | 'upstream' | 'both'
  /** Share of failed tries (failures, and responses of 500 to 599) that opens it, 0 to 1. */
  readonly failureRatio: number
  /** Share of slow tries that opens it; 0 for off. */
  readonly slowRatio: number
  /** The time to the first byte that makes a try slow. */
  readonly slowMs: number
  /** Tries in the window below which nothing is judged. */
  readonly minimum: number
  readonly windowMs: number
  readonly openMs: number
  /** Tries that are let through when the time is over; all of them must be good to close it. */
  readonly halfOpen: number
  readonly fallback: CircuitFallback | null
}

export interface RetrySnapshot {
  /** Tries after the first, each on an endpoint that was not tried; 0 for none, and no more than there are endpoints. */
  readonly attempts: number
  readonly onConnect: boolean
  readonly onReset: boolean
  readonly onTimeout: boolean
  readonly statuses: readonly number[]
  /** Of calls of gRPC, in responses without messages; those are tried again whatever `methods` has. */
  readonly grpcStatuses: readonly number[]
  /** Tries after the first, as a share of the requests, over all workers. */
  readonly budget: number
  /** Before the second retry twice as long, and so on; each at random between half and all of it. 0 for none. */
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** Methods that are sent again although they may have been received. */
  readonly methods: readonly string[]
  /** All methods are. */
  readonly nonIdempotent: boolean
  /** For one try, from its start to the response head; 0 for none but the upstream's own deadlines. */
  readonly perTryMs: number
  /** Content kept to be sent again. Past it the request is not sent again. */
  readonly contentBytesMax: number
}

export interface HedgeSnapshot {
  /** After how long the second try begins; 0 for the 95th percentile of the upstream's recent times to the first byte. */
  readonly afterMs: number
  /** Second tries as a share of the requests, over all workers. */
  readonly budget: number
}

/** How many requests may be under way, learnt from how latency grows (per worker). Past it: 503. */
export interface AdaptiveConcurrencySnapshot {
  readonly initial: number
  readonly minimum: number
  readonly maximum: number
  /** How much longer than at its best a response may take before the limit falls, e.g. 1.5. */
  readonly tolerance: number
}

export interface StickySnapshot {
  readonly cookie: string
  /** `own`: we set it, and its value is a signed name of the endpoint. `route`: the origin's, ending in the `route` of one. */
  readonly kind: 'own' | 'route'
  /** `Max-Age`; 0 for a cookie that ends with the browser's session. */
  readonly ttlMs: number
  /** Signs the value; empty for one made at the start. */
  readonly secret: string
  /** What stands behind the value, e.g. `; Path=/; HttpOnly`. */
  readonly attributes: string
}

export interface QueueSnapshot {
  /** Requests that wait over all workers. Past it: 503. */
  readonly size: number
  /** Past it: 503. */
  readonly timeoutMs: number
}

export interface UpstreamSnapshot {
  readonly name: string
  readonly balance: BalanceName
  readonly measure: Measure
  /** For `hash` and `maglev`. */
  readonly hashOn: HashKeySource | null
  readonly endpoints: readonly EndpointSnapshot[]
  /** `http`: HTTP/1.1, with or without TLS. `h2`: HTTP/2 over TLS. `h2c`: without. `auto`: what ALPN says. */
  readonly protocol: 'http' | 'h2' | 'h2c' | 'auto'
  /** `null` for plain text. Never with `h2c`, always with `h2` and `auto`. */
  readonly tls: UpstreamTlsSnapshot | null
  readonly http2: Http2Snapshot
  /** What connections begin with, before TLS; `null` for nothing. Each is for one client then, and kept for none. */
  readonly proxyProtocol: SentProxyProtocol | null
  readonly pool: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
  readonly resolver: ResolverSnapshot
  readonly active: ActiveCheckSnapshot | null
  readonly passive: PassiveHealthSnapshot | null
  readonly circuitBreaker: CircuitBreakerSnapshot | null
  readonly retry: RetrySnapshot
  readonly hedge: HedgeSnapshot | null
  readonly adaptiveConcurrency: AdaptiveConcurrencySnapshot | null
  readonly sticky: StickySnapshot | null
  /** How long an endpoint that comes up takes to its whole weight; 0 for at once. */
  readonly slowStartMs: number
  readonly queue: QueueSnapshot | null
  /** Share of a group's endpoints, 0 to 1: with fewer of them healthy, all of the group serve. 0 for never. */
  readonly panicThreshold: number
}
