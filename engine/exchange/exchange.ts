/**
 * One request and its response, from the first byte read to the last byte written: picks the endpoint, tries again where
 * that is safe, and joins the two sides.
 *
 *     received ──route answers──────────────────────────────▶ ended
 *        │
 *        └─forward─▶ waiting ──response head──▶ responding ──response end──▶ ended
 *                      │  ▲                        │
 *           connect or │  │ next endpoint, or      └──101──▶ tunnel (the exchange ends with it)
 *           stale pool └──┘ a fresh connection
 *
 * Errors before the response head become an answer, errors behind it cut the connection. A client that goes away ends
 * the exchange from anywhere.
 */
import { CHUNKED_CONTENT, NO_CONTENT } from '../http1/framing.ts'
import type { Head } from '../http1/head.ts'
import { type RequestRewrite, writeRequestHead } from '../http1/head-writer.ts'
import { METHOD_HEAD, type RequestFacts } from '../http1/request-facts.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import { bucketOf } from '../shared/histogram.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  LATENCY_MAX_US,
  STATUS_CLASSES,
} from '../shared/state-page.ts'
import type { ClientSession, ResponseReceiver, SessionError } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Pool } from '../upstream/pool.ts'
import type { Downstream } from './downstream.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import type { Route, Upstream } from './generation.ts'
import type { ExchangeRecord } from './record.ts'
import type { WorkerContext } from './worker-context.ts'

const RECEIVED = 0
const WAITING = 1
const RESPONDING = 2
const TUNNEL = 3
const ENDED = 4

const SESSION_ERRORS: Readonly<Record<SessionError, ErrorCode>> = {
  connect_failed: 'upstream_connect_failed',
  connect_timeout: 'upstream_connect_timeout',
  closed: 'upstream_closed',
  response_timeout: 'upstream_response_timeout',
  idle_timeout: 'upstream_idle_timeout',
  response_malformed: 'upstream_response_malformed',
  no_parser: 'out_of_memory',
  fault: 'internal',
}

export class Exchange implements ResponseReceiver, ExchangeRecord {
  readonly #worker: WorkerContext
  readonly #downstream: Downstream
  readonly #startedAt: number
  #state = RECEIVED
  #route: Route | null = null
  #upstream: Upstream | null = null
  #session: ClientSession | null = null
  #pool: Pool | null = null
  /** Endpoints that could not be reached; `null` as long as none was tried in vain. */
  #tried: Set<number> | null = null
  /** A stale pooled connection has failed this request once. */
  #replayed = false
  #idempotent = false
  #framing = NO_CONTENT
  #requestComplete = false
  #dialledAt = 0
  #firstByteAt = 0
  #endedAt = 0
  isHead = false
  wantsUpgrade = false
  requestStart = 0
  requestEnd = 0
  method = ''
  host = ''
  target = ''
  protocol = ''
  requestId = ''
  status = 0
  bytesIn = 0
  bytesOut = 0
  connectUs = -1
  retries = 0
  error: ErrorCode | '' = ''
  errorDetail = ''

  constructor(worker: WorkerContext, downstream: Downstream, startedAt: number) {
    this.#worker = worker
    this.#downstream = downstream
    this.#startedAt = startedAt
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
    return performance.timeOrigin + this.#startedAt
  }

  get firstByteUs(): number {
    return this.#firstByteAt === 0 ? -1 : (this.#firstByteAt - this.#startedAt) * 1000
  }

