/**
 * One request of a client over HTTP/2: a stream, and the exchange that it bears.
 *
 *     head ──refused──▶ answered (a malformed one is reset behind that: RFC 9113, section 8.1.1)
 *      │
 *      └──▶ content ──whole──▶ waiting ──response ended──▶ over
 *              │                  └── 200 of an extended CONNECT ──▶ tunnel
 *              │ malformed, too late: answered, or cut where the response has begun
 *              └── response ended first: the rest of the request is of no use (RST_STREAM, NO_ERROR)
 *
 * RST_STREAM from the client, and the end of its connection, cancel the exchange from anywhere.
 */
import { NO_CONTENT } from '../http/framing.ts'
import type { Head } from '../http/head.ts'
import type { Forwarding } from '../http/head-writer.ts'
import { methodName } from '../http/methods.ts'
import { METHOD_HEAD, request } from '../http/request-facts.ts'
import { memory } from '../http1/llhttp.ts'
import { INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR } from '../http2/protocol.ts'
import { decodedRequest } from '../http2/request-decoder.ts'
import { acceptWebSocketKey } from '../http2/websocket.ts'
import { Http2ByteStream } from '../multiplex/http2-byte-stream.ts'
import {
  BY_FAULT,
  type Http2Stream,
  type Http2StreamOwner,
  type ResetCause,
  STALLED,
} from '../multiplex/http2-stream.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { type Connection, FAULT } from '../net/connection.ts'
import { fieldValue } from '../routing/field.ts'
import { NOBODY, RoutedRequest } from '../routing/request.ts'
import type { ClientIdentity } from './client-identity.ts'
import { dispatch } from './dispatch.ts'
import type { Downstream, ProtocolSwitch } from './downstream.ts'
import type { ErrorPages } from './error-pages.ts'
import type { ErrorCode } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { ListenerRoutes, ListenerTerms } from './generation.ts'
import { Http2ResponseWriter, type ResponseWaits } from './http2-response-writer.ts'
import type { Http2ServerConnection } from './http2-server-connection.ts'
import { requestIdIn } from './request-id.ts'
import type { StrictTransport } from './strict-transport.ts'
import { Tunnel } from './tunnel.ts'

/** Requests share the table: each is used up before the next is read. */
let routed: RoutedRequest | null = null

const AHEAD_BYTES_START = 1024

export class Http2Downstream implements Downstream, Http2StreamOwner, ResponseWaits {
  readonly #connection: Http2ServerConnection
  readonly #stream: Http2Stream
  readonly #terms: ListenerTerms
  readonly #identity: ClientIdentity
  readonly response: Http2ResponseWriter
  readonly tunnelsBySuccess = true
  #exchange: Exchange | null = null
  /** Content that is still to come; -1 where the request does not say. */
  #contentLeft = -1
  /** The client has broken the rules of the stream. */
  #isMalformed = false
  /** Bytes of the response that had gone when somebody last looked. */
  #sentBytes = 0
  /** What came for a tunnel that is not there yet; `null` for any other request. */
  #ahead: ByteBuffer | null = null
  /** The key that was made for a WebSocket; empty where there is none. */
  #webSocketKey = ''

  constructor(connection: Http2ServerConnection, stream: Http2Stream, terms: ListenerTerms, identity: ClientIdentity) {
    this.#connection = connection
    this.#stream = stream
    this.#terms = terms
    this.#identity = identity
    this.response = new Http2ResponseWriter(stream, this)
  }

  get connection(): Connection {
    return this.#connection.connection
  }

  get listener(): string {
    return this.#terms.settings.name
  }

  get client(): string {
    return this.#identity.name
  }

  get proxy(): string {
    return this.#identity.proxy
  }

  get forwarding(): Forwarding {
    return this.#identity.forwarding
  }

  get errorPages(): ErrorPages | null {
    return this.#terms.errorPages
  }

  get strictTransport(): StrictTransport | null {
    return this.#terms.strictTransport
  }

