import type { KeyPath } from '../positions.ts'
import { parseSize } from '../units.ts'
import { checkAuthorities, checkCertificate, type TlsSurroundings } from './tls-files.ts'
import { checkProfile } from './tls-profile.ts'
import { isMap, keysIn, mapOf, type Report, type Section, valueOrDefault } from './written.ts'

/** `upstream` is the section with `tls` in it. */
export function checkUpstreamTls(
  upstream: Section,
  endpoints: readonly Section[],
  surroundings: TlsSurroundings,
  path: KeyPath,
  report: Report,
): void {
  checkProtocol(upstream, path, report)
  const { tls } = upstream
  if (tls === true) checkNames({}, endpoints, [...path, 'tls'], report)
  if (!isMap(tls)) return
  const place = [...path, 'tls']
  checkProfile(tls, place, report)
  checkTrust(tls, place, report)
  if (tls.verify !== false) checkAuthorities(tls, surroundings, place, report)
  checkNames(tls, endpoints, place, report)
  if (tls.cert !== undefined) checkCertificate(tls, surroundings, place, report)
  else {
    for (const key of keysIn(tls, ['key', 'passphrase'])) {
      report('no-effect', [...place, key], 'there is no certificate that it could belong to', 'name it: "cert"')
    }
  }
}

function checkProtocol(upstream: Section, path: KeyPath, report: Report): void {
  const { protocol = 'http', tls, http2, pool } = upstream
  const isSecure = tls !== undefined && tls !== false && tls !== 'off'
  if ((protocol === 'h2' || protocol === 'auto') && !isSecure) {
    const what = protocol === 'h2' ? 'h2 is HTTP/2 over TLS' : 'auto is what TLS agrees on (ALPN)'
    const hint = protocol === 'h2' ? 'write "tls: true", or h2c for HTTP/2 without' : 'write "tls: true"'
    report('missing-key', [...path, 'protocol'], `${what}, and "tls" is missing`, hint)
  }
  if (protocol === 'h2c' && isSecure) {
    report('conflicting-keys', [...path, 'protocol'], 'h2c is HTTP/2 without TLS', 'write h2', [...path, 'tls'])
  }
  if (protocol === 'http' && isMap(http2)) {
    report('no-effect', [...path, 'http2'], 'has no effect with the protocol http', 'h2, h2c and auto speak HTTP/2')
  }
  const { pipelining } = mapOf(pool)
  if ((protocol === 'h2' || protocol === 'h2c') && typeof pipelining === 'number' && pipelining > 1) {
    const hint = '"http2.streams" says how many requests are under way on a connection'
    report('no-effect', [...path, 'pool', 'pipelining'], `has no effect with the protocol ${protocol}`, hint)
  }
}

function checkTrust({ verify, ca, crl, pins }: Section, path: KeyPath, report: Report): void {
  if (verify !== false) {
    if (crl !== undefined && ca === undefined) {
      report('missing-key', [...path, 'ca'], 'is missing; "crl" holds the lists of the authorities in it')
    }
    return
  }
  for (const [key, value] of Object.entries({ ca, crl })) {
    if (value !== undefined) report('no-effect', [...path, key], 'nothing is verified: "verify" is false')
  }
  if (pins !== undefined) return
  const hint = 'name the authority in "ca", or the key in "pins"'
  report('unverified-upstream', [...path, 'verify'], 'whoever stands in between can read and change everything', hint)
}

/** A unix socket has no name that a certificate could be for. */
function checkNames(tls: Section, endpoints: readonly Section[], path: KeyPath, report: Report): void {
  if (tls.server_name !== undefined || tls.verify === false) return
  if (!endpoints.some(({ address }) => typeof address === 'string' && address.startsWith('unix:'))) return
  report('missing-key', [...path, 'server_name'], 'is missing; an endpoint at a unix socket has no name to be verified')
}

/** `http2` of a listener or an upstream. */
export function checkHttp2(http2: unknown, path: KeyPath, report: Report): void {
  if (!isMap(http2)) return
  const most = valueOrDefault(http2, [...path, 'window_max'])
  for (const key of keysIn(http2, ['stream_window', 'connection_window'])) {
    const [size, bound] = [bytesOf(http2[key]), bytesOf(most)]
    if (size === null || bound === null || size <= bound) continue
    report('wrong-order', [...path, key], `${String(http2[key])} is more than "window_max" (${String(most)})`)
  }
}

function bytesOf(value: unknown): number | null {
  const parsed = typeof value === 'string' ? parseSize(value, 0, Number.MAX_SAFE_INTEGER) : null
  return parsed?.ok ? parsed.value : null
}
