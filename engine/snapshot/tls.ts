/** How connections are encrypted, on either side. Texts of certificates and keys are PEM, read and checked beforehand. */

/** TLS 1.2 suites and TLS 1.3 suites in OpenSSL's words, and what else both ends have to agree on. */
export interface TlsProfile {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Separated by colons. */
  readonly ciphers: string
  /** Groups for the key exchange, separated by colons. */
  readonly curves: string
}

export interface CertificateSnapshot {
  /** The leaf first, then what leads to a root. */
  readonly chain: string
  readonly key: string
  /** Names that it is for, in lower case, as they stand in it: `example.com`, `*.example.com`. */
  readonly names: readonly string[]
  /** `rsa` and `ecdsa` with the same names stand side by side: the client's hello decides. */
  readonly keyType: 'rsa' | 'ecdsa' | 'eddsa'
  /** The response of the authority that goes with it (RFC 6066, section 8), DER; `null` for none. */
  readonly ocsp: Uint8Array | null
}

/** What is answered to an authority that finds out whether names lead here (RFC 8555, section 8). */
export interface ChallengesSnapshot {
  /** By HTTP, in plain text at any listener, before routes are looked for: the content of `/.well-known/acme-challenge/TOKEN`. */
  readonly http: readonly { readonly token: string; readonly content: string }[]
  /** By TLS (RFC 8737): the certificate of handshakes for the name that ask for `acme-tls/1`. */
  readonly tls: readonly { readonly name: string; readonly chain: string; readonly key: string }[]
}

export interface ClientAuthSnapshot {
  readonly mode: 'none' | 'request' | 'require'
  readonly ca: string
  /** Revocation lists; empty for none. */
  readonly crl: string
  /** What `X-Forwarded-Client-Cert` of requests says. */
  readonly forward: 'none' | 'set' | 'append'
}

export interface ListenerTlsSnapshot extends TlsProfile {
  /** The first serves those who name no host, or one that none fits. Never empty, unless certificates are issued. */
  readonly certificates: readonly CertificateSnapshot[]
  /** In order of preference: `h2`, `http/1.1`. */
  readonly alpn: readonly string[]
  readonly clientAuth: ClientAuthSnapshot
  /** A handshake that takes longer ends with the connection. */
  readonly handshakeMs: number
  /** Handshakes under way at once per worker. Past it: connections wait unread, within the same time. */
  readonly handshakesMax: number
  /** Sessions are resumed by tickets, whose keys all workers share. */
  readonly tickets: boolean
  /** Answers names that no certificate fits with an alert, instead of the first certificate. */
  readonly strictNames: boolean
}

export interface UpstreamTlsSnapshot extends TlsProfile {
  /** For SNI and verification; empty for the endpoint's host. */
  readonly serverName: string
  /** Authorities that are trusted; empty for the system's. */
  readonly ca: string
  readonly crl: string
  readonly verify: boolean
  /** Base64 of SHA-256 of public keys (RFC 7469, section 2.4), one of which the endpoint must have; empty for any. */
  readonly pins: readonly string[]
  /** Certificate of ours; empty for none. */
  readonly chain: string
  readonly key: string
  /** Sessions are taken up again by later connections. */
  readonly resumes: boolean
}

/** HTTP/2 as a listener speaks it, or connections to an upstream. */
export interface Http2Snapshot {
  /** Streams under way at once on one connection. */
  readonly streamsMax: number
  /** Bytes of content that the peer may send ahead, at first; both grow with how fast it comes. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** How far they may grow. */
  readonly windowBytesMax: number
  /** Bytes of one frame that we take, 16384 to 16777215. */
  readonly frameBytesMax: number
  /** Bytes of the table that remembers field lines, of either side. */
  readonly headerTableBytes: number
  /** Frames of control that may wait to be sent. Past it: GOAWAY. */
  readonly queuedControlMax: number
}
