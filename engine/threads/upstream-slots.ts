/** Which cells of the state page belong to which upstream: one keeps its slot for life, wherever it stands in a snapshot. */
import type { StatePage } from '../shared/state-page.ts'

export class UpstreamSlots {
  readonly #page: StatePage
  /** Those from here on were never taken. */
  #fresh = 0
  readonly #free: number[] = []

  constructor(page: StatePage) {
    this.#page = page
  }

  /** How many there are in all. */
  get count(): number {
    return this.#page.size.upstreams
  }

  /** How many were ever taken. */
  get used(): number {
    return this.#fresh
  }

  /** A slot whose cells are all zero; -1 when there is none. */
  take(): number {
    return this.#free.pop() ?? (this.#fresh < this.count ? this.#fresh++ : -1)
  }

  /** No worker knows its upstream any more. */
  give(slot: number): void {
    this.#page.clearUpstream(slot)
    this.#free.push(slot)
  }
}
