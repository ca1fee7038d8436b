/**
 * The compiled form of one accepted configuration, as plain data: what the control plane hands to the data plane.
 * Everything is resolved (defaults filled in, units converted, names turned into indices), nothing is shared, and the
 * whole survives `structuredClone`. The engine never sees a configuration file.
 */

/** Where a listener accepts or an endpoint is dialled. `host` is an IP literal or a name; IPv6 without brackets. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface ListenerLimits {
  /** Bytes of a request head (request line and field section). Past it: 431. */
  readonly headBytesMax: number
  /** Field lines of a head. Past it: 431. */
  readonly fieldLinesMax: number
  /** Bytes of a request target. Past it: 414. */
  readonly targetBytesMax: number
  /** Open connections per worker. Past it: accepting stops until one closes. */
  readonly connectionsMax: number
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

export interface ListenerSnapshot {
  readonly name: string
  /** `::` accepts IPv4 too (dual stack). */
  readonly address: Address
  readonly limits: ListenerLimits
  readonly timeouts: ListenerTimeouts
  /** CIDR blocks whose `X-Forwarded-*`, `Forwarded` and `X-Request-Id` are believed and extended, not replaced. */
  readonly trustedProxies: readonly string[]
  /** Adds `Forwarded` (RFC 7239) beside the `X-Forwarded-*` fields. */
  readonly forwarded: boolean
}

export interface EndpointSnapshot {
  readonly address: Address
  /** As the configuration writes it, e.g. `10.0.0.1:3000`; the name in logs. */
  readonly name: string
  /** Share of the requests, 1 to 65535. */
  readonly weight: number
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

export interface UpstreamSnapshot {
  readonly name: string
  readonly balance: 'round_robin'
  readonly endpoints: readonly EndpointSnapshot[]
  readonly pool: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
}

export type PathMatch =
  | { readonly kind: 'exact'; readonly path: string }
  /** `/users/*` has the prefix `/users/`; it matches `/users` too, and never `/usersx`. `/*` matches everything. */
  | { readonly kind: 'prefix'; readonly path: string }

export interface RouteMatch {
  /** Indices into `listeners`; `null` for every http listener. */
  readonly listeners: readonly number[] | null
  /** Lower-case names, exact (`api.example.com`) or with one leading wildcard (`*.example.com`); `null` for any. */
  readonly hosts: readonly string[] | null
  readonly path: PathMatch
}

export type RouteAction =
  | { readonly kind: 'forward'; readonly upstream: number }
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly fields: readonly FieldLine[]
      readonly content: Uint8Array
    }

/** A field line that the proxy adds: name and value as they go on the wire, already checked. */
export type FieldLine = readonly [name: string, value: string]

export interface FieldEdits {
  /** Replaces every field line of that name. */
  readonly set: readonly FieldLine[]
  /** Lower-case names. */
  readonly remove: readonly string[]
}

/** What the upstream request's `Host` says. */
export type HostRewrite =
  | { readonly kind: 'keep' }
  /** The endpoint's own address, as in the configuration. */
  | { readonly kind: 'upstream' }
  | { readonly kind: 'set'; readonly host: string }

export interface RouteSnapshot {
  readonly name: string
  readonly match: RouteMatch
  /** Higher first; then the more specific match, then the order of the configuration. */
  readonly priority: number
  readonly action: RouteAction
  readonly host: HostRewrite
  readonly request: FieldEdits
  readonly response: FieldEdits
}

export interface Snapshot {
  /** Counts up with each accepted configuration, from 1. */
  readonly generation: number
  readonly listeners: readonly ListenerSnapshot[]
  readonly upstreams: readonly UpstreamSnapshot[]
  readonly routes: readonly RouteSnapshot[]
}
