/**
 * Routes that can never take a request, because another one that comes first takes all that they could. Only what can be
 * known for sure is told: one route alone has to do it, and expressions are compared by their text.
 */
import type { HostPattern, PathMatch, PathSegment } from '../snapshot.ts'
import { type CompiledMatch, compileMatches, type MatchedRoute } from './compiled-match.ts'
import { isWildcard } from './host-pattern.ts'
import { segmentsOf } from './path-pattern.ts'
import { comparePlaces, type Place, placesOf } from './precedence.ts'
import { takeOverlong } from './regex.ts'

/**
 * By the index of each such route, that of the first one that shadows it. `listeners` is how many there are. Regular
 * expressions have to be valid, and the library loaded.
 */
export function shadowedBy(routes: readonly MatchedRoute[], listeners: number): Map<number, number> {
  const contenders = compileMatches(routes).map((match, order) => new Contender(match, order, listeners))
  rankConditions(contenders)
  const groups = new HostGroups(contenders.toSorted(compareContenders))
  const shadows = new Map<number, number>()
  for (const contender of contenders) {
    const shadow = firstShadow(contender, groups)
    if (shadow !== null) shadows.set(contender.order, shadow.order)
  }
  takeOverlong()
  return shadows
}

class Contender {
  readonly order: number
  readonly match: CompiledMatch
  readonly places: readonly Place[]
  readonly listeners: ReadonlySet<number>
  readonly conditions: ReadonlySet<string>
  /** The one of its conditions that the fewest routes have; `null` for a route without any. */
  rarest: string | null = null

  constructor(match: CompiledMatch, order: number, listeners: number) {
    this.order = order
    this.match = match
    this.places = placesOf(match, order)
    this.listeners = new Set(match.match.listeners ?? Array.from({ length: listeners }, (_, index) => index))
    this.conditions = new Set(match.match.conditions.map(condition => JSON.stringify(condition)))
  }

  /** Takes all that `other` could, and comes before it. */
  shadows(other: Contender): boolean {
    return (
      this !== other &&
      other.conditions.isSupersetOf(this.conditions) &&
      this.listeners.isSupersetOf(other.listeners) &&
      coversPath(this.match, other.match.match.path) &&
      other.places.every(place => this.places.some(own => coversHost(own, place.host) && comparePlaces(own, place) < 0))
    )
  }
}

function rankConditions(contenders: readonly Contender[]): void {
  const counts = new Map<string, number>()
  for (const { conditions } of contenders) {
    for (const condition of conditions) counts.set(condition, (counts.get(condition) ?? 0) + 1)
  }
  const countOf = (condition: string) => counts.get(condition) ?? 0
  for (const contender of contenders) {
    for (const condition of contender.conditions) {
      if (contender.rarest === null || countOf(condition) < countOf(contender.rarest)) contender.rarest = condition
    }
  }
}

function firstShadow(contender: Contender, groups: HostGroups): Contender | null {
  let first: Contender | null = null
  for (const group of groups.covering(contender.places[0] as Place)) {
    for (const candidates of group.covering(contender)) {
      for (const candidate of candidates) {
        // They come in their order: none of those behind could be the first.
        if (first !== null && compareContenders(first, candidate) <= 0) break
        if (candidate.shadows(contender)) first = candidate
      }
    }
  }
  return first
}

function compareContenders(a: Contender, b: Contender): number {
  return comparePlaces(a.places[0] as Place, b.places[0] as Place)
}

// Hosts.

const ANY_HOST = ''

function hostKey(host: HostPattern | null): string {
  if (host === null) return ANY_HOST
  return typeof host === 'string' ? host : `~${host.regex}`
}

class HostGroups {
  readonly #byKey = new Map<string, HostGroup>()
  readonly #expressions = new Set<string>()

  /** In the order of precedence. */
  constructor(contenders: readonly Contender[]) {
    for (const contender of contenders) {
      for (const { host } of contender.places) this.#groupOf(hostKey(host)).add(contender)
    }
  }

  #groupOf(key: string): HostGroup {
    let group = this.#byKey.get(key)
    if (group === undefined) {
      group = new HostGroup()
      this.#byKey.set(key, group)
      if (key.startsWith('~')) this.#expressions.add(key)
    }
    return group
  }

  /** Those whose host covers that of `place`. */
  covering({ host }: Place): HostGroup[] {
    const keys = new Set([ANY_HOST, hostKey(host)])
    if (typeof host === 'string') {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) keys.add(`*${host.slice(dot)}`)
      if (!isWildcard(host) && this.#expressions.size <= EXPRESSIONS_MAX) {
        for (const key of this.#expressions) keys.add(key)
      }
    }
    return [...keys].flatMap(key => this.#byKey.get(key) ?? [])
  }
}

/** Past it, what an expression takes of exact hosts or paths is not looked at: with thousands of both it would take minutes. */
const EXPRESSIONS_MAX = 100

