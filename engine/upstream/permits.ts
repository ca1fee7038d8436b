/**
 * The limit on connections to one endpoint, over all workers: each open connection holds a permit, from the dial to the
 * close. The count is one shared cell, raised by compare-and-exchange, so that it never passes the limit, not by one. What
 * this worker holds stands in its row, so that it can be given back when the worker dies.
 */
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../shared/endpoint-cells.ts'
import type { StatePage, StateRow } from '../shared/state-page.ts'

export class Permits {
  /** 0 for no limit. */
  max: number
  readonly #cells: Int32Array
  readonly #cell: number
  readonly #row: StateRow
  readonly #column: number

  constructor(page: StatePage, row: StateRow, column: number, max: number) {
    this.max = max
    this.#cells = page.endpointCells
    this.#cell = column * ENDPOINT_CELLS + CONNECTIONS_USED
    this.#row = row
    this.#column = column
  }

  get isFull(): boolean {
    return this.max > 0 && (this.#cells[this.#cell] as number) >= this.max
  }

  /** False when none is left. */
  take(): boolean {
    let used = Atomics.load(this.#cells, this.#cell)
    while (used < this.max || this.max === 0) {
      const seen = Atomics.compareExchange(this.#cells, this.#cell, used, used + 1)
      if (seen === used) {
        this.#hold(1)
        return true
      }
      used = seen
    }
    return false
  }

  giveBack(): void {
    this.#hold(-1)
    Atomics.sub(this.#cells, this.#cell, 1)
  }

  #hold(change: number): void {
    const { connections } = this.#row
    connections[this.#column] = (connections[this.#column] as number) + change
  }
}
