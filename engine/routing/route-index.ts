/** Everything that a listener's routes match, laid out to be searched: what they have in common is looked at once. */
import type { PathMatch } from '../snapshot.ts'
import type { CompiledHost } from './host-pattern.ts'
import { HostTable } from './host-table.ts'
import type { PathPattern } from './path-pattern.ts'
import { PathTable, type RankedPath } from './path-table.ts'
import type { Place } from './precedence.ts'
import { NO_RANK, RankLists } from './rank.ts'
import type { RoutedRequest } from './request.ts'

interface RegexHost {
  readonly host: CompiledHost
  readonly root: number
  readonly rankMin: number
}

interface RegexPath {
  readonly path: PathPattern
  /** Routes that differ in something else. */
  readonly list: number
  readonly rankMin: number
}

/** What one host has, by rank. */
interface HostPaths {
  readonly place: Place
  readonly rankMin: number
  readonly paths: RankedPath[]
  /** Ranks by expression. */
  readonly regexes: Map<string, [PathPattern, number[]]>
}

export class RouteIndex {
  readonly #lists: RankLists
  readonly #hosts: HostTable
  readonly #paths: PathTable
  /** By the rank of the best route of each. */
  readonly #regexHosts: readonly RegexHost[]
  /** By the root of the tree, each by the rank of the best route; `null` where there is none at all. */
  readonly #regexPaths: ReadonlyMap<number, readonly RegexPath[]> | null
  /** The root of the tree for any host; -1 for none. */
  readonly #anyHost: number

  /** `places` by rank. */
  constructor(places: readonly Place[]) {
    this.#lists = new RankLists(places.map(place => place.match.condition))
    const hosts = groupByHost(places)
    this.#paths = new PathTable(
      hosts.map(({ paths }) => paths),
      this.#lists,
    )
    const rooted = hosts.map((host, index) => ({ ...host, root: this.#paths.roots[index] as number }))
    const named = rooted.filter(({ place }) => typeof place.host === 'string')
    this.#hosts = new HostTable(
      named.map(({ place }) => place.host as string),
      named.map(({ root }) => root),
    )
    const others = rooted.filter(({ place }) => place.host !== null && typeof place.host !== 'string')
    this.#regexHosts = others.map(({ place, root, rankMin }) => ({
      host: place.hostTest as CompiledHost,
      root,
      rankMin,
    }))
    this.#anyHost = rooted.find(({ place }) => place.host === null)?.root ?? -1
    const withRegexes = rooted.filter(({ regexes }) => regexes.size > 0)
    this.#regexPaths =
      withRegexes.length === 0 ? null : new Map(withRegexes.map(host => [host.root, this.#regexesOf(host)]))
  }

  #regexesOf({ regexes }: HostPaths): RegexPath[] {
    return [...regexes.values()].map(([path, ranks]) => {
      return { path, list: this.#lists.add(ranks), rankMin: ranks[0] ?? NO_RANK }
    })
  }

  /** `NO_RANK` where nothing matches. @hotpath */
  find(request: RoutedRequest): number {
    let best = NO_RANK
    const { found } = this.#hosts
    const count = this.#hosts.find(request)
    for (let index = 0; index < count; index += 1) best = this.#findIn(found[index] as number, request, best)
    for (let index = 0; index < this.#regexHosts.length; index += 1) {
      const { host, root, rankMin } = this.#regexHosts[index] as RegexHost
      if (rankMin >= best) break
      if (host.matches(request.host)) best = this.#findIn(root, request, best)
    }
    return this.#anyHost < 0 ? best : this.#findIn(this.#anyHost, request, best)
  }

  #findIn(root: number, request: RoutedRequest, limit: number): number {
    let best = this.#paths.find(root, request, limit)
    const regexes = this.#regexPaths?.get(root)
    if (regexes === undefined) return best
    for (let index = 0; index < regexes.length; index += 1) {
      const { path, list, rankMin } = regexes[index] as RegexPath
      if (rankMin >= best) break
      if (path.matches(request.path)) best = this.#lists.first(list, request, best)
    }
    return best
  }
}

/** In the order of the best route of each. */
function groupByHost(places: readonly Place[]): HostPaths[] {
  const hosts = new Map<string, HostPaths>()
  for (const [rank, place] of places.entries()) {
    const { host } = place
    const key = host === null ? '' : typeof host === 'string' ? host : `~${host.regex}`
    let known = hosts.get(key)
    if (known === undefined) {
      known = { place, rankMin: rank, paths: [], regexes: new Map() }
      hosts.set(key, known)
    }
    addPath(known, place.match.match.path, place.match.path, rank)
  }
  return [...hosts.values()]
}

function addPath({ paths, regexes }: HostPaths, path: PathMatch, pattern: PathPattern, rank: number): void {
  if (path.kind !== 'regex') {
    paths.push({ path, rank })
    return
  }
  const known = regexes.get(path.regex)
  if (known === undefined) regexes.set(path.regex, [pattern, [rank]])
  else known[1].push(rank)
}
