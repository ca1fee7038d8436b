/** What a header of the PROXY protocol says, whichever version it has. */
import type { Address } from '../../snapshot.ts'

/** What the header tells of a connection that was encrypted up to whoever sent it. */
export interface ProxiedTls {
  /** E.g. `TLSv1.3`; empty where it is not told, as each of these. */
  readonly version: string
  readonly cipher: string
  readonly commonName: string
  /** The client has shown a certificate, and it was found to be good. */
  readonly isVerified: boolean
}

/** What of version 2 stands behind the addresses. Texts are empty where nothing is told. */
export interface ProxiedDetails {
  readonly authority: string
  readonly alpn: string
  readonly uniqueId: Buffer | null
  readonly tls: ProxiedTls | null
  /** The endpoint of AWS's, Azure's or Google's private networks by which the connection came. */
  readonly privateEndpoint: string
  readonly networkNamespace: string
}

export interface ProxyHeader {
  /** `null` for a connection of the proxy's own (LOCAL, UNKNOWN, AF_UNSPEC): the ends are those of the socket. */
  readonly source: Address | null
  readonly destination: Address | null
  /** It speaks of datagrams. */
  readonly isDatagram: boolean
  /** `null` with version 1, or where there are none. */
  readonly details: ProxiedDetails | null
}

/** What the bytes that have come so far begin with. */
export type ParsedProxyHeader =
  /** More is needed. */
  | { readonly kind: 'partial' }
  /** `reason` is a text for the log. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** The first `length` bytes are the header. */
  | { readonly kind: 'whole'; readonly header: ProxyHeader; readonly length: number }

export const PARTIAL: ParsedProxyHeader = { kind: 'partial' }

export function malformed(reason: string): ParsedProxyHeader {
  return { kind: 'malformed', reason }
}
