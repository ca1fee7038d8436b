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
import { CHUNKED_CONTENT, NO_CONTENT } from '../http/framing.ts'
import type { Head } from '../http/head.ts'
import { writeRequestHead } from '../http/head-writer.ts'
import type { RequestFacts } from '../http/request-facts.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Slot } from '../net/slots.ts'
import type { PendingLines } from '../rewriting/message-edits.ts'
import { REFUSED_TARGET, upstreamTarget } from '../rewriting/rewrite.ts'
import { cookieValue } from '../routing/cookie.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { stampOf } from '../shared/clock.ts'
import { RETRIES_TOTAL } from '../shared/state-page.ts'
import { REFUSED_BY_CIRCUIT, TRIAL } from '../upstream/admission.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { outcomeOfStatus } from '../upstream/health/outcome.ts'
import {
  GONE,
  type RequestFate,
  type SessionError,
  type StreamSwitch,
  UNANSWERED,
  UNSENT,
} from '../upstream/response-receiver.ts'
import { type Entry, FULL, QUEUE_FULL, WAITS } from '../upstream/room.ts'
import type { Lack, Upstream } from '../upstream/upstream.ts'
import { Attempt } from './attempt.ts'
import type { ResponseWriter } from './downstream.ts'
import { type ErrorPages, keptFields } from './error-pages.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { hashKey } from './hash-key.ts'
import { openRace } from './hedge.ts'
import { HeldRequest } from './held-request.ts'
import type { Race } from './race.ts'
import { HOST_OF_ENDPOINT, hostOfRoute, requestRewrite } from './request-rewrite.ts'
import { Retry } from './retry.ts'
import type { Route } from './route.ts'
import { codeOf, outcomeOf } from './session-errors.ts'
import type { Target } from './target.ts'
import { Waiting } from './waiting.ts'
import type { WorkerContext } from './worker-context.ts'

const NO_LINE = ''

export class Forward {
  readonly exchange: Exchange
  readonly worker: WorkerContext
  readonly target: Target
  readonly upstream: Upstream
  readonly #route: Route
  readonly #framing: number
  /** May be sent again although it may have been received. */
  readonly isRepeatable: boolean
  /** Some of it has gone to an endpoint. */
  #mayBeReceived = false
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
  /** The request target as the route has it; `null` where it goes on as it came. */
  #requestTarget: string | null = null
  /** `Host` says the endpoint's own. */
  #hostFollowsEndpoint = false
  /** Lines that the route adds to the response; `null` where all of them are the same for every request. */
  #responseLines: PendingLines | null = null
  /** All of it has come from the client. */
  isRequestWhole: boolean
  #mayPipeline: boolean
  /** Tries beyond the first. */
  retries = 0

  constructor(exchange: Exchange, target: Target, route: Route, facts: RequestFacts) {
    const { kept } = exchange
    const hasContent = facts.framing !== NO_CONTENT
    this.exchange = exchange
    this.worker = exchange.worker
    this.target = target
    this.upstream = target.upstream
    this.#route = route
    this.#framing = facts.framing
    this.isRepeatable = target.repeats(facts.method)
    this.isRequestWhole = kept === null ? !hasContent : kept.isWhole
    this.#mayPipeline = !hasContent && facts.idempotent && !facts.upgrade && !facts.expectContinue
  }

  /** The endpoint that has, or had last, the request. */
  get endpoint(): Endpoint | null {
    return this.#latest?.endpoint ?? null
  }

  get connectUs(): number {
    return this.#latest?.connectUs ?? -1
  }

  /**
   * It may have to be sent once more, whatever its method: over HTTP/2 an origin may say that it has done nothing for it, and a
   * route that names statuses of gRPC has said so.
   */
  get keepsContent(): boolean {
    if (this.isRepeatable || this.upstream.settings.protocol !== 'http') return true
    return this.exchange.grpc !== null && this.target.retry.grpcStatuses.length > 0
  }

  /** Nothing of it has been received, or it may be received twice. */
  get isResendable(): boolean {
    return this.isRepeatable || !this.#mayBeReceived
  }

  /** Endpoints that the request has been to in vain; `null` for none. */
  get tried(): ReadonlySet<Endpoint> | null {
    return this.#retry === null || this.#retry.tried.size === 0 ? null : this.#retry.tried
  }

  // The request's side.

