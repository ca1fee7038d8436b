/** A client's certificate as somebody describes it who asks what would become of a request. */
import { isIP } from 'node:net'
import type { ClientCertificate } from '../../engine/http/client-tls.ts'
import { quote } from '../config/parsed.ts'
import { RequestSpecError } from './request-spec-error.ts'

/** What is left out is empty. */
export interface CertificateDescription {
  /** E.g. `CN=alice,O=Example`. */
  readonly subject?: string | undefined
  readonly issuer?: string | undefined
  /** In hexadecimal. */
  readonly serial?: string | undefined
  /** SHA-256, in hexadecimal. */
  readonly fingerprint?: string | undefined
  /** Alternative names: host names, URIs, addresses of mail and IP. */
  readonly san?: string | readonly string[] | undefined
}

const KEYS = ['subject', 'issuer', 'serial', 'fingerprint', 'san'] as const

/** @throws {RequestSpecError} */
export function readCertificateDescription(description: CertificateDescription): ClientCertificate {
  const { subject = '', issuer = '', serial = '', fingerprint = '', san = [] } = description
  const names = [san].flat()
  const hash = fingerprint.replaceAll(':', '').toLowerCase()
  if (hash !== '' && !/^[0-9a-f]{64}$/.test(hash))
    throw new RequestSpecError(`${quote(fingerprint)} is no SHA-256 in hexadecimal`)
  if (!/^[0-9a-f:]*$/i.test(serial)) throw new RequestSpecError(`${quote(serial)} is no serial number in hexadecimal`)
  const isUri = (name: string) => /^[a-z][a-z0-9+.-]*:/i.test(name) && isIP(name) === 0
  const isMail = (name: string) => !isUri(name) && name.includes('@')
  return {
    subject,
    issuer,
    serial: serial.replaceAll(':', '').toUpperCase(),
    fingerprint: hash === '' ? NO_HASH : hash,
    dnsNames: names.filter(name => !isUri(name) && !isMail(name) && isIP(name) === 0),
    uris: names.filter(isUri),
    emails: names.filter(isMail),
    ips: names.filter(name => isIP(name) !== 0),
  }
}

/** Every certificate has one. */
const NO_HASH = '0'.repeat(64)

/** `subject=CN=alice`, `san=alice.example.com`, one behind the other. @throws {RequestSpecError} */
export function parseCertificateParts(parts: readonly string[]): CertificateDescription {
  const found: Record<string, string | string[]> = {}
  const names: string[] = []
  for (const part of parts) {
    const [, key = '', value = ''] = /^(\w+)=(.*)$/s.exec(part) ?? []
    if (!KEYS.some(known => known === key)) {
      throw new RequestSpecError(`${quote(part)} is not KEY=VALUE with one of the keys ${KEYS.join(', ')}`)
    }
    if (key === 'san') names.push(value)
    else found[key] = value
  }
  return names.length === 0 ? found : { ...found, san: names }
}

/** The same of what may be anything. */
export function areCertificateParts(value: unknown): value is CertificateDescription {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([key, text]) => {
    if (!KEYS.some(known => known === key)) return false
    return (
      typeof text === 'string' || (key === 'san' && Array.isArray(text) && text.every(one => typeof one === 'string'))
    )
  })
}
