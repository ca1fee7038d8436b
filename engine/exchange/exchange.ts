/**
 * One request and its response, from the first byte read to the last byte written: answers it, or has it forwarded, and
 * keeps the account of it.
 *
 *     received ──route answers──────────────────────────────▶ ended
 *        │
 *        └─forward─▶ waiting ──response head──▶ responding ──response end──▶ ended
 *                      │                          │
 *                      └─ nobody answers: error   └──101──▶ tunnel (the exchange ends with it)
 *
 * Errors before the response head become an answer, errors behind it cut the connection. A client that goes away ends
 * the exchange from anywhere. What happens between waiting and responding is the work of `Forward`.
 */
import type { Head } from '../http1/head.ts'
import { METHOD_HEAD, type RequestFacts } from '../http1/request-facts.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import { bucketOf } from '../shared/histogram.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  LATENCY_MAX_US,
  STATUS_CLASSES,
} from '../shared/state-page.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Downstream } from './downstream.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { Forward } from './forward.ts'
import type { Route, StaticAnswer } from './generation.ts'
import type { ExchangeRecord } from './record.ts'
import type { WorkerContext } from './worker-context.ts'

const RECEIVED = 0
const WAITING = 1
const RESPONDING = 2
const TUNNEL = 3
const ENDED = 4

/** Routes that fall back to each other: past it there is no answer but the error. */
const FALLBACKS_MAX = 8

export class Exchange implements ExchangeRecord, TimerTarget {
  readonly worker: WorkerContext
  readonly downstream: Downstream
  /** `performance.now()` when the first byte of the request was read. */
  readonly startedAt: number
  #state = RECEIVED
  #route: Route | null = null
  /** `null` where the request is not forwarded. */
  #forward: Forward | null = null
  #firstByteAt = 0
  #endedAt = 0
  /** For the whole of it, where the route has one. */
  #timer: Timer | null = null
  #fallbacks = 0
  isHead = false
  wantsUpgrade = false
  method = ''
  host = ''
  target = ''
  protocol = ''
  requestId = ''
  status = 0
  bytesIn = 0
  bytesOut = 0
  error: ErrorCode | '' = ''
  errorDetail = ''

  constructor(worker: WorkerContext, downstream: Downstream, startedAt: number) {
    this.worker = worker
    this.downstream = downstream
    this.startedAt = startedAt
    const { counters } = worker.row
    counters[EXCHANGES_ACTIVE] = (counters[EXCHANGES_ACTIVE] as number) + 1
  }

  get ended(): boolean {
    return this.#state === ENDED
  }

  get responseStarted(): boolean {
    return this.#state >= RESPONDING
  }

  get startedAtMs(): number {
    return performance.timeOrigin + this.startedAt
  }

  get firstByteUs(): number {
    return this.#firstByteAt === 0 ? -1 : (this.#firstByteAt - this.startedAt) * 1000
  }

  get totalUs(): number {
    return (this.#endedAt - this.startedAt) * 1000
  }

  get endpoint(): string {
    return this.#forward?.endpoint?.name ?? ''
  }

  get upstream(): string {
    return this.#forward?.upstream.name ?? ''
  }

  get retries(): number {
    return this.#forward?.retries ?? 0
  }

  get connectUs(): number {
    return this.#forward?.connectUs ?? -1
  }

  get route(): string {
    return this.#route?.name ?? ''
  }

  get listener(): string {
    return this.downstream.listener
  }

  get client(): string {
    return this.downstream.client
  }

  get flag(): string {
    return this.error === '' ? '' : ERRORS[this.error].flag
  }

  /** The request's head is whole: answers it, or sends it on. `head` and `facts` are used up when this returns. */
  start(route: Route | null, head: Head, facts: RequestFacts): void {
    this.#route = route
    this.isHead = facts.method === METHOD_HEAD
    this.wantsUpgrade = facts.upgrade
    if (route === null) {
      this.fail('no_route')
    } else if (route.upstream === null) {
      if (route.answer !== null) this.#answerWith(route.answer)
    } else {
      if (route.timeouts.totalMs > 0) this.#limit(route.timeouts.totalMs)
      this.#state = WAITING
      this.#forward = new Forward(this, route.upstream, route, facts)
      this.#forward.start(head, facts)
    }
  }

  /** `milliseconds` from the first byte of the request on: its head may have taken some of them. */
  #limit(milliseconds: number): void {
    const { wheel } = this.worker.net
    const nowMs = performance.now()
    this.#timer ??= new Timer(this)
    wheel.observe(nowMs)
    wheel.set(this.#timer, Math.max(0, this.startedAt + milliseconds - nowMs))
  }

  #answerWith(answer: StaticAnswer): void {
    this.#answer(answer.status, () => this.downstream.response.answer(answer))
  }