  /**
   * Sends the request on, or lets the exchange fail. `request` is used up when this returns; `nowMs` is about
   * `performance.now()`. @hotpath
   */
  start(request: RoutedRequest, nowMs: number): void {
    const { upstream, exchange } = this
    this.#requestTarget = upstreamTarget(this.#route.rewrite, request)
    if (this.#requestTarget === REFUSED_TARGET) {
      exchange.fail('request_path')
      return
    }
    const { lines } = this.#route.response
    if (lines !== null) this.#responseLines = lines.begin(request)
    const { settings, sticky, room } = upstream
    const admission = upstream.admission.enter(this.#route.importance, nowMs, this.target.retryDeposit)
    if (admission < 0) {
      this.#refused(admission, request, nowMs)
      return
    }
    this.#admission = admission
    if (settings.hashOn !== null || settings.balance === 'ip_hash') {
      this.key = hashKey(settings.hashOn, request)
    }
    if (sticky !== null) this.#home = sticky.find(cookieValue(request.head, sticky.cookie))
    const endpoint = room.isAwaited ? null : (this.#openHome() ?? upstream.choose(this.key, null, nowMs))
    const session = endpoint === null ? null : endpoint.pool.acquire(this.#mayPipeline, exchange)
    if (endpoint === null || session === null) this.#startWithout(endpoint, request)
    else this.#startOn(endpoint, session, request, nowMs)
  }

  /** Where the client's session lies, if that endpoint takes it. */
  #openHome(): Endpoint | null {
    const home = this.#home
    return home !== null && this.upstream.keepsSession(home) ? home : null
  }

  /** @hotpath */
  #startOn(endpoint: Endpoint, session: ClientSession, request: RoutedRequest, startedAt: number): void {
    const out = session.prepare()
    const start = out.length
    this.writeHead(out, endpoint, request)
    this.#writeKept(out)
    // A head may have taken long to come; its time is the endpoint's only where nobody goes by it.
    const nowMs = this.upstream.isMeasured || !session.open ? performance.now() : startedAt
    this.attempt = this.launch(endpoint, session, start, nowMs)
    if (this.upstream.hedgeBudget !== null) this.#race = openRace(this, request.facts, nowMs)
  }

  /** Adds the head as it goes to the endpoint. @hotpath */
  writeHead(out: ByteBuffer, endpoint: Endpoint, request: RoutedRequest): void {
    const route = this.#route
    const host = hostOfRoute(route, request)
    this.#hostFollowsEndpoint = host === HOST_OF_ENDPOINT
    const rewrite = requestRewrite(route, request, this.#requestTarget, host, endpoint.host)
    writeRequestHead(out, request.head, request.facts, rewrite)
  }

  /** Adds what has come of the content before this route got the request. @hotpath */
  #writeKept(out: ByteBuffer): void {
    const { kept } = this.exchange
    if (kept !== null && kept.content !== null) out.copy(kept.content.bytes, 0, kept.content.length)
  }

  /** `Host` of a request that is sent once more, where it has to be another; `null` where it stays. */
  hostFor(endpoint: Endpoint): string | null {
    return this.#hostFollowsEndpoint ? endpoint.host : null
  }

  /** Begins a try: the request lies in the session's `out`, from `start`. `nowMs` is `performance.now()`. @hotpath */
  launch(endpoint: Endpoint, session: ClientSession, start: number, nowMs: number): Attempt {
    // One try stands for the request where the circuit of the upstream lets only some in.
    const isTrial = (this.#admission & TRIAL) !== 0
    const attempt = new Attempt(this, endpoint, session, isTrial, nowMs)
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
  #refused(admission: number, request: RoutedRequest, nowMs: number): void {
    const { circuit } = this.upstream
    if (admission !== REFUSED_BY_CIRCUIT || circuit === null) this.exchange.fail('upstream_overloaded')
    else this.exchange.circuitOpen(circuit.leftMs(stampOf(nowMs)), this.target, request)
  }

  /** No endpoint, or none with room. `lost` has no room in spite of having been chosen. */
  #startWithout(lost: Endpoint | null, request: RoutedRequest): void {
    const { upstream, exchange } = this
    const { room, endpoints, settings } = upstream
    const [any] = endpoints
    if (any === undefined) {
      exchange.fail(settings.endpoints.length === 0 ? 'no_endpoint' : 'upstream_unresolved')
      return
    }
    if (lost !== null) upstream.unchoose(lost)
    if (lost === null && !room.isAwaited && upstream.lack !== 'full') {
      this.#startWithNobody(request)
      return
    }
    const held = new HeldRequest()
    this.writeHead(held.bytes, any, request)
    this.#writeKept(held.bytes)
    this.held = held
    // Another worker may have been quicker to the last place of one endpoint, and not of all.
    if (lost !== null && this.sendHeld() === null) return
    const entry = this.wait('no_endpoint')
    if (entry === QUEUE_FULL) exchange.fail('upstream_queue_full')
    // What others kept may have been given up between the two looks.
    else if (entry === FULL && this.sendHeld() !== null) exchange.fail('upstream_full')
  }

  #startWithNobody(request: RoutedRequest): void {
    const leftMs = this.upstream.circuitLeftMs(performance.now())
    if (leftMs < 0) {
      this.exchange.fail('no_endpoint')
    } else {
      this.end()
      this.exchange.circuitOpen(leftMs, this.target, request)
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
    const { exchange } = this
    const session = this.#retry?.wantsFresh ? pool.acquireNew(exchange) : pool.acquire(this.#mayPipeline, exchange)
    if (session === null) {
      this.upstream.unchoose(endpoint)
      return false
    }
    this.held = null
    const attempt = this.launch(endpoint, session, held.moveTo(session, this.hostFor(endpoint)), nowMs)
    this.attempt = attempt
    this.#latest = attempt
    this.proceed()
    return true
  }

  /** Sends what a session has of the request, outside a read of the client's, who goes on where it was made to wait. */
  proceed(): void {
    if (this.attempt === null) return
    const { session } = this.attempt
    session.flush()
    if (!this.isRequestWhole && session.open) this.exchange.downstream.resumeRequest()
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
    return this.exchange.response
  }

  #settleRace(winner: Attempt): void {
    this.#race?.settle(winner, this.attempt)
    this.#race = null
    this.attempt = winner
    this.#latest = winner
  }

