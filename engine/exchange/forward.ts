/**
 * How one request gets to an endpoint of its upstream, and the response back. Whatever happens on the way, the client sees
 * one response, whole or cut, never two.
 *
 *     choosing ──endpoint──▶ trying ──response head──▶ responding ──▶ ended
 *        │  ▲                │   ▲
 *        │  │ room           │   │ another endpoint: `Retry`
 *        ▼  │                ▼   │
 *     `Waiting`              failed, and may be tried again; else the exchange fails
 *
 * While no session has the request, it is held here; beside a slow try there may be a second one (`Race`).
 */
import { CHUNKED_CONTENT, NO_CONTENT } from '../http1/framing.ts'
import type { Head } from '../http1/head.ts'
import { type RequestRewrite, writeRequestHead } from '../http1/head-writer.ts'
import type { RequestFacts } from '../http1/request-facts.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Slot } from '../net/slots.ts'
import { stampOf } from '../shared/clock.ts'
import { RETRIES_TOTAL } from '../shared/state-page.ts'
import { REFUSED_BY_CIRCUIT, TRIAL } from '../upstream/admission.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { outcomeOfStatus } from '../upstream/health/outcome.ts'
import { GONE, type RequestFate, type SessionError, UNANSWERED, UNSENT } from '../upstream/response-receiver.ts'
import { type Entry, FULL, QUEUE_FULL, WAITS } from '../upstream/room.ts'
import type { Lack, Upstream } from '../upstream/upstream.ts'
import { Attempt } from './attempt.ts'
import { cookieValue } from './cookie.ts'
import type { ResponseWriter } from './downstream.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Route } from './generation.ts'
import { hashKey } from './hash-key.ts'
import { openRace } from './hedge.ts'
import { HeldRequest } from './held-request.ts'
import type { Race } from './race.ts'
import { Retry } from './retry.ts'
import { codeOf, outcomeOf } from './session-errors.ts'
import { Waiting } from './waiting.ts'
import type { WorkerContext } from './worker-context.ts'

const NO_LINE = ''

export class Forward {
  readonly exchange: Exchange
  readonly worker: WorkerContext
  readonly upstream: Upstream
  readonly #route: Route
  readonly #framing: number
  /** May be sent again although it may have been received. */
  readonly isRepeatable: boolean
  /** What `Admission.enter` gave; 0 before and behind. */
  #admission = 0
  /** What balancers spread by. */
  key = ''
  /** Where the client's cookie leads; `null` where it has none that does. */
  #home: Endpoint | null = null
  /** The try whose response is, or will be, the client's; `null` between two, and at the end. */
  attempt: Attempt | null = null
  /** The same, or the last one that was. */
  #latest: Attempt | null = null
  /** With a second try beside it; `null` where there is to be none. */
  #race: Race | null = null
  /** `null` as long as no try has come to nothing. */
  #retry: Retry | null = null
  /** `null` where it does not wait for room. */
  #waiting: Waiting | null = null
  /** The request so far, while no session has it. */
  held: HeldRequest | null = null
  /** `Host` says the endpoint's own. */
  #hostFollowsEndpoint = false
  /** All of it has come from the client. */
  isRequestWhole: boolean
  #mayPipeline: boolean
  /** Tries beyond the first. */
  retries = 0

  constructor(exchange: Exchange, upstream: Upstream, route: Route, facts: RequestFacts) {
    this.exchange = exchange
    this.worker = exchange.worker
    this.upstream = upstream
    this.#route = route
    this.#framing = facts.framing
    this.isRepeatable = upstream.repeats(facts.method)
    this.isRequestWhole = facts.framing === NO_CONTENT
    this.#mayPipeline = this.isRequestWhole && facts.idempotent && !facts.upgrade && !facts.expectContinue
  }

  /** The endpoint that has, or had last, the request. */
  get endpoint(): Endpoint | null {
    return this.#latest?.endpoint ?? null
  }

  get connectUs(): number {
    return this.#latest?.connectUs ?? -1
  }

  /** Milliseconds from the end of the request to the first byte of its response. */
  get responseTimeoutMs(): number {
    const { responseMs } = this.#route.timeouts
    return responseMs === 0 ? this.upstream.settings.timeouts.responseMs : responseMs
  }

  /** Endpoints that the request has been to in vain; `null` for none. */
  get tried(): ReadonlySet<Endpoint> | null {
    return this.#retry === null || this.#retry.tried.size === 0 ? null : this.#retry.tried
  }

  // The request's side.

