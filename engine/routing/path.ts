/** Paths as routes see them: without query, dot segments resolved, needless percent-encoding undone. */

/** Neither an encoded byte nor a dot segment nor a query: the path is what it says. */
const PLAIN = /^(?:\/(?!\.)[^%?#/]*)+$/

/**
 * The path of an origin-form target for matching (RFC 3986, section 6.2.2); `null` when it climbs above the root.
 * What goes upstream is the target as it came.
 */
export function routingPath(target: string): string | null {
  if (PLAIN.test(target)) return target
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  if (!path.startsWith('/')) return path === '*' ? '/' : `/${path}`
  return removeDotSegments(decodeUnreserved(path))
}

function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/%[0-9a-f]{2}/gi, encoded => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase()
  })
}

function removeDotSegments(path: string): string | null {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..') {
      if (kept.pop() === undefined) return null
      if (isLast) kept.push('')
    } else if (segment === '.') {
      if (isLast) kept.push('')
    } else {
      kept.push(segment)
    }
  }
  return `/${kept.join('/')}`
}
