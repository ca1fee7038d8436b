/**
 * The columns of one upstream by their addresses. Two configurations of it that follow each other have the same column for
 * the same address, and with it its health, its counts and what is wanted of it by hand.
 */
import type { Columns } from './columns.ts'

export interface Lease {
  /** -1 where there was none left. */
  readonly column: number
  /** Nobody has had it so far: its cells are all zero. */
  readonly isNew: boolean
}

interface Leased {
  readonly address: string
  holders: number
}

export class ColumnLeases {
  readonly #columns: Columns
  readonly #leased = new Map<number, Leased>()
  readonly #byAddress = new Map<string, number[]>()

  constructor(columns: Columns) {
    this.#columns = columns
  }

  /** `own` are those that the taker has: one upstream may have an address twice, as two endpoints. */
  take(address: string, own: ReadonlySet<number>): Lease {
    const known = this.#byAddress.get(address)?.find(column => !own.has(column))
    if (known !== undefined) {
      const leased = this.#leased.get(known) as Leased
      leased.holders += 1
      return { column: known, isNew: false }
    }
    const column = this.#columns.take()
    if (column < 0) return { column, isNew: false }
    this.#leased.set(column, { address, holders: 1 })
    const all = this.#byAddress.get(address)
    if (all === undefined) this.#byAddress.set(address, [column])
    else all.push(column)
    return { column, isNew: true }
  }

  /** True when nobody has it any more: it is to be retired once the workers know. */
  give(column: number): boolean {
    const leased = this.#leased.get(column)
    if (leased === undefined) return false
    leased.holders -= 1
    if (leased.holders > 0) return false
    this.#leased.delete(column)
    const others = this.#byAddress.get(leased.address)?.filter(other => other !== column) ?? []
    if (others.length === 0) this.#byAddress.delete(leased.address)
    else this.#byAddress.set(leased.address, others)
    return true
  }

  /** Another configuration has it too. */
  isShared(column: number): boolean {
    return (this.#leased.get(column)?.holders ?? 0) > 1
  }

  retire(columns: readonly number[]): void {
    for (const column of columns) this.#columns.retire(column)
  }
}
