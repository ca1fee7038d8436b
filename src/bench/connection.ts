import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import type { Client } from 'autocannon'
import { type AutocannonClient, openUpClient, type ResponseHead } from './autocannon-client.ts'
import type { LoadPlan } from './plan.ts'
import type { FailureKind } from './recorder.ts'

/**
 * One connection of the load, around a client of autocannon.
 *
 * ```
 * closed ── start or send ──▶ connecting ── connected ──▶ open ── answers, requests ──▶ open
 *   ▲                             │                         │
 *   └── failed, timed out ◀───────┴─────────────────────────┘ closed by the target, failed, timed out, last answer
 * ```
 * With keep-alive a closed connection opens again by itself; without, the next request opens it.
 */

/** A connection that carried no answer is tried again after this: a target that refuses is not hammered. */
const RETRY_MS = 100

export interface SentRequest {
  readonly intendedMs: number
  readonly sentMs: number
  /** Sent after the warm-up. */
  readonly isMeasured: boolean
}

/** The load thread, as its connections see it. */
export interface ConnectionOwner {
  /** The connection can take one more request. Asked for each, and again after each answer. */
  onSlot(connection: LoadConnection): void
  onAnswer(request: SentRequest, status: number, latencyMs: number): void
  onFailure(kind: FailureKind, request: SentRequest | null, message: string): void
  /** The target closed the connection in good order before it looked at this request. */
  onUnanswered(request: SentRequest): void
  onBytes(count: number): void
  /** The connection is open, or the attempt failed; told for every attempt. */
  onAttempt(isOpen: boolean): void
}

type State = 'closed' | 'connecting' | 'open'

export class LoadConnection {
  readonly #plan: LoadPlan
  readonly #owner: ConnectionOwner
  readonly #client: AutocannonClient
  readonly #secureContext: SecureContext | null
  /** Writes a request, autocannon's way. */
  readonly #ask: () => void
  #state: State = 'closed'
  #socket: Socket | null = null
  #sent: SentRequest[] = []
  #connectingSinceMs = 0
  #hasAnswered = false
  #hasFailedToConnect = false
  /** The answer that is being read is 1xx: another one follows. */
  #isInterim = false
  /** The answer that is being read is the last one on this connection. */
  #isLast = false
  /** The last answer has been read, or something that cannot be understood: nothing after it counts. */
  #isFinished = false
  #retry: NodeJS.Timeout | null = null

