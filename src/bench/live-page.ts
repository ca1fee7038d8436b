import { bucketOf, HISTOGRAM_BUCKETS } from '../../engine/shared/histogram.ts'

/**
 * What a load thread has counted since measuring began, in shared memory: the main thread reads it for the progress
 * line and the course over time. Nothing is sent, so watching costs the load nothing. One writer; the histogram knows
 * a latency to about 3 %, and the result comes from finer ones.
 */

const ANSWERED = 0
const NON_2XX = 1
const FAILED = 2
const MEASURING = 3
const BUCKETS = 8

export function createLivePage(): SharedArrayBuffer {
  return new SharedArrayBuffer((BUCKETS + HISTOGRAM_BUCKETS) * Uint32Array.BYTES_PER_ELEMENT)
}

/** The thread's end of its page. */
export class LivePage {
  readonly #cells: Uint32Array

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Uint32Array(buffer)
  }

  beginMeasuring(): void {
    this.#cells[MEASURING] = 1
  }

  answered(status: number, latencyUs: number): void {
    this.#add(ANSWERED)
    if (status < 200 || status > 299) this.#add(NON_2XX)
    this.#add(BUCKETS + bucketOf(latencyUs))
  }

  failed(): void {
    this.#add(FAILED)
  }

  #add(cell: number): void {
    this.#cells[cell] = (this.#cells[cell] ?? 0) + 1
  }
}

/** The pages of all threads at one moment, added up. */
export interface LiveCounts {
  readonly isMeasuring: boolean
  readonly answered: number
  readonly non2xx: number
  readonly failed: number
  /** How many latencies are in each bucket of `engine/shared/histogram.ts`. */
  readonly buckets: Float64Array
}

export function readLivePages(pages: readonly SharedArrayBuffer[]): LiveCounts {
  const sums = new Float64Array(BUCKETS + HISTOGRAM_BUCKETS)
  for (const page of pages) {
    new Uint32Array(page).forEach((value, cell) => {
      sums[cell] = (sums[cell] ?? 0) + value
    })
  }
  return {
    isMeasuring: sums[MEASURING] === pages.length,
    answered: sums[ANSWERED] ?? 0,
    non2xx: sums[NON_2XX] ?? 0,
    failed: sums[FAILED] ?? 0,
    buckets: sums.subarray(BUCKETS),
  }
}
