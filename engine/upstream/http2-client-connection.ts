/**
 * One connection of HTTP/2 to an endpoint, from the dial to its end, and the streams that it bears, or is to bear.
 *
 *     dialling ──connected──▶ open ──GOAWAY, requestsMax, ids used up, `drain`──▶ draining ──last stream over──▶ closed
 *        └── failed ──▶ closed ◀── error, no answer to PING, idle for too long ──┴─────────┘
 *
 * A stream waits here until there is room for it: for the dial, and for as many as the peer allows at once. Until the peer's
 * SETTINGS have come, that is what an earlier connection to the endpoint was allowed; on the first one a single stream goes ahead.
 */
import { NO_ERROR } from '../http2/protocol.ts'
import { type Connection, FAULT } from '../net/connection.ts'
import { Dial, type DialOwner } from '../net/dial.ts'
import type { IntroducedClient } from '../net/proxy-protocol/opening.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import { connectErrorOf } from './connect-error.ts'
import type { Http2ClientStream } from './http2-client-stream.ts'
import { Http2Link, type LinkOwner } from './http2-link.ts'
import type { Http2Pool } from './http2-pool.ts'
import { type SessionError, UNSENT } from './response-receiver.ts'

/**
 * Milliseconds between two looks at whether anything has come. A connection that bears streams and is silent from one to the
 * next is asked for a sign of life by PING; silent until the one after that, it is given up: its streams fail as when it breaks.
 */
const SILENCE_MS = 15_000

/**
 * So many looks lie between two PINGs where nothing but the answer to the first has come: five minutes and some. Servers of
 * gRPC end a connection that is asked more often than that while they have nothing to send.
 */
const LOOKS_APART = 21

const DIALLING = 0
const OPEN = 1
const DRAINING = 2
const CLOSED = 3

/** What the log says where a PING was not answered. */
const NO_ANSWER = 'ETIMEDOUT'

export class Http2ClientConnection implements DialOwner, LinkOwner, TimerTarget {
  readonly #pool: Http2Pool
  /** Whom it has told of, and whose it is alone; `null` for nobody. */
  readonly client: IntroducedClient | null
  /** `null` until it is connected. */
  link: Http2Link | null = null
  #dial: Dial | null = null
  #state = DIALLING
  /** Those that have no stream yet, in the order in which they came. */
  readonly #waiting: Http2ClientStream[] = []
  readonly #timer: Timer
  /** Requests that were begun on it. */
  #requests = 0
  /** A response has been whole: its peer may close it as we write. */
  served = false
  /** Something has come since the last look. */
  #hasHeard = false
  /** Nothing had come then, and a PING went out. */
  #isAsked = false
  /** Looks before there may be another one. */
  #looksLeft = 0
  /** The read that is dealt with has brought the answer to it. */
  #isAnswer = false
  /** The system's name for what ended it. */
  systemError = ''
  #holdsPermit: boolean

  constructor(pool: Http2Pool, client: IntroducedClient | null, holdsPermit: boolean) {
    this.#pool = pool
    this.client = client
    this.#holdsPermit = holdsPermit
    this.#timer = new Timer(this)
  }

  /** `opening` as for `Dial`. */
  dial(opening: Uint8Array | null): void {
    const { context, endpoint, timeouts, peer } = this.#pool
    this.#dial = new Dial(context, endpoint.address, timeouts.connectMs, this, peer, opening)
  }

  get open(): boolean {
    return this.#state === OPEN
  }

  get closed(): boolean {
    return this.#state === CLOSED
  }

  get holdsPermit(): boolean {
    return this.#holdsPermit
  }

  /** Streams that it bears, or is to bear. */
  get load(): number {
    return this.#waiting.length + (this.link === null ? 0 : this.link.streamCount)
  }

  get idle(): boolean {
    return this.#state === OPEN && this.load === 0
  }

  /** As many streams as it may bear in the end, as far as is known. */
  get #limit(): number {
    const { streamsMax } = this.#pool
    const { link } = this
    return Math.min(streamsMax, link === null || !link.isSettled ? this.#pool.expectedStreams : link.peer.streamsMax)
  }

  /** Whether another stream may come. */
  get hasRoom(): boolean {
    return this.#state <= OPEN && !this.#isLeaving && !this.#isSpent && this.load < this.#limit
  }

