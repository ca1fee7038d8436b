/**
 * One request and its response, from the first byte read to the last byte written: answers it, or has it forwarded, and
 * keeps the account of it.
 *
 *     received ──route answers──────────────────────────────▶ ended
 *      │    ▲
 *      │    └── nobody answers: another route, as if its own
 *      │               │
 *      └─forward─▶ waiting ──response head──▶ responding ──response end──▶ ended
 *                      │                          │
 *                      └─ nor that: error         └──101──▶ tunnel (the exchange ends with it)
 *
 * Errors before the response head become an answer, errors behind it cut the connection. A client that goes away ends
 * the exchange from anywhere. What happens between waiting and responding is the work of `Forward`, or where the route has
 * files, of `FileResponse`.
 */
import type { CompiledEdits } from '../http/field-edits.ts'
import { METHOD_HEAD } from '../http/request-facts.ts'
import type { Connection } from '../net/connection.ts'
import type { IntroducedClient } from '../net/proxy-protocol/opening.ts'
import type { Slot } from '../net/slots.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { bucketOf } from '../shared/histogram.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  LATENCY_MAX_US,
  STATUS_CLASSES,
} from '../shared/state-page.ts'
import type { FieldLine } from '../snapshot.ts'
import { errorAnswer, linesOf, NO_MESSAGE_EDITS, retryAfter, type StaticAnswer } from './answer.ts'
import type { Downstream, ProtocolSwitch, ResponseWriter } from './downstream.ts'
import type { ErrorPage } from './error-pages.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { FALLBACKS_MAX, mayTake } from './fallback.ts'
import { FileResponse, filePath } from './files/file-response.ts'
import type { Folder } from './files/folder.ts'
import { Forward } from './forward.ts'
import { answerTo, callError } from './grpc/answer.ts'
import { callOf, type GrpcCall } from './grpc/call.ts'
import { NO_STATUS } from './grpc/status.ts'
import { NO_TIMEOUT } from './grpc/timeout.ts'
import { MALFORMED_TEXT } from './grpc/web-request.ts'
import { translateWeb, type WebTranslation } from './grpc/web-translation.ts'
import { KeptRequest, unreadRequest } from './kept-request.ts'
import type { Mirror } from './mirror.ts'
import type { MirrorCopy } from './mirror-copy.ts'
import type { ExchangeRecord } from './record.ts'
import type { Route } from './route.ts'
import type { Target } from './target.ts'
import type { WorkerContext } from './worker-context.ts'

const RECEIVED = 0
const WAITING = 1
const RESPONDING = 2
const TUNNEL = 3
const ENDED = 4

const STATUS_OK = 200

