import { quote } from '../parsed.ts'
import { KnownNames } from './names.ts'
import { isMap, mapOf, type Report, type Section } from './written.ts'

/** Upstreams or routes of a ring that a message names. */
const SHOWN_MAX = 8

/** That routes which stand in for an upstream with an open circuit exist, and end somewhere else than in that circuit. */
export function checkFallbacks(upstreams: Section, routes: readonly Section[], report: Report): void {
  const upstreamOf = new Map<string, unknown>()
  for (const { name, upstream } of routes) if (typeof name === 'string') upstreamOf.set(name, upstream)
  const names = new KnownNames('route', upstreamOf.keys())
  /** The upstream that a route leads to which stands in for another. */
  const next = new Map<string, string>()
  for (const [upstream, section] of Object.entries(upstreams)) {
    const { route } = mapOf(mapOf(mapOf(section).circuit_breaker).fallback)
    if (!isMap(section) || typeof route !== 'string') continue
    names.check(route, pathOf(upstream), report)
    const other = upstreamOf.get(route)
    if (typeof other === 'string') next.set(upstream, other)
  }
  for (const [upstream, ring] of ringsOf(next)) {
    const message = `leads back to the upstream ${quote(upstream)}: ${wayRound(ring, upstream)}`
    report('fallback-loop', pathOf(upstream), message, 'name a route that answers by itself, or another upstream')
  }
}

/** That routes which take over from one another end somewhere. */
export function checkRouteFallbacks(routes: readonly Section[], report: Report): void {
  const placeOf = new Map<string, number>()
  const next = new Map<string, string>()
  for (const [index, { name, fallback }] of routes.entries()) {
    if (typeof name !== 'string' || placeOf.has(name)) continue
    placeOf.set(name, index)
    if (typeof fallback === 'string') next.set(name, fallback)
  }
  for (const [name, ring] of ringsOf(next)) {
    const message =
      ring.names.length === 1
        ? 'is the route itself'
        : `leads back to the route ${quote(name)}: ${wayRound(ring, name)}`
    const path = ['routes', placeOf.get(name) ?? 0, 'fallback']
    report('fallback-loop', path, message, 'name a route that answers by itself, or another upstream')
  }
}

function pathOf(upstream: string): string[] {
  return ['upstreams', upstream, 'circuit_breaker', 'fallback', 'route']
}

/** Upstreams or routes that stand in for each other in turn, and the place of each. */
interface Ring {
  readonly names: readonly string[]
  readonly places: ReadonlyMap<string, number>
}

/** Those whose way leads back to themselves. Each is passed once, however long the ways are. */
function ringsOf(next: ReadonlyMap<string, string>): Map<string, Ring> {
  const rings = new Map<string, Ring>()
  const passed = new Set<string>()
  for (const start of next.keys()) {
    const way: string[] = []
    let at: string | undefined = start
    for (; at !== undefined && !passed.has(at); at = next.get(at)) {
      passed.add(at)
      way.push(at)
    }
    const first = at === undefined ? -1 : way.indexOf(at)
    if (first < 0) continue
    const names = way.slice(first)
    const ring = { names, places: new Map(names.map((name, place) => [name, place])) }
    for (const name of names) rings.set(name, ring)
  }
  return rings
}

/** `a -> b -> a`; a long way without its middle. */
function wayRound({ names, places }: Ring, start: string): string {
  const from = places.get(start) ?? 0
  const length = Math.min(names.length, SHOWN_MAX)
  const shown = Array.from({ length }, (_, step) => names[(from + step) % names.length])
  return [...shown, ...(length < names.length ? ['...'] : []), start].join(' -> ')
}
