/**
 * One request on a connection of HTTP/2: its head and content in the words of HTTP/1.1 in `out`, as on any session, and in frames
 * on a stream as they leave.
 *
 *     new ──begin──▶ waiting ──the connection has room──▶ running ──response whole──▶ over
 *                       │                                    │
 *                       └────────── reset, cancelled, late, connection lost ──▶ over
 *
 * What has left stays in `out` as long as it may be sent again (`replayBytesMax`); content that streams past that cannot.
 */

import { Head } from '../http/head.ts'
import { NO_CONTENT, response } from '../http/response-facts.ts'
import { addChunk, lastChunk } from '../http1/chunk.ts'
import { memory } from '../http1/llhttp.ts'
import { encodeRequest, webSocketKeyOf } from '../http2/head-encoder.ts'
import {
  CANCEL,
  errorName,
  HTTP_1_1_REQUIRED,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
  SETTINGS_TIMEOUT,
} from '../http2/protocol.ts'
import { decodedResponse, decodeResponse, type ResponseQuery } from '../http2/response-decoder.ts'
import { Http2ByteStream } from '../multiplex/http2-byte-stream.ts'
import {
  BY_FAULT,
  BY_PEER,
  type Http2Stream,
  type Http2StreamOwner,
  type ResetCause,
  STALLED,
  UNPROCESSED,
} from '../multiplex/http2-stream.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import { FAULT } from '../net/connection.ts'
import type { Slot } from '../net/slots.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import type { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'
import { type ContentTaker, headEnd, isChunked, readChunks } from './framed-content.ts'
import type { Http2ClientConnection } from './http2-client-connection.ts'
import type { Http2Link } from './http2-link.ts'
import type { Http2Pool } from './http2-pool.ts'
import { INTERIM_MAX, RESPONSE_LIMITS } from './response-limits.ts'
import {
  ANSWERED,
  DiscardedResponse,
  GONE,
  type RequestFate,
  type ResponseReceiver,
  type SessionError,
  UNANSWERED,
  UNSENT,
} from './response-receiver.ts'
import { spareOutput } from './spare-output.ts'

/** Response heads share the table: each is used up before the next is read. */
const responseHead = new Head(memory)

/** Connections that one waits on in vain before it stays where it is. */
const MOVES_MAX = 2

const NEW = 0
const WAITING = 1
const RUNNING = 2
const OVER = 3

export class Http2ClientStream implements ClientSession, Http2StreamOwner, ContentTaker, ResponseQuery, TimerTarget {
  readonly endpoint: Endpoint
  readonly #pool: Http2Pool
  connection: Http2ClientConnection
  reused: boolean
  systemError = ''
  out: ByteBuffer
  #state = NEW
  #receiver: ResponseReceiver | null = null
  /** `null` until the connection has room for it. */
  #stream: Http2Stream | null = null
  /** The request is whole. */
  #isWhole = false
  /** Nobody was made to wait for the connection. */
  #wasReady = false
  /** Content has been sent that is not in `out`. */
  #streamed = false
  #interims = 0
  #responseBegan = false
  #headPassed = false
  /** The response has content, or may have. */
  #bearsContent = false
  /** Bytes of content that are still to come; -1 where the response does not say. */
  #contentLeft = -1
  #paused = false
  #moves = 0
  /** Bytes of content that had been sent when the deadline was set. */
  #sentBytes = 0
  /** Of a request that waits; `null` for most. */
  #timer: Timer | null = null
  webSocketKey: string | null = null

  constructor(pool: Http2Pool, connection: Http2ClientConnection) {
    this.#pool = pool
    this.endpoint = pool.endpoint
    this.connection = connection
    this.reused = connection.served
    this.out = spareOutput.take()
  }

  get open(): boolean {
    return this.#state === NEW ? this.connection.isReady : this.#state === RUNNING
  }

  get closed(): boolean {
    return this.#state === OVER
  }

  get depth(): number {
    return 1
  }

  get keepsRequest(): boolean {
    return !this.#streamed
  }

  get waitingBytes(): number {
    return this.#stream === null ? 0 : this.#stream.waitingBytes
  }

  /** A response to HEAD has no content. */
  get skipContent(): boolean {
    return this.#receiver?.isHead ?? false
  }

  /** Whether it may go is for the peer's SETTINGS to say. */
  get needsSettings(): boolean {
    return this.webSocketKey !== null
  }

  // The request's side.

