/** Places of routes in the one order of a listener, from 0: the lowest that matches takes the request. */
import type { CompiledCondition } from './conditions.ts'
import type { RoutedRequest } from './request.ts'

/** Behind all. */
export const NO_RANK = 0x7fff_ffff

const UNCONDITIONAL = 0

/**
 * Lists of ranks in one array. A list with one route in it, which nearly all are, lies in its own number: so that nothing else
 * has to be fetched to know the route.
 *
 *     0           nothing
 *     above zero  one route: its rank, whether it has conditions, and 1
 *     below zero  several, from the position -n on
 */
export class RankLists {
  /** Each list is its ranks as above, and 0 behind them. */
  #entries: Int32Array
  #length = 1
  readonly #conditions: readonly (CompiledCondition | null)[]

  /** `conditions` by rank; `null` for none. */
  constructor(conditions: readonly (CompiledCondition | null)[]) {
    this.#entries = new Int32Array(2 * conditions.length + 1)
    this.#conditions = conditions
  }

  /** Keeps a list, sorted by rank. No rank is in two lists. */
  add(ranks: readonly number[]): number {
    const [first] = ranks
    if (first === undefined) return 0
    if (ranks.length === 1) return this.#codeOf(first)
    const start = this.#length
    for (const rank of ranks) this.#put(this.#codeOf(rank))
    this.#put(0)
    return -start
  }

  #put(value: number): void {
    this.#entries[this.#length] = value
    this.#length += 1
  }

  #codeOf(rank: number): number {
    return 2 * rank + (this.#conditions[rank] === null ? UNCONDITIONAL : 1) + 1
  }

  /** The first rank of the list whose route takes the request, if it is below `best`; else `best`. @hotpath */
  first(list: number, request: RoutedRequest, best: number): number {
    if (list > 0) return this.#takes(list, request, best) ? (list - 1) >> 1 : best
    const entries = this.#entries
    for (let at = -list; entries[at] !== 0; at += 1) {
      const code = entries[at] as number
      if ((code - 1) >> 1 >= best) return best
      if (this.#takes(code, request, best)) return (code - 1) >> 1
    }
    return best
  }

  #takes(code: number, request: RoutedRequest, best: number): boolean {
    const rank = (code - 1) >> 1
    if (rank >= best) return false
    return ((code - 1) & 1) === UNCONDITIONAL || (this.#conditions[rank] as CompiledCondition).holds(request)
  }
}