  isTrusted(address: string): boolean {
    return this.#terms.trusted.has(address)
  }

  guard(run: () => void): void {
    this.#connection.connection.guard(run)
  }

  // The request.

  /** `head`, `request` and `decodedRequest` are those of the request; `bytes` is what its field block took. @hotpath */
  begin(routes: ListenerRoutes, head: Head, bytes: number): void {
    const { worker } = this.#connection
    const { refusal } = decodedRequest
    this.#terms.generation.enter()
    const exchange = new Exchange(worker, this, this.#stream.openedAt)
    exchange.bytesIn = bytes
    this.#exchange = exchange
    this.response.isHead = request.method === METHOD_HEAD
    if (worker.onExchange !== null || refusal !== '') this.#describe(exchange, head, refusal === '')
    if (refusal !== '') {
      exchange.errorDetail = decodedRequest.reason
      if (refusal === 'request_malformed') this.#becameMalformed()
      this.#refuse(exchange, refusal)
      return
    }
    this.#contentLeft = decodedRequest.contentLength
    if (request.upgrade) this.#awaitTunnel(head)
    else if (request.framing !== NO_CONTENT) this.#awaitContent()
    this.#start(exchange, routes, head)
  }

  #awaitTunnel(head: Head): void {
    this.#stream.isTunnel = true
    this.#ahead = new ByteBuffer(AHEAD_BYTES_START)
    this.#webSocketKey = fieldValue(head, 'sec-websocket-key') ?? ''
  }

