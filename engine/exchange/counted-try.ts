/** What is counted for a try on an endpoint, and what the endpoint's health learns from it: of requests, and of their copies. */
import { stampOf } from '../shared/clock.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { GOOD, type Outcome } from '../upstream/health/outcome.ts'
import { observeFirstByte, observeResponse } from '../upstream/latency.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { WorkerContext } from './worker-context.ts'

const TOO_MANY_REQUESTS = 429

const RUNNING = 0
/** Health knows how it went. */
const SETTLED = 1
const ENDED = 2

export class CountedTry {
  readonly worker: WorkerContext
  readonly upstream: Upstream
  readonly endpoint: Endpoint
  readonly session: ClientSession
  #state = RUNNING
  /** How health has let it in: bits of `AS_PROBE` and `AS_TRIAL`. */
  readonly #entry: number
  /** It is one of the tries of the upstream's half-open circuit. */
  readonly #isTrial: boolean
  /** Since when it is the endpoint's turn: while the client still sends, it is not the endpoint that takes its time. */
  #since: number
  /** From the request's end to the response's beginning; -1 before that. */
  firstByteUs = -1
  /** Of the response; 0 before it has come. */
  status = 0

  /** Takes over the entry that `upstream.choose` has left. `startedAt` is `performance.now()` when the try begins. */
  constructor(
    worker: WorkerContext,
    upstream: Upstream,
    endpoint: Endpoint,
    session: ClientSession,
    isTrial: boolean,
    startedAt: number,
  ) {
    this.worker = worker
    this.upstream = upstream
    this.endpoint = endpoint
    this.session = session
    this.#entry = upstream.health.entry
    upstream.health.entry = 0
    this.#isTrial = isTrial
    this.#since = startedAt
    const { inFlight } = worker.row
    const { column } = endpoint
    inFlight[column] = (inFlight[column] as number) + 1
  }

  /** Statuses that are failures of the endpoint because another one is asked for them. */
  get retriedStatuses(): readonly number[] {
    return this.upstream.settings.retry.statuses
  }

  /** The response is one that another endpoint is asked for: a failure of this one, if it is any. */
  protected get isAskedElsewhere(): boolean {
    const { retriedStatuses, status } = this
    // That something is forbidden, or not there, is no failure of the endpoint, whoever is asked next (as in nginx).
    const mayCount = status >= 500 || status === TOO_MANY_REQUESTS
    return retriedStatuses.length > 0 && mayCount && retriedStatuses.includes(status)
  }

  /** All of the request has come from the client, later than the try began. */
  restartClock(): void {
    if (this.upstream.isMeasured && this.session.open) this.#since = performance.now()
  }

  /** Microseconds that it has been the endpoint's turn; `nowMs` is `performance.now()`. */
  elapsedUs(nowMs: number): number {
    return (nowMs - this.#since) * 1000
  }

  /** The head of the response has come. */
  responded(status: number, nowMs: number): void {
    this.firstByteUs = this.elapsedUs(nowMs)
    this.status = status
  }

  /** The response is whole. */
  responseEnded(outcome: Outcome, nowMs: number): void {
    this.end(outcome, nowMs)
    if (this.upstream.isTimed && this.status < 500) {
      observeResponse(this.worker.shared.page.endpointCells, this.endpoint.column, this.elapsedUs(nowMs))
    }
  }

  /** It is over: `outcome` as in `settle`, `nowMs` is `performance.now()`. Only the first call counts. @hotpath */
  end(outcome: Outcome | null, nowMs: number): void {
    if (this.#state === ENDED) return
    this.settle(outcome, nowMs)
    this.#state = ENDED
    const { inFlight } = this.worker.row
    const { column } = this.endpoint
    inFlight[column] = (inFlight[column] as number) - 1
    // A session does so itself, unless a tunnel had its connection.
    if (this.session.closed) this.session.givePermitBack()
  }

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
    const { upstream, worker } = this
    const stamp = stampOf(nowMs)
    const counts = this.isAskedElsewhere
    if (outcome === GOOD) {
      if (upstream.isTimed) {
        observeFirstByte(worker.shared.page.endpointCells, this.endpoint.column, this.firstByteUs, stamp)
      }
      if (upstream.firstBytes !== null) upstream.firstBytes.observe(this.firstByteUs, nowMs)
    }
    upstream.health.observe(this.endpoint, outcome, this.#entry, counts, this.firstByteUs, stamp, stampOf(this.#since))
    if (upstream.circuit === null) return
    const change = upstream.circuit.observe(this.#isTrial, outcome !== GOOD, this.firstByteUs, stamp)
    if (change !== '') upstream.health.circuitChanged('', change, outcome)
  }
}
