/** What one address is like that takes flows, of TCP or UDP, without looking into them. */
import type { Address } from './address.ts'
import type { ConnectionLimits } from './listener.ts'
import type { AcceptedProxyProtocol } from './proxy-protocol.ts'
import type { ListenerTlsSnapshot } from './tls.ts'

/** Where a connection goes whose ClientHello (or, decrypted here, whose handshake) asks for it. The first that fits is taken. */
export interface ServerNameRoute {
  /** `example.com`, `*.example.com` (any label or labels), `*` (any name, or none); in lower case. */
  readonly names: readonly string[]
  /** One of them must be offered; empty for any, or none. */
  readonly alpn: readonly string[]
  /** Index into `upstreams`. */
  readonly upstream: number
}

/** Where a connection goes by its first bytes: indices into `upstreams`, -1 where such bytes make no difference. */
export interface FirstBytesRoutes {
  /** A request of HTTP, 1 or 2, in plain text. */
  readonly http: number
  /** A header of the PROXY protocol, which goes on as it came. */
  readonly proxy: number
  /** A handshake of TLS that none of `serverNames` takes. */
  readonly tls: number
}

export interface TcpLimits extends ConnectionLimits {
  /** Bytes per second that one flow may send, and be sent; 0 for no limit. */
  readonly uploadRate: number
  readonly downloadRate: number
}

export interface TcpTimeouts {
  /** A flow without a byte in either direction. Past it: close. */
  readonly idleMs: number
  /** The same once one side has sent FIN. */
  readonly halfCloseMs: number
  /** For the first bytes, where they decide. Past it: `upstream` has the connection, if that is set. */
  readonly firstBytesMs: number
}

export interface TcpListenerSnapshot {
  readonly name: string
  /** `::` accepts IPv4 too (dual stack). */
  readonly address: Address
  readonly limits: TcpLimits
  readonly timeouts: TcpTimeouts
  readonly proxyProtocol: AcceptedProxyProtocol | null
  /** Decrypted here; `null` where bytes go on as they come. */
  readonly tls: ListenerTlsSnapshot | null
  readonly serverNames: readonly ServerNameRoute[]
  readonly firstBytes: FirstBytesRoutes
  /** Index into `upstreams`, for whatever nothing above takes; -1 for none: such connections are closed. */
  readonly upstream: number
}

export interface UdpLimits extends ConnectionLimits {
  /** Bytes sent to a client for each byte received from it, over the life of its flow; 0 for no limit. Past it: dropped. */
  readonly amplificationMax: number
}

export interface UdpListenerSnapshot {
  readonly name: string
  /** `::` accepts IPv4 too (dual stack). Never a unix socket. */
  readonly address: Address
  /** `connectionsMax` are flows per worker. Past it: the one that has been idle for the longest ends. */
  readonly limits: UdpLimits
  /** A flow without a datagram in either direction. Past it: it ends. */
  readonly idleMs: number
  /** Datagrams with which the endpoint answers each of the client's, behind which the flow ends; -1 where nobody knows. */
  readonly responses: number
  /** Index into `upstreams`. */
  readonly upstream: number
  /** Datagrams of trusted peers begin with a header of version 2. */
  readonly proxyProtocol: AcceptedProxyProtocol | null
}
