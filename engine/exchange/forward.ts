/**
 * How one request gets to an endpoint of its upstream: chooses, waits for room, tries again where that is safe, and sends
 * a second try after a slow first one. Whatever it does, the client sees one response, whole or cut, never two.
 *
 *     choosing ──endpoint──▶ trying ──response head──▶ responding ──▶ ended
 *        │  ▲                │   ▲
 *        │  │ room           │   │ backoff over, next endpoint
 *        ▼  │                ▼   │
 *     waiting (queue)     failed, and may be tried again; else the exchange fails
 */
import { CHUNKED_CONTENT, NO_CONTENT } from '../http1/framing.ts'
import type { Head } from '../http1/head.ts'
import { type RequestRewrite, writeRequestHead } from '../http1/head-writer.ts'
import type { RequestFacts } from '../http1/request-facts.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import { stampOf } from '../shared/clock.ts'
import { HEDGES_TOTAL, RETRIES_TOTAL } from '../shared/state-page.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { BLOCKED, PASSES_AS_TRIAL } from '../upstream/health/circuit.ts'
import { BROKEN, LATE, MALFORMED, NOT_CONNECTED, type Outcome, outcomeOfStatus } from '../upstream/health/outcome.ts'
import type { SessionError } from '../upstream/response-receiver.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Waiter } from '../upstream/waiting-queue.ts'
import { Attempt } from './attempt.ts'
import { cookieValue } from './cookie.ts'
import type { ResponseWriter } from './downstream.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Route } from './generation.ts'
import { hashKey } from './hash-key.ts'
import { HeldRequest } from './held-request.ts'
import { Race } from './race.ts'
import type { WorkerContext } from './worker-context.ts'

const ERROR_CODES: Readonly<Record<SessionError, ErrorCode>> = {
  connect_failed: 'upstream_connect_failed',
  connect_timeout: 'upstream_connect_timeout',
  closed: 'upstream_closed',
  response_timeout: 'upstream_response_timeout',
  idle_timeout: 'upstream_idle_timeout',
  response_malformed: 'upstream_response_malformed',
  no_parser: 'out_of_memory',
  fault: 'internal',
}

/** What an endpoint's health learns from it; `null` where it is our own doing. */
const OUTCOMES: Readonly<Record<SessionError, Outcome | null>> = {
  connect_failed: NOT_CONNECTED,
  connect_timeout: NOT_CONNECTED,
  closed: BROKEN,
  response_timeout: LATE,
  idle_timeout: LATE,
  response_malformed: MALFORMED,
  no_parser: null,
  fault: null,
}

const NO_COOKIE = ''

export class Forward implements Waiter {
  readonly exchange: Exchange
  readonly worker: WorkerContext
  readonly upstream: Upstream
  readonly #route: Route
  readonly isHead: boolean
  readonly wantsUpgrade: boolean
  /** May be sent again although it may have been received. */
  readonly #isRepeatable: boolean
  readonly #framing: number
  /** Of a try, in milliseconds. */
  readonly responseTimeoutMs: number
  readonly perTryMs: number
  readonly replayBytesMax: number
  readonly #startedAt: number
  #key = ''
  /** The try whose response is, or will be, the client's; `null` between two, and at the end. */
  #attempt: Attempt | null = null
  /** With a second try beside it; `null` where there is to be none. */
  #race: Race | null = null
  /** Endpoints that this request has been to; `null` as long as none was tried in vain. */
  #tried: Set<Endpoint> | null = null
  /** The request so far, while no session has it. */
  #held: HeldRequest | null = null
  #backoff: NodeJS.Timeout | null = null
  #isWaiting = false
  /** `Host` says the endpoint's own. */
  #hostFollowsEndpoint = false
  #requestComplete = false
  /** A stale pooled connection has failed this request once. */
  #replayed = false
  /** The client's cookie has led to the endpoint that has the request. */
  #cookieIsGood = false
  #isTrial = false
  #entered = false
  #holdsPlace = false
  /** The endpoint that has, or had last, the request. */
  endpoint: Endpoint | null = null
  /** Tries beyond the first. */
  retries = 0
  connectUs = -1

