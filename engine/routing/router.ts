/**
 * Finds the route of a request. Every route of the listener has a rank in one total order (`precedence.ts`); of those that
 * match, the one with the lowest takes the request. Hosts are found by a table, paths by trees, and whatever could not be
 * better than what was found is not looked at: what it takes does not grow with the number of routes.
 */
import type { Snapshot } from '../snapshot.ts'
import { type Candidate, judge, placesFor } from './candidate.ts'
import { compileMatches } from './compiled-match.ts'
import type { PathPattern } from './path-pattern.ts'
import { comparePlaces, type Place, placesOf, whyBefore } from './precedence.ts'
import { NO_RANK } from './rank.ts'
import { takeOverlong } from './regex.ts'
import type { RoutedRequest } from './request.ts'
import { RouteIndex } from './route-index.ts'

export type { Candidate } from './candidate.ts'

export class Router<R> {
  readonly #index: RouteIndex
  /** By rank. */
  readonly #places: readonly Place[]
  readonly #routes: readonly R[]
  readonly #paths: readonly PathPattern[]
  /** The first route has no conditions: it takes everything. */
  readonly #hasOnly: boolean

  /**
   * `compiled[i]` is what the router answers for `snapshot.routes[i]`. Where a route has a regular expression,
   * `prepareRegexes` has to have been awaited.
   */
  constructor(snapshot: Snapshot, listener: number, compiled: readonly R[]) {
    const places: Place[] = []
    for (const [order, match] of compileMatches(snapshot.routes).entries()) {
      const { listeners } = match.match
      if (listeners === null || listeners.includes(listener)) places.push(...placesOf(match, order))
    }
    places.sort(comparePlaces)
    this.#places = places
    this.#routes = places.map(({ order }) => compiled[order] as R)
    this.#paths = places.map(({ match }) => match.path)
    this.#index = new RouteIndex(places)
    const [first] = places
    this.#hasOnly = first !== undefined && takesEverything(first)
  }

  /** The route of every request, where that is one and the same. */
  get only(): R | null {
    return this.#hasOnly ? (this.#routes[0] as R) : null
  }

  /**
   * `null` where none matches, and where a text is too long for an expression (`request.isOverlong`). The request's path has to
   * have been read; it knows then what the route has caught. @hotpath
   */
  find(request: RoutedRequest): R | null {
    const rank = this.#hasOnly ? 0 : this.#index.find(request)
    request.isOverlong = takeOverlong()
    if (rank === NO_RANK || request.isOverlong) return null
    request.captor = this.#paths[rank] as PathPattern
    return this.#routes[rank] as R
  }

  /**
   * Every route of the listener with what it has against the request, in the order of precedence: the first that matches
   * is what `find` finds. By the same predicates, each of which is asked.
   */
  candidates(request: RoutedRequest): Candidate<R>[] {
    let first: Place | null = null
    const candidates = placesFor(request, this.#places).map(({ place, rank }) => {
      const { matches, failed } = judge(place, request)
      const behind = matches && first !== null ? whyBefore(first, place) : ''
      if (matches) first ??= place
      return { route: this.#routes[rank] as R, order: place.order, matches, failed, behind }
    })
    takeOverlong()
    return candidates
  }
}

function takesEverything({ host, match }: Place): boolean {
  const { path } = match.match
  return host === null && path.kind === 'prefix' && path.path === '/' && match.condition === null
}
