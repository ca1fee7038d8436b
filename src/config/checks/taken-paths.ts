import type { PathMatch } from '../../../engine/snapshot.ts'

/** Templates that a path is compared with: in a configuration of thousands, most of what can be seen is seen so, too. */
const COMPARED_MAX = 1_000_000

/** Which paths the routes of a configuration take, whatever else they ask for. */
export class TakenPaths {
  /** How many patterns there are of each. */
  readonly #exact = new Map<string, number>()
  readonly #prefixes = new Map<string, number>()
  readonly #templates: PathMatch[] = []
  /** How many patterns there are below each `/a/b/`, as far as names and expressions do not hide it. */
  readonly #below = new Map<string, number>()
  #hasRegexes = false
  #compared = 0

  constructor(patterns: readonly PathMatch[]) {
    for (const pattern of patterns) {
      if (pattern.kind === 'template') this.#templates.push(pattern)
      if (pattern.kind === 'regex') this.#hasRegexes = true
      if (pattern.kind === 'exact') count(this.#exact, pattern.path)
      if (pattern.kind === 'prefix') count(this.#prefixes, pattern.path)
      for (const folder of prefixesOf(literalOf(pattern))) count(this.#below, folder)
    }
  }

  hasPrefix(path: string): boolean {
    return this.#prefixes.has(path)
  }

  /** Whether something takes what is below `/a/`, other than `/a/` alone and what takes everything. */
  hasBelow(path: string): boolean {
    return (this.#below.get(path) ?? 0) > (this.#exact.get(path) ?? 0)
  }

  /** Whether another pattern that may well come before `own` takes a path which `own` takes. */
  isTakenBefore(own: PathMatch, path: string): boolean {
    // Which of the paths an expression takes is not asked: thousands of them would take too long.
    if (this.#hasRegexes && own.kind !== 'exact') return true
    const exact = this.#exact.get(path) ?? 0
    if (own.kind === 'exact') return exact > 1
    if (exact > 0) return true
    this.#compared += this.#templates.length
    if (this.#compared > COMPARED_MAX) return true
    if (this.#templates.some(template => template !== own && takes(template, path))) return true
    if (own.kind !== 'prefix') return false
    const longer = prefixesOf(path).some(prefix => prefix.length > own.path.length && this.#prefixes.has(prefix))
    return longer || (this.#prefixes.get(own.path) ?? 0) > 1
  }
}

function count(counts: Map<string, number>, path: string): void {
  counts.set(path, (counts.get(path) ?? 0) + 1)
}

/** What of it is text, from its beginning. */
function literalOf(pattern: PathMatch): string {
  if (pattern.kind === 'regex') return ''
  if (pattern.kind !== 'template') return pattern.path
  const names = pattern.segments.findIndex(segment => typeof segment !== 'string')
  return `/${pattern.segments.slice(0, names).join('/')}${names > 0 ? '/' : ''}`
}

/** `/` and `/a/` of `/a/b`. */
function prefixesOf(path: string): string[] {
  const prefixes: string[] = []
  const text = path.slice(0, PREFIXED_MAX)
  for (let slash = text.indexOf('/'); slash >= 0; slash = text.indexOf('/', slash + 1)) {
    prefixes.push(text.slice(0, slash + 1))
  }
  return prefixes
}

/** Characters of a path whose prefixes are looked at: no request has a longer one. */
const PREFIXED_MAX = 8192

/** Whether a pattern takes a path; never said of regular expressions. */
export function takes(pattern: PathMatch, path: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return path === pattern.path
    case 'prefix':
      return path.startsWith(pattern.path) || `${path}/` === pattern.path
    case 'regex':
      return false
    case 'template': {
      const segments = path.slice(1).split('/')
      const { length } = pattern.segments
      if (pattern.rest ? segments.length < length : segments.length !== length) return false
      return pattern.segments.every((segment, index) => typeof segment !== 'string' || segment === segments[index])
    }
  }
}