  constructor(exchange: Exchange, upstream: Upstream, route: Route, facts: RequestFacts, startedAt: number) {
    this.exchange = exchange
    this.worker = exchange.worker
    this.upstream = upstream
    this.#route = route
    this.isHead = exchange.isHead
    this.wantsUpgrade = exchange.wantsUpgrade
    this.#framing = facts.framing
    this.#startedAt = startedAt
    const { retry, timeouts } = upstream.settings
    this.#isRepeatable = upstream.repeats(facts.method)
    this.responseTimeoutMs = route.timeouts.responseMs === 0 ? timeouts.responseMs : route.timeouts.responseMs
    this.perTryMs = retry.perTryMs
    this.replayBytesMax = this.#isRepeatable ? retry.contentBytesMax : 0
  }

  // The request's side.

  /** Sends the request on, or lets the exchange fail. `head` and `facts` are used up when this returns. @hotpath */
  start(head: Head, facts: RequestFacts): void {
    if (!this.#enter(head, facts)) return
    const { settings } = this.upstream
    if (settings.hashOn !== null || settings.balance === 'ip_hash') {
      this.#key = hashKey(settings.hashOn, head, facts, this.exchange.downstream)
    }
    const mayPipeline = facts.idempotent && facts.framing === NO_CONTENT && !facts.upgrade && !facts.expectContinue
    const endpoint = this.#stickyEndpoint(head) ?? this.upstream.choose(this.#key, null, this.#startedAt)
    const session = endpoint === null ? null : endpoint.pool.acquire(mayPipeline)
    if (endpoint === null || session === null) this.#startWithout(endpoint, head, facts)
    else this.#startOn(endpoint, session, head, facts)
  }

  /** @hotpath */
  #startOn(endpoint: Endpoint, session: ClientSession, head: Head, facts: RequestFacts): void {
    const out = session.prepare()
    const start = out.length
    writeRequestHead(out, head, facts, this.#rewrite(endpoint))
    this.#hostFollowsEndpoint = this.#route.host.kind === 'upstream' || facts.hostEnd === facts.hostStart
    const attempt = this.#attemptOn(endpoint, session, this.#startedAt)
    this.#attempt = attempt
    session.begin(attempt, start, facts.framing !== NO_CONTENT)
    if (this.upstream.hedgeBudget !== null) this.#openRace(facts)
  }

  /** Whether the upstream takes another request now; answers where it does not. @hotpath */
  #enter(head: Head, facts: RequestFacts): boolean {
    const { upstream } = this
    const { circuit, concurrency } = upstream
    if (circuit !== null) {
      const stamp = stampOf(this.#startedAt)
      const passes = circuit.state(stamp)
      if (passes === BLOCKED || (passes === PASSES_AS_TRIAL && !circuit.enter(stamp))) {
        this.exchange.circuitOpen(upstream, Math.max(1, Math.ceil(circuit.leftMs(stamp) / 1000)), head, facts)
        return false
      }
      this.#isTrial = passes === PASSES_AS_TRIAL
    }
    if (concurrency !== null) {
      if (!concurrency.tryAcquire(this.#route.importance)) {
        if (this.#isTrial) circuit?.leave()
        this.exchange.fail('upstream_overloaded')
        return false
      }
      this.#holdsPlace = true
    }
    this.#entered = true
    upstream.begin()
    return true
  }

  #stickyEndpoint(head: Head): Endpoint | null {
    const { sticky } = this.upstream
    if (sticky === null) return null
    const endpoint = sticky.find(cookieValue(head, sticky.cookie))
    if (endpoint === null || !this.upstream.keepsSession(endpoint)) return null
    this.#cookieIsGood = true
    return endpoint
  }

  #rewrite(endpoint: Endpoint): RequestRewrite {
    const { host, requestEdits } = this.#route
    return {
      forwarding: this.exchange.downstream.forwarding,
      edits: requestEdits,
      host: host.kind === 'keep' ? null : host.kind === 'set' ? host.host : endpoint.host,
      defaultHost: endpoint.host,
      requestId: this.exchange.requestId,
    }
  }

  /** @hotpath */
  #attemptOn(endpoint: Endpoint, session: ClientSession, startedAt: number): Attempt {
    const { health } = this.upstream
    const attempt = new Attempt(this, endpoint, session, health.entry, this.#isTrial, startedAt)
    health.entry = 0
    // One try stands for the request where the circuit of the upstream lets only some in.
    this.#isTrial = false
    this.endpoint = endpoint
    if (session.open) this.connectUs = 0
    return attempt
  }

  /** No endpoint, or none with room: waits where there is a queue. `lost` has no room in spite of having been chosen. */
  #startWithout(lost: Endpoint | null, head: Head, facts: RequestFacts): void {
    const { upstream } = this
    const [any] = upstream.endpoints
    if (any === undefined) {
      this.exchange.fail(upstream.settings.endpoints.length === 0 ? 'no_endpoint' : 'upstream_unresolved')
      return
    }
    if (lost !== null) this.#leaveGate(lost)
    if (lost === null && upstream.lack !== 'full') {
      this.exchange.fail('no_endpoint')
      return
    }
    this.#held = new HeldRequest()
    writeRequestHead(this.#held.bytes, head, facts, this.#rewrite(any))
    this.#hostFollowsEndpoint = this.#route.host.kind === 'upstream' || facts.hostEnd === facts.hostStart
    // Another worker may have been quicker to the last place of one endpoint, and not of all.
    if (lost !== null && this.#sendHeld(null)) return
    this.#wait()
  }

  #leaveGate(endpoint: Endpoint): void {
    const { health } = this.upstream
    health.leave(endpoint, health.entry, stampOf(performance.now()))
    health.entry = 0
  }

  #wait(): void {
    const { queue } = this.upstream
    if (queue === null) this.exchange.fail('upstream_full')
    else if (!queue.enter(this)) this.exchange.fail('upstream_queue_full')
    else this.#isWaiting = true
  }

