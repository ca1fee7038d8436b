import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { isMap, keysIn, mapOf, type Report, type Section } from './written.ts'

const HASH_KEYS = ['header', 'cookie', 'query', 'client_ip', 'path']

export function checkHashOn(hashOn: unknown, path: KeyPath, report: Report): void {
  if (!isMap(hashOn)) return
  const keys = keysIn(hashOn, HASH_KEYS)
  if (keys.length === 0) report('missing-key', path, `needs one of ${HASH_KEYS.join(', ')}`)
  if (keys.length > 1)
    report('conflicting-keys', [...path, keys[1]!], `names more than one thing to hash on: ${keys.join(', ')}`)
}

/** Keys that say something of a cookie of our own. */
const COOKIE_KEYS = ['ttl', 'secret', 'path', 'domain', 'secure', 'http_only', 'same_site']

/** `upstreamPath` leads to the upstream. */
export function checkSticky(
  written: unknown,
  endpoints: readonly Section[],
  upstreamPath: KeyPath,
  report: Report,
): void {
  const sticky = mapOf(written)
  const path = [...upstreamPath, 'sticky']
  checkRoutesUsed(sticky, endpoints, upstreamPath, report)
  if (!isMap(written)) return
  const { cookie, route } = sticky
  if (cookie === undefined && route === undefined) report('missing-key', path, 'needs "cookie" or "route"')
  if (cookie !== undefined && route !== undefined) {
    report('conflicting-keys', [...path, 'route'], 'stands beside "cookie"', 'a session is kept by one of the two')
  } else if (route !== undefined) {
    for (const key of keysIn(sticky, COOKIE_KEYS)) {
      report('no-effect', [...path, key], 'has no effect on a cookie that the endpoints set', 'it is for "cookie"')
    }
  } else {
    checkCookie(sticky, path, report)
  }
}

function checkRoutesUsed(sticky: Section, endpoints: readonly Section[], upstreamPath: KeyPath, report: Report): void {
  const routed = endpoints.flatMap(({ route }, index) => (route === undefined ? [] : [index]))
  if (sticky.route === undefined) {
    for (const index of routed) {
      const hint = 'write "sticky: { route: COOKIE }", or leave it out'
      report('no-effect', [...upstreamPath, 'endpoints', index, 'route'], 'is looked for in no cookie', hint)
    }
  } else if (routed.length === 0 && endpoints.length > 0) {
    const hint = 'give the endpoints what their cookies end in'
    report(
      'no-effect',
      [...upstreamPath, 'sticky', 'route'],
      'no endpoint has a "route" that a cookie could name',
      hint,
    )
  }
}

/** What browsers would throw away (RFC 6265bis, sections 4.1.2.7 and 4.1.3). */
function checkCookie(
  { cookie, path: cookiePath = '/', domain, ...rest }: Section,
  path: KeyPath,
  report: Report,
): void {
  const secure = rest.secure === true
  if (rest.same_site === 'none' && !secure) {
    report('wrong-cookie', [...path, 'same_site'], 'none is taken by browsers with "secure: true" only', 'add it')
  }
  if (typeof cookie !== 'string') return
  const prefix = /^__(?:secure|host)-/i.exec(cookie)?.[0].toLowerCase()
  if (prefix !== undefined && !secure) {
    report(
      'wrong-cookie',
      [...path, 'cookie'],
      `${quote(cookie)} is taken by browsers with "secure: true" only`,
      'add it',
    )
  }
  if (prefix === '__host-' && (cookiePath !== '/' || domain !== undefined)) {
    const hint = 'leave both out, or name the cookie otherwise'
    report(
      'wrong-cookie',
      [...path, 'cookie'],
      `${quote(cookie)} is taken by browsers with the path "/" and without "domain" only`,
      hint,
    )
  }
}
