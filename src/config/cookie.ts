import { isIP } from 'node:net'
import { parseToken } from './field.ts'
import { checkHostName } from './host.ts'
import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'

/** Cookies that the proxy sets: their names and attributes (RFC 6265, section 4.1). */

const refused = refusalsAs('wrong-cookie')

export function parseCookieName(text: string): Parsed<string> {
  const token = parseToken(text, 'a cookie name')
  return token.ok ? token : { ...token, code: 'wrong-cookie' }
}

export function parseCookiePath(text: string): Parsed<string> {
  if (!text.startsWith('/')) return refused(`${quote(text)} must start with "/"`)
  if (!/^[\x20-\x3a\x3c-\x7e]+$/.test(text))
    return refused(`${quote(text)} has a character that no cookie's path can have`)
  return accepted(text)
}

export function parseCookieDomain(text: string): Parsed<string> {
  if (text.startsWith('.'))
    return refused(`${quote(text)} begins with a dot`, `write ${quote(text.replace(/^\.+/, ''))}`)
  if (isIP(text) !== 0) return refused(`${quote(text)} is an address, which has no domain`, 'leave "domain" out')
  return checkHostName(text) ?? accepted(text.toLowerCase())
}

export interface CookieAttributes {
  readonly path: string
  /** Absent: the host of the request alone. */
  readonly domain: string | undefined
  /** 0 for none: the cookie ends with the browser's session. */
  readonly ttlMs: number
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

/** What stands behind `name=value` in `Set-Cookie`, e.g. `; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax`. */
export function cookieAttributes(attributes: CookieAttributes): string {
  const { path, domain, ttlMs, secure, httpOnly, sameSite } = attributes
  return [
    `; Path=${path}`,
    domain === undefined ? '' : `; Domain=${domain}`,
    ttlMs === 0 ? '' : `; Max-Age=${Math.ceil(ttlMs / 1000)}`,
    secure ? '; Secure' : '',
    httpOnly ? '; HttpOnly' : '',
    `; SameSite=${SAME_SITE[sameSite]}`,
  ].join('')
}
