import { quote } from '../parsed.ts'
import { checkName } from './names.ts'
import { isMap, mapOf, type Report, type Section } from './written.ts'

/** That routes which stand in for an upstream with an open circuit exist, and end somewhere else than in that circuit. */
export function checkFallbacks(upstreams: Section, routes: readonly Section[], report: Report): void {
  const upstreamOf = new Map<string, unknown>()
  for (const { name, upstream } of routes) if (typeof name === 'string') upstreamOf.set(name, upstream)
  const names = new Set(upstreamOf.keys())
  const fallbackOf = (upstream: unknown): unknown => {
    const written = typeof upstream === 'string' && Object.hasOwn(upstreams, upstream) ? upstreams[upstream] : undefined
    return mapOf(mapOf(mapOf(written).circuit_breaker).fallback).route
  }
  for (const [upstream, section] of Object.entries(upstreams)) {
    const route = fallbackOf(upstream)
    if (!isMap(section) || typeof route !== 'string') continue
    const path = ['upstreams', upstream, 'circuit_breaker', 'fallback', 'route']
    checkName(route, names, 'route', path, report)
    const way = wayBack(upstream, route, name => upstreamOf.get(name), fallbackOf)
    if (way === null) continue
    const message = `leads back to the upstream ${quote(upstream)}: ${way.join(' -> ')}`
    report(path, message, 'name a route that answers by itself, or another upstream')
  }
}

/** The upstreams from an open circuit back to itself, or `null` where its fallbacks end elsewhere. */
function wayBack(
  start: string,
  route: string,
  upstreamOf: (route: string) => unknown,
  fallbackOf: (upstream: unknown) => unknown,
): string[] | null {
  const way = [start]
  const passed = new Set<string>()
  for (let next: unknown = route; typeof next === 'string'; next = fallbackOf(way.at(-1))) {
    const upstream = upstreamOf(next)
    if (typeof upstream !== 'string' || passed.has(upstream)) return null
    way.push(upstream)
    if (upstream === start) return way
    passed.add(upstream)
  }
  return null
}
