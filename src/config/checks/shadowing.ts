import { shadowedBy } from '../../../engine/routing/shadow.ts'
import type { RouteMatch } from '../../../engine/snapshot.ts'
import { compileMatch } from '../compile-match.ts'
import { jsonSchemaAt, propertiesOf } from '../json-schema.ts'
import { placesOf } from '../name-places.ts'
import { quote } from '../parsed.ts'
import { match as matchSchema } from '../schema/conditions.ts'
import { unsupportedKeysIn } from '../unsupported.ts'
import { contradictionIn } from './contradictions.ts'
import { checkExact, Uses } from './exact-paths.ts'
import { checkRedirect } from './redirect.ts'
import { TakenPaths } from './taken-paths.ts'
import { isMap, mapOf, type Report, type Section } from './written.ts'

/** What routes are to each other: one that takes everything of another, and paths that end where others go on. */

interface Candidate {
  readonly index: number
  readonly route: Section
  readonly match: RouteMatch
  readonly priority: number
}

export function checkShadowing(
  listeners: Section,
  upstreams: Section,
  routes: readonly unknown[],
  report: Report,
): void {
  const candidates = candidatesOf(listeners, routes)
  checkReachable(candidates, Object.keys(listeners).length, standIns(upstreams, routes), report)
  const taken = new TakenPaths(candidates.map(({ match }) => match.path))
  const uses = new Uses(routes)
  for (const { index, route, match } of candidates) {
    const path = ['routes', index]
    checkExact(route, match.path, taken, uses, path, report)
    checkRedirect(route, match.path, taken, path, report)
  }
}

const KEYS = new Set([...Object.keys(propertiesOf(jsonSchemaAt(['routes', 0]))), ...unsupportedKeysIn(['routes', 0])])

/** Routes whose match is right; the others are reported elsewhere. */
function candidatesOf(listeners: Section, routes: readonly unknown[]): Candidate[] {
  const places = placesOf(Object.keys(listeners))
  return routes.flatMap((route, index): Candidate[] => {
    // Of a route with a key that nobody knows, what it was meant to take is not known either.
    if (!isMap(route) || Object.keys(route).some(key => !KEYS.has(key))) return []
    if (route.match === null) return []
    const model = matchSchema.safeParse(route.match ?? {})
    if (!model.success || model.data.listeners?.some(name => !places.has(name))) return []
    const priority = typeof route.priority === 'number' ? route.priority : 0
    return [{ index, route, match: compileMatch({ ...model.data, listeners: model.data.listeners }, places), priority }]
  })
}

/** Names of routes that others fall back to: they have requests without matching them. */
function standIns(upstreams: Section, routes: readonly unknown[]): ReadonlySet<unknown> {
  const ofCircuits = Object.values(upstreams).map(
    upstream => mapOf(mapOf(mapOf(upstream).circuit_breaker).fallback).route,
  )
  return new Set([...ofCircuits, ...routes.map(route => mapOf(route).fallback)])
}

function checkReachable(
  candidates: readonly Candidate[],
  listeners: number,
  standIns: ReadonlySet<unknown>,
  report: Report,
): void {
  const shadows = shadowedBy(candidates, listeners)
  for (const [place, { index, match, route }] of candidates.entries()) {
    if (route.name !== undefined && standIns.has(route.name)) continue
    const contradiction = contradictionIn(match)
    if (contradiction !== null) {
      const message = `no request can fulfil all of its conditions: ${contradiction}`
      report('route-unreachable', ['routes', index, 'match'], message, 'take one of them out, or write "any"')
      continue
    }
    const shadow = candidates[shadows.get(place) ?? -1]
    if (shadow === undefined) continue
    const message = `can never match: ${nameOf(shadow)} takes every request that it would take`
    const hint = shadow.priority > (candidates[place]?.priority ?? 0) ? HIGHER : SAME
    report('route-shadowed', ['routes', index], message, hint, ['routes', shadow.index])
  }
}

const HIGHER = 'give it a higher priority, or take it out'
const SAME = 'narrow one of the two, put this one first, or take it out'

function nameOf({ index, route }: Candidate): string {
  return typeof route.name === 'string' ? `the route ${quote(route.name)}` : `routes[${index}]`
}
