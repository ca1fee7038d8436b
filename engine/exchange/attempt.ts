/**
 * One try of a request on one endpoint: what its session calls, what is counted for it, and what the endpoint's health
 * learns from it.
 */
import type { Head } from '../http1/head.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import { stampOf } from '../shared/clock.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { GOOD, type Outcome, outcomeOfStatus } from '../upstream/health/outcome.ts'
import { observeFirstByte, observeResponse } from '../upstream/latency.ts'
import type { RequestFate, ResponseReceiver, SessionError } from '../upstream/response-receiver.ts'
import type { Forward } from './forward.ts'

const TOO_MANY_REQUESTS = 429

const RUNNING = 0
/** Health knows how it went. */
const SETTLED = 1
const ENDED = 2

export class Attempt implements ResponseReceiver, TimerTarget {
  readonly #forward: Forward
  readonly endpoint: Endpoint
  readonly session: ClientSession
  requestStart = 0
  requestEnd = 0
  #state = RUNNING
  /** How health has let it in: bits of `AS_PROBE` and `AS_TRIAL`. */
  readonly #entry: number
  /** It is one of the tries of the upstream's half-open circuit. */
  readonly #isTrial: boolean
  /** Since when it is the endpoint's turn: while the client still sends, it is not the endpoint that takes its time. */
  #since: number
  /** Microseconds to open the connection; 0 on one that was open, -1 as long as it is not. */
  connectUs: number
  /** From the request's end to the response's beginning; -1 before that. */
  firstByteUs = -1
  #status = 0
  #timer: Timer | null = null

  /** `startedAt` is `performance.now()` when the try begins. */
  constructor(
    forward: Forward,
    endpoint: Endpoint,
    session: ClientSession,
    entry: number,
    isTrial: boolean,
    startedAt: number,
  ) {
    this.#forward = forward
    this.endpoint = endpoint
    this.session = session
    this.#entry = entry
    this.#isTrial = isTrial
    this.#since = startedAt
    this.connectUs = session.open ? 0 : -1
    const { inFlight } = forward.worker.row
    const { column } = endpoint
    inFlight[column] = (inFlight[column] as number) + 1
    const { perTryMs } = forward.upstream.settings.retry
    if (perTryMs > 0) this.#limit(perTryMs)
  }

  get isHead(): boolean {
    return this.#forward.exchange.isHead
  }

  get wantsUpgrade(): boolean {
    return this.#forward.exchange.wantsUpgrade
  }

  get responseTimeoutMs(): number {
    return this.#forward.responseTimeoutMs
  }

  get idleMs(): number {
    return this.#forward.upstream.settings.timeouts.idleMs
  }

  get replayBytesMax(): number {
    return this.#forward.isRepeatable ? this.#forward.upstream.settings.retry.contentBytesMax : 0
  }

  #limit(milliseconds: number): void {
    const { wheel } = this.#forward.worker.net
    this.#timer ??= new Timer(this)
    wheel.refresh()
    wheel.set(this.#timer, milliseconds)
  }

  #unlimit(): void {
    if (this.#timer !== null) this.#forward.worker.net.wheel.clear(this.#timer)
  }

  /** All of the request has come from the client, later than the try began. */
  requestWhole(): void {
    const { isMeasured, settings } = this.#forward.upstream
    if (isMeasured && this.session.open) this.#since = performance.now()
    if (this.#timer !== null) this.#limit(settings.retry.perTryMs)
  }

  onConnected(): void {
    this.connectUs = this.elapsedUs(performance.now())
  }

  onRequestDrain(): void {
    this.#forward.requestDrained(this)
  }

  onInterim(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    this.#forward.responseWriter(this).sendInterim(head, facts)
  }

  onResponseHead(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    const now = performance.now()
    this.#forward.worker.net.wheel.observe(now)
    this.#responded(facts.status, now)
    this.#forward.onResponseHead(this, head, facts, now)
  }

  #responded(status: number, nowMs: number): void {
    this.firstByteUs = this.elapsedUs(nowMs)
    this.#status = status
    this.#unlimit()
  }

  onResponseContent(session: ClientSession, start: number, end: number, slot: Slot | null): void {
    if (!this.#forward.exchange.downstream.response.sendContent(start, end, slot)) session.pause()
  }

  onResponseFlush(session: ClientSession): void {
    if (!this.#forward.exchange.downstream.response.flush()) session.pause()
  }

  onResponseEnd(_session: ClientSession, trailers: readonly string[] | null): void {
    const now = performance.now()
    const { upstream, worker } = this.#forward
    this.end(outcomeOfStatus(this.#status), now)
    if (upstream.isTimed && this.#status < 500) {
      observeResponse(worker.shared.page.endpointCells, this.endpoint.column, this.elapsedUs(now))
    }
    this.#forward.onResponseEnd(trailers, now)
  }

  /** Microseconds that it has been the endpoint's turn; `nowMs` is `performance.now()`. */
  elapsedUs(nowMs: number): number {
    return (nowMs - this.#since) * 1000
  }

  onSwitch(_session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    const now = performance.now()
    this.#responded(facts.status, now)
    this.settle(GOOD, now)
    this.#forward.onSwitch(this, head, facts, start, end)
  }

  onSessionError(_session: ClientSession, error: SessionError, fate: RequestFate): void {
    this.#forward.onSessionError(this, error, fate)
  }

  /** The try has had its time. */
  onDeadline(): void {
    const forward = this.#forward
    // While the client takes its time, the endpoint is not the one who is late.
    if (!forward.isRequestWhole) this.#limit(forward.upstream.settings.retry.perTryMs)
    else forward.exchange.guard(() => forward.onTryTimeout(this))
  }

  /** Stops it: nobody waits for its response any more. */
  cancel(): void {
    this.session.cancel(this)
    this.end(this.#status === 0 ? null : outcomeOfStatus(this.#status), performance.now())
  }

  /** It is over: `outcome` as in `settle`, `nowMs` is `performance.now()`. Only the first call counts. @hotpath */
  end(outcome: Outcome | null, nowMs: number): void {
    if (this.#state === ENDED) return
    this.settle(outcome, nowMs)
    this.#state = ENDED
    const { inFlight } = this.#forward.worker.row
    const { column } = this.endpoint
    inFlight[column] = (inFlight[column] as number) - 1
    if (this.#timer !== null) this.#unlimit()
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
    const { upstream } = this.#forward
    if (this.#entry !== 0) upstream.health.leave(this.endpoint, this.#entry, stampOf(nowMs))
    if (this.#isTrial) upstream.circuit?.leave()
  }

  /** @hotpath */
  #observe(outcome: Outcome, nowMs: number): void {
    const { upstream, worker } = this.#forward
    const stamp = stampOf(nowMs)
    const { statuses } = upstream.settings.retry
    // That something is forbidden, or not there, is no failure of the endpoint, whoever is asked next (as in nginx).
    const mayCount = this.#status >= 500 || this.#status === TOO_MANY_REQUESTS
    const counts = statuses.length > 0 && mayCount && statuses.includes(this.#status)
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
