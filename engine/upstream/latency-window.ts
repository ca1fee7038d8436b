/**
 * The 95th percentile of an upstream's recent times to the first byte, as one worker has seen them: when a hedged
 * request's second try begins.
 *
 * Times are counted in the buckets of a histogram, two of them that take turns: one fills for ten seconds, the other
 * holds the ten seconds before. So a time counts for at least ten seconds and for twenty at most, and forgetting costs
 * one clearing every ten seconds.
 */
import { bucketOf, HISTOGRAM_BUCKETS, percentile } from '../shared/histogram.ts'

/** Milliseconds after which the two histograms change places. */
const TURN_MS = 10_000

/** Milliseconds for which a percentile is not worked out anew. */
const KEPT_MS = 1_000

/** Times below which there is no percentile: with 20 it is the second longest, with fewer it would be the longest. */
const SAMPLES_MIN = 20

const SHARE = 0.95

export class LatencyWindow {
  #current = new Uint32Array(HISTOGRAM_BUCKETS)
  #previous = new Uint32Array(HISTOGRAM_BUCKETS)
  /** Their sum, where a percentile is worked out. */
  readonly #both = new Uint32Array(HISTOGRAM_BUCKETS)
  #currentCount = 0
  #previousCount = 0
  /** When the histograms change places next. */
  #turnAtMs = Number.NEGATIVE_INFINITY
  #p95Us = -1
  #p95UntilMs = Number.NEGATIVE_INFINITY

  /** Counts a time to the first byte. `nowMs` is `performance.now()`, read by the caller. @hotpath */
  observe(firstByteUs: number, nowMs: number): void {
    if (nowMs >= this.#turnAtMs) this.#turn(nowMs)
    const bucket = bucketOf(firstByteUs)
    this.#current[bucket] = (this.#current[bucket] as number) + 1
    this.#currentCount += 1
  }

  /**
   * Microseconds that 95 % of the recent times do not exceed, up to 3 % too much and never too little; -1 as long as
   * there are too few of them. As it was up to a second ago. @hotpath
   */
  p95Us(nowMs: number): number {
    if (nowMs >= this.#turnAtMs) this.#turn(nowMs)
    if (this.#currentCount + this.#previousCount < SAMPLES_MIN) return -1
    if (this.#p95Us < 0 || nowMs >= this.#p95UntilMs) {
      this.#p95Us = this.#percentile()
      this.#p95UntilMs = nowMs + KEPT_MS
    }
    return this.#p95Us
  }

  #turn(nowMs: number): void {
    const cleared = this.#previous
    cleared.fill(0)
    this.#previous = this.#current
    this.#current = cleared
    this.#previousCount = this.#currentCount
    this.#currentCount = 0
    // Nothing was asked or told for a whole turn: the times that have just become the previous ones are older than that.
    if (nowMs >= this.#turnAtMs + TURN_MS && this.#previousCount > 0) {
      this.#previous.fill(0)
      this.#previousCount = 0
    }
    this.#turnAtMs = nowMs + TURN_MS
  }

  #percentile(): number {
    const both = this.#both
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
      both[bucket] = (this.#current[bucket] as number) + (this.#previous[bucket] as number)
    }
    return percentile(both, SHARE)
  }
}
