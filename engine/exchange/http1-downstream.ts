/**
 * One HTTP/1.1 connection of a client: reads requests one after the other, has their responses written in that order.
 *
 *     idle ──first byte──▶ head ──whole──▶ content ──whole──▶ waiting ──response ended──▶ idle
 *       │                   │                │                  │
 *       │                   │ malformed, too large, too late: answered and closed
 *       └── idle deadline, FIN ──▶ closed    └── FIN, RST: the exchange is cancelled, closed
 *
 * A client that asked for `Connection: close` (or speaks HTTP/1.0) may half-close behind its request and still gets a
 * response that begins soon; any other FIN means that the client has gone: the two look the same until something is written.
 *
 * What a client sends ahead of its turn is kept, up to a bound, until the response before it is out.
 */
import { Head } from '../http/head.ts'
import type { Forwarding } from '../http/head-writer.ts'
import { METHOD_HEAD, readRequest, request } from '../http/request-facts.ts'
import { AHEAD_BYTES_MAX, memory, REQUEST, replay } from '../http1/llhttp.ts'
import { HEAD_TOO_LARGE, MessageParser, parsed } from '../http1/message-parser.ts'
import { PREFACE } from '../http2/protocol.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { BULK_READ_BYTES, type Connection, type ConnectionOwner, FAULT } from '../net/connection.ts'
import type { Slot } from '../net/slots.ts'
import { NOBODY, RoutedRequest } from '../routing/request.ts'
import type { ListenerSnapshot } from '../snapshot.ts'
import { type ClientIdentity, identifyClient } from './client-identity.ts'
import type { ClientSide } from './client-side.ts'
import { dispatch } from './dispatch.ts'
import type { Downstream, ProtocolSwitch } from './downstream.ts'
import type { ErrorPages } from './error-pages.ts'
import type { ErrorCode } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { Generation, ListenerTerms, ServedRoutes } from './generation.ts'
import { Http1ResponseWriter } from './http1-response-writer.ts'
import { Http2ServerConnection } from './http2-server-connection.ts'
import { parseErrorOf } from './parse-errors.ts'
import { requestIdIn } from './request-id.ts'
import type { StrictTransport } from './strict-transport.ts'
import { Tunnel } from './tunnel.ts'
import type { WorkerContext } from './worker-context.ts'

const IDLE = 0
const HEAD = 1
const CONTENT = 2
const WAITING = 3
/** The last response is on its way out; nothing more is read. */
const CLOSING = 4

const AHEAD_BYTES_START = 1024

/** Milliseconds between two looks at a client that is not being read: only the system can tell that it has gone. */
const ABSENCE_CHECK_MS = 1000

/** Milliseconds that a client may wait for its response to begin once it has said FIN; past it it counts as gone. */
const HALF_CLOSE_GRACE_MS = 1000

/** Request heads share the table: each is used up before the next is read. */
const requestHead = new Head(memory)
/** So do requests. */
const routed = new RoutedRequest(requestHead, request, NOBODY)

export class Http1Downstream implements ConnectionOwner, ClientSide, Downstream {
  readonly #worker: WorkerContext
  readonly #served: ServedRoutes
  /** Those of the request under way; without one, those in force. */
  #terms: ListenerTerms
  /** What the parser, the writer and `#identity` go by. */
  #settings: ListenerSnapshot
  readonly #connection: Connection
  readonly #parser: MessageParser
  readonly response: Http1ResponseWriter
  readonly tunnelsBySuccess = false
  #stage = IDLE
  #exchange: Exchange | null = null
  #messageStartedAt = 0
  /** Bytes of a head that is not whole yet. */
  #headBytes = 0
  /** What the client sent ahead of its turn. */
  #ahead: ByteBuffer | null = null
  /** The client asked for the connection to be closed behind the response. */
  #isLastRequest = false
  #identity: ClientIdentity | null = null
  /** Nothing has come yet but, at most, the beginning of what a client of HTTP/2 sends first. */
  #mayBeHttp2: boolean
  /** The last generation of a listener that accepts no more: it is to live until no request can follow here. */
  #held: Generation | null = null