  get totalUs(): number {
    return (this.#endedAt - this.#startedAt) * 1000
  }

  get endpoint(): string {
    return this.#pool?.endpoint.name ?? ''
  }

  get upstream(): string {
    return this.#upstream?.name ?? ''
  }

  get route(): string {
    return this.#route?.name ?? ''
  }

  get listener(): string {
    return this.#downstream.listener
  }

  get client(): string {
    return this.#downstream.client
  }

  get flag(): string {
    return this.error === '' ? '' : ERRORS[this.error].flag
  }

  /** The request's head is whole: answers it, or sends it on. `head` and `facts` are used up when this returns. */
  start(route: Route | null, head: Head, facts: RequestFacts): void {
    this.#route = route
    this.isHead = facts.method === METHOD_HEAD
    this.wantsUpgrade = facts.upgrade
    this.#idempotent = facts.idempotent
    this.#framing = facts.framing
    if (route === null) {
      this.fail('no_route')
    } else if (route.upstream === null) {
      const { answer } = route
      if (answer !== null) this.#answer(answer.status, () => this.#downstream.response.answer(answer))
    } else {
      this.#forward(route, route.upstream, head, facts)
    }
  }

  #answer(status: number, write: () => void): void {
    this.#state = RESPONDING
    this.status = status
    write()
    this.#end()
  }

  /** @hotpath */
  #forward(route: Route, upstream: Upstream, head: Head, facts: RequestFacts): void {
    this.#upstream = upstream
    const index = upstream.balancer.pick(null)
    if (index < 0) {
      this.fail('no_endpoint')
      return
    }
    const pool = upstream.pools[index] as Pool
    const mayPipeline = facts.idempotent && facts.framing === NO_CONTENT && !facts.upgrade && !facts.expectContinue
    const session = pool.acquire(mayPipeline)
    const out = session.prepare()
    const start = out.length
    writeRequestHead(out, head, facts, this.#rewrite(route, pool.endpoint))
    this.#attach(session, pool)
    session.begin(this, start, facts.framing !== NO_CONTENT)
  }

