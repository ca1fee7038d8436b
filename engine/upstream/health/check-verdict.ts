/**
 * Whether an endpoint counts as healthy, by the results of its checks: so many in a row that say otherwise change it.
 * Only the first check of an endpoint that starts as unhealthy is different: if it passes, that is enough, so that
 * nobody waits for several intervals after a start (as in Envoy, and as HAProxy's `init-state down`). One that starts as
 * healthy is not taken down by a single failure either (HAProxy's `fully-up`).
 */
export class CheckVerdict {
  readonly #healthyThreshold: number
  readonly #unhealthyThreshold: number
  #healthy: boolean
  #isFirst = true
  /** Results in a row that say otherwise. */
  #against = 0

  constructor(start: 'healthy' | 'unhealthy', healthyThreshold: number, unhealthyThreshold: number) {
    this.#healthy = start === 'healthy'
    this.#healthyThreshold = healthyThreshold
    this.#unhealthyThreshold = unhealthyThreshold
  }

  get healthy(): boolean {
    return this.#healthy
  }

  /** Takes the result of a check. True when it has changed `healthy`. */
  take(passed: boolean): boolean {
    const wanted = passed ? (this.#isFirst ? 1 : this.#healthyThreshold) : this.#unhealthyThreshold
    this.#isFirst = false
    this.#against = passed === this.#healthy ? 0 : this.#against + 1
    if (this.#against === 0 || this.#against < wanted) return false
    this.#healthy = passed
    this.#against = 0
    return true
  }
}
