/**
 * One HTTP/1.1 connection to an endpoint: requests go out in order, responses come back in order.
 *
 *     dialling ──connected──▶ open ⇄ idle (nothing under way; watched, in the pool)
 *        │                     │
 *        └──failed──▶ closed ◀─┴── error, FIN, response that ends the connection, unsolicited bytes, deadline
 *
 * A request's bytes stay in `out` until its response begins, so that they can be sent again elsewhere; content that
 * streams past that is written from the reader's slot and cannot.
 */

import { Head } from '../http/head.ts'
import { readResponse, response } from '../http/response-facts.ts'
import { addChunk, framedStart, frameInPlace, lastChunk } from '../http1/chunk.ts'
import { memory, RESPONSE } from '../http1/llhttp.ts'
import { MALFORMED, MessageParser, parsed } from '../http1/message-parser.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { BULK_READ_BYTES, type Connection, FAULT, type NetContext } from '../net/connection.ts'
import { Dial, type DialOwner } from '../net/dial.ts'
import type { Slot } from '../net/slots.ts'
import type { ClientSession } from './client-session.ts'
import { connectErrorOf } from './connect-error.ts'
import type { Endpoint } from './endpoint.ts'
import type { Http1Pool } from './http1-pool.ts'
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

/** Response heads share the table: each is used up before the next is read. */
const responseHead = new Head(memory)

/** Bytes of requests kept for sending again; past it those that were answered are cleared out of the way. */
const OUT_BYTES_KEPT = 32 * 1024

const OUT_BYTES_START = 2048

const DIALLING = 0
const OPEN = 1
const CLOSED = 2

export class Http1ClientSession implements ClientSession, DialOwner {
  readonly endpoint: Endpoint
  readonly context: NetContext
  readonly #pool: Http1Pool
  connection: Connection | null = null
  /** Served a request before: its peer may have closed it as we wrote. */
  reused = false
  /** A response has shown that the origin speaks HTTP/1.1 and keeps connections: requests may be pipelined. */
  persistent = false
  /** The system's name for what ended the session, e.g. `ECONNREFUSED`; empty where nothing of the kind did. */
  systemError = ''
  /** Bytes of requests, from the first whose response has not ended. */
  readonly out: ByteBuffer = new ByteBuffer(OUT_BYTES_START)
  readonly #queue: ResponseReceiver[] = []
  readonly #parser: MessageParser
  #dial: Dial | null = null
  #state = DIALLING
  #flushed = 0
  #flushScheduled = false
  #requests = 0
  #interims = 0
  /** Content of the current request has been written past `out`. */
  #streamed = false
  /** The last request in the queue is still being written. */
  #requestOpen = false
  /** Bytes of the front response have come. */
  #responseBegan = false
  #headPassed = false
  #keepAlive = false
  #keepAliveSeconds = -1
  /** Counts against its endpoint's limit on connections, until `givePermitBack`. */
  holdsPermit: boolean

  constructor(pool: Http1Pool, endpoint: Endpoint, context: NetContext, holdsPermit: boolean) {
    this.#pool = pool
    this.endpoint = endpoint
    this.context = context
    this.holdsPermit = holdsPermit
    this.#parser = new MessageParser(RESPONSE, RESPONSE_LIMITS)
  }

  /** Opens the connection; the receiver in the queue hears how it went. `opening` as for `Dial`. */
  dial(timeoutMs: number, opening: Uint8Array | null): void {
    this.#dial = new Dial(this.context, this.endpoint.address, timeoutMs, this, this.#pool.peer, opening)
  }

  get open(): boolean {
    return this.#state === OPEN
  }

  get closed(): boolean {
    return this.#state === CLOSED
  }

  get waitingBytes(): number {
    return this.connection === null ? 0 : this.connection.waitingBytes
  }

  /** Requests under way. */
  get depth(): number {
    return this.#queue.length
  }

  /** Another request may follow those under way: all are whole, none can swallow it. */
  get bearsPipelining(): boolean {
    return this.#state === OPEN && this.persistent && !this.#requestOpen && !this.#isSpent()
  }