  #answer(status: number, write: () => void): void {
    this.#state = RESPONDING
    this.status = status
    write()
    this.#end(performance.now())
  }

  /** A circuit lets nothing through for `leftMs`: what the configuration of the upstream has for that, or 503. */
  circuitOpen(leftMs: number, head: Head, facts: RequestFacts): void {
    const route = this.#route?.fallback ?? null
    if (route === null || this.#fallbacks >= FALLBACKS_MAX) {
      this.failOfCircuit(leftMs)
      return
    }
    this.#fallbacks += 1
    this.start(route, head, facts)
  }

  /** The same where nothing but 503 is left to be said. */
  failOfCircuit(leftMs: number): void {
    this.fail('upstream_circuit_open', Math.max(1, Math.ceil(leftMs / 1000)))
  }

  /** The whole exchange has had its time. */
  onDeadline(): void {
    this.guard(() => this.fail('exchange_timeout'))
  }

  /** Runs what a timer calls: an exception in it costs the client's connection, and nothing else. */
  guard(run: () => void): void {
    this.downstream.guard(run)
  }

  // The request's side.

  /** Content has come. With `slot` it lies in a slot of the client's connection, and may be written by reference. */
  requestContent(start: number, end: number, slot: Slot | null): void {
    this.#forward?.requestContent(start, end, slot)
  }

  requestDone(trailers: readonly string[] | null): void {
    this.#forward?.requestDone(trailers)
  }

  /** All that one read of the client's brought has been handed over. */
  requestFlush(): void {
    if (this.#forward !== null) this.#forward.requestFlush()
  }

  /** The client's connection is gone: it went away, or a fault of ours took it. */
  clientGone(code: 'client_closed' | 'internal'): void {
    if (this.#state === ENDED) return
    if (this.error === '') this.error = code
    this.#end(performance.now())
  }

  /** What was written to the client has been taken. */
  responseDrain(): void {
    this.#forward?.responseDrain()
  }

  // The upstream's side.

  /** The head of the client's response has come. */
  respond(status: number, nowMs: number): void {
    this.#firstByteAt = nowMs
    this.#state = RESPONDING
    this.status = status
  }

  respondEnd(trailers: readonly string[] | null, nowMs: number): void {
    this.downstream.response.sendEnd(trailers)
    this.downstream.response.flush()
    this.#end(nowMs)
  }

  startTunnel(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    this.#firstByteAt = performance.now()
    this.#state = TUNNEL
    this.status = facts.status
    // The deadline was for getting an answer; a tunnel has its own.
    this.#unlimit()
    this.downstream.switchProtocols(session, head, facts, start, end)
  }

  #unlimit(): void {
    if (this.#timer !== null) this.worker.net.wheel.clear(this.#timer)
  }

  /** Ends the exchange with an error: told to the client where it can still be told, cut off where it cannot. */
  fail(code: ErrorCode, retryAfterSeconds = 0): void {
    if (this.#state === ENDED) return
    if (this.error === '') this.error = code
    const { status } = ERRORS[code]
    if (this.responseStarted || status === 0) {
      this.#forward?.end()
      this.downstream.cut()
      this.#end(performance.now())
    } else {
      this.#answer(status, () => this.downstream.response.answerError(status, retryAfterSeconds))
    }
  }

  /** A tunnel has ended; `error` is empty where both sides closed it. */
  tunnelEnded(error: ErrorCode | '', bytesIn: number, bytesOut: number): void {
    this.error = error
    this.bytesIn += bytesIn
    this.bytesOut += bytesOut
    this.#end(performance.now())
  }

  /** @hotpath */
  #end(nowMs: number): void {
    if (this.#state === ENDED) return
    this.#state = ENDED
    this.#endedAt = nowMs
    if (this.#forward !== null) this.#forward.end()
    if (this.#timer !== null) this.#unlimit()
    this.bytesOut += this.downstream.response.bytesWritten
    this.downstream.exchangeEnded()
    this.#count()
    const { onExchange } = this.worker
    if (onExchange !== null) onExchange(this)
  }

  #count(): void {
    const { counters, latency } = this.worker.row
    counters[EXCHANGES_ACTIVE] = (counters[EXCHANGES_ACTIVE] as number) - 1
    counters[EXCHANGES_TOTAL] = (counters[EXCHANGES_TOTAL] as number) + 1
    counters[BYTES_IN] = (counters[BYTES_IN] as number) + this.bytesIn
    counters[BYTES_OUT] = (counters[BYTES_OUT] as number) + this.bytesOut
    const statusClass = STATUS_CLASSES + Math.trunc(this.status / 100)
    counters[statusClass] = (counters[statusClass] as number) + 1
    const total = this.totalUs
    const bucket = bucketOf(total)
    latency[bucket] = (latency[bucket] as number) + 1
    if (total > (counters[LATENCY_MAX_US] as number)) counters[LATENCY_MAX_US] = total
  }
}
