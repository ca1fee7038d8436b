/**
 * One stream of HTTP/2 (RFC 9113, section 5.1), of either side.
 *
 *     idle ──head in or out──▶ open ──our end is out──▶ half-closed (local) ──peer's end──▶ closed
 *                               │                                                             ▲
 *                               └──peer's end──▶ half-closed (remote) ──our end is out────────┘
 *
 * RST_STREAM, in or out, and the end of the connection lead to closed from everywhere; then `onReset` is the last that the owner
 * hears, unless it was the owner's own doing.
 *
 * What windows or the kernel do not take at once waits in a buffer of the stream's own: it is bounded by what its owner writes
 * before it minds that `write` gave false. What comes is handed over at once, paused or not; a paused stream gives no window
 * back, so that no more than a window is ever handed to somebody who has no room for it.
 */
import { DEFAULT_PRIORITY } from '../http2/priority.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Http2Connection } from './http2-connection.ts'
import { RESET_BEHIND_END_MS } from './http2-limits.ts'
import type { Waiter } from './send-order.ts'
import { sharedBuffers } from './shared-buffers.ts'

export const IDLE = 0
export const OPEN = 1
/** Our message is out. */
export const HALF_CLOSED_LOCAL = 2
/** The peer's message is whole. */
export const HALF_CLOSED_REMOTE = 3
export const CLOSED = 4

/** Which states each may come from, as bits. */
const PREDECESSORS: readonly number[] = [
  0,
  1 << IDLE,
  1 << OPEN,
  1 << OPEN,
  (1 << IDLE) | (1 << OPEN) | (1 << HALF_CLOSED_LOCAL) | (1 << HALF_CLOSED_REMOTE),
]

/** Why a stream ended before its time. */
export type ResetCause = typeof BY_PEER | typeof BY_FAULT | typeof UNPROCESSED | typeof DISCONNECTED | typeof STALLED
/** RST_STREAM has come. */
export const BY_PEER = 0
/** The peer broke the protocol on it: RST_STREAM was sent, or GOAWAY. */
export const BY_FAULT = 1
/** The peer says that it has done nothing for it (REFUSED_STREAM, or GOAWAY with an earlier last stream): it may be sent again. */
export const UNPROCESSED = 2
/** The connection is gone; `Http2Connection.systemError` may say why. */
export const DISCONNECTED = 3
/** So is it because the peer took nothing of what was written for too long. */
export const STALLED = 4

/** Whoever deals with what comes on a stream. Every call may end the stream. */
export interface Http2StreamOwner {
  /**
   * A head has come for a stream of ours: its header block lies in `bytes`, whole, and must be decoded with the connection's
   * decoder. Sets `awaitsHead` to false if that is the final one. Gives 0, or the code of an error of the stream. Streams that
   * the peer opens get none: theirs is read before they have an owner.
   */
  onHead(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): number
  /** Content lies in the slot memory: valid until the call returns. */
  onContent(stream: Http2Stream, start: number, end: number): void
  /** The peer's message is whole. `trailers`: name, value, name, value ... */
  onEnd(stream: Http2Stream, trailers: readonly string[] | null): void
  /** All that one read brought for the stream was handed over. */
  onFlush(stream: Http2Stream): void
  /** What waited is on its way. */
  onDrain(stream: Http2Stream): void
  /** `setDeadline` is over. */
  onDeadline(stream: Http2Stream): void
  /** The stream is closed, before its time. `code` is the error's (RFC 9113, section 7). */
  onReset(stream: Http2Stream, code: number, cause: ResetCause): void
}

export class Http2Stream implements Waiter {
  readonly connection: Http2Connection
  owner: Http2StreamOwner
  /** 0 as long as a stream of ours has not sent its head. */
  id: number
  state = IDLE
  /** Of a stream of ours: the final head of the peer is still to come. */
  awaitsHead = false
  /** It is a tunnel, or asks to become one: there is nothing but content on it (RFC 9113, section 8.5). */
  isTunnel = false
  /** Bytes that the peer's window for the stream takes; may be below 0 (RFC 9113, section 6.9.2). */
  sendWindow: number
  /** Bytes that the peer may still send. */
  receiveLeft: number
  receiveTarget: number
  /** Bytes that have come while it was paused. */
  heldBytes = 0
  paused = false
  urgency = DEFAULT_PRIORITY
  incremental = false
  lastTurn = 0
  /** Bytes of content that were put into frames. */
  sentBytes = 0
  /** What was read for it is still to be flushed. */
  isTouched = false
  /** When its deadline passes, on the clock of `performance.now()`; 0 for never. */
  deadlineAt = 0
  /** What `AbuseGuard.stream` gave. */
  number = 0
  /** When it was opened, on the clock of `performance.now()`. */
  openedAt = 0
  /** What could not be sent yet, from `#sentFrom`; `null` for nothing. */
  #waiting: ByteBuffer | null = null
  #sentFrom = 0
  /** `end` was called. */
  isEnding = false
  #trailers: readonly string[] | null = null
  /** RST_STREAM with this code goes behind the end; -1 for none. */
  #codeBehindEnd = -1
  /** RST_STREAM with this code stands for the end; -1 for none. */
  #codeAsEnd = -1

  constructor(connection: Http2Connection, owner: Http2StreamOwner, id: number, sendWindow: number, receive: number) {
    this.connection = connection
    this.owner = owner
    this.id = id
    this.sendWindow = sendWindow
    this.receiveLeft = receive
    this.receiveTarget = receive
  }

  /** @internal Moves to another state; an illegal move is a defect of ours, which costs the connection. @hotpath */
  setState(state: number): void {
    if (((PREDECESSORS[state] as number) & (1 << this.state)) === 0) {
      throw new Error(`a stream cannot go from state ${this.state} to ${state}`)
    }
    this.state = state
  }