  #isSpent(): boolean {
    const max = this.#pool.settings.requestsMax
    return max !== 0 && this.#requests >= max
  }

  /** Where the caller writes the head of its request, to be followed by `begin`. */
  prepare(): ByteBuffer {
    return this.out
  }

  /** The head of `receiver`'s request lies in `out` from `start`; content follows if `contentFollows`. */
  begin(receiver: ResponseReceiver, start: number, contentFollows: boolean): void {
    receiver.requestStart = start
    receiver.requestEnd = this.out.length
    this.#queue.push(receiver)
    this.#requests += 1
    this.#requestOpen = contentFollows
    this.#streamed = false
  }

  /** Sends what has been put together: at once, or at the end of the turn where other requests may join. @hotpath */
  flush(): void {
    if (this.#state !== OPEN) return
    if (this.#pool.settings.pipelining > 1 && !this.#requestOpen && !this.#streamed) {
      if (this.#flushScheduled) return
      this.#flushScheduled = true
      setImmediate(flushScheduled, this)
      return
    }
    this.flushNow()
  }

  /** @internal */
  flushNow(): void {
    this.#flushScheduled = false
    const connection = this.connection
    if (this.#state !== OPEN || connection === null) return
    const from = this.#flushed
    this.#flushed = this.out.length
    if (from === this.#flushed) return
    const taken = connection.write(this.out.bytes, from, this.#flushed, null)
    if (connection.writeEnded) {
      // Nothing of it was taken; the read side says soon what has become of the connection.
      this.#flushed = from
      return
    }
    this.#awaitResponse()
    if (taken && this.#streamed) {
      this.out.length = 0
      this.#flushed = 0
    }
  }

  #awaitResponse(): void {
    const { idleMs } = this.#pool.timeouts
    if (this.#headPassed) {
      // While the client takes its time, the origin is not the one who is late.
      if (this.connection?.reading) this.connection.setDeadline(this.#queue[0]?.idleMs ?? idleMs)
    } else if (!this.#requestOpen) this.connection?.setDeadline(this.#queue[0]?.responseTimeoutMs ?? idleMs)
    else if (this.connection !== null && this.connection.pendingWrites > 0) this.connection.setDeadline(idleMs)
    else this.connection?.clearDeadline()
  }

  /**
   * Passes on content of the last request. False when the connection has to drain first: the reader must stop. With
   * `slot` the content may be written by reference. @hotpath
   */
  writeContent(start: number, end: number, slot: Slot | null, chunked: boolean): boolean {
    const connection = this.connection
    if (this.#state !== OPEN || connection === null || this.#flushed < this.out.length) {
      this.#addContent(start, end, chunked)
      return this.#state === OPEN
    }
    if (!this.#streamed && this.#mayKeep(end - start)) {
      this.#addContent(start, end, chunked)
      this.flushNow()
      return connection.pendingWrites === 0
    }
    this.#startStreaming()
    let taken: boolean
    if (slot !== null) {
      const stop = chunked ? frameInPlace(memory, start, end) : end
      taken = connection.write(memory, chunked ? framedStart : start, stop, slot)
    } else {
      this.#addContent(start, end, chunked)
      this.flushNow()
      taken = connection.pendingWrites === 0
    }
    if (!taken) this.#awaitResponse()
    return taken
  }

  /** Whether `count` more bytes of content still fit into what is kept for sending the last request again. */
  #mayKeep(count: number): boolean {
    const last = this.#queue.at(-1)
    return last !== undefined && this.out.length - last.requestStart + count <= last.replayBytesMax
  }

  #addContent(start: number, end: number, chunked: boolean): void {
    if (chunked) addChunk(this.out, memory, start, end)
    else this.out.copy(memory, start, end)
    this.#extendRequest()
  }

  #extendRequest(): void {
    const last = this.#queue.at(-1)
    if (last !== undefined) last.requestEnd = this.out.length
  }

  /** From here on the request cannot be sent again: `out` serves for single pieces of content. */
  #startStreaming(): void {
    this.#streamed = true
    if (this.connection?.pendingWrites === 0) this.out.length = 0
    else this.out.replace(OUT_BYTES_START)
    this.#flushed = 0
  }

  /** The last request is whole. */
  endContent(trailers: readonly string[] | null, chunked: boolean): void {
    this.#requestOpen = false
    if (chunked) {
      this.out.text(lastChunk(trailers))
      this.#extendRequest()
    }
    if (this.#state === OPEN && this.#flushed === this.out.length) this.#awaitResponse()
  }

  /** Copies a request as it was put together, to be sent again on another session. */
  copyRequest(receiver: ResponseReceiver, to: ByteBuffer): void {
    to.copy(this.out.bytes, receiver.requestStart, receiver.requestEnd)
  }

  /** The whole of the front request, as far as it has come, is still at hand. */
  get keepsRequest(): boolean {
    return !(this.#streamed && this.#queue.length === 1)
  }

  /**
   * The front receiver has no use for its response, whose head has come: it is read away, as long as it is small. After a
   * refused upgrade the connection is of no use to anybody.
   */
  discard(receiver: ResponseReceiver): void {
    if (this.#queue[0] !== receiver) return
    this.#queue[0] = new DiscardedResponse(receiver)
    if (receiver.wantsUpgrade) this.close()
  }

  /** Stops and resumes reading the response, for a client that takes it slowly. */
  pause(): void {
    this.connection?.pause()
    this.connection?.clearDeadline()
  }

  resume(): void {
    if (this.connection === null || this.connection.reading) return
    this.connection.setDeadline(this.#queue[0]?.idleMs ?? this.#pool.timeouts.idleMs)
    this.connection.resume()
  }

  /** The receiver's client has gone. What others wait for on this connection still comes. */
  cancel(receiver: ResponseReceiver): void {
    const index = this.#queue.indexOf(receiver)
    if (index < 0) return
    if (this.#queue.length === 1 || (index === 0 && this.#headPassed)) {
      this.#queue.splice(index, 1)
      // Nothing of what those behind it wait for has come.
      this.#responseBegan = false
      this.#close('closed')
      return
    }
    if (index === 0 && this.connection !== null) this.connection.resume()
    this.#queue[index] = new DiscardedResponse(receiver)
  }

  /** Leaves the connection to whoever took it over, and with it the permit. */
  release(): void {
    this.#state = CLOSED
    this.#parser.close()
    this.#pool.forget(this)
  }

  /** The connection is closed, by the session or by whoever took it over. */
  givePermitBack(): void {
    if (!this.holdsPermit) return
    this.holdsPermit = false
    this.#pool.givePermitBack()
  }

  onConnect(connection: Connection): void {
    this.#dial = null
    this.connection = connection
    this.#state = OPEN
    if (!this.#parser.open) {
      this.#failAll('no_parser')
      return
    }
    connection.resume()
    this.#queue[0]?.onConnected(this)
    this.flushNow()
    if (connection.pendingWrites === 0) this.#queue.at(-1)?.onRequestDrain(this)
  }

  onConnectError(error: string): void {
    this.#dial = null
    this.systemError = error
    this.#failAll(connectErrorOf(error, this.endpoint.address))
  }

  onRead(connection: Connection, start: number, end: number): void {
    let at = start
    while (at < end) {
      const receiver = this.#queue[0]
      if (receiver === undefined) {
        // Nobody asked: the origin is out of step, and nothing it says next can be trusted.
        this.#close('closed')
        return
      }
      if (!this.#responseBegan && receiver.requestStart >= this.#flushed && !this.#streamed) {
        this.#responseBegan = true
        this.#failAll('response_malformed')
        return
      }
      const consumed = this.#readMessage(receiver, at, end, at === start)
      if (consumed < 0) return
      at += consumed
    }
    const front = this.#queue[0]
    if (front === undefined || !this.#responseBegan) {
      connection.giveSlot()
    } else {
      front.onResponseFlush(this)
      if (this.#state !== OPEN) return
      if (!front.takesBulk) connection.giveSlot()
      else if (end - start >= BULK_READ_BYTES) connection.takeSlot()
      // A head that comes in drops has no longer than one that comes at once.
      if (connection.reading && this.#headPassed) connection.setDeadline(front.idleMs)
    }
  }

  /** Reads on in the front response; gives the bytes used, or -1 when the session has ended. */
  #readMessage(front: ResponseReceiver, start: number, end: number, wholeRead: boolean): number {
    let receiver = front
    const parser = this.#parser
    const connection = this.connection as Connection
    const began = this.#headPassed
    this.#responseBegan = true
    parser.skipContent = receiver.isHead
    parser.parse(start, end, responseHead)
    const { consumed, head, contentStart, contentEnd, complete, error } = parsed
    if (head) {
      if (error !== 0 && error !== MALFORMED) return this.#failAll('response_malformed')
      if (!readResponse(responseHead, parser)) return this.#failAll('response_malformed')
      if (response.status < 200) return this.#readInterim(receiver, start + consumed, end, complete)
      this.#headPassed = true
      this.#keepAliveSeconds = response.keepAliveSeconds
      parser.nominated = response.nominated
      this.#keepAlive = response.keepAlive
      if (response.keepAlive && response.versionMinor === 1) this.persistent = true
      receiver.onResponseHead(this, responseHead, response)
      if (this.#queue[0] === undefined) return -1
      receiver = this.#queue[0]
    }
    if (contentEnd > contentStart) {
      const slot = began && wholeRead && connection.ownsSlot ? connection.slot : null
      receiver.onResponseContent(this, contentStart, contentEnd, slot)
      if (this.#queue[0] !== receiver) return -1
    }
    if (error !== 0) {
      receiver.onResponseFlush(this)
      return this.#failAll('response_malformed')
    }
    if (complete) return this.#completeResponse(receiver, consumed, start + consumed < end)
    return consumed
  }

  #readInterim(receiver: ResponseReceiver, start: number, end: number, complete: boolean): number {
    this.#interims += 1
    const { status } = response
    if (!complete || this.#interims > INTERIM_MAX) return this.#failAll('response_malformed')
    if (status === 101) {
      if (!receiver.wantsUpgrade || !response.upgrade || this.#queue.length !== 1) {
        return this.#failAll('response_malformed')
      }
      const connection = this.connection as Connection
      this.#queue.length = 0
      this.release()
      receiver.onSwitch(this, { stream: connection, head: responseHead, facts: response, start, end })
      return -1
    }
    const { consumed } = parsed
    receiver.onInterim(this, responseHead, response)
    if (this.#queue[0] !== receiver) return -1
    this.#awaitResponse()
    return consumed
  }

  #completeResponse(receiver: ResponseReceiver, consumed: number, more: boolean): number {
    const trailers = this.#parser.takeTrailers()
    const connection = this.connection as Connection
    const reusable =
      this.#isRequestOut(receiver) &&
      this.#keepAlive &&
      (this.#queue.length > 1 || connection.pendingWrites === 0) &&
      !receiver.wantsUpgrade &&
      !(this.#isSpent() && this.#queue.length === 1) &&
      this.#keepAliveSeconds !== 0 &&
      !(more && this.#queue.length === 1)
    this.#queue.shift()
    this.#headPassed = false
    this.#responseBegan = false
    this.#interims = 0
    if (reusable) this.#afterResponse(connection)
    else this.#retire()
    receiver.onResponseEnd(this, trailers)
    if (!reusable) this.#failAll('closed')
    return reusable && this.#state === OPEN ? consumed : -1
  }

  /** Every byte of the front request was given to the kernel: what is left out would be read as the next request's. */
  #isRequestOut(receiver: ResponseReceiver): boolean {
    if (this.#queue.length > 1) return receiver.requestEnd <= this.#flushed
    return !this.#requestOpen && this.#flushed === this.out.length
  }

  /** The connection serves on: for those that wait behind, or in the pool. */
  #afterResponse(connection: Connection): void {
    this.reused = true
    const next = this.#queue[0]
    if (next === undefined) {
      this.out.length = 0
      this.#flushed = 0
      this.#streamed = false
      if (this.out.bytes.length > OUT_BYTES_KEPT) this.out.shrink()
      connection.resume()
      connection.setDeadline(this.#idleMs())
      this.#pool.giveBack(this)
      return
    }
    connection.setDeadline(next.responseTimeoutMs)
    connection.resume()
    if (next.requestStart > OUT_BYTES_KEPT && connection.pendingWrites === 0) this.#clearOut(next.requestStart)
    this.#pool.giveBack(this)
  }

  #idleMs(): number {
    const { idleTimeoutMs } = this.#pool.settings
    if (this.#keepAliveSeconds < 0) return idleTimeoutMs
    // Half a second before the origin's own deadline, so that it does not close as we write.
    return Math.max(1, Math.min(idleTimeoutMs, this.#keepAliveSeconds * 1000 - 500))
  }

  #clearOut(count: number): void {
    this.out.bytes.copyWithin(0, count, this.out.length)
    this.out.length -= count
    this.#flushed -= count
    for (const receiver of this.#queue) {
      receiver.requestStart -= count
      receiver.requestEnd -= count
    }
  }

  onReadEnd(): void {
    const receiver = this.#queue[0]
    if (receiver === undefined || !this.#parser.finish()) {
      this.#failAll('closed')
      return
    }
    this.#queue.shift()
    // Nothing of what those behind it wait for has come.
    this.#responseBegan = false
    this.#headPassed = false
    const trailers = this.#parser.takeTrailers()
    this.#retire()
    receiver.onResponseEnd(this, trailers)
    this.#failAll('closed')
  }

  onDrain(connection: Connection): void {
    if (this.#streamed) {
      this.out.length = 0
      this.#flushed = 0
    }
    this.#awaitResponse()
    if (connection.closed) return
    this.#queue.at(-1)?.onRequestDrain(this)
  }

  onDeadline(): void {
    if (this.#queue.length === 0) this.#close('closed')
    else if (this.connection?.hasProgressed()) this.#awaitResponse()
    else this.#failAll(this.#headPassed || this.#requestOpen ? 'idle_timeout' : 'response_timeout')
  }

  onClose(_connection: Connection, error: string): void {
    this.systemError = error
    this.#failAll(error === FAULT ? 'fault' : 'closed')
  }

  /** Closes the connection; those that wait on it are told. Gives -1, for callers that read. */
  #failAll(error: SessionError): -1 {
    const waiting = this.#queue.splice(0)
    const frontBegan = this.#responseBegan
    const streamed = this.#streamed
    this.#retire()
    for (const [index, receiver] of waiting.entries()) {
      let fate: RequestFate = receiver.requestStart >= this.#flushed ? UNSENT : UNANSWERED
      if (index === 0 && frontBegan) fate = ANSWERED
      if (index === waiting.length - 1 && streamed) fate = GONE
      // What stands behind a broken response was not answered: for it the connection just closed.
      receiver.onSessionError(this, index === 0 ? error : 'closed', fate)
    }
    return -1
  }

  /** Closes an idle session, or one whose only receiver has gone. */
  #close(error: SessionError): void {
    this.#failAll(error)
  }

  /** Takes the session out of service. */
  #retire(): void {
    if (this.#state === CLOSED) return
    this.#state = CLOSED
    this.#dial?.cancel()
    this.#dial = null
    this.connection?.destroy()
    this.#parser.close()
    this.#pool.forget(this)
    this.givePermitBack()
  }

  /** Ends an idle session, e.g. because its pool is full. */
  close(): void {
    this.#close('closed')
  }
}

function flushScheduled(session: Http1ClientSession): void {
  const { connection } = session
  if (connection !== null) connection.guard(() => session.flushNow())
}
