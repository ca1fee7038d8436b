/**
 * Finds the route of a request: by host (exact names by map, then the longest wildcard), then by path (exact by map,
 * then the longest prefix). Higher priority wins over all of that, then the more specific match, then the order given.
 */
import type { RouteSnapshot, Snapshot } from '../snapshot.ts'

interface Entry<R> {
  readonly route: R
  readonly host: string | null
  readonly exact: boolean
  readonly path: string
  readonly priority: number
  readonly order: number
}

/** All that one priority has, by host. */
interface Level<R> {
  readonly hosts: Map<string, PathTable<R>>
  /** Suffixes with their leading dot, longest first. */
  readonly wildcards: { readonly suffix: string; readonly table: PathTable<R> }[]
  readonly anyHost: PathTable<R> | null
}

export class Router<R> {
  readonly #levels: Level<R>[]
  /** The answer to everything, where one route without conditions comes first. */
  readonly only: R | null

  /** `compiled[i]` is what the router answers for `snapshot.routes[i]`. */
  constructor(snapshot: Snapshot, listener: number, compiled: readonly R[]) {
    const entries: Entry<R>[] = []
    for (const [order, route] of snapshot.routes.entries()) {
      if (route.match.listeners !== null && !route.match.listeners.includes(listener)) continue
      for (const host of route.match.hosts ?? [null]) entries.push(entryOf(route, host, compiled[order] as R, order))
    }
    entries.sort(bySpecificity)
    const first = entries[0]
    const isCatchAll = first !== undefined && first.host === null && !first.exact && first.path === '/'
    this.only = isCatchAll && entries.every(entry => entry.priority <= first.priority) ? first.route : null
    const priorities = [...new Set(entries.map(entry => entry.priority))]
    this.#levels = priorities.map(priority => buildLevel(entries.filter(entry => entry.priority === priority)))
  }

  /** `host` in lower case and without port, `path` as `routingPath` gives it. */
  find(host: string, path: string): R | null {
    for (const level of this.#levels) {
      const route = findInLevel(level, host, path)
      if (route !== null) return route
    }
    return null
  }
}

function entryOf<R>(route: RouteSnapshot, host: string | null, compiled: R, order: number): Entry<R> {
  const { path } = route.match
  return { route: compiled, host, exact: path.kind === 'exact', path: path.path, priority: route.priority, order }
}

function bySpecificity<R>(a: Entry<R>, b: Entry<R>): number {
  return (
    b.priority - a.priority ||
    hostRank(b.host) - hostRank(a.host) ||
    Number(b.exact) - Number(a.exact) ||
    b.path.length - a.path.length ||
    a.order - b.order
  )
}

/** An exact name over a wildcard, a longer wildcard over a shorter one, any of them over none. */
function hostRank(host: string | null): number {
  if (host === null) return 0
  return host.startsWith('*.') ? host.length : 1000 + host.length
}

function buildLevel<R>(entries: readonly Entry<R>[]): Level<R> {
  const byHost = new Map<string | null, Entry<R>[]>()
  for (const entry of entries) {
    const list = byHost.get(entry.host)
    if (list === undefined) byHost.set(entry.host, [entry])
    else list.push(entry)
  }
  const hosts = new Map<string, PathTable<R>>()
  const wildcards: { suffix: string; table: PathTable<R> }[] = []
  for (const [host, list] of byHost) {
    if (host === null) continue
    const table = new PathTable(list)
    if (host.startsWith('*.')) wildcards.push({ suffix: host.slice(1), table })
    else hosts.set(host, table)
  }
  wildcards.sort((a, b) => b.suffix.length - a.suffix.length)
  const any = byHost.get(null)
  return { hosts, wildcards, anyHost: any === undefined ? null : new PathTable(any) }
}

function findInLevel<R>(level: Level<R>, host: string, path: string): R | null {
  const exact = level.hosts.get(host)?.find(path) ?? null
  if (exact !== null) return exact
  for (const { suffix, table } of level.wildcards) {
    if (!host.endsWith(suffix) || host.length === suffix.length) continue
    const route = table.find(path)
    if (route !== null) return route
  }
  return level.anyHost?.find(path) ?? null
}

/** The paths of one host. */
class PathTable<R> {
  readonly #exact = new Map<string, R>()
  /** By prefix, each with its slash at the end. */
  readonly #prefixes = new Map<string, R>()
  /** Lengths of the prefixes, longest first: one look-up for each that the path is long enough for. */
  readonly #lengths: readonly number[]

  constructor(entries: readonly Entry<R>[]) {
    // Entries come sorted: the first of equals is the one that counts.
    for (const entry of entries) {
      const table = entry.exact ? this.#exact : this.#prefixes
      if (!table.has(entry.path)) table.set(entry.path, entry.route)
    }
    this.#lengths = [...new Set([...this.#prefixes.keys()].map(prefix => prefix.length))].sort((a, b) => b - a)
  }

  find(path: string): R | null {
    const exact = this.#exact.get(path)
    if (exact !== undefined) return exact
    for (const length of this.#lengths) {
      // `/users/` matches `/users` as well.
      const prefix = path.length === length - 1 ? `${path}/` : path.slice(0, length)
      const route = prefix.length === length ? this.#prefixes.get(prefix) : undefined
      if (route !== undefined) return route
    }
    return null
  }
}
