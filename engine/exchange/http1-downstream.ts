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
import { X_REQUEST_ID } from '../http1/field-names.ts'
import { Head } from '../http1/head.ts'
import type { Forwarding } from '../http1/head-writer.ts'
import { AHEAD_BYTES_MAX, memory, REQUEST, replay } from '../http1/llhttp.ts'
import {
  HEAD_TOO_LARGE,
  MessageParser,
  parsed,
  TARGET_TOO_LONG,
  TRAILERS_TOO_LARGE,
  UNKNOWN_METHOD,
  UNKNOWN_VERSION,
} from '../http1/message-parser.ts'
import { METHOD_HEAD, readRequest, request } from '../http1/request-facts.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { BULK_READ_BYTES, type Connection, type ConnectionOwner, FAULT } from '../net/connection.ts'
import type { Slot } from '../net/slots.ts'
import { routingPath } from '../routing/path.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import { type ClientIdentity, identifyClient } from './client-identity.ts'
import type { Downstream } from './downstream.ts'
import type { ErrorCode } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { ListenerRoutes, Route } from './generation.ts'
import { Http1ResponseWriter } from './http1-response-writer.ts'
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

const PARSE_ERRORS: Readonly<Record<number, ErrorCode>> = {
  [TARGET_TOO_LONG]: 'request_target_too_long',
  [HEAD_TOO_LARGE]: 'request_head_too_large',
  [UNKNOWN_METHOD]: 'request_method_unknown',
  [UNKNOWN_VERSION]: 'request_version',
  [TRAILERS_TOO_LARGE]: 'request_trailers_too_large',
}

export class Http1Downstream implements ConnectionOwner, Downstream {
  readonly #worker: WorkerContext
  readonly #routes: ListenerRoutes
  readonly #connection: Connection
  readonly #parser: MessageParser
  readonly response: Http1ResponseWriter
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

  constructor(worker: WorkerContext, routes: ListenerRoutes, connection: Connection) {
    this.#worker = worker
    this.#routes = routes
    this.#connection = connection
    this.#parser = new MessageParser(REQUEST, routes.settings.limits)
    this.response = new Http1ResponseWriter(worker, connection, routes.settings.timeouts.contentMs)
  }

  /** Begins to read, or closes at once when the thread has no room for another parser. */
  begin(): void {
    const connection = this.#connection
    connection.owner = this
    if (!this.#parser.open) {
      connection.destroy()
      return
    }
    connection.setDeadline(this.#routes.settings.timeouts.headMs)
    connection.resume()
  }

  get listener(): string {
    return this.#routes.settings.name
  }

  get client(): string {
    return this.#identify().name
  }

  get forwarding(): Forwarding {
    return this.#identify().forwarding
  }

  isTrusted(address: string): boolean {
    return this.#routes.trusted.has(address)
  }

  guard(run: () => void): void {
    this.#connection.guard(run)
  }

  #identify(): ClientIdentity {
    this.#identity ??= identifyClient(this.#connection.handle, this.#routes)
    return this.#identity
  }

  onRead(connection: Connection, start: number, end: number): void {
    if (this.#stage === CLOSING) return
    if (this.#stage === WAITING) {
      this.#keepAhead(start, end)
      return
    }
    this.#process(start, end, connection.ownsSlot ? connection.slot : null)
    if (connection.closed) return
    if (this.#stage !== CONTENT) connection.giveSlot()
    else if (end - start >= BULK_READ_BYTES) connection.takeSlot()
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
    else if (this.#stage === CONTENT) connection.setDeadline(this.#routes.settings.timeouts.contentMs)
    else connection.clearDeadline()
  }

  #enterHead(): void {
    this.#stage = HEAD
    this.#messageStartedAt = performance.now()
    this.#connection.context.wheel.observe(this.#messageStartedAt)
    this.#connection.setDeadline(this.#routes.settings.timeouts.headMs)
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
    this.response.keepAlive = request.keepAlive && !this.#worker.draining
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
    const route = this.#findRoute(head)
    if (route === undefined) {
      this.#refuse(exchange, 'request_malformed')
      return
    }
    this.#setRequestId(exchange, head)
    exchange.start(route, head, request)
  }

  /** What the access line says of the request; made only where somebody reads it. */
  #describe(exchange: Exchange): void {
    const head = requestHead
    exchange.method = head.text(request.methodStart, Math.max(request.methodStart, head.targetStart - 1))
    exchange.target = head.text(head.targetStart, head.targetEnd)
    exchange.host = head.text(request.hostStart, request.hostEnd)
    exchange.protocol = request.versionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1'
  }

  /** `undefined` when the target leads nowhere: its path climbs above the root. */
  #findRoute(head: Head): Route | null | undefined {
    const { router } = this.#routes
    if (router.only !== null) return router.only
    const path = routingPath(head.text(request.pathStart, request.pathEnd))
    if (path === null) return undefined
    const host = head.text(request.hostStart, request.hostEnd).toLowerCase()
    return router.find(host.replace(/:\d*$/, ''), path)
  }

  #setRequestId(exchange: Exchange, head: Head): void {
    if (this.forwarding.trusted) {
      for (let index = 0; index < head.fieldCount; index += 1) {
        if (head.ids[index] === X_REQUEST_ID) {
          exchange.requestId = head.value(index)
          return
        }
      }
    }
    exchange.requestId = this.#worker.requestIds.next()
  }

  #onParseError(error: number): void {
    const exchange = this.#exchange ?? this.#open()
    const isContent = this.#stage === CONTENT
    const code = PARSE_ERRORS[error] ?? (isContent ? 'request_content_malformed' : 'request_malformed')
    this.#refuse(exchange, code)
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

  switchProtocols(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void {
    const upstream = session.connection as Connection
    const exchange = this.#exchange as Exchange
    this.response.sendSwitch(head, facts, start, end)
    this.#parser.close()
    const tunnel = new Tunnel(this.#connection, upstream, this.#routes.settings.timeouts.tunnelMs, exchange)
    tunnel.begin(this.#ahead)
    this.#ahead = null
  }

  exchangeEnded(): void {
    this.#exchange = null
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
    const ahead = this.#ahead
    if (ahead !== null) {
      process.nextTick(readAhead, this.#connection, this)
      return
    }
    if (this.#worker.draining) {
      this.#close()
      return
    }
    this.#connection.setDeadline(this.#routes.settings.timeouts.idleMs)
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

  /** Closes if nothing is under way: the worker is being stopped. */
  closeIfIdle(): void {
    if (this.#stage === IDLE && this.#ahead === null) this.#close()
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
  }
}

function readAhead(connection: Connection, downstream: Http1Downstream): void {
  connection.guard(() => downstream.readAhead())
}