  constructor(worker: WorkerContext, served: ServedRoutes, connection: Connection) {
    const { terms } = served.routes
    this.#worker = worker
    this.#served = served
    this.#terms = terms
    this.#settings = terms.settings
    this.#connection = connection
    this.#mayBeHttp2 = terms.settings.http2 !== null && connection.tls === null
    this.#parser = new MessageParser(REQUEST, terms.settings.limits)
    this.response = new Http1ResponseWriter(connection, terms.settings.timeouts.contentMs)
  }

  /** Begins to read, or closes at once when the thread has no room for another parser. */
  begin(): void {
    const connection = this.#connection
    connection.owner = this
    if (!this.#parser.open) {
      connection.destroy()
      return
    }
    connection.setDeadline(this.#terms.settings.timeouts.headMs)
    connection.resume()
  }

  /** What is configured now counts for the request that begins. @hotpath */
  #takeTerms(): void {
    this.#terms = this.#served.routes.terms
    const { settings } = this.#terms
    if (settings === this.#settings) return
    this.#settings = settings
    this.#identity = null
    this.#parser.limits = settings.limits
    this.response.contentMs = settings.timeouts.contentMs
  }

  /** Another generation is in force: without an exchange, nothing of the one before is held on to. */
  follow(): void {
    if (this.#exchange === null) this.#terms = this.#served.routes.terms
  }

  get connection(): Connection {
    return this.#connection
  }

  get listener(): string {
    return this.#terms.settings.name
  }

  get client(): string {
    return this.#identify().name
  }

  get proxy(): string {
    return this.#identify().proxy
  }

  get forwarding(): Forwarding {
    return this.#identify().forwarding
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
    this.#connection.guard(run)
  }

  #identify(): ClientIdentity {
    this.#identity ??= identifyClient(this.#connection, this.#terms)
    return this.#identity
  }

  onRead(connection: Connection, start: number, end: number): void {
    if (this.#stage === CLOSING) return
    if (this.#mayBeHttp2) {
      this.#tellVersion(start, end)
      return
    }
    if (this.#stage === WAITING) {
      this.#keepAhead(start, end)
      return
    }
    this.#process(start, end, connection.ownsSlot ? connection.slot : null)
    if (connection.closed) return
    if (this.#stage !== CONTENT) connection.giveSlot()
    else if (end - start >= BULK_READ_BYTES) connection.takeSlot()
  }

  /** The first bytes say which version it is (RFC 9113, section 3.3); what is not enough of them is kept. */
  #tellVersion(start: number, end: number): void {
    const kept = this.#ahead?.length ?? 0
    const known = Math.min(kept + end - start, PREFACE.length)
    const isPreface = memory.compare(PREFACE, kept, known, start, start + known - kept) === 0
    if (isPreface && known < PREFACE.length) {
      this.#keepAhead(start, end)
      return
    }
    this.#mayBeHttp2 = false
    const ahead = this.#ahead
    this.#ahead = null
    if (isPreface) this.#becomeHttp2(kept, start, end)
    else if (ahead === null) this.onRead(this.#connection, start, end)
    else this.#readOn(ahead, start, end)
  }

  /** The connection is another's from here on, who has yet to see the `kept` bytes of the preface that were read before. */
  #becomeHttp2(kept: number, start: number, end: number): void {
    const connection = this.#connection
    this.#end()
    const other = new Http2ServerConnection(this.#worker, this.#served, connection)
    other.begin()
    other.readPreface(kept)
    other.onRead(connection, start, end)
  }

  #readOn(ahead: ByteBuffer, start: number, end: number): void {
    ahead.copy(memory, start, end)
    const at = replay(ahead.bytes.subarray(0, ahead.length))
    this.#process(at, at + ahead.length, null)
  }

  #keepAhead(start: number, end: number): void {
    this.#ahead ??= new ByteBuffer(AHEAD_BYTES_START)
    this.#ahead.copy(memory, start, end)
    // Reading goes on as long as there is room: a connection that nobody reads cannot tell that its client has gone.
    if (this.#ahead.length < AHEAD_BYTES_MAX) return
    this.#connection.pause()
    this.#armDeadline()
  }

  /** `slot` is given when the bytes lie in a slot of the connection's own. @hotpath */
  #process(start: number, end: number, slot: Slot | null): void {
    const connection = this.#connection
    let at = start
    while (at < end && !connection.closed && this.#stage !== CLOSING) {
      if (this.#stage === WAITING) {
        this.#keepAhead(at, end)
        break
      }
      const wasContent = this.#stage === CONTENT
      if (this.#stage === IDLE) this.#enterHead()
      this.#parser.parse(at, end, requestHead)
      const { consumed, head, contentStart, contentEnd, complete, error } = parsed
      if (this.#exchange !== null) this.#exchange.bytesIn += consumed
      else this.#headBytes += consumed
      if (head) this.#onHead(complete, error)
      if (contentEnd > contentStart && this.#exchange !== null && error === 0) {
        this.#exchange.requestContent(contentStart, contentEnd, wasContent && at === start ? slot : null)
      }
      if (error !== 0 && this.#stage !== CLOSING) {
        this.#onParseError(error)
        break
      }
      if (complete) this.#onRequestEnd()
      at += consumed
    }
    this.#exchange?.requestFlush()
    if (this.#stage === CONTENT) this.#armDeadline()
  }

  /** Sets the deadline of an exchange under way: for what waits for the client, for its content, or to see if it is there. */
  #armDeadline(): void {
    const connection = this.#connection
    // Set when the write was made, and looked after by `#onWriteStall`: what is read meanwhile does not put it off.
    if (connection.pendingWrites > 0) return
    if (!connection.reading) connection.setDeadline(ABSENCE_CHECK_MS)
    else if (this.#stage === CONTENT) connection.setDeadline(this.#terms.settings.timeouts.contentMs)
    else connection.clearDeadline()
  }

  #enterHead(): void {
    this.#stage = HEAD
    this.#takeTerms()
    this.#messageStartedAt = performance.now()
    this.#connection.context.wheel.observe(this.#messageStartedAt)
    this.#connection.setDeadline(this.#terms.settings.timeouts.headMs)
  }

  #onRequestEnd(): void {
    if (this.#stage === CLOSING) return
    this.#stage = WAITING
    this.response.requestWhole = true
    // A connection that nobody reads cannot tell that its client has gone.
    this.#connection.resume()
    this.#armDeadline()
    this.#exchange?.requestDone(this.#parser.takeTrailers())
    if (this.#exchange === null) this.#afterResponse()
  }

  #open(): Exchange {
    // Its head may have taken long to come.
    this.#takeTerms()
    this.#terms.generation.enter()
    const exchange = new Exchange(this.#worker, this, this.#messageStartedAt)
    exchange.bytesIn = this.#headBytes
    this.#headBytes = 0
    this.#exchange = exchange
    this.response.begin()
    return exchange
  }

  #onHead(complete: boolean, error: number): void {
    const exchange = this.#open()
    this.#stage = CONTENT
    this.#connection.clearDeadline()
    const head = requestHead
    if (error === HEAD_TOO_LARGE) {
      this.#refuse(exchange, 'request_head_too_large')
      return
    }
    const refusal = readRequest(head, this.#parser)
    this.#parser.nominated = request.nominated
    this.response.versionMinor = request.versionMinor
    this.#isLastRequest = !request.keepAlive
    this.response.keepAlive = request.keepAlive && !this.#served.isClosing
    this.response.isHead = request.method === METHOD_HEAD
    if (this.#worker.onExchange !== null || refusal !== '') this.#describe(exchange)
    if (refusal !== '') {
      this.#refuse(exchange, refusal)
      return
    }
    // A message that turns out malformed in the same read is refused before anything of it goes on.
    if (error !== 0) return
    this.response.requestWhole = complete
    this.#startExchange(exchange, head)
  }

  #startExchange(exchange: Exchange, head: Head): void {
    this.#setRequestId(exchange, head)
    routed.begin(this, exchange.requestId, exchange.startedAtMs)
    // Those of the terms, which were taken with the head.
    const refusal = dispatch(exchange, this.#served.routes, routed)
    if (refusal !== '') this.#refuse(exchange, refusal)
  }

  /** What the access line says of the request; made only where somebody reads it. */
  #describe(exchange: Exchange): void {
    const head = requestHead
    exchange.method = head.text(request.methodStart, Math.max(request.methodStart, head.targetStart - 1))
    exchange.target = head.text(head.targetStart, head.targetEnd)
    exchange.host = head.text(request.hostStart, request.hostEnd)
    exchange.protocol = request.versionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1'
  }

  #setRequestId(exchange: Exchange, head: Head): void {
    const told = this.forwarding.trusted ? requestIdIn(head) : null
    exchange.requestId = told ?? this.#worker.requestIds.next()
  }

  #onParseError(error: number): void {
    const exchange = this.#exchange ?? this.#open()
    this.#refuse(exchange, parseErrorOf(error, this.#stage === CONTENT))
  }

  /** Answers with an error and reads no further: where the next request would begin cannot be known. */
  #refuse(exchange: Exchange, code: ErrorCode): void {
    this.response.keepAlive = false
    if (exchange.requestId === '') exchange.requestId = this.#worker.requestIds.next()
    exchange.fail(code)
  }

  onReadEnd(connection: Connection): void {
    const exchange = this.#exchange
    if (exchange !== null) {
      // A client that announced its last request may close its side behind it; from any other, FIN means that it has gone.
      if (this.#isLastRequest && this.response.requestWhole && !connection.writeEnded) {
        if (connection.pendingWrites === 0) connection.setDeadline(HALF_CLOSE_GRACE_MS)
        return
      }
      exchange.clientGone('client_closed')
    } else if (connection.pendingWrites > 0) {
      // The client has said its last word but still takes the answer.
      this.response.keepAlive = false
      this.response.closeAfter = true
      this.#stage = CLOSING
      return
    }
    this.#close()
  }

  onDeadline(connection: Connection): void {
    const exchange = this.#exchange
    const isSilent = connection.readEnded && exchange !== null && !exchange.responseStarted
    if (exchange !== null && !connection.reading && (isSilent || !connection.isConnected())) {
      exchange.clientGone('client_closed')
      this.#close()
    } else if (connection.pendingWrites > 0) {
      this.#onWriteStall(connection)
    } else if (exchange !== null && !connection.reading) {
      connection.setDeadline(ABSENCE_CHECK_MS)
    } else if (exchange !== null) {
      this.response.keepAlive = false
      exchange.fail('request_content_timeout')
    } else if (this.#stage === HEAD) {
      this.#refuse(this.#open(), 'request_head_timeout')
    } else {
      this.#close()
    }
  }

  /** The client has not taken all of what waits: fine as long as it takes some of it in time. */
  #onWriteStall(connection: Connection): void {
    if (connection.hasProgressed()) this.response.restartDeadline()
    const left = this.response.deadlineAtMs - performance.now()
    if (left > 0) {
      connection.setDeadline(connection.reading ? left : Math.min(left, ABSENCE_CHECK_MS))
      return
    }
    this.response.closeDelimited = true
    this.#exchange?.fail('response_write_timeout')
    this.#end()
    connection.reset()
  }

