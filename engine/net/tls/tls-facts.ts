/** What the two ends of an encrypted connection have agreed on. */
import type { ClientCertificate } from './client-certificate.ts'

export interface TlsFacts {
  /** Application protocol (RFC 7301): `h2`, `http/1.1`; empty where none was agreed on. */
  readonly alpn: string
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string
  /** As in the registry of IANA: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string
  /** Server Name Indication; empty where none was sent. */
  readonly serverName: string
  /** A session was taken up again. */
  readonly resumed: boolean
  /** The client's certificate, which has been verified; `null` where it has none, and on connections to origins. */
  readonly clientCertificate: ClientCertificate | null
}
