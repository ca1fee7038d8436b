/** Where something listens, or is dialled. */

/** Where a listener accepts or an endpoint is dialled. `host` is an IP literal or a name; IPv6 without brackets. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** A name whose SRV records (RFC 2782) give the hosts, their ports, priorities and weights. */
export interface ServiceName {
  readonly kind: 'srv'
  /** E.g. `_http._tcp.api.internal`. */
  readonly service: string
}
