/** One try of a request on one endpoint: what its session calls. */
import type { Head } from '../http/head.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { GOOD, type Outcome, outcomeOfStatus } from '../upstream/health/outcome.ts'
import type { RequestFate, ResponseReceiver, SessionError, StreamSwitch } from '../upstream/response-receiver.ts'
import type { Forward } from './forward.ts'
import { SessionTry } from './session-try.ts'

export class Attempt extends SessionTry implements ResponseReceiver, TimerTarget {
  readonly #forward: Forward
  requestStart = 0
  requestEnd = 0
  /** Microseconds to open the connection; 0 on one that was open, -1 as long as it is not. */
  connectUs: number
  #timer: Timer | null = null

  /** `startedAt` is `performance.now()` when the try begins. */
  constructor(forward: Forward, endpoint: Endpoint, session: ClientSession, isTrial: boolean, startedAt: number) {
    super(forward.worker, forward.upstream, endpoint, session, isTrial, startedAt)
    this.#forward = forward
    this.connectUs = session.open ? 0 : -1
    const { perTryMs } = forward.target.retry
    if (perTryMs > 0) this.#limit(perTryMs)
  }

  get isHead(): boolean {
    return this.#forward.exchange.isHead
  }

  get wantsUpgrade(): boolean {
    return this.#forward.exchange.wantsUpgrade
  }

  get responseTimeoutMs(): number {
    return this.#forward.target.responseMs
  }

  get idleMs(): number {
    return this.#forward.target.idleMs
  }

  override get retriedStatuses(): readonly number[] {
    return this.#forward.target.retry.statuses
  }

  protected override get isAskedElsewhere(): boolean {
    const { grpc } = this.#forward.exchange
    return super.isAskedElsewhere || (grpc !== null && this.#forward.target.retry.grpcStatuses.includes(grpc.status))
  }

  get replayBytesMax(): number {
    return this.#forward.keepsContent ? this.#forward.target.retry.contentBytesMax : 0
  }

  get takesBulk(): boolean {
    return this.#forward.exchange.response.takesBulk
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
    this.requestEnded()
    if (this.#timer !== null) this.#limit(this.#forward.target.retry.perTryMs)
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
    this.responded(facts.status, now)
    this.#forward.onResponseHead(this, head, facts, now)
  }

  override responded(status: number, nowMs: number): void {
    super.responded(status, nowMs)
    this.#unlimit()
  }

  onResponseContent(session: ClientSession, start: number, end: number, slot: Slot | null): void {
    if (!this.#forward.exchange.response.sendContent(start, end, slot)) session.pause()
  }

  onResponseFlush(session: ClientSession): void {
    if (!this.#forward.exchange.response.flush()) session.pause()
  }

  onResponseEnd(_session: ClientSession, trailers: readonly string[] | null): void {
    const now = performance.now()
    const { grpc } = this.#forward.exchange
    if (grpc !== null) grpc.readTrailers(trailers)
    this.responseEnded(grpc === null ? outcomeOfStatus(this.status) : grpc.outcome(this.status), now)
    this.#forward.onResponseEnd(trailers, now)
  }

  onSwitch(_session: ClientSession, change: StreamSwitch): void {
    const now = performance.now()
    this.responded(change.facts.status, now)
    this.settle(GOOD, now)
    this.#forward.onSwitch(this, change)
  }

  onSessionError(_session: ClientSession, error: SessionError, fate: RequestFate): void {
    this.#forward.onSessionError(this, error, fate)
  }

  /** The try has had its time. */
  onDeadline(): void {
    const forward = this.#forward
    // While the client takes its time, the endpoint is not the one who is late.
    if (!forward.isRequestWhole) this.#limit(forward.target.retry.perTryMs)
    else forward.exchange.guard(() => forward.onTryTimeout(this))
  }

  /** Stops it: nobody waits for its response any more. */
  cancel(): void {
    this.session.cancel(this)
    this.end(this.status === 0 ? null : outcomeOfStatus(this.status), performance.now())
  }

  override end(outcome: Outcome | null, nowMs: number): void {
    super.end(outcome, nowMs)
    if (this.#timer !== null) this.#unlimit()
  }
}