function coversHost(own: Place, host: HostPattern | null): boolean {
  if (own.host === null) return true
  if (host === null) return false
  if (hostKey(own.host) === hostKey(host)) return true
  if (typeof host !== 'string') return false
  if (!isWildcard(host)) return own.hostTest?.matches(host) ?? false
  return typeof own.host === 'string' && isWildcard(own.host) && host.endsWith(own.host.slice(1))
}

// Paths.

function coversPath({ match: { path: own }, path: pattern }: CompiledMatch, path: PathMatch): boolean {
  if (path.kind === 'exact') return pattern.matches(path.path)
  if (own.kind === 'regex') return path.kind === 'regex' && own.regex === path.regex
  if (own.kind === 'exact') return false
  const segments = segmentsOf(own)
  if (path.kind === 'regex') return segments.length === 0 && own.kind === 'prefix'
  return coversSegments(segments, hasRest(own), segmentsOf(path), hasRest(path))
}

function coversSegments(
  own: readonly PathSegment[],
  ownRest: boolean,
  others: readonly PathSegment[],
  othersRest: boolean,
): boolean {
  if (ownRest ? others.length < own.length : others.length !== own.length || othersRest) return false
  return own.every((segment, index) => coversSegment(segment, others[index] as PathSegment))
}

function coversSegment(own: PathSegment, other: PathSegment): boolean {
  return typeof own === 'string' ? own === other : other !== ''
}

function hasRest(path: Extract<PathMatch, { kind: 'prefix' | 'template' }>): boolean {
  return path.kind === 'prefix' || path.rest
}

/** Routes of a host by the shape of their path, so that not every one has to be compared with every other. */
class HostGroup {
  readonly #root = new ShapeNode()
  readonly #exact = new Map<string, Pile>()
  readonly #regexes = new Map<string, Pile>()

  add(contender: Contender): void {
    const { path } = contender.match.match
    if (path.kind === 'exact') pileIn(this.#exact, path.path).add(contender)
    else if (path.kind === 'regex') pileIn(this.#regexes, path.regex).add(contender)
    else this.#root.descend(segmentsOf(path)).pile.add(contender)
  }

  /** All that could cover the path and the conditions of `contender`. */
  *covering({ match, conditions }: Contender): Generator<readonly Contender[]> {
    for (const pile of this.#pilesFor(match.match.path)) yield* pile.covering(conditions)
  }

  *#pilesFor(path: PathMatch): Generator<Pile> {
    if (path.kind === 'regex') {
      yield pileIn(this.#regexes, path.regex)
      yield this.#root.pile
    } else if (path.kind === 'exact') {
      yield pileIn(this.#exact, path.path)
      if (this.#regexes.size <= EXPRESSIONS_MAX) yield* this.#regexes.values()
      yield* this.#root.covering(path.path.slice(1).split('/'))
    } else {
      yield* this.#root.covering(segmentsOf(path))
    }
  }
}

/** Prefixes and templates by their segments. */
class ShapeNode {
  readonly pile = new Pile()
  readonly #literals = new Map<string, ShapeNode>()
  #name: ShapeNode | null = null

  descend(segments: readonly PathSegment[]): ShapeNode {
    return segments.reduce<ShapeNode>((node, segment) => node.#child(segment), this)
  }

  #child(segment: PathSegment): ShapeNode {
    if (typeof segment !== 'string') {
      this.#name ??= new ShapeNode()
      return this.#name
    }
    const child = this.#literals.get(segment) ?? new ShapeNode()
    this.#literals.set(segment, child)
    return child
  }

  /** Those with as many of the segments, or fewer. */
  *covering(segments: readonly PathSegment[]): Generator<Pile> {
    const nodes: [ShapeNode, number][] = [[this, 0]]
    for (let next = nodes.pop(); next !== undefined; next = nodes.pop()) {
      const [node, depth] = next
      yield node.pile
      const segment = segments[depth]
      if (segment === undefined) continue
      const literal = typeof segment === 'string' ? node.#literals.get(segment) : undefined
      for (const child of [literal, node.#name]) if (child) nodes.push([child, depth + 1])
    }
  }
}

/** Routes with paths of one shape, by the rarest of their conditions: it has to be among those of a route that they shadow. */
class Pile {
  readonly #unconditional: Contender[] = []
  readonly #byCondition = new Map<string, Contender[]>()

  add(contender: Contender): void {
    const { rarest } = contender
    if (rarest === null) {
      this.#unconditional.push(contender)
      return
    }
    const list = this.#byCondition.get(rarest)
    if (list === undefined) this.#byCondition.set(rarest, [contender])
    else list.push(contender)
  }

  /** Lists, each in the order in which they were added. */
  *covering(conditions: ReadonlySet<string>): Generator<readonly Contender[]> {
    yield this.#unconditional
    for (const condition of conditions) yield this.#byCondition.get(condition) ?? []
  }
}

function pileIn(piles: Map<string, Pile>, key: string): Pile {
  const pile = piles.get(key) ?? new Pile()
  piles.set(key, pile)
  return pile
}