  /** Sends the request on, or lets the exchange fail. `head` and `facts` are used up when this returns. @hotpath */
  start(head: Head, facts: RequestFacts): void {
    const { upstream, exchange } = this
    const { settings, sticky, room } = upstream
    const admission = upstream.admission.enter(this.#route.importance, exchange.startedAt)
    if (admission < 0) {
      this.#refused(admission, head, facts)
      return
    }
    this.#admission = admission
    if (settings.hashOn !== null || settings.balance === 'ip_hash') {
      this.key = hashKey(settings.hashOn, head, facts, exchange.downstream)
    }
    if (sticky !== null) this.#home = sticky.find(cookieValue(head, sticky.cookie))
    const endpoint = room.isAwaited ? null : (this.#openHome() ?? upstream.choose(this.key, null, exchange.startedAt))
    const session = endpoint === null ? null : endpoint.pool.acquire(this.#mayPipeline)
    if (endpoint === null || session === null) this.#startWithout(endpoint, head, facts)
    else this.#startOn(endpoint, session, head, facts)
  }

  /** Where the client's session lies, if that endpoint takes it. */
  #openHome(): Endpoint | null {
    const home = this.#home
    return home !== null && this.upstream.keepsSession(home) ? home : null
  }

  /** @hotpath */
  #startOn(endpoint: Endpoint, session: ClientSession, head: Head, facts: RequestFacts): void {
    const out = session.prepare()
    const start = out.length
    this.#writeHead(out, endpoint, head, facts)
    // A head may have taken long to come; its time is the endpoint's only where nobody goes by it.
    const nowMs = this.upstream.isMeasured || !session.open ? performance.now() : this.exchange.startedAt
    this.attempt = this.launch(endpoint, session, start, nowMs)
    if (this.upstream.hedgeBudget !== null) this.#race = openRace(this, facts, nowMs)
  }

  /** @hotpath */
  #writeHead(out: ByteBuffer, endpoint: Endpoint, head: Head, facts: RequestFacts): void {
    const { host, requestEdits } = this.#route
    const hasHost = facts.hostEnd > facts.hostStart
    this.#hostFollowsEndpoint = host.kind === 'upstream' || (host.kind === 'keep' && !hasHost)
    const rewrite: RequestRewrite = {
      forwarding: this.exchange.downstream.forwarding,
      edits: requestEdits,
      host: host.kind === 'keep' ? null : host.kind === 'set' ? host.host : endpoint.host,
      defaultHost: endpoint.host,
      requestId: this.exchange.requestId,
    }
    writeRequestHead(out, head, facts, rewrite)
  }

  /** `Host` of a request that is sent once more, where it has to be another; `null` where it stays. */
  hostFor(endpoint: Endpoint): string | null {
    return this.#hostFollowsEndpoint ? endpoint.host : null
  }

  /** Begins a try: the request lies in the session's `out`, from `start`. `nowMs` is `performance.now()`. @hotpath */
  launch(endpoint: Endpoint, session: ClientSession, start: number, nowMs: number): Attempt {
    const { health } = this.upstream
    // One try stands for the request where the circuit of the upstream lets only some in.
    const isTrial = (this.#admission & TRIAL) !== 0
    const attempt = new Attempt(this, endpoint, session, health.entry, isTrial, nowMs)
    health.entry = 0
    if (isTrial) this.#admission -= TRIAL
    if (this.#latest === null) this.#latest = attempt
    else this.#countRetry()
    session.begin(attempt, start, !this.isRequestWhole)
    return attempt
  }

  #countRetry(): void {
    this.retries += 1
    const { counters } = this.worker.row
    counters[RETRIES_TOTAL] = (counters[RETRIES_TOTAL] as number) + 1
  }

  /** The upstream takes no request now. */
  #refused(admission: number, head: Head, facts: RequestFacts): void {
    const { circuit } = this.upstream
    if (admission !== REFUSED_BY_CIRCUIT || circuit === null) this.exchange.fail('upstream_overloaded')
    else this.exchange.circuitOpen(circuit.leftMs(stampOf(this.exchange.startedAt)), head, facts)
  }