  get closed(): boolean {
    return this.state === CLOSED
  }

  /** The peer's message is whole. */
  get receivedAll(): boolean {
    return this.state === HALF_CLOSED_REMOTE || this.state === CLOSED
  }

  /** Bytes of content that wait for windows, or for the kernel. */
  get waitingBytes(): number {
    return this.#waiting === null ? 0 : this.#waiting.length - this.#sentFrom
  }

  /** Bytes of content that may leave at once, as far as windows and the kernel are known to take them. */
  get room(): number {
    const { output } = this.connection
    return this.#waiting !== null || output.isBlocked ? 0 : Math.min(this.sendWindow, output.window)
  }

  /** What waits may go, as far as its own window is concerned. */
  get isReady(): boolean {
    return this.sendWindow > 0
  }

  // What the owner calls.

  /**
   * Sends a head, whose field block was put together in `connection.headBlock()` right before; any number of interim ones
   * may precede the final one.
   */
  sendHead(): void {
    if (this.state !== CLOSED) this.connection.sendHeaders(this)
  }

  /** Sends content, which is copied. False when some of it has to wait: the caller is to stop until `onDrain`. @hotpath */
  write(bytes: Buffer, start: number, end: number): boolean {
    if (this.state === CLOSED || this.isEnding || start >= end) return true
    const from = this.#waiting === null ? this.connection.output.sendContent(this, bytes, start, end) : start
    if (from === end) return true
    this.#wait(bytes, from, end)
    return false
  }

  #wait(bytes: Buffer, start: number, end: number): void {
    if (this.#waiting === null) {
      this.#waiting = sharedBuffers.take()
      this.#sentFrom = 0
      this.connection.output.wait(this)
    } else if (this.#sentFrom > this.#waiting.length / 2) {
      // What has gone makes room for what comes, at the price of a copy that is no longer than what went.
      const { bytes: kept, length } = this.#waiting
      kept.copy(kept, 0, this.#sentFrom, length)
      this.#waiting.length = length - this.#sentFrom
      this.#sentFrom = 0
    }
    this.#waiting.copy(bytes, start, end)
  }

  /** Our message is whole; with it goes what still waits. `trailers`: name, value, name, value ... */
  end(trailers: readonly string[] | null): void {
    if (this.state === CLOSED || this.isEnding) return
    this.isEnding = true
    this.#trailers = trailers
    if (this.#waiting === null) this.connection.output.sendEnd(this, trailers)
  }

  /**
   * RST_STREAM follows our message by some milliseconds: nothing that the peer still sends is of use. Where its message is whole
   * by then there is nothing to say, and nothing may be sent any more (RFC 9113, section 5.1).
   */
  resetBehindEnd(code: number): void {
    if (this.state === CLOSED) return
    this.#codeBehindEnd = code
    if (this.awaitsReset) this.awaitReset()
  }

  /** Our message is out, and RST_STREAM is to follow it. */
  get awaitsReset(): boolean {
    return this.#codeBehindEnd >= 0 && this.state === HALF_CLOSED_LOCAL
  }

  /** @internal From here on nothing that comes gives window back. */
  awaitReset(): void {
    this.pause()
    this.#wakeAt(performance.now() + RESET_BEHIND_END_MS)
  }

  /** RST_STREAM stands for the end of our message, behind what still waits of it. */
  endWithReset(code: number): void {
    if (this.state === CLOSED || this.isEnding) return
    this.isEnding = true
    this.#codeAsEnd = code
    if (this.#waiting === null) this.connection.resetStream(this, code)
  }

  /** Ends it with RST_STREAM, which overtakes what waits; the owner hears no more. */
  reset(code: number): void {
    if (this.state !== CLOSED) this.connection.resetStream(this, code)
  }

  /** What is handed over from here on gives no window back. */
  pause(): void {
    this.paused = true
  }

  /** What was handed over has been dealt with. */
  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (this.state !== CLOSED) this.connection.resumed(this)
  }

  setDeadline(milliseconds: number): void {
    if (this.state !== CLOSED && !this.awaitsReset) this.#wakeAt(performance.now() + milliseconds)
  }

  clearDeadline(): void {
    if (!this.awaitsReset) this.deadlineAt = 0
  }

  #wakeAt(at: number): void {
    this.deadlineAt = at
    this.connection.wakeAt(at)
  }

  /** @internal */
  passDeadline(): void {
    this.deadlineAt = 0
    if (this.awaitsReset) this.connection.resetStream(this, this.#codeBehindEnd)
    else this.owner.onDeadline(this)
  }

  // What the connection calls.

  /** @internal The next bytes that wait, at most `count`: gives how many, adds them to `out`. */
  takeWaiting(out: ByteBuffer, count: number): number {
    const waiting = this.#waiting
    if (waiting === null) return 0
    const end = Math.min(waiting.length, this.#sentFrom + count)
    const taken = end - this.#sentFrom
    out.copy(waiting.bytes, this.#sentFrom, end)
    this.#sentFrom = end
    return taken
  }

  /** @internal All that waited is in frames. */
  drained(): void {
    this.#dropWaiting()
    if (this.#codeAsEnd >= 0) this.connection.resetStream(this, this.#codeAsEnd)
    else if (this.isEnding) this.connection.output.sendEnd(this, this.#trailers)
  }

  /** @internal */
  dropped(): void {
    if (this.#waiting === null) return
    this.connection.output.forget(this)
    this.#dropWaiting()
  }

  #dropWaiting(): void {
    if (this.#waiting === null) return
    sharedBuffers.give(this.#waiting)
    this.#waiting = null
  }
}
