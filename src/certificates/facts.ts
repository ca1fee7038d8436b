import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { CertificateSnapshot } from '../../engine/snapshot.ts'

/** What a certificate says of itself, as plain data. */

export interface CertificateFacts {
  /** Host names and addresses that it is for, in lower case. Without any, the common name of its subject (RFC 2818, section 3.1). */
  readonly names: readonly string[]
  readonly subject: string
  readonly issuer: string
  readonly keyType: CertificateSnapshot['keyType'] | 'other'
  /** Bits of an RSA key's modulus; 0 for other keys. */
  readonly keyBits: number
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly serialNumber: string
  /** SHA-256 of the whole, in hexadecimal. */
  readonly fingerprint: string
  readonly isSelfSigned: boolean
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  const { asymmetricKeyType = '', asymmetricKeyDetails } = certificate.publicKey
  return {
    names: namesOf(certificate),
    subject: oneLine(certificate.subject),
    issuer: shortName(certificate.issuer),
    keyType: KEY_TYPES[asymmetricKeyType] ?? 'other',
    keyBits: asymmetricKeyDetails?.modulusLength ?? 0,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    isSelfSigned: certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey),
  }
}

const KEY_TYPES: Readonly<Record<string, CertificateSnapshot['keyType']>> = {
  rsa: 'rsa',
  'rsa-pss': 'rsa',
  ec: 'ecdsa',
  ed25519: 'eddsa',
  ed448: 'eddsa',
}

function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names = alternativesIn(subjectAltName ?? '')
  if (names.length > 0) return [...new Set(names)]
  const common = /^CN=(.+)$/m.exec(subject)?.[1]?.toLowerCase() ?? ''
  return isHostName(common) || isIP(common) !== 0 ? [common] : []
}

/** Names that OpenSSL had to quote are none that a host can have. */
function alternativesIn(text: string): string[] {
  return text.split(', ').flatMap(part => {
    const [, kind, name = ''] = /^(DNS|IP Address):([^"]+)$/.exec(part) ?? []
    if (kind === 'DNS') return [name.toLowerCase()]
    return kind === 'IP Address' ? [shortAddress(name)] : []
  })
}

/** `0:0:0:0:0:0:0:1`, as certificates have it, is `::1`. */
function shortAddress(address: string): string {
  if (isIP(address) !== 6) return address
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

function isHostName(name: string): boolean {
  return /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(name)
}

function oneLine(name: string): string {
  return name.split('\n').join(', ')
}

/** The common name, else the organisation, else all of it. */
function shortName(name: string): string {
  const common = /^CN=(.+)$/m.exec(name)?.[1]
  return common ?? /^O=(.+)$/m.exec(name)?.[1] ?? oneLine(name)
}