  /** @hotpath */
  onResponseHead(attempt: Attempt, head: Head, facts: ResponseFacts, nowMs: number): void {
    const { sticky } = this.upstream
    const { statuses } = this.target.retry
    if (statuses.length > 0 && statuses.includes(facts.status)) {
      if (this.#passesOver(attempt, facts.status, this.isRepeatable)) return
    }
    const { grpc } = this.exchange
    if (grpc !== null) {
      grpc.readHead(head)
      if (this.target.retry.grpcStatuses.includes(grpc.status) && this.#passesOver(attempt, facts.status, true)) return
    }
    if (this.exchange.isFalseTunnel(facts.status)) {
      this.#refuseSuccess(attempt, facts.status, nowMs)
      return
    }
    const { errorPages } = this.#route
    if (
      grpc === null &&
      errorPages?.intercepts === true &&
      this.#intercepts(attempt, errorPages, head, facts.status, nowMs)
    )
      return
    if (this.#race !== null) this.#settleRace(attempt)
    const line = sticky === null || attempt.endpoint === this.#home ? NO_LINE : sticky.cookieLine(attempt.endpoint)
    this.exchange.respond(facts.status, nowMs)
    this.#answered(attempt, facts.status, nowMs)
    const lines = line + this.#linesOf(attempt, facts.status)
    this.exchange.response.sendHead(head, facts, this.exchange.responseEdits(this.#route.response.edits), lines)
  }

  /** The origin has taken a request for a tunnel like one for a page. */
  #refuseSuccess(attempt: Attempt, status: number, nowMs: number): void {
    if (this.#race !== null) this.#settleRace(attempt)
    this.#answered(attempt, status, nowMs)
    this.exchange.fail('upstream_upgrade_unsupported')
  }

  /** A page takes the place of the response: what comes of that is read away. False: the response is the client's. */
  #intercepts(attempt: Attempt, pages: ErrorPages, head: Head, status: number, nowMs: number): boolean {
    const page = pages.interceptingOf(status)
    if (page === null) return false
    if (this.#race !== null) this.#settleRace(attempt)
    const fields = keptFields(head)
    this.#answered(attempt, status, nowMs)
    this.attempt = null
    // What still comes of the request is of no use to anybody.
    if (this.isRequestWhole) attempt.session.discard(attempt)
    else attempt.session.cancel(attempt)
    attempt.end(outcomeOfStatus(status), nowMs)
    this.exchange.intercept(page, status, fields, nowMs)
    return true
  }

  /** What the route adds to this response and to no other. */
  #linesOf({ endpoint }: Attempt, status: number): string {
    if (this.#responseLines === null) return ''
    return this.#responseLines.finish({ status, upstream: this.upstream.name, endpoint: endpoint.name })
  }

  /** An error may come much sooner than the work would: it teaches nothing of how busy the endpoints are. @hotpath */
  #answered(attempt: Attempt, status: number, nowMs: number): void {
    const latencyUs = status < 500 ? attempt.firstByteUs : -1
    this.#admission = this.upstream.admission.answered(this.#admission, latencyUs, nowMs)
  }

  /**
   * The response is one that another is asked for, and another is under way now. False: it is the client's. `mayRepeat`: the
   * endpoint has had the request, and it may be sent to another all the same.
   */
  #passesOver(attempt: Attempt, status: number, mayRepeat: boolean): boolean {
    if (!this.#raceGoesOn(attempt) && !(mayRepeat && this.#retryOf().afterStatus(attempt))) return false
    if (this.attempt === attempt) this.attempt = null
    attempt.session.discard(attempt)
    attempt.end(this.exchange.grpc?.outcome(status) ?? outcomeOfStatus(status), performance.now())
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

  onSwitch(attempt: Attempt, change: StreamSwitch): void {
    const { status } = change.facts
    this.#answered(attempt, status, performance.now())
    if (!this.exchange.downstream.grants(change.head)) {
      change.stream.reset()
      this.exchange.fail('upstream_response_malformed')
      return
    }
    const { edits } = this.#route.response
    this.exchange.startTunnel({ ...change, edits, lines: this.#linesOf(attempt, status) })
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
    if (fate !== UNSENT) this.#mayBeReceived = true
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
