import { percentile } from '../../engine/shared/histogram.ts'
import type { LiveCounts } from './live-page.ts'
import type { CoursePoint } from './result.ts'

/** The run in slices of time, from looks at what the threads have counted so far. */

/** Past this, neighbours become one: a long run is described as coarsely as a plot can show it. */
const SLICES_MAX = 400

interface Slice {
  atMs: number
  counts: LiveCounts
}

export class Course {
  #looks: Slice[] = []
  /** The latest look, where it was not kept. */
  #last: Slice | null = null
  #skipped = 0
  /** Of how many looks one is kept. */
  #step = 1

  /** @param counts Since measuring began; they are kept, not copied. */
  look(atMs: number, counts: LiveCounts): void {
    this.#skipped += 1
    this.#last = { atMs, counts }
    if (this.#skipped < this.#step) return
    this.#skipped = 0
    this.#last = null
    this.#looks.push({ atMs, counts })
    if (this.#looks.length < SLICES_MAX) return
    this.#looks = this.#looks.filter((_, index) => index % 2 === 1)
    this.#step *= 2
  }

  points(): CoursePoint[] {
    const looks = this.#last === null ? this.#looks : [...this.#looks, this.#last]
    return looks.map(({ atMs, counts }, index) => {
      const before = looks[index - 1]?.counts
      const buckets = counts.buckets.map((count, bucket) => count - (before?.buckets[bucket] ?? 0))
      return {
        atMs: Math.round(atMs),
        answered: counts.answered - (before?.answered ?? 0),
        failed: counts.failed - (before?.failed ?? 0),
        latencyUsP50: percentile(buckets, 0.5),
        latencyUsP99: percentile(buckets, 0.99),
      }
    })
  }
}
