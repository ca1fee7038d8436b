/**
 * Routes that have changed places so that it matters. The order of the configuration decides between two routes only where
 * everything else of the precedence is equal and both can match the same request.
 */
import { compileMatches } from '../../engine/routing/compiled-match.ts'
import { type Place, placesOf } from '../../engine/routing/precedence.ts'
import type { Condition, RouteMatch, RouteSnapshot, Snapshot } from '../../engine/snapshot.ts'
import type { ModelChange } from './model-diff.ts'

/** Pairs of routes that are looked at for a group of equals. Past it those that are looked at have to do. */
const PAIRS_MAX = 1_000_000

/** Regular expressions have to be prepared. Those that have only been added or removed move nobody. */
export function findMoves(before: Snapshot, after: Snapshot): ModelChange[] {
  const old = new Map(before.routes.map(({ name }, order) => [name, order]))
  const moves = new Map<string, string[]>()
  for (const group of groupsOfEquals(after)) {
    const known = group.filter(route => old.has(route.name))
    for (const [first, second] of swapped(known, old)) {
      if (!mayMeet(first.match, second.match)) continue
      const others = moves.get(first.name) ?? []
      if (!others.includes(second.name)) moves.set(first.name, [...others, second.name])
    }
  }
  return [...moves].map(([name, others]) => {
    const names = listed(others)
    return { kind: 'moved', path: `routes[${name}]`, before: `behind ${names}`, after: `before ${names}` }
  })
}

const NAMES_MAX = 5

function listed(names: readonly string[]): string {
  const left = names.length - NAMES_MAX
  return left > 0 ? `${names.slice(0, NAMES_MAX).join(', ')} and ${left} more` : names.join(', ')
}

/** Routes between which nothing but their order decides, as far as hosts, paths and conditions are counted; in their order. */
function groupsOfEquals({ routes }: Snapshot): Iterable<readonly RouteSnapshot[]> {
  const groups = new Map<string, RouteSnapshot[]>()
  for (const [order, match] of compileMatches(routes).entries()) {
    for (const place of placesOf(match, order)) {
      const key = rankOf(place)
      const group = groups.get(key)
      const route = routes[order] as RouteSnapshot
      if (group === undefined) groups.set(key, [route])
      else group.push(route)
    }
  }
  return groups.values()
}

/** Hosts of the same kind that are not the same text have no request in common; nor have such paths. */
function rankOf({ match, host, pathKey }: Place): string {
  const hostText = host === null ? '' : typeof host === 'string' ? host : '~'
  const { path } = match.match
  const pathText = path.kind === 'regex' ? '~' : match.path.text.replaceAll(/\{[^}]*\}/g, '{}')
  return JSON.stringify([match.priority, hostText, pathKey, pathText, match.condition?.leaves ?? 0])
}

/** Pairs of which the first stood behind the second. */
function* swapped(
  group: readonly RouteSnapshot[],
  old: ReadonlyMap<string, number>,
): Generator<readonly [RouteSnapshot, RouteSnapshot]> {
  const placeOf = ({ name }: RouteSnapshot) => old.get(name) as number
  // Mostly nothing has moved.
  if (group.every((route, index) => index === 0 || placeOf(group[index - 1] as RouteSnapshot) <= placeOf(route))) return
  let pairs = 0
  for (const [index, first] of group.entries()) {
    for (const second of group.slice(index + 1)) {
      if (pairs++ > PAIRS_MAX) return
      if (placeOf(first) > placeOf(second)) yield [first, second]
    }
  }
}

/** False where no request can be for both; where that is not easily seen, true. */
function mayMeet(a: RouteMatch, b: RouteMatch): boolean {
  const [one, other] = [a.listeners, b.listeners]
  if (one !== null && other !== null && !one.some(listener => other.includes(listener))) return false
  return !a.conditions.some(condition => b.conditions.some(another => exclude(condition, another)))
}

function exclude(a: Condition, b: Condition): boolean {
  if (a.kind === 'method' && b.kind === 'method') return !a.methods.some(method => b.methods.includes(method))
  // Of a header there is one value; of query fields and cookies there may be several.
  if (a.kind !== 'header' || b.kind !== 'header' || a.name !== b.name) return false
  if (a.test.kind === 'exact' && b.test.kind === 'exact') return a.test.text !== b.test.text
  return (a.test.kind === 'absent') !== (b.test.kind === 'absent')
}
