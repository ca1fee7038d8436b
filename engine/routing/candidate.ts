/** Every route beside the one that was found, and what each has against the request: for people who ask why. */
import type { Place } from './precedence.ts'
import type { RoutedRequest } from './request.ts'

export interface Candidate<R> {
  readonly route: R
  /** Of the route, in the configuration. */
  readonly order: number
  readonly matches: boolean
  /** What does not hold, in the order of host, path and conditions, each with what was wanted and what was found. */
  readonly failed: readonly string[]
  /** Of one that matches, but not as the first: why that goes before it. Else empty. */
  readonly behind: string
}

export interface RankedPlace {
  readonly place: Place
  readonly rank: number
}

/** For each route the place that it has for this request: that of its host that fits. In their order. `places` by rank. */
export function placesFor(request: RoutedRequest, places: readonly Place[]): RankedPlace[] {
  const ranks = new Map<number, number>()
  for (const [rank, place] of places.entries()) {
    const known = ranks.get(place.order)
    const isBetter = known === undefined || (!fitsHost(places[known] as Place, request) && fitsHost(place, request))
    if (isBetter) ranks.set(place.order, rank)
  }
  return [...ranks.values()].sort((a, b) => a - b).map(rank => ({ place: places[rank] as Place, rank }))
}

function fitsHost({ hostTest }: Place, request: RoutedRequest): boolean {
  return hostTest === null || hostTest.matches(request.host)
}

export function judge(place: Place, request: RoutedRequest): Pick<Candidate<unknown>, 'matches' | 'failed'> {
  const { hosts, path, conditions } = place.match
  const failed: string[] = []
  if (!fitsHost(place, request)) {
    const wanted = (hosts ?? []).map(host => host.text).join(' or ')
    failed.push(`host: wanted ${wanted}, found ${request.host || 'none'}`)
  }
  if (!path.matches(request.path)) failed.push(`path: wanted ${path.text}, found ${request.path}`)
  for (const condition of conditions) {
    const { holds, text } = condition.explain(request)
    if (!holds) failed.push(text)
  }
  return { matches: failed.length === 0, failed }
}