  constructor(plan: LoadPlan, owner: ConnectionOwner, client: Client, secureContext: SecureContext | null) {
    this.#plan = plan
    this.#owner = owner
    this.#secureContext = secureContext
    const opened = openUpClient(client)
    this.#client = opened
    const ask = opened._doRequest
    this.#ask = () => ask.call(opened)
    // autocannon's own moments for sending: once a connection is made, and after each answer.
    opened._doRequest = () => this.#onAnswered()
    opened._connect = () => this.#takeParserOver()
    opened._destroyConnection = () => this.close()
    opened.getRequestBuffer = () => plan.requestBytes
    // Content is counted by its bytes; gathering it as text would cost more than receiving it.
    opened.pipelinedRequests.addBody = () => undefined
    opened.on('response', (status: number, _: number, latencyMs: number) => this.#onResponse(status, latencyMs))
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Lets requests come: opens the connection, where it is to be kept open. */
  start(): void {
    if (this.#plan.keepAlive) this.#connect()
    else this.#owner.onSlot(this)
  }

  /** Only in answer to `onSlot`, at once or later while the connection is as it was. */
  send(request: SentRequest): void {
    if (!this.#plan.keepAlive) this.#connect()
    this.#sent.push(request)
    this.#ask()
  }

  /** Requests on the way, the oldest first. */
  get sent(): readonly SentRequest[] {
    return this.#sent
  }

  /** It is to be kept open, and the last attempt at opening it failed. */
  get isRefused(): boolean {
    return this.#plan.keepAlive && this.#state !== 'open' && this.#hasFailedToConnect
  }

  /** Whether a slot that `onSlot` has told of is still there. */
  get canSend(): boolean {
    if (!this.#plan.keepAlive) return this.#state === 'closed' && this.#retry === null
    return this.#state === 'open' && !this.#isFinished && this.#sent.length < this.#plan.pipelining
  }

  /** Ends what has taken longer than the timeout. */
  checkTimeout(nowMs: number): void {
    const limitMs = nowMs - this.#plan.timeoutMs
    if (this.#state === 'connecting' && this.#connectingSinceMs < limitMs) {
      this.#fail('connect', 'connecting took longer than the timeout')
    } else if ((this.#sent[0]?.sentMs ?? nowMs) < limitMs) {
      this.#fail('timeout', 'no whole answer within the timeout')
    }
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    this.#sent = []
    this.#dropSocket()
  }

  /** autocannon has put its callbacks in place by now; ours go in front. */
  #takeParserOver(): void {
    const { parser } = this.#client
    const { onHeadersComplete, onMessageComplete } = parser
    parser.onHeadersComplete = head => {
      const { statusCode } = head
      this.#isInterim = statusCode >= 100 && statusCode < 200 && statusCode !== 101
      this.#isLast = !this.#isInterim && this.#endsConnection(head)
      onHeadersComplete(head)
      return this.#hasNoContent(statusCode)
    }
    parser.onMessageComplete = () => {
      if (this.#isInterim || this.#isFinished) return
      // autocannon counts on a request for each answer.
      if (this.#sent.length > 0) onMessageComplete()
      else this.#isFinished = true
    }
  }

  /** RFC 9112 section 6.3: whatever the field lines say; 304 may well say how long the content would be. */
  #hasNoContent(statusCode: number): boolean {
    return this.#plan.isHead || this.#isInterim || statusCode === 204 || statusCode === 304
  }

  #endsConnection(head: ResponseHead): boolean {
    if (!this.#plan.keepAlive || head.statusCode === 101) return true
    // Without content to delimit, the parser does not know whether the connection outlives the answer.
    return this.#hasNoContent(head.statusCode)
      ? head.versionMinor === 0 || saysClose(head.headers)
      : !head.shouldKeepAlive
  }

  #connect(): void {
    const { host, port, tls } = this.#plan
    const base = { host, port, noDelay: true }
    const socket =
      tls === null
        ? connect(base)
        : connectTls({
            ...base,
            servername: tls.serverName,
            rejectUnauthorized: tls.isVerified,
            ALPNProtocols: ['http/1.1'],
            ...(this.#secureContext !== null && { secureContext: this.#secureContext }),
          })
    this.#state = 'connecting'
    this.#connectingSinceMs = performance.now()
    this.#hasAnswered = false
    this.#isFinished = false
    this.#socket = socket
    this.#client.conn = socket
    this.#client.parser.reinitialize('RESPONSE')
    const unlessReplaced =
      <Values extends unknown[]>(handle: (...values: Values) => void) =>
      (...values: Values) => {
        if (this.#socket === socket) handle(...values)
      }
    socket.once(tls === null ? 'connect' : 'secureConnect', unlessReplaced(this.#onConnected.bind(this)))
    socket.on('data', unlessReplaced(this.#onData.bind(this)))
    socket.on('end', unlessReplaced(this.#onEnd.bind(this)))
    socket.on('close', unlessReplaced(this.#onEnd.bind(this)))
    socket.on('error', unlessReplaced(this.#onError.bind(this)))
  }

  #onConnected(): void {
    this.#state = 'open'
    this.#hasFailedToConnect = false
    this.#owner.onAttempt(true)
    if (!this.#plan.keepAlive) return
    for (let slot = 0; slot < this.#plan.pipelining && this.#state === 'open'; slot += 1) this.#owner.onSlot(this)
  }

  #onData(chunk: Uint8Array): void {
    this.#owner.onBytes(chunk.length)
    const socket = this.#socket
    // Several answers in one chunk: the requests that follow them leave in one piece too.
    socket?.cork()
    const outcome = this.#client.parser.execute(chunk)
    socket?.uncork()
    if (this.#socket !== socket) return
    if (outcome instanceof Error) this.#fail('malformed', `not an HTTP/1.1 answer: ${outcome.message}`)
    else if (this.#isFinished) this.#finish()
  }

  #onResponse(status: number, latencyMs: number): void {
    const request = this.#sent.shift()
    if (request === undefined) throw new Error('an answer without a request')
    this.#hasAnswered = true
    this.#owner.onAnswer(request, status, latencyMs)
  }

  #onAnswered(): void {
    if (this.#isLast) this.#isFinished = true
    else if (this.#state === 'open') this.#owner.onSlot(this)
  }

  /** The last answer of the connection has been read. */
  #finish(): void {
    const unanswered = this.#sent
    this.#sent = []
    this.#dropSocket()
    for (const request of unanswered) this.#owner.onUnanswered(request)
    this.#again()
  }

  #onEnd(): void {
    this.#client.parser.finish()
    if (this.#sent.length > 0 && !this.#isFinished) this.#fail('reset', 'the target closed the connection')
    else if (this.#state === 'connecting') this.#fail('connect', 'the target closed the connection')
    else this.#finish()
  }

  #onError(error: Error): void {
    this.#fail(this.#state === 'connecting' ? 'connect' : 'reset', error.message)
  }

  /** The connection is over, and whatever was on the way with it. */
  #fail(kind: FailureKind, message: string): void {
    const lost = this.#sent
    const wasConnecting = this.#state === 'connecting'
    this.#sent = []
    this.#dropSocket()
    if (lost.length === 0) this.#owner.onFailure(kind, null, message)
    for (const request of lost) this.#owner.onFailure(kind, request, message)
    if (wasConnecting) {
      this.#hasFailedToConnect = true
      this.#owner.onAttempt(false)
    }
    this.#again()
  }

  #again(): void {
    if (this.#hasAnswered) {
      this.start()
      return
    }
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.start()
    }, RETRY_MS)
  }

  #dropSocket(): void {
    const socket = this.#socket
    this.#socket = null
    this.#state = 'closed'
    this.#client.pipelinedRequests.clear()
    // A destroyed socket can still report what it had on the way.
    socket?.on('error', () => undefined)
    socket?.destroy()
  }
}

function saysClose(headers: readonly string[]): boolean {
  return headers.some(
    (name, index) =>
      index % 2 === 0 && name.toLowerCase() === 'connection' && /\bclose\b/i.test(headers[index + 1] ?? ''),
  )
}
