/** What changes in meaning from one configuration to another. */

import { prepareRegexes } from '../../engine/routing/regex.ts'
import type { CircuitFallback, Snapshot, UpstreamSnapshot } from '../../engine/snapshot.ts'
import { changesBetween } from '../../engine/threads/changes.ts'
import { isSame } from '../../engine/threads/same.ts'
import type { DiffSide } from './diff-side.ts'
import { diffModels, type ModelChange } from './model-diff.ts'
import { findRenames, renamed } from './renamed-routes.ts'
import { findMoves } from './route-order.ts'

export interface MeaningDiff {
  readonly changes: readonly ModelChange[]
  /** The first one with the names that its routes have in the second. */
  readonly before: DiffSide
}

export async function diffMeaning(old: DiffSide, next: DiffSide): Promise<MeaningDiff> {
  const renames = findRenames(old.snapshot, next.snapshot)
  const before = renamed(old, renames)
  await Promise.all([prepareRegexes(before.snapshot), prepareRegexes(next.snapshot)])
  const isUntouched = untouched(before, next)
  const changes: ModelChange[] = [
    ...diffModels(before.model, next.model).filter(({ path }) => !isUntouched(path)),
    ...[...renames].map(
      ([from, to]): ModelChange => ({ kind: 'renamed', path: `routes[${from}]`, before: from, after: to }),
    ),
    ...findMoves(before.snapshot, next.snapshot),
  ]
  return { changes, before }
}

/** Sections that are written in another way and come to the same, by the path of a change in them. */
function untouched(before: DiffSide, next: DiffSide): (path: string) => boolean {
  const { listeners, upstreams, routes } = changesBetween(before.snapshot, next.snapshot)
  const same = [
    ...listeners.kept.map(name => `listeners.${name}`),
    ...upstreams.kept
      .filter(name => hasSameFallback(name, before.snapshot, next.snapshot))
      .map(name => `upstreams.${name}`),
    ...routes.kept.map(name => `routes[${name}]`),
    ...(isSame(before.snapshot.errorPages, next.snapshot.errorPages) ? ['error_pages'] : []),
  ]
  const prefixes = new Set(same)
  return path => prefixesOf(path).some(prefix => prefixes.has(prefix))
}

/** `routes[x]`, `upstreams.x` or the first step. Names may have dots in them. */
function prefixesOf(path: string): string[] {
  const ends = [...path.matchAll(/[.[\]]|$/g)].map(({ index }) => index)
  return ends.flatMap(end => [path.slice(0, end), path.slice(0, end + 1)])
}

/** What an open circuit does instead is not looked at by `changesBetween`. */
function hasSameFallback(name: string, before: Snapshot, next: Snapshot): boolean {
  return isSame(fallbackOf(name, before), fallbackOf(name, next))
}

function fallbackOf(name: string, { upstreams, routes }: Snapshot): unknown {
  const upstream: UpstreamSnapshot | undefined = upstreams.find(one => one.name === name)
  const fallback: CircuitFallback | null = upstream?.circuitBreaker?.fallback ?? null
  return fallback?.kind === 'route' ? routes[fallback.route]?.name : fallback
}
