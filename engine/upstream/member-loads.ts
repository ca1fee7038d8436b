/** What balancers know of how busy and how fast members are: read from the state page, over all workers. */
import { ENDPOINT_CELLS, PEAK_AT } from '../shared/endpoint-cells.ts'
import { ageOf } from './latency.ts'
import type { Members } from './members.ts'

export class MemberLoads {
  readonly #columns: Int32Array
  /** In-flight counts of all workers: a worker's row begins `#stride` cells behind the last one's. */
  readonly #counts: Int32Array
  readonly #stride: number
  /** The endpoints' cells of the whole page. */
  readonly #cells: Int32Array

  /** `rows` are the in-flight rows of all workers, as they lie in a state page: in one buffer, at equal distances. */
  constructor(members: Members, rows: readonly Int32Array[], cells: Int32Array) {
    this.#columns = members.columns
    this.#cells = cells
    this.#stride = strideOf(rows)
    const [first = new Int32Array(0)] = rows
    const length = first.length + Math.max(0, rows.length - 1) * this.#stride
    this.#counts = new Int32Array(first.buffer, first.byteOffset, length)
  }

  /** Requests under way at a member. @hotpath */
  requests(place: number): number {
    const counts = this.#counts
    const stride = this.#stride
    let at = this.#columns[place] as number
    let sum = counts[at] as number
    at += stride
    for (; at + stride < counts.length; at += stride + stride) {
      sum += (counts[at] as number) + (counts[at + stride] as number)
    }
    return at < counts.length ? sum + (counts[at] as number) : sum
  }

  /** An average in microseconds, by its cell: `FIRST_BYTE_US`, `RESPONSE_US` or `PEAK_US`; 0 for nothing measured. @hotpath */
  timeUs(place: number, cell: number): number {
    return this.#cells[(this.#columns[place] as number) * ENDPOINT_CELLS + cell] as number
  }

  /** Milliseconds since it was last measured, more or less; `stamp` is the shared clock's. @hotpath */
  ageMs(place: number, stamp: number): number {
    return ageOf(this.#cells[(this.#columns[place] as number) * ENDPOINT_CELLS + PEAK_AT] as number, stamp)
  }
}

/** Cells from one row to the next; more than a row has where there is only one. */
function strideOf(rows: readonly Int32Array[]): number {
  const [first, second] = rows
  if (first === undefined || second === undefined) return (first?.length ?? 0) + 1
  const bytes = second.byteOffset - first.byteOffset
  const areEven = rows.every(
    (row, index) => row.buffer === first.buffer && row.byteOffset === first.byteOffset + index * bytes,
  )
  if (!areEven || bytes < first.byteLength)
    throw new Error('the rows of in-flight counts are not those of one state page')
  return bytes / 4
}