  prepare(): ByteBuffer {
    return this.out
  }

  begin(receiver: ResponseReceiver, start: number, contentFollows: boolean): void {
    receiver.requestStart = start
    receiver.requestEnd = this.out.length
    this.#receiver = receiver
    this.#isWhole = !contentFollows
    this.#wasReady = this.open
    this.#state = WAITING
    if (receiver.wantsUpgrade) this.webSocketKey = webSocketKeyOf(this.out.bytes, start)
    this.connection.enter(this)
  }

  /** @hotpath */
  flush(): void {
    if (this.#state !== WAITING) return
    if (this.connection.open) this.connection.start()
    if (this.#state === WAITING) this.#mayHaveToWait()
  }

  /** Whoever sends it must stop until there is room. */
  #mayHaveToWait(): void {
    this.#wasReady = false
    if (this.connection.open && this.#timer === null) this.connected()
  }

  /** The connection is there, and has no room for it: it waits no longer than for a response. */
  connected(): void {
    if (this.#receiver === null || this.#timer !== null) return
    this.#timer = new Timer(this)
    this.#pool.context.wheel.set(this.#timer, this.#receiver.responseTimeoutMs)
  }

  #stopWaiting(): void {
    if (this.#timer !== null) this.#pool.context.wheel.clear(this.#timer)
    this.#timer = null
  }

  /** Sends what there is. False where the connection has no identifiers left. @hotpath */
  start(link: Http2Link): boolean {
    const receiver = this.#receiver as ResponseReceiver
    if (this.webSocketKey !== null && !link.peer.connectProtocol) {
      this.fail('upgrade_unsupported', UNSENT)
      return true
    }
    const stream = link.openStream(this)
    if (stream === null) return false
    this.#stopWaiting()
    this.#stream = stream
    this.#state = RUNNING
    if (!this.#wasReady) receiver.onConnected(this)
    this.#sendKept(link, stream, receiver)
    this.#awaitResponse()
    if (!this.#wasReady && stream.waitingBytes === 0) receiver.onRequestDrain(this)
    return true
  }

  /** The head, and what has come of the content. @hotpath */
  #sendKept(link: Http2Link, stream: Http2Stream, { requestStart }: ResponseReceiver): void {
    const { out } = this
    const contentStart = headEnd(out, requestStart)
    const { scheme } = this.#pool
    encodeRequest(link.encoder, link.headBlock(), out.bytes, requestStart, scheme, this.webSocketKey !== null)
    stream.sendHead()
    if (contentStart < out.length) {
      if (isChunked(out, requestStart, contentStart)) readChunks(out, contentStart, this)
      else stream.write(out.bytes, contentStart, out.length)
    }
    // A WebSocket has both directions open.
    if (this.#isWhole && this.webSocketKey === null) stream.end(null)
  }

  content(bytes: Buffer, start: number, end: number): void {
    this.#stream?.write(bytes, start, end)
  }

  contentEnd(trailers: readonly string[] | null): void {
    this.#stream?.end(trailers)
  }

  /** @hotpath */
  writeContent(start: number, end: number, _slot: Slot | null, chunked: boolean): boolean {
    const stream = this.#stream
    if (this.#state === OVER) return true
    if (stream === null) {
      this.#addContent(start, end, chunked)
      return this.#wasReady
    }
    if (!this.#streamed) {
      if (this.#mayKeep(end - start)) this.#addContent(start, end, chunked)
      else this.#startStreaming()
    }
    const taken = stream.write(memory, start, end)
    if (!taken) this.#awaitResponse()
    return taken
  }

  #mayKeep(count: number): boolean {
    const receiver = this.#receiver
    return receiver !== null && this.out.length - receiver.requestStart + count <= receiver.replayBytesMax
  }

  #addContent(start: number, end: number, chunked: boolean): void {
    if (chunked) addChunk(this.out, memory, start, end)
    else this.out.copy(memory, start, end)
    this.#extendRequest()
  }

  #extendRequest(): void {
    if (this.#receiver !== null) this.#receiver.requestEnd = this.out.length
  }

  /** From here on the request cannot be sent again. */
  #startStreaming(): void {
    this.#streamed = true
    this.out.shrink()
  }

  endContent(trailers: readonly string[] | null, chunked: boolean): void {
    this.#isWhole = true
    if (this.#state === OVER) return
    if (chunked && !this.#streamed) {
      this.out.text(lastChunk(trailers))
      this.#extendRequest()
    }
    if (this.#stream === null) return
    this.#stream.end(trailers)
    this.#awaitResponse()
  }

  copyRequest(receiver: ResponseReceiver, to: ByteBuffer): void {
    to.copy(this.out.bytes, receiver.requestStart, receiver.requestEnd)
  }

  /** Whether it may wait elsewhere: not for ever, where no connection takes it. */
  get mayMove(): boolean {
    return this.#moves < MOVES_MAX
  }

  /** Waits on another connection. */
  moveTo(connection: Http2ClientConnection): void {
    this.#moves += 1
    this.connection = connection
    this.reused = connection.served
    connection.enter(this)
    if (connection.open) connection.start()
  }

  // The response's side.

  discard(receiver: ResponseReceiver): void {
    if (this.#receiver === receiver) this.#receiver = new DiscardedResponse(receiver)
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
    this.#stream?.clearDeadline()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#stream?.resume()
    this.#awaitResponse()
  }

  cancel(receiver: ResponseReceiver): void {
    if (this.#receiver !== receiver) return
    this.#receiver = null
    this.#leave(CANCEL)
  }

  close(): void {
    this.#abort('closed', CANCEL)
  }

  givePermitBack(): void {}

  /** @hotpath */
  #awaitResponse(): void {
    const stream = this.#stream
    const receiver = this.#receiver
    if (stream === null || receiver === null || this.#state !== RUNNING) return
    this.#sentBytes = stream.sentBytes
    // While the client takes its time, the origin is not the one who is late.
    if (this.#paused) stream.clearDeadline()
    else if (this.#headPassed || stream.waitingBytes > 0) stream.setDeadline(receiver.idleMs)
    else if (this.#isWhole) stream.setDeadline(receiver.responseTimeoutMs)
    else stream.clearDeadline()
  }

  onHead(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): number {
    const { decoder } = stream.connection
    const error = decodeResponse(decoder, bytes, start, end, endStream, responseHead, RESPONSE_LIMITS, this)
    if (error !== 0) {
      stream.connection.goAway(error, '')
      return 0
    }
    const receiver = this.#receiver
    if (receiver === null) return 0
    this.#responseBegan = true
    if (decodedResponse.malformed !== '') return this.#refuse(decodedResponse.malformed)
    if (response.status === 101) this.#switch(stream, receiver)
    else if (response.status < 200) return this.#readInterim(receiver)
    else this.#readHead(stream, receiver)
    return 0
  }

  #readInterim(receiver: ResponseReceiver): number {
    this.#interims += 1
    if (this.#interims > INTERIM_MAX) return this.#refuse('too many interim responses')
    try {
      receiver.onInterim(this, responseHead, response)
    } catch (error) {
      this.#fault(error)
    }
    this.#awaitResponse()
    return 0
  }

  #readHead(stream: Http2Stream, receiver: ResponseReceiver): void {
    stream.awaitsHead = false
    this.#headPassed = true
    this.#bearsContent = response.framing !== NO_CONTENT
    this.#contentLeft = decodedResponse.contentLength
    try {
      receiver.onResponseHead(this, responseHead, response)
    } catch (error) {
      this.#fault(error)
    }
  }

  /** The origin takes the WebSocket: the stream is the receiver's from here. */
  #switch(stream: Http2Stream, receiver: ResponseReceiver): void {
    stream.awaitsHead = false
    this.#over()
    const bytes = new Http2ByteStream(stream)
    try {
      receiver.onSwitch(this, { stream: bytes, head: responseHead, facts: response, start: 0, end: 0 })
    } catch (error) {
      this.#fault(error)
      bytes.reset()
    }
  }

  /** @hotpath */
  onContent(_stream: Http2Stream, start: number, end: number): void {
    const receiver = this.#receiver
    if (receiver === null) return
    const count = end - start
    if (!this.#bearsContent || (this.#contentLeft >= 0 && count > this.#contentLeft)) {
      this.#refuse('more content than the head tells of')
      return
    }
    if (this.#contentLeft >= 0) this.#contentLeft -= count
    try {
      receiver.onResponseContent(this, start, end, null)
    } catch (error) {
      this.#fault(error)
    }
  }

  onEnd(stream: Http2Stream, trailers: readonly string[] | null): void {
    const receiver = this.#receiver
    if (receiver === null) return
    if (this.#bearsContent && this.#contentLeft > 0) {
      this.#refuse('less content than the head tells of')
      return
    }
    this.connection.served = true
    // What is left of the request is of no use to anybody.
    if (!stream.closed) stream.reset(CANCEL)
    this.#over()
    try {
      receiver.onResponseEnd(this, trailers)
    } catch (error) {
      this.#fault(error)
    }
    this.#giveOutputBack()
  }

  onFlush(): void {
    const receiver = this.#receiver
    if (receiver === null || this.#state !== RUNNING) return
    if (!this.#headPassed) return
    try {
      receiver.onResponseFlush(this)
    } catch (error) {
      this.#fault(error)
    }
    this.#awaitResponse()
  }

  onDrain(): void {
    this.#awaitResponse()
    if (this.#receiver === null || this.#isWhole) return
    try {
      this.#receiver.onRequestDrain(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  /** Of the stream, and of the time that it waits for one. */
  onDeadline(): void {
    const stream = this.#stream
    if (stream === null) this.fail('response_timeout', UNSENT)
    else if (stream.waitingBytes > 0 && stream.sentBytes > this.#sentBytes) this.#awaitResponse()
    else this.#abort(this.#headPassed || !this.#isWhole ? 'idle_timeout' : 'response_timeout', CANCEL)
  }

  onReset(stream: Http2Stream, code: number, cause: ResetCause): void {
    if (this.#state === OVER) return
    const { systemError } = stream.connection
    this.systemError = cause === BY_PEER || cause === BY_FAULT || cause === UNPROCESSED ? errorName(code) : systemError
    if (cause === UNPROCESSED) this.#refused()
    else if (cause === BY_FAULT)
      this.fail(code === SETTINGS_TIMEOUT ? 'response_timeout' : 'response_malformed', this.#fate)
    else if (cause === BY_PEER) this.#resetByPeer(code)
    else if (cause === STALLED) this.fail('idle_timeout', this.#fate)
    else this.fail(systemError === FAULT ? 'fault' : 'closed', this.#fate)
  }

  #refused(): void {
    // Whoever asks for a fresh connection is not to have this one.
    this.connection.served = true
    this.fail('stream_refused', this.#unprocessed)
  }

  #resetByPeer(code: number): void {
    // The connection is as it was: it is not stale, whoever has used it before.
    this.reused = false
    const isOther = code === HTTP_1_1_REQUIRED && !this.#responseBegan && this.#pool.takeHttp1Required()
    this.fail(isOther ? 'protocol_changed' : 'closed', isOther ? this.#unprocessed : this.#fate)
  }

  /** The origin has done nothing for it: it may be sent again, if it is still at hand. */
  get #unprocessed(): RequestFate {
    return this.#streamed ? GONE : UNSENT
  }

  get #fate(): RequestFate {
    if (this.#stream === null) return UNSENT
    if (this.#streamed) return GONE
    return this.#responseBegan ? ANSWERED : UNANSWERED
  }

  /** What came is no good: the stream ends, the connection goes on. Gives 0: it is dealt with. */
  #refuse(why: string): 0 {
    this.systemError = why
    this.#abort('response_malformed', PROTOCOL_ERROR)
    return 0
  }

  /** An exception in the exchange is a defect of ours that costs this request, and none of those on the same connection. */
  #fault(error: unknown): void {
    this.#pool.context.onFault(error)
    this.#abort('fault', INTERNAL_ERROR)
  }

  #abort(error: SessionError, code: number): void {
    if (this.#state === OVER) return
    const fate = this.#fate
    const receiver = this.#receiver
    this.#receiver = null
    this.#leave(code)
    receiver?.onSessionError(this, error, fate)
    this.#giveOutputBack()
  }

  /** The stream is gone, or was never there. */
  fail(error: SessionError, fate: RequestFate): void {
    const receiver = this.#receiver
    if (this.#state === WAITING) this.connection.leave(this)
    this.#over()
    receiver?.onSessionError(this, error, fate)
    this.#giveOutputBack()
  }

  /** Nobody waits for it any more. */
  #leave(code: number): void {
    const state = this.#state
    this.#over()
    if (state === WAITING) this.connection.leave(this)
    else this.#stream?.reset(code)
  }

  #over(): void {
    this.#state = OVER
    this.#receiver = null
    this.#stopWaiting()
  }

  /** Nobody asks for the request any more. */
  #giveOutputBack(): void {
    this.out = spareOutput.exchange(this.out)
  }
}