  /** It is about to end, which not everybody has been told yet. */
  get #isLeaving(): boolean {
    const { link } = this
    return link !== null && (link.isLeaving || link.peerIsLeaving)
  }

  /** Its peer allows no streams for now. */
  get isShut(): boolean {
    if (this.link === null || this.#state !== OPEN || this.#isLeaving || this.#isSpent) return false
    return this.link.isSettled && this.link.peer.streamsMax === 0
  }

  get #isSpent(): boolean {
    const max = this.#pool.settings.requestsMax
    return max !== 0 && this.#requests >= max
  }

  /** Whether a stream that begins now need not wait. */
  get isReady(): boolean {
    return this.#state === OPEN && this.#waiting.length === 0 && this.#mayStart()
  }

  #mayStart(): boolean {
    const { link } = this
    if (link === null || this.#isLeaving) return false
    const { streamsMax, aheadStreams } = this.#pool
    return link.streamCount < Math.min(streamsMax, link.isSettled ? link.peer.streamsMax : aheadStreams)
  }

  /** A request is put together on `stream`: it is this connection's from here. */
  enter(stream: Http2ClientStream): void {
    this.#requests += 1
    this.#waiting.push(stream)
  }

  /** A stream that waits is not wanted any more. */
  leave(stream: Http2ClientStream): void {
    const index = this.#waiting.indexOf(stream)
    if (index < 0) return
    this.#waiting.splice(index, 1)
    this.onStreamClosed()
  }

  /** Lets those go that may. */
  start(): void {
    const { link } = this
    if (link === null || this.#state === CLOSED) return
    let at = 0
    while (at < this.#waiting.length && this.#mayStart()) {
      const stream = this.#waiting[at] as Http2ClientStream
      if (stream.needsSettings && !link.isSettled) {
        at += 1
        continue
      }
      this.#waiting.splice(at, 1)
      if (stream.start(link)) continue
      // Every identifier was used.
      this.#waiting.unshift(stream)
      this.drain()
      return
    }
    this.#endIfUnused()
  }

  /** The link counts how long it has been idle from its last stream on: one that never had any would stay for ever. */
  #endIfUnused(): void {
    if (this.#state === OPEN && this.load === 0 && this.link?.hasHadStreams === false) this.close()
  }

  /** The last of those that wait and may do so elsewhere; `null` where there is none. */
  get movable(): Http2ClientStream | null {
    return this.#waiting.findLast(({ mayMove }) => mayMove) ?? null
  }

  /** A stream that waits does so elsewhere from here on. */
  giveAway(stream: Http2ClientStream): void {
    this.#waiting.splice(this.#waiting.indexOf(stream), 1)
    this.#requests -= 1
  }

  onConnect(connection: Connection): void {
    this.#dial = null
    if (!this.#pool.accepts(this, connection)) return
    this.#state = OPEN
    const link = new Http2Link(this, connection, this.#pool.terms)
    this.link = link
    link.begin()
    this.#watch()
    this.start()
    for (const stream of this.#waiting) stream.connected()
  }

  #watch(): void {
    this.#pool.context.wheel.set(this.#timer, SILENCE_MS)
  }

  // What comes is for the link, which takes the connection over before it reads.
  onRead(): void {}
  onReadEnd(): void {}
  onDrain(): void {}
  onClose(): void {}

  onConnectError(error: string): void {
    this.#dial = null
    this.systemError = error
    this.#end(connectErrorOf(error, this.#pool.endpoint.address))
  }

  // What the link tells.

  onSettings(): void {
    const { link } = this
    if (link === null) return
    this.#pool.learn(link.peer.streamsMax)
    this.start()
    if (this.#waiting.length > 0 && !this.#mayStart()) this.#pool.relocate(this)
    this.#endIfUnused()
  }

  /** The peer takes no new streams. */
  onPeerGoaway(): void {
    this.drain()
  }

  onStreamClosed(): void {
    if (this.#state === CLOSED) return
    this.start()
    if (this.load > 0) {
      if (this.#state === OPEN) this.#pool.streamEnded(this)
    } else if (this.#state === OPEN && !this.#isSpent) {
      this.#pool.giveBack(this)
    } else {
      // Closed already where nobody has had it.
      this.close()
    }
  }

  /** No stream for a while. One that waits for SETTINGS, or for its turn, will be one: true where somebody still wants it. */
  onIdle(): boolean {
    if (this.#waiting.length > 0) return true
    this.close()
    return false
  }

  onPong(): void {
    this.#isAsked = false
    this.#isAnswer = true
  }

  onActivity(): void {
    this.#hasHeard = true
    if (!this.#isAnswer) this.#looksLeft = 0
    this.#isAnswer = false
  }

  onLinkClosed(error: string): void {
    this.systemError = error
    this.#end(error === FAULT ? 'fault' : 'closed')
  }

  /** Another look at whether the peer is still there. */
  onDeadline(): void {
    const { link } = this
    if (link === null) return
    if (this.#looksLeft > 0) this.#looksLeft -= 1
    if (this.#hasHeard || link.streamCount === 0) {
      this.#isAsked = false
    } else if (this.#isAsked) {
      link.giveUp(NO_ANSWER)
      return
    } else if (this.#looksLeft === 0) {
      this.#isAsked = true
      this.#looksLeft = LOOKS_APART
      link.ping()
    }
    this.#hasHeard = false
    this.#watch()
  }

  /** It takes no more streams, and ends with the last that it has. Those that wait go elsewhere. */
  drain(): void {
    if (this.#state !== OPEN) return
    this.#state = DRAINING
    this.#pool.relocate(this)
    for (const stream of this.#waiting.splice(0)) stream.fail('stream_refused', UNSENT)
    if (this.load === 0) this.close()
  }

  /** Ends it in peace: nothing is under way. */
  close(): void {
    if (this.#state === CLOSED) return
    this.#end('closed')
    this.link?.goAway(NO_ERROR, '')
  }

  /** The endpoint speaks another protocol. */
  leaveToOther(): void {
    this.#holdsPermit = false
    this.#end('protocol_changed')
  }

  #end(error: SessionError): void {
    if (this.#state === CLOSED) return
    this.#state = CLOSED
    this.#dial?.cancel()
    this.#dial = null
    this.#pool.context.wheel.clear(this.#timer)
    this.#pool.forget(this)
    if (this.#holdsPermit) {
      this.#holdsPermit = false
      this.#pool.givePermitBack()
    }
    for (const stream of this.#waiting.splice(0)) {
      stream.systemError = this.systemError
      stream.fail(error, UNSENT)
    }
  }
}