  onRoom(): boolean {
    if (this.#sendHeld(null)) this.#isWaiting = false
    // Whoever waits for endpoints that are gone or down waits for nothing.
    else if (this.upstream.lack !== 'full') this.#failWaiting('no_endpoint')
    return !this.#isWaiting
  }

  onWaitTimeout(): void {
    this.#failWaiting('upstream_queue_timeout')
  }

  #failWaiting(code: ErrorCode): void {
    this.#isWaiting = false
    this.exchange.fail(code)
  }

  /** Sends the held request to an endpoint that has room. False when there is none. */
  #sendHeld(on: Endpoint | null): boolean {
    const skipped = new Set(this.#tried)
    for (;;) {
      const nowMs = performance.now()
      const endpoint = on ?? this.upstream.choose(this.#key, skipped.size === 0 ? null : skipped, nowMs)
      if (endpoint === null) return false
      // A connection that others have used may be as stale as the one before it.
      const session = this.#replayed ? endpoint.pool.acquireNew() : endpoint.pool.acquire(false)
      if (session !== null) {
        this.#sendHeldOn(endpoint, session, nowMs)
        return true
      }
      this.#leaveGate(endpoint)
      if (on !== null) return false
      skipped.add(endpoint)
    }
  }

  #sendHeldOn(endpoint: Endpoint, session: ClientSession, nowMs: number): void {
    const held = this.#held as HeldRequest
    this.#held = null
    const start = held.moveTo(session, this.#hostFollowsEndpoint ? endpoint.host : null)
    const attempt = this.#attemptOn(endpoint, session, nowMs)
    this.#attempt = attempt
    session.begin(attempt, start, !this.#requestComplete)
    session.flush()
    if (!this.#requestComplete && session.open) this.exchange.downstream.resumeRequest()
  }

  /** Content has come. With `slot` it lies in a slot of the client's connection, and may be written by reference. */
  requestContent(start: number, end: number, slot: Slot | null): void {
    const isChunked = this.#framing === CHUNKED_CONTENT
    if (this.#attempt !== null) {
      if (!this.#attempt.session.writeContent(start, end, slot, isChunked)) this.exchange.downstream.pauseRequest()
    } else if (this.#held !== null) {
      if (!this.#held.addContent(start, end, isChunked)) this.exchange.downstream.pauseRequest()
    }
  }

  requestDone(trailers: readonly string[] | null): void {
    this.#requestComplete = true
    if (this.#framing === NO_CONTENT) return
    const isChunked = this.#framing === CHUNKED_CONTENT
    if (this.#attempt !== null) this.#attempt.session.endContent(trailers, isChunked)
    else this.#held?.end(trailers, isChunked)
  }

  /** All that one read of the client's brought has been handed over. @hotpath */
  requestFlush(): void {
    if (this.#attempt !== null) this.#attempt.session.flush()
  }

  /** What was written to the client has been taken. */
  responseDrain(): void {
    this.#attempt?.session.resume()
  }

  // What the tries tell.

  connected(connectUs: number): void {
    this.connectUs = connectUs
  }

  requestDrained(attempt: Attempt): void {
    if (attempt === this.#attempt) this.exchange.downstream.resumeRequest()
  }

  /** `attempt` has begun to answer: another one that runs beside it is given up. */
  responded(attempt: Attempt): ResponseWriter {
    if (this.#race !== null) this.#settleRace(attempt)
    return this.exchange.downstream.response
  }

  #settleRace(winner: Attempt): void {
    this.#race?.settle(winner, this.#attempt)
    this.#race = null
    this.#attempt = winner
    this.endpoint = winner.endpoint
  }

  /** @hotpath */
  onResponseHead(attempt: Attempt, head: Head, facts: ResponseFacts, nowMs: number): void {
    if (this.#race !== null) this.#settleRace(attempt)
    const { statuses } = this.upstream.settings.retry
    if (statuses.length > 0 && statuses.includes(facts.status) && this.#tryAfterStatus(attempt, facts.status)) return
    const { sticky } = this.upstream
    const cookieLine = sticky === null || this.#cookieIsGood ? NO_COOKIE : sticky.cookieLine(attempt.endpoint)
    this.exchange.respond(facts.status, nowMs)
    this.exchange.downstream.response.sendHead(head, facts, this.#route.responseEdits, cookieLine)
  }

  /** The response is one that is worth another try. False when there can be none: then it is the client's. */
  #tryAfterStatus(attempt: Attempt, status: number): boolean {
    const { session } = attempt
    if (!this.#isRepeatable || !session.keepsRequest || !this.#mayTryAgain()) return false
    this.#held = HeldRequest.of(attempt)
    if (!this.#goElsewhere()) {
      this.#held = null
      return false
    }
    session.discard(attempt)
    attempt.end(outcomeOfStatus(status), performance.now())
    return true
  }

  onResponseEnd(trailers: readonly string[] | null, nowMs: number): void {
    this.#attempt = null
    this.exchange.respondEnd(trailers, nowMs)
  }

  onSwitch(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    this.exchange.startTunnel(session, head, facts, start, end)
  }

  onTryTimeout(attempt: Attempt): void {
    const { session } = attempt
    const replayable = session.keepsRequest
    if (replayable) this.#held = HeldRequest.of(attempt)
    session.cancel(attempt)
    this.#failed(attempt, 'response_timeout', replayable, false)
  }

  onSessionError(
    attempt: Attempt,
    session: ClientSession,
    error: SessionError,
    replayable: boolean,
    unsent: boolean,
  ): void {
    if (this.exchange.ended) return
    if (replayable) this.#held = HeldRequest.of(attempt)
    const isStale = error === 'closed' && session.reused && replayable && !this.exchange.responseStarted
    if (isStale && !this.#replayed && (this.#isRepeatable || unsent) && !this.#race?.isOn) {
      // The keep-alive race: the origin closed an idle connection as we wrote to it.
      this.#replayed = true
      attempt.end(null, performance.now())
      this.#attempt = null
      this.#count(RETRIES_TOTAL)
      if (this.#sendHeld(attempt.endpoint)) return
    }
    this.#failed(attempt, error, replayable, unsent)
  }

  /** A try has come to nothing. */
  #failed(attempt: Attempt, error: SessionError, replayable: boolean, unsent: boolean): void {
    const { exchange } = this
    attempt.end(OUTCOMES[error], performance.now())
    const other = this.#race?.fail(attempt, this.#attempt) ?? null
    if (other !== null) {
      this.#attempt = other
      this.#held = null
      return
    }
    exchange.errorDetail = attempt.session.systemError
    this.#attempt = null
    const mayRepeat = unsent || this.#isRepeatable || error === 'connect_failed' || error === 'connect_timeout'
    const isWorthIt = !exchange.responseStarted && replayable && mayRepeat && this.#isRetried(error)
    if (!isWorthIt || !this.#mayTryAgain() || !this.#goElsewhere()) exchange.fail(this.#codeOf(error))
  }

  /** With all others down, what failed was the last resort: there is no endpoint. */
  #codeOf(error: SessionError): ErrorCode {
    const isConnectError = error === 'connect_failed' || error === 'connect_timeout'
    return isConnectError && this.upstream.isDown(performance.now()) ? 'no_endpoint' : ERROR_CODES[error]
  }

  #isRetried(error: SessionError): boolean {
    const { onConnect, onReset, onTimeout } = this.upstream.settings.retry
    switch (error) {
      case 'connect_failed':
      case 'connect_timeout':
        return onConnect
      case 'closed':
        return onReset
      case 'response_timeout':
        return onTimeout
      default:
        return false
    }
  }

  /** Whether one more try is within the limits; takes it out of the budget. */
  #mayTryAgain(): boolean {
    const { upstream } = this
    const { attempts } = upstream.settings.retry
    if (this.retries >= attempts || this.retries >= upstream.endpoints.length - 1) return false
    return upstream.retryBudget.withdraw(stampOf(performance.now()))
  }

  /** Sends the held request to another endpoint, after a pause where one is configured. False when there is none. */
  #goElsewhere(): boolean {
    this.#tried ??= new Set()
    if (this.endpoint !== null) this.#tried.add(this.endpoint)
    const pauseMs = this.#backoffMs()
    if (pauseMs === 0) {
      if (!this.#sendHeld(null)) return false
      this.#count(RETRIES_TOTAL)
      return true
    }
    if (!this.upstream.hasOther(this.#tried, performance.now())) return false
    this.#attempt = null
    this.#backoff = setTimeout(() => this.exchange.guard(() => this.#afterBackoff()), pauseMs)
    return true
  }

  #afterBackoff(): void {
    this.#backoff = null
    if (this.#sendHeld(null)) this.#count(RETRIES_TOTAL)
    else this.exchange.fail('no_endpoint')
  }

  #count(counter: number): void {
    this.retries += 1
    const { counters } = this.worker.row
    counters[counter] = (counters[counter] as number) + 1
  }

  /** Twice as long each time, and at random between half and all of it, so that many do not come back at once. */
  #backoffMs(): number {
    const { backoffMs, backoffMaxMs } = this.upstream.settings.retry
    const pauseMs = Math.min(backoffMaxMs, backoffMs * 2 ** this.retries)
    return pauseMs * (0.5 + Math.random() / 2)
  }

  // The second try beside a slow first one.

  #openRace(facts: RequestFacts): void {
    const { settings, firstBytes, endpoints } = this.upstream
    if (facts.framing !== NO_CONTENT || !facts.idempotent || facts.upgrade || endpoints.length < 2) return
    const afterUs = firstBytes === null ? (settings.hedge?.afterMs ?? 0) * 1000 : firstBytes.p95Us(this.#startedAt)
    if (afterUs < 0) return
    this.#race = new Race(Math.max(1, Math.round(afterUs / 1000)), () => {
      let second: Attempt | null = null
      this.exchange.guard(() => {
        second = this.#startSecond()
      })
      return second
    })
  }

  #startSecond(): Attempt | null {
    const first = this.#attempt
    const nowMs = performance.now()
    if (first === null || !first.session.keepsRequest) return null
    const endpoint = this.upstream.choose(this.#key, new Set([first.endpoint]), nowMs)
    if (endpoint === null) return null
    const session = this.upstream.hedgeBudget?.withdraw(stampOf(nowMs)) ? endpoint.pool.acquire(false) : null
    if (session === null) {
      this.#leaveGate(endpoint)
      return null
    }
    const start = HeldRequest.of(first).moveTo(session, this.#hostFollowsEndpoint ? endpoint.host : null)
    const { connectUs } = this
    const second = this.#attemptOn(endpoint, session, nowMs)
    this.connectUs = connectUs
    this.endpoint = first.endpoint
    session.begin(second, start, false)
    session.flush()
    const { counters } = this.worker.row
    counters[HEDGES_TOTAL] = (counters[HEDGES_TOTAL] as number) + 1
    return second
  }

  /** The exchange is over, however it ended. @hotpath */
  end(firstByteAt: number): void {
    if (this.#race !== null) {
      this.#race.end()
      this.#race = null
    }
    if (this.#isWaiting) this.upstream.queue?.leave(this)
    this.#isWaiting = false
    if (this.#backoff !== null) clearTimeout(this.#backoff)
    this.#held = null
    const attempt = this.#attempt
    if (attempt !== null) {
      this.#attempt = null
      attempt.cancel()
    }
    if (this.#isTrial) this.upstream.circuit?.leave()
    if (this.#holdsPlace)
      this.upstream.concurrency?.release(firstByteAt === 0 ? -1 : (firstByteAt - this.#startedAt) * 1000)
    if (this.#entered) this.upstream.end()
    this.#entered = false
    this.#holdsPlace = false
    this.#isTrial = false
  }
}