  /** @hotpath */
  #start(exchange: Exchange, routes: ListenerRoutes, head: Head): void {
    routed ??= new RoutedRequest(head, request, NOBODY)
    routed.head = head
    const told = this.forwarding.trusted ? requestIdIn(head) : null
    exchange.requestId = told ?? this.#connection.worker.requestIds.next()
    routed.begin(this, exchange.requestId, exchange.startedAtMs)
    const refusal = dispatch(exchange, routes, routed)
    if (refusal !== '') this.#refuse(exchange, refusal)
  }

  /** What the access line says of the request. Of one that was refused there may be no more than its method. */
  #describe(exchange: Exchange, head: Head, isWhole: boolean): void {
    exchange.protocol = 'HTTP/2'
    if (request.method >= 0) exchange.method = methodName(request.method)
    if (!isWhole) return
    exchange.target = head.text(head.targetStart, head.targetEnd)
    exchange.host = head.text(request.hostStart, request.hostEnd)
  }

  #refuse(exchange: Exchange, code: ErrorCode): void {
    if (exchange.requestId === '') exchange.requestId = this.#connection.worker.requestIds.next()
    exchange.fail(code)
  }

  /** A stream of the client's own has its head read before it has an owner. */
  onHead(): number {
    return PROTOCOL_ERROR
  }

  /** @hotpath */
  onContent(_stream: Http2Stream, start: number, end: number): void {
    const exchange = this.#exchange
    if (exchange === null) return
    const count = end - start
    exchange.bytesIn += count
    if (this.#ahead !== null) {
      this.#ahead.copy(memory, start, end)
      this.#stream.pause()
      return
    }
    if (this.#contentLeft >= 0) {
      if (count > this.#contentLeft) {
        this.#onMalformed(exchange)
        return
      }
      this.#contentLeft -= count
    }
    exchange.requestContent(start, end, null)
  }

  /** DATA comes to more or less than `content-length` says. */
  #onMalformed(exchange: Exchange): void {
    this.#becameMalformed()
    exchange.fail('request_content_malformed')
  }

  /** A request that is malformed may be answered, but its stream is reset. */
  #becameMalformed(): void {
    this.#isMalformed = true
    this.response.endCode = PROTOCOL_ERROR
  }

  onEnd(_stream: Http2Stream, trailers: readonly string[] | null): void {
    const exchange = this.#exchange
    if (exchange === null) return
    if (this.#contentLeft > 0) {
      this.#onMalformed(exchange)
      return
    }
    if (this.#stream.waitingBytes === 0) this.#stream.clearDeadline()
    exchange.requestDone(trailers)
  }

  /** @hotpath */
  onFlush(): void {
    const exchange = this.#exchange
    if (exchange === null) return
    exchange.requestFlush()
    this.#awaitContent()
  }

  /**
   * The client has so long, from now, to send more of its content. While it is paused, it is not the one who is late; nor is
   * it once the response has begun: the two may take turns (gRPC), and whoever forwards it looks after the origin. @hotpath
   */
  #awaitContent(): void {
    const stream = this.#stream
    const exchange = this.#exchange
    // What waits for the client has a deadline of its own, which nothing that is read puts off.
    if (stream.waitingBytes > 0) return
    const isAwaited = exchange !== null && !exchange.responseStarted && !stream.receivedAll && !stream.paused
    if (isAwaited) this.#setDeadline()
    else stream.clearDeadline()
  }

  #setDeadline(): void {
    this.#sentBytes = this.#stream.sentBytes
    this.#stream.setDeadline(this.#terms.settings.timeouts.contentMs)
  }

  pauseRequest(): void {
    this.#stream.pause()
    this.#awaitContent()
  }

  resumeRequest(): void {
    if (this.#ahead !== null) return
    this.#stream.resume()
    this.#awaitContent()
  }

  // The response.

  responseWaits(): void {
    if (!this.#stream.closed) this.#setDeadline()
  }

  onDrain(): void {
    const exchange = this.#exchange
    this.#awaitContent()
    exchange?.responseDrain()
  }

  /** Fine as long as something of the response has gone since the last look; else whoever is late is told. */
  onDeadline(stream: Http2Stream): void {
    const exchange = this.#exchange
    if (stream.sentBytes > this.#sentBytes) {
      this.#setDeadline()
    } else if (stream.waitingBytes > 0) {
      if (exchange === null) stream.reset(INTERNAL_ERROR)
      else exchange.fail('response_write_timeout')
    } else if (exchange !== null && !exchange.responseStarted && !stream.receivedAll) {
      exchange.fail('request_content_timeout')
    }
  }

  onReset({ connection }: Http2Stream, _code: number, cause: ResetCause): void {
    const exchange = this.#exchange
    if (exchange === null) return
    if (cause === STALLED) exchange.error = 'response_write_timeout'
    // Where the fault was the connection's, this stream had no part in it.
    else if (cause === BY_FAULT && !connection.closed) exchange.error = 'request_content_malformed'
    exchange.clientGone(connection.systemError === FAULT ? 'internal' : 'client_closed')
  }

  /** RST_STREAM says that this is not all (RFC 9113, section 8.1). */
  cut(): void {
    this.#stream.reset(this.#isMalformed ? PROTOCOL_ERROR : INTERNAL_ERROR)
  }

  exchangeEnded(): void {
    this.#exchange = null
    this.#terms.generation.leave()
    const stream = this.#stream
    if (this.#isMalformed) this.#connection.countFault(stream)
    if (stream.closed) return
    if (stream.waitingBytes > 0) this.#setDeadline()
    else stream.clearDeadline()
    if (!stream.receivedAll && !this.#isMalformed) stream.resetBehindEnd(NO_ERROR)
  }

  /** The key is ours, and so it is for us to look at what became of it (RFC 6455, section 4.1). */
  grants(head: Head): boolean {
    return fieldValue(head, 'sec-websocket-accept') === acceptWebSocketKey(this.#webSocketKey)
  }

  switchProtocols(change: ProtocolSwitch): void {
    const exchange = this.#exchange as Exchange
    const stream = this.#stream
    this.response.sendSwitch(change)
    stream.write(memory, change.start, change.end)
    const { tunnelMs } = this.#terms.settings.timeouts
    const ahead = this.#ahead
    this.#ahead = null
    new Tunnel(new Http2ByteStream(stream), change.stream, tunnelMs, exchange).begin(ahead)
  }

  /** The worker's grace is over. */
  abort(): void {
    this.#exchange?.fail('shutdown')
  }
}
