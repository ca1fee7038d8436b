import type { CertificateReading } from '../../certificates/read-certificate.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { nearest } from '../suggest.ts'
import { parseDuration } from '../units.ts'
import { isHttp } from './listener-keys.ts'
import { checkAuthorities, checkCertificate, type TlsSurroundings } from './tls-files.ts'
import { checkProfile } from './tls-profile.ts'
import { isMap, keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** `listener` is the section with `tls` in it. */
export function checkListenerTls(
  listener: Section,
  surroundings: TlsSurroundings,
  listenerPath: KeyPath,
  report: Report,
): void {
  const path = [...listenerPath, 'tls']
  if (!isMap(listener.tls)) return
  const { tls } = listener
  checkProfile(tls, path, report)
  checkCertificates(tls, surroundings, path, report)
  checkAlpn(listener, tls, listenerPath, report)
  if (isMap(tls.client_auth)) checkClientAuth(tls.client_auth, surroundings, [...path, 'client_auth'], report)
  if (isMap(tls.hsts)) checkPreload(tls.hsts, [...path, 'hsts'], report)
  if (isMap(tls.acme)) checkAuthorities({ ca: tls.acme.ca }, surroundings, [...path, 'acme'], report)
}

function checkCertificates(tls: Section, surroundings: TlsSurroundings, path: KeyPath, report: Report): void {
  const { certificates, acme } = tls
  const place = [...path, 'certificates']
  if (
    acme === undefined &&
    (certificates === undefined || (Array.isArray(certificates) && certificates.length === 0))
  ) {
    const hint = 'such as "certificates: [{ cert: FILE, key: FILE }]"; sluice gen-certs makes some for trying out'
    report('missing-key', place, 'is missing; without a certificate there is no TLS', hint)
    return
  }
  const seen: Seen[] = []
  for (const [index, certificate] of listOf(certificates).entries()) {
    if (!isMap(certificate)) continue
    const reading = checkCertificate(certificate, surroundings, [...place, index], report)
    if (reading !== null) checkShadowed(reading, seen, [...place, index], report)
  }
}

interface Seen {
  readonly name: string
  readonly keyType: string
  readonly path: KeyPath
}

/** The first that has a name is served. */
function checkShadowed({ certificate }: CertificateReading, seen: Seen[], path: KeyPath, report: Report): void {
  if (certificate === null) return
  const { names, keyType } = certificate
  const earlier = names.map(name => seen.find(other => other.name === name && other.keyType === keyType))
  const [first] = earlier
  if (first !== undefined && earlier.every(one => one !== undefined)) {
    const message = `all of its names are in a certificate before it, of the same kind (${keyType})`
    report('shadowed-certificate', path, message, 'it is never served: take one of them out', first.path)
  }
  seen.push(...names.map(name => ({ name, keyType, path })))
}

/** What a listener of HTTP can agree on. */
const HTTP_ALPN = ['h2', 'http/1.1']

function checkAlpn({ protocol, http2 }: Section, { alpn }: Section, path: KeyPath, report: Report): void {
  if (!Array.isArray(alpn)) return
  const place = [...path, 'tls', 'alpn']
  for (const [index, item] of alpn.entries()) {
    if (alpn.indexOf(item) !== index) {
      report('duplicate-item', [...place, index], `${quote(String(item))} is listed twice`)
    } else if (isHttp({ protocol }) && typeof item === 'string' && !HTTP_ALPN.includes(item)) {
      const near = nearest(item, HTTP_ALPN)
      const hint = near === null ? 'others are for listeners of tcp' : `did you mean ${quote(near)}?`
      report('wrong-value', [...place, index], `must be one of h2, http/1.1, not the text ${quote(item)}`, hint)
    }
  }
  if (!isHttp({ protocol })) return
  if (alpn.includes('h2') && (http2 === false || http2 === 'off')) {
    report('conflicting-keys', place, 'h2 is HTTP/2, which is switched off', 'leave one of the two out', [
      ...path,
      'http2',
    ])
  }
  if (!alpn.includes('h2') && (isMap(http2) || http2 === true)) {
    report('no-effect', [...path, 'http2'], '"alpn" of "tls" does not offer h2', 'add it there', place)
  }
}

function checkClientAuth(auth: Section, surroundings: TlsSurroundings, path: KeyPath, report: Report): void {
  const { mode = 'require', ca } = auth
  if (mode === 'none') {
    for (const key of keysIn(auth, ['ca', 'crl', 'forward'])) {
      report('no-effect', [...path, key], 'nobody is asked for a certificate: "mode" is none')
    }
    return
  }
  if (ca === undefined && (mode === 'request' || mode === 'require')) {
    const hint = "a file with the authorities that sign the clients' certificates"
    report('missing-key', [...path, 'ca'], 'is missing; nobody could vouch for a client', hint)
  }
  checkAuthorities(auth, surroundings, path, report)
}

const PRELOAD_MIN_MS = 8760 * 3_600_000

/** What the list of browsers asks for. */
function checkPreload(
  { preload, max_age: maxAge = '8760h', include_subdomains: subdomains }: Section,
  path: KeyPath,
  report: Report,
): void {
  if (preload !== true) return
  const age = typeof maxAge === 'string' ? parseDuration(maxAge, 0, Number.MAX_SAFE_INTEGER) : null
  if (age?.ok && age.value < PRELOAD_MIN_MS) {
    report('conflicting-keys', [...path, 'preload'], `needs a "max_age" of at least 8760h, not ${String(maxAge)}`)
  }
  if (subdomains !== true) {
    report(
      'conflicting-keys',
      [...path, 'preload'],
      'needs "include_subdomains: true"',
      'browsers do not list a host without',
    )
  }
}

/** Somebody has to answer where the authority comes to. */
export function checkChallenge(listener: Section, listeners: Section, path: KeyPath, report: Report): void {
  const { acme } = mapOf(listener.tls)
  if (!isMap(acme) || (acme.challenge ?? 'http-01') !== 'http-01') return
  const isPlain = (other: unknown) => isMap(other) && isHttp(other) && other.tls === undefined
  if (Object.values(listeners).some(isPlain)) return
  const hint = 'add one for port 80, such as { address: ":80", redirect_to_https: true }, or "challenge: tls-alpn-01"'
  report('challenge-unanswered', [...path, 'tls', 'acme'], 'no listener is without "tls" to answer http-01', hint)
}

/** Where https is, has to be known. */
export function checkHttpsRedirect(listener: Section, listeners: Section, path: KeyPath, report: Report): void {
  const { redirect_to_https: redirect, tls } = listener
  if (redirect === undefined || redirect === false || redirect === 'off' || !isHttp(listener)) return
  const place = [...path, 'redirect_to_https']
  if (tls !== undefined) {
    report('conflicting-keys', place, 'the listener is https itself: it would lead back to itself', 'leave it out')
    return
  }
  if (mapOf(redirect).port !== undefined) return
  const secure = Object.values(listeners)
    .map(mapOf)
    .filter(other => isHttp(other) && other.tls !== undefined)
  if (secure.length === 0) {
    const hint = 'give a listener "tls", or say where https is: { port: 443 }'
    report('missing-key', place, 'no listener has "tls"', hint)
  } else if (secure.every(other => !/:[1-9][0-9]*$/.test(String(other.address)))) {
    report(
      'missing-key',
      [...place, 'port'],
      'is missing; the listener with "tls" takes any free port',
      'such as { port: 443 }',
    )
  }
}
