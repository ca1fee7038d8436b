import { routingPath } from '../../engine/routing/path.ts'
import type { PathMatch } from '../../engine/snapshot.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** Patterns of `match.path`: exact, or with a trailing `/*` for a prefix. */

/** RFC 3986, section 3.3: what `pchar` and `/` allow unescaped, `*` aside. */
const PLAIN = /^[A-Za-z0-9\-._~!$&'()+,;=:@/]$/

export function parsePathPattern(text: string): Parsed<PathMatch> {
  if (text.startsWith('~')) return refused('a regular expression (~) is not supported yet')
  if (!text.startsWith('/')) return refused(`${quote(text)} must start with "/"`, `did you mean ${quote(`/${text}`)}?`)
  if (/[{}]/.test(text)) return refused('a {name} segment is not supported yet')
  const prefix = text.endsWith('/*')
  const path = prefix ? text.slice(0, -1) : text
  const problem = checkPath(text, path)
  if (problem !== null) return problem
  // Requests are matched by their path in this form; a pattern in any other would never match.
  return accepted({ kind: prefix ? 'prefix' : 'exact', path: routingPath(path) ?? path })
}

function checkPath(text: string, path: string): Parsed<never> | null {
  for (let index = 0; index < path.length; index++) {
    const character = path[index]!
    if (PLAIN.test(character)) continue
    if (character === '%' && /^%[0-9A-Fa-f]{2}$/.test(path.slice(index, index + 3))) continue
    return refusedCharacter(text, character)
  }
  if (path.split('/').some(segment => /^(\.|%2e){1,2}$/i.test(segment))) {
    return refused(`${quote(text)} has a "." or ".." segment`)
  }
  return null
}

function refusedCharacter(text: string, character: string): Parsed<never> {
  switch (character) {
    case '*':
      return refused(`${quote(text)} has "*" where only a final "/*" may stand`)
    case '?':
      return refused(`${quote(text)} has a query; a path ends before "?"`)
    case '#':
      return refused(`${quote(text)} has a fragment; a path ends before "#"`)
    case '%':
      return refused(`${quote(text)} has "%" without two hexadecimal digits`)
    default:
      return refused(`${quote(text)} has ${quote(character)}, which must be percent-encoded`, encodedHint(text))
  }
}

function encodedHint(text: string): string {
  // A lone surrogate has no encoding; the message alone must do.
  return text.isWellFormed() ? `write ${quote(encodeURI(text))}` : ''
}
