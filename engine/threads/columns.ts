/**
 * Which columns of the state page belong to whom. One that is given up goes to somebody else only when no worker counts
 * in it any more.
 */
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'

/** Milliseconds between two looks at whether what runs on endpoints that are gone has ended. */
const SWEEP_MS = 200

export class Columns {
  readonly #page: StatePage
  /** Those from here on were never taken: they have cost no memory so far. */
  #fresh = 0
  readonly #free: number[] = []
  readonly #retired = new Set<number>()
  #sweeper: NodeJS.Timeout | null = null
  #closed = false

  constructor(page: StatePage) {
    this.#page = page
  }

  /** How many there are in all. */
  get count(): number {
    return this.#page.endpoints
  }

  /** How many were ever taken. */
  get used(): number {
    return this.#fresh
  }

  /** A column whose cells are all zero; -1 when there is none. */
  take(): number {
    if (this.#free.length === 0) this.#sweep()
    return this.#free.pop() ?? (this.#fresh < this.count ? this.#fresh++ : -1)
  }

  /** Its endpoint is gone, and every worker knows. */
  retire(column: number): void {
    this.#retired.add(column)
    if (!this.#closed) this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  #sweep(): void {
    for (const column of this.#retired) {
      if (this.#page.inFlight(column) !== 0) continue
      if (Atomics.load(this.#page.endpointCells, column * ENDPOINT_CELLS + CONNECTIONS_USED) !== 0) continue
      this.#retired.delete(column)
      this.#page.clearColumn(column)
      this.#free.push(column)
    }
    if (this.#retired.size === 0) this.#rest()
  }

  #rest(): void {
    if (this.#sweeper !== null) clearInterval(this.#sweeper)
    this.#sweeper = null
  }

  /** No timer is left, and none comes. */
  close(): void {
    this.#closed = true
    this.#rest()
  }
}
