/** Routes that have another name and are the same in everything else. */
import type { RouteSnapshot, Snapshot } from '../../engine/snapshot.ts'
import { withNames } from '../../engine/threads/changes.ts'
import { type DiffSide, type Model, routesOf } from './diff-side.ts'

/** By the old name. What routes fall back to does not count: it may have another name as well. */
export function findRenames(before: Snapshot, after: Snapshot): Map<string, string> {
  const [old, next] = [namesOf(before), namesOf(after)]
  const gone = before.routes.filter(({ name }) => !next.has(name))
  const come = new Map<string, string[]>()
  for (const route of after.routes) {
    if (old.has(route.name)) continue
    const key = contentOf(route, after)
    come.set(key, [...(come.get(key) ?? []), route.name])
  }
  const renames = new Map<string, string>()
  for (const route of gone) {
    const name = come.get(contentOf(route, before))?.shift()
    if (name !== undefined) renames.set(route.name, name)
  }
  return renames
}

function namesOf({ routes }: Snapshot): ReadonlySet<string> {
  return new Set(routes.map(({ name }) => name))
}

function contentOf(route: RouteSnapshot, snapshot: Snapshot): string {
  return JSON.stringify({ ...withNames(route, snapshot), name: '', fallback: '' })
}

/** The same with the new names. */
export function renamed(side: DiffSide, renames: ReadonlyMap<string, string>): DiffSide {
  if (renames.size === 0) return side
  const { model, snapshot } = side
  const nameOf = (name: unknown) => (typeof name === 'string' ? (renames.get(name) ?? name) : name)
  const routes = routesOf(model).map(route => ({
    ...route,
    name: nameOf(route.name),
    ...(route.fallback === undefined ? {} : { fallback: nameOf(route.fallback) }),
  }))
  return {
    ...side,
    model: { ...model, routes, upstreams: withFallbacks(model.upstreams, nameOf) },
    snapshot: {
      ...snapshot,
      routes: snapshot.routes.map(route => ({ ...route, name: renames.get(route.name) ?? route.name })),
    },
  }
}

/** Open circuits may have a route to fall back to, too. */
function withFallbacks(upstreams: unknown, nameOf: (name: unknown) => unknown): unknown {
  if (!isMap(upstreams)) return upstreams
  return Object.fromEntries(
    Object.entries(upstreams).map(([name, upstream]) => {
      const breaker = isMap(upstream) ? upstream.circuit_breaker : undefined
      const fallback = isMap(breaker) ? breaker.fallback : undefined
      if (!isMap(upstream) || !isMap(breaker) || !isMap(fallback) || fallback.route === undefined) {
        return [name, upstream]
      }
      const circuit = { ...breaker, fallback: { ...fallback, route: nameOf(fallback.route) } }
      return [name, { ...upstream, circuit_breaker: circuit }]
    }),
  )
}

function isMap(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
