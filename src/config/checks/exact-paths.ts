import type { PathMatch } from '../../../engine/snapshot.ts'
import { quote } from '../parsed.ts'
import { parsePathPrefix } from '../path.ts'
import type { KeyPath } from '../positions.ts'
import type { TakenPaths } from './taken-paths.ts'
import { isMap, keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** Paths that are exact where a prefix was probably meant: in other proxies a path without a wildcard is a prefix. */

/** How often each upstream, and files, are used by routes. */
export class Uses {
  readonly #counts = new Map<string, number>()

  constructor(routes: readonly unknown[]) {
    for (const route of routes) {
      for (const key of usesOf(mapOf(route))) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    }
  }

  /** Whether another route leads where this one does. */
  isShared(route: Section): boolean {
    return usesOf(route).some(key => (this.#counts.get(key) ?? 0) > 1)
  }
}

function usesOf(route: Section): string[] {
  const upstreams = [route.upstream, ...listOf(route.split).map(target => mapOf(target).upstream)]
  const names = new Set(upstreams.filter(name => typeof name === 'string'))
  return [...[...names].map(name => `upstream ${name}`), ...(isMap(route.files) ? ['files'] : [])]
}

export function checkExact(
  route: Section,
  pattern: PathMatch,
  taken: TakenPaths,
  uses: Uses,
  path: KeyPath,
  report: Report,
): void {
  if (pattern.kind !== 'exact' || keysIn(route, ['upstream', 'split', 'files']).length === 0) return
  if (pattern.path.endsWith('/')) checkSlash(route, pattern.path, taken, uses, path, report)
  else checkPrefixMeant(route, pattern.path, taken, path, report)
}

/** `/api/`, which is a prefix elsewhere, where nothing else takes what is below it. */
function checkSlash(
  route: Section,
  pattern: string,
  taken: TakenPaths,
  uses: Uses,
  path: KeyPath,
  report: Report,
): void {
  // A page of its own for "/" is usual; an upstream that is asked for nothing else is not.
  const isMeant = pattern === '/' ? taken.hasPrefix('/') || uses.isShared(route) : taken.hasBelow(pattern)
  if (isMeant) return
  const message = `${quote(pattern)} is this path alone, and nothing below it`
  report('exact-slash', [...path, 'match', 'path'], message, `did you mean ${quote(`${pattern}*`)}?`)
}

/** A path of which all is taken off as a prefix, or a folder of which one path alone is served. */
function checkPrefixMeant(route: Section, pattern: string, taken: TakenPaths, path: KeyPath, report: Report): void {
  const written = mapOf(route.files).strip_prefix ?? mapOf(route.rewrite).strip_prefix
  const prefix = typeof written === 'string' ? parsePathPrefix(written) : null
  const isStripped = prefix?.ok === true && prefix.value === pattern
  const isFolder = isMap(route.files) && !/[.][^/]*$/.test(pattern)
  if ((!isStripped && !isFolder) || taken.hasBelow(`${pattern}/`)) return
  const message = `${quote(pattern)} is this path alone, and nothing below it`
  report('exact-prefix', [...path, 'match', 'path'], message, `did you mean ${quote(`${pattern}/*`)}?`)
}
