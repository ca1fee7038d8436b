/** What one address that accepts connections is like. */
import type { Address } from './address.ts'
import type { AcceptedProxyProtocol } from './proxy-protocol.ts'
import type { Http2Snapshot, ListenerTlsSnapshot } from './tls.ts'

/** Which connections (over UDP: flows) a listener takes at all. */
export interface ConnectionLimits {
  /** Open ones per worker. Past it: accepting stops until one closes. */
  readonly connectionsMax: number
  /** Open ones per client address, over all workers; 0 for no limit. Past it: refused. */
  readonly connectionsPerClientMax: number
  /** New ones per second, over all workers, and how many may come at once; 0 for no limit. Past it: refused. */
  readonly newConnectionsRate: number
  readonly newConnectionsBurst: number
}

export interface ListenerLimits extends ConnectionLimits {
  /** Bytes of a request head (request line and field section). Past it: 431. */
  readonly headBytesMax: number
  /** Field lines of a head. Past it: 431. */
  readonly fieldLinesMax: number
  /** Bytes of a request target. Past it: 414. */
  readonly targetBytesMax: number
}

export interface ListenerTimeouts {
  /** From the first byte of a request head to its end. Past it: 408 and close. */
  readonly headMs: number
  /** Between two reads of request content, or two writes of response content that the client takes. Past it: close. */
  readonly contentMs: number
  /** A kept-alive connection without a request. Past it: close. */
  readonly idleMs: number
  /** A tunnel without a byte in either direction. Past it: close. */
  readonly tunnelMs: number
}

/** What is done with a part of a path that origins read in different ways: written in one form, left, or answered with 400. */
export type PathTreatment = 'normalise' | 'keep' | 'refuse'

/**
 * One form of a path decides which route takes it, is what the route's parts see, and what goes upstream. Always so:
 * needless percent-encoding is undone; what no two readers agree on is refused (`engine/routing/path.ts` says what).
 */
export interface PathPolicy {
  /** `.` and `..`, encoded or not. */
  readonly dotSegments: Exclude<PathTreatment, 'keep'>
  /** Empty segments: `//` becomes `/`. */
  readonly emptySegments: PathTreatment
  /** `%2F` (and `%5C`), which becomes a `/` that separates. */
  readonly encodedSlashes: PathTreatment
  /** `;` and what follows it in a segment, which is taken away. */
  readonly parameters: PathTreatment
}

export interface ListenerSnapshot {
  readonly name: string
  /** `::` accepts IPv4 too (dual stack). */
  readonly address: Address
  readonly limits: ListenerLimits
  readonly timeouts: ListenerTimeouts
  readonly proxyProtocol: AcceptedProxyProtocol | null
  /** CIDR blocks whose `X-Forwarded-*`, `Forwarded` and `X-Request-Id` are believed and extended, not replaced. */
  readonly trustedProxies: readonly string[]
  /** Adds `Forwarded` (RFC 7239) beside the `X-Forwarded-*` fields. */
  readonly forwarded: boolean
  readonly paths: PathPolicy
  /** `null` for plain text. */
  readonly tls: ListenerTlsSnapshot | null
  /** `null` where it is not spoken: neither by ALPN nor with prior knowledge. */
  readonly http2: Http2Snapshot | null
  /** Answers every request with a redirect to https, at this port; 0 for none. */
  readonly redirectToHttpsPort: number
  /** The status of that redirect; 0 for none. */
  readonly redirectToHttpsStatus: number
  /** `Strict-Transport-Security` of responses over TLS; empty for none. */
  readonly strictTransportSecurity: string
}
