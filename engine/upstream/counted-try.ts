/** What is counted for a try on an endpoint, and what the endpoint's health learns from it: of requests, of their copies, of flows. */
import { stampOf } from '../shared/clock.ts'
import type { Endpoint, SharedState } from './endpoint.ts'
import { GOOD, type Outcome } from './health/outcome.ts'
import { observeFirstByte, observeResponse } from './latency.ts'
import type { Upstream } from './upstream.ts'

const RUNNING = 0
/** Health knows how it went. */
const SETTLED = 1
const ENDED = 2

export class CountedTry {
  readonly shared: SharedState
  readonly upstream: Upstream
  readonly endpoint: Endpoint
  #state = RUNNING
  /** How health has let it in: bits of `AS_PROBE` and `AS_TRIAL`. */
  readonly #entry: number
  /** It is one of the tries of the upstream's half-open circuit. */
  readonly #isTrial: boolean
  /** Since when it is the endpoint's turn: while the client still sends, it is not the endpoint that takes its time. */
  #since: number
  /** From the request's end to the response's beginning; -1 before that. */
  firstByteUs = -1

  /** Takes over the entry that `upstream.choose` has left. `startedAt` is `performance.now()` when the try begins. */
  constructor(shared: SharedState, upstream: Upstream, endpoint: Endpoint, isTrial: boolean, startedAt: number) {
    this.shared = shared
    this.upstream = upstream
    this.endpoint = endpoint
    this.#entry = upstream.health.entry
    upstream.health.entry = 0
    this.#isTrial = isTrial
    this.#since = startedAt
    const { inFlight } = shared.row
    const { column } = endpoint
    inFlight[column] = (inFlight[column] as number) + 1
  }

  /** A good answer is a failure of the endpoint all the same, because another one is asked for it. */
  protected get isAskedElsewhere(): boolean {
    return false
  }

  /** Health knows of it; what follows tells it nothing. */
  get isSettled(): boolean {
    return this.#state !== RUNNING
  }

  /** It was let in to show whether the endpoint, or the upstream, is back: somebody has to say so. */
  get isTest(): boolean {
    return this.#entry !== 0 || this.#isTrial
  }

  /** From here on it is the endpoint's turn; `nowMs` is `performance.now()`. */
  restartClock(nowMs: number): void {
    this.#since = nowMs
  }

  /** Microseconds that it has been the endpoint's turn; `nowMs` is `performance.now()`. */
  elapsedUs(nowMs: number): number {
    return (nowMs - this.#since) * 1000
  }

  /** The whole response has come: its time counts where balancers go by it. @hotpath */
  protected observeWhole(nowMs: number): void {
    if (!this.upstream.isTimed) return
    observeResponse(this.shared.page.endpointCells, this.endpoint.column, this.elapsedUs(nowMs))
  }

  /** It is over: `outcome` as in `settle`, `nowMs` is `performance.now()`. Only the first call counts. @hotpath */
  end(outcome: Outcome | null, nowMs: number): void {
    if (this.#state === ENDED) return
    this.settle(outcome, nowMs)
    this.#state = ENDED
    const { inFlight } = this.shared.row
    const { column } = this.endpoint
    inFlight[column] = (inFlight[column] as number) - 1
    this.ended()
  }

  /** It has been counted off. */
  protected ended(): void {}

  /**
   * Tells the endpoint's health how it went; `null` where that says nothing of the endpoint. Only the first call counts.
   * @hotpath
   */
  settle(outcome: Outcome | null, nowMs: number): void {
    if (this.#state !== RUNNING) return
    this.#state = SETTLED
    if (outcome === null) this.#leave(nowMs)
    else this.#observe(outcome, nowMs)
  }

  #leave(nowMs: number): void {
    const { upstream } = this
    if (this.#entry !== 0) upstream.health.leave(this.endpoint, this.#entry, stampOf(nowMs))
    if (this.#isTrial) upstream.circuit?.leave()
  }

  /** @hotpath */
  #observe(outcome: Outcome, nowMs: number): void {
    const { upstream, shared } = this
    const stamp = stampOf(nowMs)
    const counts = this.isAskedElsewhere
    // Flows may be good before anything has come.
    if (outcome === GOOD && this.firstByteUs >= 0) {
      if (upstream.isTimed) {
        observeFirstByte(shared.page.endpointCells, this.endpoint.column, this.firstByteUs, stamp)
      }
      if (upstream.firstBytes !== null) upstream.firstBytes.observe(this.firstByteUs, nowMs)
    }
    upstream.health.observe(this.endpoint, outcome, this.#entry, counts, this.firstByteUs, stamp, stampOf(this.#since))
    if (upstream.circuit === null) return
    const change = upstream.circuit.observe(this.#isTrial, outcome !== GOOD, this.firstByteUs, stamp)
    if (change !== '') upstream.health.circuitChanged('', change, outcome)
  }
}
