/** What TLS has found out about a client, and how origins are told of its certificate. */

/** Of a certificate that was verified. */
export interface ClientCertificate {
  /** On one line, as RFC 2253 has it: `CN=alice,O=Example`. */
  readonly subject: string
  readonly issuer: string
  /** In hexadecimal, upper case. */
  readonly serial: string
  /** SHA-256 of the whole, in hexadecimal, lower case. */
  readonly fingerprint: string
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  readonly emails: readonly string[]
  readonly ips: readonly string[]
}

export interface ClientTls {
  /** E.g. `TLSv1.3`. */
  readonly version: string
  readonly cipher: string
  /** What the client asked for; empty for none. */
  readonly serverName: string
  /** `null` where there is none that was verified. */
  readonly clientCertificate: ClientCertificate | null
}

/** A part of a certificate, of which there may be several; a character for each byte. */
export type CertificateReader = (certificate: ClientCertificate) => readonly string[]

export const CERTIFICATE_READERS = {
  subject: ({ subject }) => [wireText(subject)],
  issuer: ({ issuer }) => [wireText(issuer)],
  serial: ({ serial }) => [serial],
  fingerprint: ({ fingerprint }) => [fingerprint],
  san: ({ dnsNames, uris, emails, ips }) => [...dnsNames, ...uris, ...emails, ...ips].map(wireText),
} as const satisfies Readonly<Record<string, CertificateReader>>

function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** An element of `X-Forwarded-Client-Cert` as Envoy writes it, with what origins go by: the hash, the subject, URIs, names. */
export function clientCertificateElement({ fingerprint, subject, uris, dnsNames }: ClientCertificate): string {
  const pairs = [
    `Hash=${fingerprint}`,
    `Subject="${escaped(subject)}"`,
    ...uris.map(uri => `URI=${plainOrQuoted(uri)}`),
    ...dnsNames.map(name => `DNS=${plainOrQuoted(name)}`),
  ]
  return pairs.join(';')
}

/** Whoever wrote the certificate must not be able to end the value, or the line. */
function escaped(text: string): string {
  return wireText(text)
    .replace(/[^\x20-\x7e\x80-\xff]/g, ' ')
    .replace(/["\\]/g, character => `\\${character}`)
}

/** Quoted where it would be taken for more than one. */
function plainOrQuoted(text: string): string {
  return /[",;=\\]|[^\x21-\x7e]/.test(text) ? `"${escaped(text)}"` : text
}