export class Exchange implements ExchangeRecord, IntroducedClient, TimerTarget {
  readonly worker: WorkerContext
  readonly downstream: Downstream
  /** Where responses of upstreams go. */
  response: ResponseWriter
  /** `performance.now()` when the first byte of the request was read. */
  readonly startedAt: number
  #state = RECEIVED
  #route: Route | null = null
  /** `null` where the request is not forwarded. */
  #forward: Forward | null = null
  /** `null` where there is no copy of the request. */
  #copy: MirrorCopy | null = null
  /** `null` where the response is not a file. */
  #file: FileResponse | null = null
  #firstByteAt = 0
  #endedAt = 0
  /** For the whole of it, where the route has one. */
  #timer: Timer | null = null
  /** When that is over, on the clock of `performance.now()`; 0 for never. */
  #deadlineAt = 0
  /** What its passing is called. */
  #deadlineCode: ErrorCode = 'exchange_timeout'
  /** `null` where it is no call of gRPC. */
  grpc: GrpcCall | null = null
  /** The origin speaks gRPC, and the client gRPC-Web; `null` where nothing is translated. */
  #web: WebTranslation | null = null
  /** `null` where nobody needs the request later. */
  kept: KeptRequest | null = null
  /** Routes that have had the request in vain. */
  #fallbacks = 0
  /** Of routes that have had the request in vain. */
  #earlierRetries = 0
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
    this.response = downstream.response
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
    return this.#earlierRetries + (this.#forward?.retries ?? 0)
  }

  get connectUs(): number {
    return this.#forward?.connectUs ?? -1
  }

  get grpcStatus(): number {
    return this.grpc === null ? NO_STATUS : this.grpc.status
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

  get proxy(): string {
    return this.downstream.proxy
  }

  /** The client's. */
  get connection(): Connection {
    return this.downstream.connection
  }

  get alpn(): string {
    return this.connection.tls?.alpn ?? ''
  }

  get uniqueId(): string {
    return this.requestId
  }

  get tlsVersion(): string {
    return this.downstream.forwarding.tls?.version ?? ''
  }

  get tlsCipher(): string {
    return this.downstream.forwarding.tls?.cipher ?? ''
  }

  get serverName(): string {
    return this.downstream.forwarding.tls?.serverName ?? ''
  }

  get flag(): string {
    return this.error === '' ? '' : ERRORS[this.error].flag
  }

  /** The request's head is whole: answers it, or sends it on. `request` is used up when this returns. */
  start(route: Route | null, request: RoutedRequest): void {
    const { facts } = request
    this.isHead = facts.method === METHOD_HEAD
    this.wantsUpgrade = facts.upgrade
    this.grpc = callOf(request)
    const { challenges } = this.worker
    const challenged = challenges.http === null ? null : challenges.answerTo(request)
    if (challenged !== null) {
      this.#answerWith(challenged, request)
      return
    }
    if (route !== null) {
      this.#follow(route, request)
      return
    }
    if (this.downstream.errorPages?.readsRequest === true) this.kept = new KeptRequest(request, 0)
    this.fail('no_route')
  }

  /** Does what a route says. @hotpath */
  #follow(route: Route, request: RoutedRequest): void {
    this.#route = route
    const target = route.target ?? (route.split === null ? null : route.split.choose(request).target)
    if (request.isOverlong) this.fail('request_head_too_large')
    else if (target === null) this.#answerFor(route, request)
    else this.#send(route, target, request)
  }

  #answerFor(route: Route, request: RoutedRequest): void {
    const { answer, redirect, files } = route
    if (files !== null && this.isFalseTunnel(STATUS_OK)) this.fail('request_method_unknown')
    else if (answer !== null && this.isFalseTunnel(answer.status)) this.fail('request_method_unknown')
    else if (answer !== null) this.#answerWith(answerTo(this.grpc, answer, route.response), request)
    else if (redirect !== null) this.#answerWith(redirect.answer(request), request)
    else if (files !== null) this.#serve(route, files, request)
  }

  /** The client would take a response with this status for the tunnel that it asks for, and there is none. */
  isFalseTunnel(status: number): boolean {
    return this.wantsUpgrade && this.downstream.tunnelsBySuccess && status >= 200 && status < 300
  }

  #serve(route: Route, folder: Folder, request: RoutedRequest): void {
    const { totalMs } = route.timeouts
    if (totalMs > 0) this.#limit(totalMs, 'exchange_timeout')
    if (route.keepsRequest) this.kept ??= new KeptRequest(request, 0)
    const path = filePath(route, request)
    if (path === null) {
      this.fail('request_path')
      return
    }
    this.#state = WAITING
    this.#file = new FileResponse(this, route, folder, path, request)
    this.#file.start(request, this.kept?.isWhole === true)
    // The route before this one may have made the client wait.
    if (this.#fallbacks > 0 && this.#state === WAITING) this.downstream.resumeRequest()
  }

  /** @hotpath */
  #send(route: Route, target: Target, request: RoutedRequest): void {
    const { totalMs } = route.timeouts
    if (totalMs > 0) this.#limit(totalMs, 'exchange_timeout')
    if (this.grpc === null) this.#sendOn(route, target, request)
    else this.#sendCall(this.grpc, route, target, request)
  }

  /** A call has the deadline that its client says, and is translated where the route has it so. */
  #sendCall(call: GrpcCall, route: Route, target: Target, request: RoutedRequest): void {
    if (call.timeoutMs !== NO_TIMEOUT) this.#limit(call.timeoutMs, 'grpc_deadline')
    // What came of the content before another route got the request went on as it was.
    if (!route.grpcWeb || !call.isWeb || this.#fallbacks > 0) {
      this.#sendOn(route, target, request)
      return
    }
    this.#web = translateWeb(call, request, this.downstream.response)
    this.response = this.#web.response
    this.#sendOn(route, target, this.#web.request)
  }

  /** @hotpath */
  #sendOn(route: Route, target: Target, request: RoutedRequest): void {
    if (route.keepsRequest || (this.grpc !== null && route.response.lines !== null)) this.#keep(route, target, request)
    if (this.#forward !== null) this.#earlierRetries += this.#forward.retries
    this.#state = WAITING
    const forward = new Forward(this, target, route, request.facts)
    this.#forward = forward
    forward.start(request, this.#fallbacks === 0 ? this.startedAt : performance.now())
    if (route.mirror !== null) this.#mirror(route.mirror, forward, request)
  }

  /** There is no copy of a request that nobody takes, and none by a route that others have fallen back to. */
  #mirror(mirror: Mirror, forward: Forward, request: RoutedRequest): void {
    if (this.#state === ENDED || this.#fallbacks > 0) return
    this.#copy = mirror.copy(this.worker, request, forward)
  }

  #keep(route: Route, { retry }: Target, request: RoutedRequest): void {
    this.kept ??= new KeptRequest(request, route.fallback === null ? 0 : retry.contentBytesMax)
  }

  /** `milliseconds` from the first byte of the request on: its head may have taken some of them. The earliest counts. */
  #limit(milliseconds: number, code: ErrorCode): void {
    const { wheel } = this.worker.net
    const deadlineAt = this.startedAt + milliseconds
    if (this.#deadlineAt !== 0 && this.#deadlineAt <= deadlineAt) return
    this.#deadlineAt = deadlineAt
    this.#deadlineCode = code
    const nowMs = performance.now()
    this.#timer ??= new Timer(this)
    wheel.observe(nowMs)
    wheel.set(this.#timer, Math.max(0, deadlineAt - nowMs))
  }

  #answerWith(answer: StaticAnswer, request: RoutedRequest): void {
    const { status } = answer
    const lines = linesOf(answer, request, { status, upstream: this.upstream, endpoint: this.endpoint })
    this.#answer(answer, lines)
  }

  #answer(answer: StaticAnswer, lines: string): void {
    const { strictTransport, response } = this.downstream
    this.#state = RESPONDING
    this.status = answer.status
    response.answer(answer, strictTransport === null ? lines : strictTransport.lines(answer, lines))
    this.#end(performance.now())
  }

  /** A circuit lets nothing through for `leftMs`: what the configuration of the upstream has for that, or 503. */
  circuitOpen(leftMs: number, { circuitFallback }: Target, request: RoutedRequest): void {
    if (circuitFallback === null || this.#fallbacks >= FALLBACKS_MAX) {
      this.failOfCircuit(leftMs)
      return
    }
    this.#leave()
    // Nothing of its content has come yet, so that the next route may keep more of it than this one does.
    if (request !== this.kept?.request) this.kept = null
    this.#follow(circuitFallback, request)
  }

  /** The route has had the request in vain; another one is about to get it. */
  #leave(): void {
    this.#fallbacks += 1
    this.#forward?.end()
  }

  /** The same where nothing but 503 is left to be said. */
  failOfCircuit(leftMs: number): void {
    this.fail('upstream_circuit_open', [retryAfter(leftMs)])
  }

  /** The whole exchange has had its time. */
  onDeadline(): void {
    this.guard(() => this.fail(this.#deadlineCode))
  }

  /** Runs what a timer calls: an exception in it costs the client's connection, and nothing else. */
  guard(run: () => void): void {
    this.downstream.guard(run)
  }

  // The request's side.

  /** Content has come. With `slot` it lies in a slot of the client's connection, and may be written by reference. */
  requestContent(start: number, end: number, slot: Slot | null): void {
    if (this.#web !== null) this.#webContent(this.#web, start, end)
    else this.#content(start, end, slot)
  }

  #webContent({ content }: WebTranslation, start: number, end: number): void {
    const decodedEnd = content.decode(start, end)
    if (decodedEnd === MALFORMED_TEXT) this.fail('request_content_malformed')
    else if (decodedEnd > start) this.#content(start, decodedEnd, null)
  }

  #content(start: number, end: number, slot: Slot | null): void {
    if (this.kept !== null) this.kept.addContent(start, end)
    if (this.#copy !== null) this.#copy.content(start, end)
    if (this.#file !== null) this.#file.requestContent(end - start)
    this.#forward?.requestContent(start, end, slot)
  }

  requestDone(trailers: readonly string[] | null): void {
    if (this.#web?.content.isWhole === false) {
      this.fail('request_content_malformed')
      return
    }
    if (this.kept !== null) this.kept.endContent(trailers)
    if (this.#copy !== null) this.#copy.requestDone(trailers)
    if (this.#file !== null) this.#file.requestDone()
    this.#forward?.requestDone(trailers)
  }

  /** All that one read of the client's brought has been handed over. */
  requestFlush(): void {
    if (this.#forward !== null) this.#forward.requestFlush()
    if (this.#copy !== null) this.#copy.flush()
  }

  /** The client's connection is gone: it went away, or a fault of ours took it. */
  clientGone(code: 'client_closed' | 'internal'): void {
    if (this.#state === ENDED) return
    if (this.error === '') this.error = code
    if (this.#copy !== null) this.#copy.cancel()
    this.#end(performance.now())
  }

  /** What was written to the client has been taken. */
  responseDrain(): void {
    this.#forward?.responseDrain()
    this.#file?.responseDrain()
  }

  // The upstream's side.

  /** What is changed of a response: `edits` are those of its route. @hotpath */
  responseEdits(edits: CompiledEdits | null): CompiledEdits | null {
    const { strictTransport } = this.downstream
    return strictTransport === null ? edits : strictTransport.edits(edits)
  }

  /** The head of the client's response has come. */
  respond(status: number, nowMs: number): void {
    if (this.kept !== null) this.kept = null
    this.#firstByteAt = nowMs
    this.#state = RESPONDING
    this.status = status
  }

  respondEnd(trailers: readonly string[] | null, nowMs: number): void {
    this.response.sendEnd(trailers)
    this.response.flush()
    this.#end(nowMs)
  }

  startTunnel(change: ProtocolSwitch): void {
    this.kept = null
    this.#firstByteAt = performance.now()
    this.#state = TUNNEL
    this.status = change.facts.status
    // The deadline was for getting an answer; a tunnel has its own.
    this.#unlimit()
    this.downstream.switchProtocols(change)
  }

  #unlimit(): void {
    if (this.#timer !== null) this.worker.net.wheel.clear(this.#timer)
  }

  /** A page takes the place of the upstream's response, whose `status` and `fields` it keeps as far as it does. */
  intercept(page: ErrorPage, status: number, fields: readonly FieldLine[], nowMs: number): void {
    this.#firstByteAt = nowMs
    this.#answerWithPage(page, status, fields)
  }

  #answerWithPage(page: ErrorPage, errorStatus: number, fields: readonly FieldLine[]): void {
    const { upstream, endpoint, requestId } = this
    const request = this.kept?.request ?? unreadRequest(this.downstream, requestId, this.startedAtMs)
    const values = { status: page.statusFor(errorStatus), upstream, endpoint }
    const changes = this.#route === null ? NO_MESSAGE_EDITS : this.#route.response
    this.#answerWith(page.answer(request, values, fields, changes), request)
  }

  /**
   * Ends the exchange with an error: told to the client where it can still be told, cut off where it cannot. `fields` are
   * those that its status asks for.
   */
  fail(code: ErrorCode, fields: readonly FieldLine[] = []): void {
    if (this.#state === ENDED) return
    const { status } = ERRORS[code]
    if (this.responseStarted || status === 0) {
      if (this.error === '') this.error = code
      this.#forward?.end()
      this.downstream.cut()
      this.#end(performance.now())
    } else if (!this.#fallsBack(code)) {
      if (this.error === '') this.error = code
      if (this.grpc === null) this.#answerError(status, fields)
      else this.#answerCall(this.grpc, code, fields)
    }
  }

  /** There are no pages for calls: their clients look for a status of gRPC. */
  #answerCall(call: GrpcCall, code: ErrorCode, fields: readonly FieldLine[]): void {
    const request = this.kept?.request ?? unreadRequest(this.downstream, this.requestId, this.startedAtMs)
    this.#answerWith(callError(call, code, fields, this.#route?.response ?? NO_MESSAGE_EDITS), request)
  }

  #answerError(status: number, fields: readonly FieldLine[]): void {
    const pages = this.#route === null ? this.downstream.errorPages : this.#route.errorPages
    const page = pages === null ? null : pages.ownOf(status)
    if (page === null) {
      this.#answer(errorAnswer(status, fields), '')
    } else {
      this.#answerWithPage(page, status, fields)
    }
  }

  /** The upstream cannot answer, and another route takes the request. */
  #fallsBack(code: ErrorCode): boolean {
    const fallback = this.#route === null ? null : this.#route.fallback
    const { kept } = this
    const forward = this.#forward
    if (fallback === null || kept === null || forward === null || this.#fallbacks >= FALLBACKS_MAX) return false
    if (!mayTake(fallback, code, kept, forward.isResendable)) return false
    // What has become of it is for the upstream to know: how late it was, for one.
    this.error = code
    this.#leave()
    this.error = ''
    this.errorDetail = ''
    this.#follow(fallback, kept.request)
    if (this.#state === WAITING) this.#forward?.proceed()
    return true
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
    if (this.#copy !== null) this.#copy.exchangeEnded()
    if (this.#file !== null) this.#file.end()
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
