/** What a route matches, made ready once for all listeners of a snapshot. */
import type { Condition, RouteMatch, RouteSnapshot } from '../snapshot.ts'
import { type CompiledCondition, compileCondition, compileConditions } from './conditions.ts'
import { type CompiledHost, compileHost } from './host-pattern.ts'
import { compilePath, type PathPattern } from './path-pattern.ts'

/** What of a route says which requests it takes. */
export type MatchedRoute = Pick<RouteSnapshot, 'match' | 'priority'>

export interface CompiledMatch {
  readonly match: RouteMatch
  readonly priority: number
  /** `null` for any. */
  readonly hosts: readonly CompiledHost[] | null
  readonly path: PathPattern
  readonly conditions: readonly CompiledCondition[]
  /** All of them as one; `null` for none. */
  readonly condition: CompiledCondition | null
}

const compiledRoutes = new WeakMap<readonly MatchedRoute[], readonly CompiledMatch[]>()

/** In the order of the routes. The listeners of a snapshot share them. */
export function compileMatches(routes: readonly MatchedRoute[]): readonly CompiledMatch[] {
  const known = compiledRoutes.get(routes)
  if (known !== undefined) return known
  const hosts = new Shared(compileHost)
  const paths = new Shared(compilePath)
  const conditions = new Shared(compileList)
  const compiled = routes.map(({ match, priority }) => ({
    match,
    priority,
    hosts: match.hosts?.map(host => hosts.of(host)) ?? null,
    path: paths.of(match.path),
    ...conditions.of(match.conditions),
  }))
  compiledRoutes.set(routes, compiled)
  return compiled
}

function compileList(list: readonly Condition[]): Pick<CompiledMatch, 'conditions' | 'condition'> {
  return { conditions: list.map(compileCondition), condition: list.length === 0 ? null : compileConditions(list) }
}

/** Routes that say the same share what it is compiled to: less to keep, and less to fetch when it is asked. */
class Shared<Written, Compiled> {
  readonly #known = new Map<string, Compiled>()
  readonly #compile: (written: Written) => Compiled

  constructor(compile: (written: Written) => Compiled) {
    this.#compile = compile
  }

  of(written: Written): Compiled {
    const key = JSON.stringify(written)
    let known = this.#known.get(key)
    if (known === undefined) {
      known = this.#compile(written)
      this.#known.set(key, known)
    }
    return known
  }
}
