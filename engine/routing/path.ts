/**
 * The one form of a path: routes are matched by it, rewrites and plugins see it, and it goes upstream, so that nobody is told
 * another path than the one that was decided on (RFC 3986, section 6.2.2; the policy is the listener's).
 *
 *     percent-encoding ──▶ `;` parameters ──▶ empty segments ──▶ dot segments
 *
 * Decoded once, and never again: what comes out stays as it is when it goes in once more.
 */
import type { PathPolicy } from '../snapshot.ts'
import { decodePath } from './path-encoding.ts'

const SLASH = 0x2f
const DOT = 0x2e
const QUESTION_MARK = 0x3f

const ANYTHING_ELSE = 0
const ITSELF = 1
/** Slashes and dots: not behind a slash. */
const SOMETIMES = 2

/** Letters, digits and marks that mean nothing but themselves: neither `%` nor `;` nor what a URI cannot have. */
const KINDS = new Uint8Array(256)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@") {
  KINDS[character.charCodeAt(0)] = ITSELF
}
KINDS[SLASH] = SOMETIMES
KINDS[DOT] = SOMETIMES

/**
 * Position of the `?` behind a path that is in canonical form whatever the policy, or of its end; -1 for a path that has to
 * be looked at. No string is made. @hotpath
 */
export function plainPathEnd(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== SLASH) return -1
  for (let at = start + 1; at < end; at += 1) {
    const kind = KINDS[bytes[at] as number]
    if (kind === ITSELF) continue
    if (kind === ANYTHING_ELSE) return bytes[at] === QUESTION_MARK ? at : -1
    if (bytes[at - 1] === SLASH) return -1
  }
  return end
}

/**
 * The canonical form of a path without query; `null` where `policy` refuses it, or where no two readers agree on what it
 * says. `*` (of OPTIONS) and the empty path of an absolute-form target are `/`.
 */
export function canonicalPath(path: string, policy: PathPolicy): string | null {
  if (path === '' || path === '*') return '/'
  if (!path.startsWith('/')) return null
  const decoded = decodePath(path, policy.encodedSlashes)
  if (decoded === null) return null
  return resolveSegments(decoded, policy)
}

function resolveSegments(path: string, policy: PathPolicy): string | null {
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  const last = segments.length - 1
  for (const [index, written] of segments.entries()) {
    if (isDeceptive(written)) return null
    const segment = withoutParameters(written, policy)
    if (segment === null) return null
    if (segment === '.' || segment === '..') {
      if (policy.dotSegments === 'refuse') return null
      if (segment === '..' && kept.pop() === undefined) return null
      // What ends in a dot segment is a folder.
      if (index === last) kept.push('')
    } else if (segment !== '' || index === last || policy.emptySegments === 'keep') {
      kept.push(segment)
    } else if (policy.emptySegments === 'refuse') {
      return null
    }
  }
  return `/${kept.join('/')}`
}

/** `..;x`, `..%2F`, `%5C..`: dot segments to those readers only who cut parameters off, or decode slashes. */
function isDeceptive(segment: string): boolean {
  if (!segment.includes('.') || segment === '.' || segment === '..') return false
  return /(?:^|%2F|%5C)\.\.?(?:$|;|%3B|%2F|%5C)/.test(segment)
}

function withoutParameters(segment: string, policy: PathPolicy): string | null {
  const at = segment.indexOf(';')
  if (at < 0 || policy.parameters === 'keep') return segment
  return policy.parameters === 'refuse' ? null : segment.slice(0, at)
}