  #rewrite(route: Route, endpoint: Endpoint): RequestRewrite {
    const { host } = route
    return {
      forwarding: this.#downstream.forwarding,
      edits: route.requestEdits,
      host: host.kind === 'keep' ? null : host.kind === 'set' ? host.host : endpoint.host,
      defaultHost: endpoint.host,
      requestId: this.requestId,
    }
  }

  #attach(session: ClientSession, pool: Pool): void {
    this.#session = session
    this.#pool = pool
    this.#state = WAITING
    if (session.open) this.connectUs = 0
    else this.#dialledAt = performance.now()
    const { inFlight } = this.#worker.row
    const { column } = pool.endpoint
    inFlight[column] = (inFlight[column] as number) + 1
  }

  #detach(): void {
    if (this.#session === null) return
    this.#session = null
    const { inFlight } = this.#worker.row
    const { column } = (this.#pool as Pool).endpoint
    inFlight[column] = (inFlight[column] as number) - 1
  }

  // The request's side.

  /** Content has come. With `slot` it lies in a slot of the client's connection, and may be written by reference. */
  requestContent(start: number, end: number, slot: Slot | null): void {
    if (this.#session === null) return
    if (!this.#session.writeContent(start, end, slot, this.#framing === CHUNKED_CONTENT))
      this.#downstream.pauseRequest()
  }

  requestDone(trailers: readonly string[] | null): void {
    this.#requestComplete = true
    if (this.#framing !== NO_CONTENT) this.#session?.endContent(trailers, this.#framing === CHUNKED_CONTENT)
  }

  /** All that one read of the client's brought has been handed over. */
  requestFlush(): void {
    this.#session?.flush()
  }

  /** The client's connection is gone: it went away, or a fault of ours took it. */
  clientGone(code: 'client_closed' | 'internal'): void {
    if (this.#state === ENDED) return
    if (this.error === '') this.error = code
    this.#session?.cancel(this)
    this.#end()
  }

  /** What was written to the client has been taken. */
  responseDrain(): void {
    this.#session?.resume()
  }

  // The upstream's side.

  onConnected(): void {
    this.connectUs = (performance.now() - this.#dialledAt) * 1000
  }

  onRequestDrain(): void {
    this.#downstream.resumeRequest()
  }

  onInterim(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    this.#downstream.response.sendInterim(head, facts)
  }

  onResponseHead(_session: ClientSession, head: Head, facts: ResponseFacts): void {
    this.#firstByteAt = performance.now()
    this.#worker.net.wheel.observe(this.#firstByteAt)
    this.#state = RESPONDING
    this.status = facts.status
    this.#downstream.response.sendHead(head, facts, (this.#route as Route).responseEdits)
  }

  onResponseContent(session: ClientSession, start: number, end: number, slot: Slot | null): void {
    if (!this.#downstream.response.sendContent(start, end, slot)) session.pause()
  }

  onResponseFlush(session: ClientSession): void {
    if (!this.#downstream.response.flush()) session.pause()
  }

  onResponseEnd(_session: ClientSession, trailers: readonly string[] | null): void {
    this.#downstream.response.sendEnd(trailers)
    this.#downstream.response.flush()
    this.#end()
  }

  onSwitch(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    this.#firstByteAt = performance.now()
    this.#state = TUNNEL
    this.status = facts.status
    this.#downstream.switchProtocols(session, head, facts, start, end)
  }

  onSessionError(session: ClientSession, error: SessionError, replayable: boolean, unsent: boolean): void {
    if (this.#state === ENDED) return
    const bytes = replayable ? session.copyRequest(this) : null
    const pool = this.#pool as Pool
    this.#detach()
    const isConnectError = error === 'connect_failed' || error === 'connect_timeout'
    if (this.#state === WAITING && bytes !== null) {
      if (isConnectError) {
        if (this.#tryNextEndpoint(pool, bytes)) return
      } else if (error === 'closed' && session.reused && !this.#replayed && (this.#idempotent || unsent)) {
        // The keep-alive race: the origin closed an idle connection as we wrote to it.
        this.#replayed = true
        this.#sendAgain(pool, bytes)
        return
      }
    }
    this.errorDetail = session.systemError
    this.fail(SESSION_ERRORS[error])
  }

  /** False when every endpoint has been tried. */
  #tryNextEndpoint(failed: Pool, bytes: Buffer): boolean {
    const upstream = this.#upstream as Upstream
    this.#tried ??= new Set()
    this.#tried.add(failed.endpoint.index)
    const index = upstream.balancer.pick(this.#tried)
    if (index < 0) return false
    const next = upstream.pools[index] as Pool
    const rewritesHost = this.#route?.host.kind === 'upstream'
    this.#sendAgain(next, rewritesHost ? withHost(bytes, next.endpoint.host) : bytes)
    return true
  }

  #sendAgain(pool: Pool, bytes: Buffer): void {
    this.retries += 1
    const session = pool.acquireNew()
    const out = session.prepare()
    const start = out.length
    out.copy(bytes, 0, bytes.length)
    this.#attach(session, pool)
    session.begin(this, start, !this.#requestComplete)
  }

  /** Ends the exchange with an error: told to the client where it can still be told, cut off where it cannot. */
  fail(code: ErrorCode): void {
    if (this.#state === ENDED) return
    if (this.error === '') this.error = code
    this.#session?.cancel(this)
    const { status } = ERRORS[code]
    if (this.responseStarted || status === 0) {
      this.#downstream.cut()
      this.#end()
    } else {
      this.#answer(status, () => this.#downstream.response.answerError(status))
    }
  }

  /** A tunnel has ended; `error` is empty where both sides closed it. */
  tunnelEnded(error: ErrorCode | '', bytesIn: number, bytesOut: number): void {
    this.error = error
    this.bytesIn += bytesIn
    this.bytesOut += bytesOut
    this.#end()
  }

  /** @hotpath */
  #end(): void {
    if (this.#state === ENDED) return
    this.#state = ENDED
    this.#detach()
    this.#endedAt = performance.now()
    this.bytesOut += this.#downstream.response.bytesWritten
    this.#downstream.exchangeEnded()
    this.#count()
    const { onExchange } = this.#worker
    if (onExchange !== null) onExchange(this)
  }

  #count(): void {
    const { counters, latency } = this.#worker.row
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

/** The request with another `Host`: the line that we wrote right behind the request line. */
function withHost(request: Buffer, host: string): Buffer {
  const start = request.indexOf('\r\n') + 2
  const end = request.indexOf('\r\n', start)
  return Buffer.concat([request.subarray(0, start), Buffer.from(`Host: ${host}`, 'latin1'), request.subarray(end)])
}
