/** What a bench's process says: one line of JSON for each bench. */

export interface BenchRow {
  /** `http1/message-parser: bare request`. */
  readonly name: string
  /** Time of one operation: the median of the samples, and the quarter of them below and above. */
  readonly nanoseconds: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
  /** Bytes of the heap that one operation takes. */
  readonly heapBytes: number
}

export interface FailedRow {
  readonly name: string
  /** Why the bench does not run, in one line. */
  readonly failure: string
}

/** `2.41 µs`, aligned by its unit. */
export function formatTime(nanoseconds: number): string {
  if (nanoseconds < 1_000) return `${nanoseconds.toFixed(1)} ns`
  if (nanoseconds < 1_000_000) return `${(nanoseconds / 1_000).toFixed(2)} µs`
  return `${(nanoseconds / 1_000_000).toFixed(2)} ms`
}

export function formatRow(row: BenchRow): string {
  const spread = (row.upperQuartile - row.lowerQuartile) / row.nanoseconds / 2
  const bytes = row.heapBytes < 0.5 ? '0 B' : `${Math.round(row.heapBytes)} B`
  const time = formatTime(row.nanoseconds).padStart(10)
  return `${time} ±${(spread * 100).toFixed(0).padStart(3)} % ${bytes.padStart(9)}  ${row.name}`
}

export const ROW_HEADER = '      time  spread      heap  a call of'
