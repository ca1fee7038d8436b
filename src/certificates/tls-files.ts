/** What of a configuration comes from files of certificates and keys, as plain data: where each stands in a snapshot, by name. */

/** An absolute path; or the text itself, in PEM, where it begins with `-----BEGIN`. Empty for none. */
export type PemSource = string

/** One certificate with what belongs to it. */
export interface CertificateFiles {
  /** The leaf, then what leads to a root. */
  readonly certificate: PemSource
  /** Empty where it stands beside the certificate, in the same file. */
  readonly key: PemSource
  /** Of an encrypted key; empty for none. */
  readonly passphrase: string
  /** The absolute path of an OCSP response in DER; empty for none. */
  readonly ocsp: string
}

export interface ListenerTlsFiles {
  readonly listener: string
  readonly certificates: readonly CertificateFiles[]
  /** Authorities that vouch for clients, and their revocation lists. */
  readonly clientCa: PemSource
  readonly clientCrl: PemSource
  /** `null` where certificates are not issued for it. */
  readonly acme: AcmeSettings | null
}

export interface UpstreamTlsFiles {
  readonly upstream: string
  readonly ca: PemSource
  readonly crl: PemSource
  /** Ours, which endpoints ask for. */
  readonly certificate: CertificateFiles | null
}

export interface TlsFiles {
  /** Those with TLS, in any order. */
  readonly listeners: readonly ListenerTlsFiles[]
  readonly upstreams: readonly UpstreamTlsFiles[]
}

export const NO_TLS_FILES: TlsFiles = { listeners: [], upstreams: [] }

export type ChallengeKind = 'http-01' | 'tls-alpn-01'

/** How certificates of a listener are issued (RFC 8555). Whoever writes this has agreed to the terms of the authority. */
export interface AcmeSettings {
  /** URL of the authority's directory. */
  readonly directory: string
  /** Where the authority writes to; empty for nowhere. */
  readonly email: string
  /** Names of the one certificate that is issued, in lower case. */
  readonly hosts: readonly string[]
  readonly challenge: ChallengeKind
  /** The folder of accounts and certificates, absolute. */
  readonly store: string
  /** Milliseconds before its end at which a certificate is renewed. */
  readonly renewBeforeMs: number
  readonly keyType: 'rsa' | 'ecdsa'
  /** Who vouches for the authority's own server; empty for those that the system trusts. */
  readonly ca: PemSource
  /** An account that the authority has already (RFC 8555, section 7.3.4); `null` for none. */
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: string } | null
}
