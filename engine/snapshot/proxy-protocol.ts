/** The PROXY protocol (versions 1 and 2, as HAProxy has written them down): who is at the other end, told by who passes it on. */

/** What a listener takes of it. */
export interface AcceptedProxyProtocol {
  /** CIDR blocks: peers of these begin with a header, and are believed; others begin without. Peers on unix sockets always do. */
  readonly trusted: readonly string[]
  /** For the whole header, from when the connection was accepted. Past it: close. */
  readonly timeoutMs: number
}

/** What version 2 says besides addresses, where it is known. */
export type ProxyProtocolDetail = 'authority' | 'alpn' | 'tls' | 'unique_id' | 'crc32c'

/** What connections to an upstream begin with. */
export interface SentProxyProtocol {
  readonly version: 1 | 2
  /** None with version 1. */
  readonly details: readonly ProxyProtocolDetail[]
}
