/**
 * What tries beyond the first may cost, over all workers: each request puts a share of a try in, each extra try takes a
 * whole one out. So however much fails, there are never more extra tries than that share of the requests, but for a small
 * reserve that lets an upstream with little traffic try again at all. What is saved up is bounded by what can fail at
 * once: the requests under way.
 */
import { until } from '../shared/clock.ts'

/** A try, in the unit of the cells. */
const TRY = 1000

/** Extra tries that are always saved up for, however few requests are under way. */
const RESERVE = 10

/** Milliseconds in which one of the reserve comes back by itself. */
const TRICKLE_MS = 10_000

/** What a request puts in, for `share` tries of 0 to 1 for each. */
export function depositOf(share: number): number {
  return Math.round(share * TRY)
}

export class Budget {
  readonly #cells: Int32Array
  readonly #tokens: number
  readonly #trickleAt: number
  readonly #share: number

  /** `tokens` and `trickleAt` are places in `cells`; `share` is 0 to 1. */
  constructor(cells: Int32Array, tokens: number, trickleAt: number, share: number) {
    this.#cells = cells
    this.#tokens = tokens
    this.#trickleAt = trickleAt
    this.#share = depositOf(share)
  }

  /** Fills the reserve; once, before any worker begins. */
  fill(): void {
    Atomics.store(this.#cells, this.#tokens, RESERVE * TRY)
  }

  /** A request begins; `active` are those under way. `deposit` is for one that puts in another share (`depositOf`). @hotpath */
  deposit(active: number, deposit: number = this.#share): void {
    const limit = (active > RESERVE ? active : RESERVE) * TRY
    if ((this.#cells[this.#tokens] as number) < limit) Atomics.add(this.#cells, this.#tokens, deposit)
  }

  /** Takes out one try. False when there is none. */
  withdraw(stamp: number): boolean {
    const cells = this.#cells
    this.#trickle(stamp)
    let tokens = Atomics.load(cells, this.#tokens)
    while (tokens >= TRY) {
      const seen = Atomics.compareExchange(cells, this.#tokens, tokens, tokens - TRY)
      if (seen === tokens) return true
      tokens = seen
    }
    return false
  }

  /** Puts back what was taken out for a try that has come to nothing before it was made. */
  giveBack(): void {
    Atomics.add(this.#cells, this.#tokens, TRY)
  }

  #trickle(stamp: number): void {
    const cells = this.#cells
    const last = Atomics.load(cells, this.#trickleAt)
    if (last !== 0 && until(stamp, last) < TRICKLE_MS) return
    if (Atomics.compareExchange(cells, this.#trickleAt, last, stamp || 1) !== last || last === 0) return
    if (Atomics.load(cells, this.#tokens) < RESERVE * TRY) Atomics.add(cells, this.#tokens, TRY)
  }
}