  /** No endpoint, or none with room. `lost` has no room in spite of having been chosen. */
  #startWithout(lost: Endpoint | null, head: Head, facts: RequestFacts): void {
    const { upstream, exchange } = this
    const { room, endpoints, settings } = upstream
    const [any] = endpoints
    if (any === undefined) {
      exchange.fail(settings.endpoints.length === 0 ? 'no_endpoint' : 'upstream_unresolved')
      return
    }
    if (lost !== null) upstream.unchoose(lost)
    if (lost === null && !room.isAwaited && upstream.lack !== 'full') {
      this.#startWithNobody(head, facts)
      return
    }
    const held = new HeldRequest()
    this.#writeHead(held.bytes, any, head, facts)
    this.held = held
    // Another worker may have been quicker to the last place of one endpoint, and not of all.
    if (lost !== null && this.sendHeld() === null) return
    const entry = this.wait('no_endpoint')
    if (entry === QUEUE_FULL) exchange.fail('upstream_queue_full')
    // What others kept may have been given up between the two looks.
    else if (entry === FULL && this.sendHeld() !== null) exchange.fail('upstream_full')
  }

  #startWithNobody(head: Head, facts: RequestFacts): void {
    const leftMs = this.upstream.circuitLeftMs(performance.now())
    if (leftMs < 0) {
      this.exchange.fail('no_endpoint')
    } else {
      this.end()
      this.exchange.circuitOpen(leftMs, head, facts)
    }
  }

  /** There is nobody left for the held request: `code` says why, unless it is that all circuits are open. */
  failWithout(code: ErrorCode): void {
    const leftMs = code === 'no_endpoint' ? this.upstream.circuitLeftMs(performance.now()) : -1
    if (leftMs < 0) this.exchange.fail(code)
    else this.exchange.failOfCircuit(leftMs)
  }

  /** The held request waits for room, if it may. `code` is for the client when there is nobody left to wait for. */
  wait(code: ErrorCode): Entry {
    const waiting = new Waiting(this, code)
    const entry = this.upstream.room.enter(waiting)
    if (entry === WAITS) this.#waiting = waiting
    return entry
  }

  /** @internal */
  waitingOver(): void {
    this.#waiting = null
  }

  /** Sends the held request to an endpoint that has room, and that it has not been to. Gives what is lacking, if anything. */
  sendHeld(): Lack | null {
    const { upstream, tried } = this
    const nowMs = performance.now()
    const home = this.#openHome()
    if (home !== null && !tried?.has(home) && this.sendHeldTo(home, nowMs)) return null
    let passed = tried
    for (;;) {
      const endpoint = upstream.choose(this.key, passed, nowMs)
      // Another worker may have been quicker to the last place.
      if (endpoint === null) return passed === tried ? upstream.lack : 'full'
      if (this.sendHeldTo(endpoint, nowMs)) return null
      passed = new Set(passed).add(endpoint)
    }
  }

  /** Sends the held request to an endpoint. False when that has no room. */
  sendHeldTo(endpoint: Endpoint, nowMs: number): boolean {
    const held = this.held as HeldRequest
    const { pool } = endpoint
    const session = this.#retry?.wantsFresh ? pool.acquireNew() : pool.acquire(this.#mayPipeline)
    if (session === null) {
      this.upstream.unchoose(endpoint)
      return false
    }
    this.held = null
    const attempt = this.launch(endpoint, session, held.moveTo(session, this.hostFor(endpoint)), nowMs)
    this.attempt = attempt
    this.#latest = attempt
    session.flush()
    if (!this.isRequestWhole && session.open) this.exchange.downstream.resumeRequest()
    return true
  }

  /** Content has come. With `slot` it lies in a slot of the client's connection, and may be written by reference. */
  requestContent(start: number, end: number, slot: Slot | null): void {
    const isChunked = this.#framing === CHUNKED_CONTENT
    if (this.attempt !== null) {
      if (!this.attempt.session.writeContent(start, end, slot, isChunked)) this.exchange.downstream.pauseRequest()
    } else if (this.held !== null) {
      if (!this.held.addContent(start, end, isChunked)) this.exchange.downstream.pauseRequest()
    }
  }

  requestDone(trailers: readonly string[] | null): void {
    if (this.isRequestWhole) return
    this.isRequestWhole = true
    const isChunked = this.#framing === CHUNKED_CONTENT
    if (this.attempt !== null) {
      this.attempt.session.endContent(trailers, isChunked)
      this.attempt.requestWhole()
    } else {
      this.held?.end(trailers, isChunked)
    }
  }

  /** All that one read of the client's brought has been handed over. @hotpath */
  requestFlush(): void {
    if (this.attempt !== null) this.attempt.session.flush()
  }

  /** What was written to the client has been taken. */
  responseDrain(): void {
    this.attempt?.session.resume()
  }

  // What the tries tell.

  requestDrained(attempt: Attempt): void {
    if (attempt === this.attempt) this.exchange.downstream.resumeRequest()
  }

  /** `attempt` answers: another one that runs beside it is given up. */
  responseWriter(attempt: Attempt): ResponseWriter {
    if (this.#race !== null) this.#settleRace(attempt)
    return this.exchange.downstream.response
  }

  #settleRace(winner: Attempt): void {
    this.#race?.settle(winner, this.attempt)
    this.#race = null
    this.attempt = winner
    this.#latest = winner
  }

  /** @hotpath */
  onResponseHead(attempt: Attempt, head: Head, facts: ResponseFacts, nowMs: number): void {
    const { settings, sticky } = this.upstream
    const { statuses } = settings.retry
    if (statuses.length > 0 && statuses.includes(facts.status) && this.#passesOver(attempt, facts.status)) return
    if (this.#race !== null) this.#settleRace(attempt)
    const line = sticky === null || attempt.endpoint === this.#home ? NO_LINE : sticky.cookieLine(attempt.endpoint)
    this.exchange.respond(facts.status, nowMs)
    this.#answered(attempt, facts.status, nowMs)
    this.exchange.downstream.response.sendHead(head, facts, this.#route.responseEdits, line)
  }

  /** An error may come much sooner than the work would: it teaches nothing of how busy the endpoints are. @hotpath */
  #answered(attempt: Attempt, status: number, nowMs: number): void {
    const latencyUs = status < 500 ? attempt.firstByteUs : -1
    this.#admission = this.upstream.admission.answered(this.#admission, latencyUs, nowMs)
  }

  /** The response is one that another is asked for, and another is under way now. False: it is the client's. */
  #passesOver(attempt: Attempt, status: number): boolean {
    if (!this.#raceGoesOn(attempt) && !this.#retryOf().afterStatus(attempt)) return false
    if (this.attempt === attempt) this.attempt = null
    attempt.session.discard(attempt)
    attempt.end(outcomeOfStatus(status), performance.now())
    return true
  }

  /** `attempt` has come to nothing. True when another one is under way beside it. */
  #raceGoesOn(attempt: Attempt): boolean {
    const other = this.#race?.fail(attempt, this.attempt) ?? null
    if (other === null) return false
    this.#retryOf().tried.add(attempt.endpoint)
    this.attempt = other
    this.#latest = other
    return true
  }

  #retryOf(): Retry {
    this.#retry ??= new Retry(this)
    return this.#retry
  }

  onResponseEnd(trailers: readonly string[] | null, nowMs: number): void {
    this.attempt = null
    this.exchange.respondEnd(trailers, nowMs)
  }

  onSwitch(attempt: Attempt, head: Head, facts: ResponseFacts, start: number, end: number): void {
    this.#answered(attempt, facts.status, performance.now())
    this.exchange.startTunnel(attempt.session, head, facts, start, end)
  }

  onTryTimeout(attempt: Attempt): void {
    const { session } = attempt
    const isConnected = session.open
    const fate = !isConnected ? UNSENT : session.keepsRequest ? UNANSWERED : GONE
    session.cancel(attempt)
    this.#failed(attempt, isConnected ? 'response_timeout' : 'connect_timeout', fate)
  }

  onSessionError(attempt: Attempt, error: SessionError, fate: RequestFate): void {
    if (!this.exchange.ended) this.#failed(attempt, error, fate)
  }

  /** A try has come to nothing. */
  #failed(attempt: Attempt, error: SessionError, fate: RequestFate): void {
    if (this.#raceGoesOn(attempt)) {
      attempt.end(outcomeOf(error), performance.now())
      return
    }
    this.attempt = null
    const { exchange } = this
    if (this.#retryOf().afterError(attempt, error, fate)) return
    exchange.errorDetail = attempt.session.systemError
    exchange.fail(this.codeOf(error))
  }

  /** What the client is told. With all others down, what failed was the last resort: there is no endpoint. */
  codeOf(error: SessionError): ErrorCode {
    const isConnectError = error === 'connect_failed' || error === 'connect_timeout'
    return isConnectError && this.upstream.isDown(performance.now()) ? 'no_endpoint' : codeOf(error)
  }

  /** The exchange is over, however it ended. @hotpath */
  end(): void {
    if (this.#race !== null) this.#race.end()
    if (this.#waiting !== null) this.upstream.room.leave(this.#waiting)
    if (this.#retry !== null) this.#retry.end()
    this.#race = null
    this.#waiting = null
    this.held = null
    const { attempt } = this
    if (attempt !== null) {
      this.attempt = null
      attempt.cancel()
    }
    if (this.#admission === 0) return
    this.upstream.admission.leave(this.#admission, this.#waitedUs())
    this.#admission = 0
  }

  /** How long the endpoint has kept somebody waiting in vain, which teaches how busy it is; -1 where it did not. */
  #waitedUs(): number {
    const { error } = this.exchange
    const isLate = error === 'upstream_response_timeout' || error === 'exchange_timeout'
    return isLate && this.#latest !== null ? this.#latest.elapsedUs(performance.now()) : -1
  }
}
