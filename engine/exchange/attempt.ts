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
import type { ResponseReceiver, SessionError } from '../upstream/response-receiver.ts'
import type { Forward } from './forward.ts'

export class Attempt implements ResponseReceiver, TimerTarget {
  readonly #forward: Forward
  readonly endpoint: Endpoint
  readonly session: ClientSession
  readonly isHead: boolean
  readonly wantsUpgrade: boolean
  readonly responseTimeoutMs: number
  readonly replayBytesMax: number
  requestStart = 0
  requestEnd = 0
  /** How health has let it in: bits of `AS_PROBE` and `AS_TRIAL`. */
  readonly #entry: number
  /** It is one of the tries of the upstream's half-open circuit. */
  readonly #isTrial: boolean
  readonly #startedAt: number
  readonly #isOnOpenConnection: boolean
  #firstByteUs = -1
  #status = 0
  #settled = false
  #ended = false
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
    this.isHead = forward.isHead
    this.wantsUpgrade = forward.wantsUpgrade
    this.responseTimeoutMs = forward.responseTimeoutMs
    this.replayBytesMax = forward.replayBytesMax
    this.#entry = entry
    this.#isTrial = isTrial
    this.#startedAt = startedAt
    this.#isOnOpenConnection = session.open
    const { inFlight } = forward.worker.row
    const { column } = endpoint
    inFlight[column] = (inFlight[column] as number) + 1
    if (forward.perTryMs > 0) this.#limit(forward.perTryMs)
  }

  #limit(milliseconds: number): void {
    const { wheel } = this.#forward.worker.net
    this.#timer = new Timer(this)
    wheel.refresh()
    wheel.set(this.#timer, milliseconds)
  }

  /** It uses a pooled connection; otherwise `onConnected` says how long it took to open one. */
  get connectUs(): number {
    return this.#isOnOpenConnection ? 0 : -1
  }

  get firstByteUs(): number {
    return this.#firstByteUs
  }

  onConnected(): void {
    this.#forward.connected((performance.now() - this.#startedAt) * 1000)
  }

  onRequestDrain(): void {
    this.#forward.requestDrained(this)
  }

  onInterim(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    this.#forward.responded(this).sendInterim(head, facts)
  }

  onResponseHead(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    const now = performance.now()
    this.#forward.worker.net.wheel.observe(now)
    this.#firstByteUs = (now - this.#startedAt) * 1000
    this.#status = facts.status
    if (this.#timer !== null) this.#forward.worker.net.wheel.clear(this.#timer)
    this.#forward.onResponseHead(this, head, facts, now)
  }

  onResponseContent(session: ClientSession, start: number, end: number, slot: Slot | null): void {
    if (!this.#forward.exchange.downstream.response.sendContent(start, end, slot)) session.pause()
  }

  onResponseFlush(session: ClientSession): void {
    if (!this.#forward.exchange.downstream.response.flush()) session.pause()
  }

  onResponseEnd(_session: ClientSession, trailers: readonly string[] | null): void {
    const now = performance.now()
    this.end(outcomeOfStatus(this.#status), now)
    this.#forward.onResponseEnd(trailers, now)
  }

  onSwitch(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    const now = performance.now()
    this.#firstByteUs = (now - this.#startedAt) * 1000
    if (this.#timer !== null) this.#forward.worker.net.wheel.clear(this.#timer)
    this.settle(GOOD, now)
    this.#forward.onSwitch(session, head, facts, start, end)
  }

  onSessionError(session: ClientSession, error: SessionError, replayable: boolean, unsent: boolean): void {
    this.#forward.onSessionError(this, session, error, replayable, unsent)
  }

  /** The try has had its time. */
  onDeadline(): void {
    this.#forward.onTryTimeout(this)
  }

  /** Stops it: nobody waits for its response any more. */
  cancel(): void {
    this.session.cancel(this)
    this.end(this.#status === 0 ? null : outcomeOfStatus(this.#status), performance.now())
  }

  /** It is over: `outcome` as in `settle`, `nowMs` is `performance.now()`. Only the first call counts. @hotpath */
  end(outcome: Outcome | null, nowMs: number): void {
    if (this.#ended) return
    this.#ended = true
    this.settle(outcome, nowMs)
    const { worker } = this.#forward
    const { inFlight } = worker.row
    const { column } = this.endpoint
    inFlight[column] = (inFlight[column] as number) - 1
    if (this.#timer !== null) worker.net.wheel.clear(this.#timer)
    // A session does so itself, unless a tunnel had its connection.
    if (this.session.closed) this.session.givePermitBack()
  }

  /**
   * Tells the endpoint's health how it went; `null` where that says nothing of the endpoint. Only the first call counts.
   * @hotpath
   */
  settle(outcome: Outcome | null, nowMs: number): void {
    if (this.#settled) return
    this.#settled = true
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
    const { upstream } = this.#forward
    const stamp = stampOf(nowMs)
    const { statuses } = upstream.settings.retry
    const counts = statuses.length > 0 && statuses.includes(this.#status)
    if (outcome === GOOD) {
      if (upstream.isTimed) this.#measure(nowMs, stamp)
      if (upstream.firstBytes !== null) upstream.firstBytes.observe(this.#firstByteUs, nowMs)
    }
    upstream.health.observe(this.endpoint, outcome, this.#entry, counts, this.#firstByteUs, stamp)
    if (upstream.circuit === null) return
    const change = upstream.circuit.observe(this.#isTrial, outcome !== GOOD, this.#firstByteUs, stamp)
    if (change !== '') upstream.health.circuitChanged('', change, outcome)
  }

  #measure(nowMs: number, stamp: number): void {
    const { endpointCells } = this.#forward.worker.shared.page
    const { column } = this.endpoint
    observeFirstByte(endpointCells, column, this.#firstByteUs, stamp)
    // A tunnel has no last byte that would say anything of the endpoint.
    if (!this.wantsUpgrade) observeResponse(endpointCells, column, (nowMs - this.#startedAt) * 1000)
  }
}