  onClose(_connection: Connection, error: string): void {
    this.#parser.close()
    this.#exchange?.clientGone(error === FAULT ? 'internal' : 'client_closed')
    this.#letGo()
  }

  onDrain(): void {
    const exchange = this.#exchange
    if (exchange !== null) {
      this.#armDeadline()
      exchange.responseDrain()
    } else if (this.#stage === CLOSING) {
      if (this.#ahead === null) this.#close()
      else this.#closeLingering()
    } else {
      this.#nextRequest()
    }
  }

  pauseRequest(): void {
    if (this.#stage !== CONTENT) return
    this.#connection.pause()
    this.#armDeadline()
  }

  resumeRequest(): void {
    const connection = this.#connection
    if (connection.reading || this.#ahead !== null || this.#stage !== CONTENT) return
    connection.resume()
    this.#armDeadline()
  }

  cut(): void {
    this.response.flush()
    this.#end()
    // The end of this response is the end of the connection: only RST tells that this is not the one meant.
    if (this.response.closeDelimited) this.#connection.reset()
    else this.#connection.closeLingering()
  }

  /** The client has made the key, and looks at what became of it. */
  grants(): boolean {
    return true
  }

  switchProtocols(change: ProtocolSwitch): void {
    const exchange = this.#exchange as Exchange
    this.response.sendSwitch(change)
    this.#parser.close()
    const { tunnelMs } = this.#terms.settings.timeouts
    new Tunnel(this.#connection, change.stream, tunnelMs, exchange).begin(this.#ahead)
    this.#ahead = null
    this.#letGo()
  }

  exchangeEnded(): void {
    this.#exchange = null
    this.#terms.generation.leave()
    if (this.#connection.closed) this.#end()
    // The rest of a request that is not whole is of no use to anybody.
    else if (!this.response.requestWhole) this.#closeLingering()
    // While the read that brought the request's end is being dealt with, that goes on from there.
    else if (this.#stage === WAITING) this.#afterResponse()
  }

  #afterResponse(): void {
    const connection = this.#connection
    if (this.response.closeAfter || !this.response.keepAlive) {
      if (connection.pendingWrites > 0) this.#stage = CLOSING
      else if (this.#ahead !== null) this.#closeLingering()
      else this.#close()
    } else if (connection.pendingWrites === 0) {
      this.#nextRequest()
    }
  }

  #nextRequest(): void {
    this.#stage = IDLE
    this.#terms = this.#served.routes.terms
    const ahead = this.#ahead
    if (ahead !== null) {
      process.nextTick(readAhead, this.#connection, this)
      return
    }
    if (this.#served.isClosing) {
      this.#close()
      return
    }
    this.#connection.setDeadline(this.#terms.settings.timeouts.idleMs)
    this.#connection.resume()
  }

  /** @internal */
  readAhead(): void {
    const ahead = this.#ahead
    if (ahead === null || this.#connection.closed || this.#stage !== IDLE) return
    this.#ahead = null
    this.#connection.resume()
    const start = replay(ahead.bytes.subarray(0, ahead.length))
    this.#process(start, start + ahead.length, null)
  }

  /** Ends what is under way: the worker's grace is over. */
  abort(): void {
    this.response.keepAlive = false
    this.#exchange?.fail('shutdown')
    this.#close()
  }

  /** The listener accepts no more: closes if nothing is under way, else behind the response, which says so if it still can. */
  drain(): void {
    if (this.#stage === IDLE && this.#ahead === null) {
      this.#close()
      return
    }
    this.#hold()
    if (this.#exchange?.responseStarted === false) this.response.keepAlive = false
  }

  /** A request that has begun, or was sent ahead, is yet to be served by what the listener had last. */
  #hold(): void {
    if (this.#held !== null || this.#stage === CLOSING) return
    this.#held = this.#served.routes.generation
    this.#held.enter()
  }

  #letGo(): void {
    const held = this.#held
    this.#held = null
    held?.leave()
  }

  #closeLingering(): void {
    this.#end()
    this.#connection.closeLingering()
  }

  #close(): void {
    this.#end()
    this.#connection.destroy()
  }

  #end(): void {
    this.#stage = CLOSING
    this.#ahead = null
    this.#parser.close()
    this.#letGo()
  }
}

function readAhead(connection: Connection, downstream: Http1Downstream): void {
  connection.guard(() => downstream.readAhead())
}
