import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'
import { nearest } from './suggest.ts'

/** Names of cipher suites and of groups for the key exchange, in OpenSSL's words. What there is, OpenSSL is asked. */

const refused = refusalsAs('unknown-cipher')

/**
 * Mozilla's intermediate profile, without DHE: those suites need parameters of their own, and whoever knows them knows
 * ECDHE too. For TLS 1.3 first, which has suites of its own.
 */
export const DEFAULT_CIPHERS: readonly string[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/** The first one is safe from quantum computers; who does not have it has X25519. */
export const DEFAULT_CURVES: readonly string[] = ['X25519MLKEM768', 'X25519', 'prime256v1', 'secp384r1']

/** One suite, or several with colons in between, as `ssl_ciphers` of nginx has them. */
export function parseCiphers(text: string): Parsed<readonly string[]> {
  return parseNames(text, parseCipher)
}

export function parseCurves(text: string): Parsed<readonly string[]> {
  return parseNames(text, parseCurve)
}

function parseNames(text: string, parse: (name: string) => Parsed<string>): Parsed<readonly string[]> {
  const names: string[] = []
  for (const name of text.split(':')) {
    const parsed = parse(name)
    if (!parsed.ok) return parsed
    names.push(parsed.value)
  }
  return accepted(names)
}

function parseCipher(name: string): Parsed<string> {
  const known = tls().getCiphers()
  const lower = name.toLowerCase()
  if (known.includes(lower) && !UNUSABLE.test(lower)) return accepted(name.toUpperCase())
  const hint =
    'name the suites themselves, such as ECDHE-RSA-AES128-GCM-SHA256; without the key: the intermediate profile'
  if (/^[!+@-]|^[A-Z]+$|^(?:TLSv1|SSLv3)/.test(name)) {
    return refused(`${quote(name)} is a selection of suites, not one`, `${hint} of Mozilla`)
  }
  const near = nearest(
    name,
    known.map(one => one.toUpperCase()),
  )
  const message = known.includes(lower) ? 'is a suite that needs shared secrets' : 'is no cipher suite that OpenSSL has'
  return refused(
    `${quote(name)} ${message}`,
    near === null || known.includes(lower) ? hint : `did you mean ${quote(near)}?`,
  )
}

/** Suites for shared secrets instead of certificates. */
const UNUSABLE = /(?:^|-)(?:psk|srp)-/

/** Whether an old suite has no forward secrecy, or one of the modes that attacks on TLS were made for. */
export function isWeakCipher(name: string): boolean {
  return !/^TLS_|^(?:ECDHE|DHE)-.*(?:GCM|POLY1305|CCM)/.test(name)
}

function parseCurve(name: string): Parsed<string> {
  if (isCurve(name)) return accepted(name)
  const near = nearest(name, KNOWN_CURVES)
  const hint = near === null ? `such as ${DEFAULT_CURVES.join(', ')}` : `did you mean ${quote(near)}?`
  return refused(`${quote(name)} is no group for the key exchange that OpenSSL has`, hint)
}

/** What OpenSSL has said: to ask it takes a while. */
const curves = new Map<string, boolean>()
const CURVES_MAX = 1000

function isCurve(name: string): boolean {
  const known = curves.get(name)
  if (known !== undefined) return known
  if (curves.size >= CURVES_MAX) curves.clear()
  const isThere = name !== '' && takesCurve(name)
  curves.set(name, isThere)
  return isThere
}

function takesCurve(name: string): boolean {
  try {
    tls().createSecureContext({ ecdhCurve: name })
    return true
  } catch {
    return false
  }
}

const KNOWN_CURVES = [...DEFAULT_CURVES, 'secp521r1', 'X448', 'P-256', 'P-384', 'P-521']

/** Only for whoever names suites or groups: it takes time to load. */
function tls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls')
}

/** Suites for TLS 1.3, which no earlier version has, and the other way round. */
export function isForTls13(cipher: string): boolean {
  return cipher.startsWith('TLS_')
}
