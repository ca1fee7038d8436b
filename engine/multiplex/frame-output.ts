/**
 * The frames of one connection on their way out: put together during a turn of the loop, written at its end with one call.
 * While the kernel has not taken a write, frames of control gather for the next, and content waits in its streams.
 */
import { beginHeaders, endHeaders, writeDataHeader, writeGoaway } from '../http2/frame-writer.ts'
import { encodeTrailers } from '../http2/head-encoder.ts'
import type { HpackEncoder } from '../http2/hpack-encoder.ts'
import { END_STREAM } from '../http2/protocol.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Connection } from '../net/connection.ts'
import type { AbuseGuard } from './abuse-guard.ts'
import { BLOCKED_BYTES_MAX, DRIBBLE_BYTES, WRITE_BYTES } from './http2-limits.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { Http2Terms } from './http2-terms.ts'
import { WINDOW_BYTES_DEFAULT } from './receive-window.ts'
import { SendOrder } from './send-order.ts'
import { sharedBuffers } from './shared-buffers.ts'
import { atEndOfTurn, type TurnEnd } from './turn-end.ts'

/** Where the flags stand in a frame's header (RFC 9113, section 4.1). */
const FLAGS_AT = 4

/** The connection, as its output sees it. */
export interface OutputOwner {
  readonly connection: Connection
  readonly settings: Http2Terms
  readonly encoder: HpackEncoder
  readonly guard: AbuseGuard
  /** True when the kernel has taken all of it. */
  writeFrames(out: ByteBuffer): boolean
  /** What could be written was. */
  flushed(): void
  /** The end of a stream's message is in its frame. */
  sentEnd(stream: Http2Stream): void
}

export class FrameOutput implements TurnEnd {
  readonly #owner: OutputOwner
  /** Bytes of content that the peer's window for the connection takes. */
  window = WINDOW_BYTES_DEFAULT
  /** Bytes of a frame that the peer takes. */
  frameBytesMax = 16_384
  /** `null` while there is nothing to send. */
  #out: ByteBuffer | null = null
  /** What the kernel has not taken yet. */
  #lent: ByteBuffer | null = null
  readonly #order = new SendOrder<Http2Stream>()
  /** Nothing of them waits any more, and they are still to hear of it. */
  readonly #drained: Http2Stream[] = []
  #isScheduled = false
  #isClosed = false
  /** Frames of control, and heads, that have come together since the kernel took the last write. */
  #controlCount = 0
  /** Where in `#out` the frame begins that may yet bear the end of `#endableStream`. */
  #endableAt = 0
  #endableStream: Http2Stream | null = null

  readonly #flush: () => void

  constructor(owner: OutputOwner) {
    this.#owner = owner
    this.#flush = () => this.flush()
  }

  /** The kernel has not taken all of the last write. */
  get isBlocked(): boolean {
    return this.#lent !== null
  }

  /** Something is to be written, now or when the kernel or a window allows. */
  get hasWaiting(): boolean {
    return this.#lent !== null || (this.#out !== null && this.#out.length > 0) || this.#order.length > 0
  }

  /** More frames of control, or of heads, wait than may: the peer does not read its answers. */
  get isFull(): boolean {
    if (this.#controlCount > this.#owner.settings.queuedControlMax) return true
    return this.#lent !== null && this.#out !== null && this.#out.length > BLOCKED_BYTES_MAX
  }

  /** Where the caller puts a frame of control. */
  control(): ByteBuffer {
    this.#controlCount += 1
    this.#endableStream = null
    return this.#prepare()
  }

  /** @hotpath */
  #prepare(): ByteBuffer {
    this.schedule()
    this.#out ??= sharedBuffers.take()
    return this.#out
  }

  /** Where a field block is put together, for `endHead` right behind it. */
  beginHead(): ByteBuffer {
    if (this.#lent === null && this.#out !== null && this.#out.length >= WRITE_BYTES) this.#write()
    const out = this.#prepare()
    // Those whose streams end with them are bounded by nothing else.
    if (this.#lent !== null) this.#controlCount += 1
    this.#endableAt = beginHeaders(out)
    this.#endableStream = null
    return out
  }

  /** The field block is whole: a head, or a trailer section with the end of the stream. */
  endHead(stream: Http2Stream, endStream: boolean): void {
    this.#endableStream = stream
    endHeaders(this.#prepare(), this.#endableAt, stream.id, endStream, this.frameBytesMax)
  }

  /** Puts content into frames as far as that may go now; gives where the rest begins. @hotpath */
  sendContent(stream: Http2Stream, bytes: Buffer, start: number, end: number): number {
    let at = start
    // Whoever waits and may go goes first; whoever waits for a window of its own is in nobody's way.
    if (this.window <= 0 || this.#order.hasReady) return at
    while (at < end && this.#lent === null) {
      const count = Math.min(end - at, this.window, stream.sendWindow, this.frameBytesMax)
      if (count <= 0) break
      const out = this.#beginData(stream, count, count < end - at)
      out.copy(bytes, at, at + count)
      at += count
      if (out.length >= WRITE_BYTES) this.#write()
    }
    return at
  }

  /** @hotpath */
  #beginData(stream: Http2Stream, count: number, isCut: boolean): ByteBuffer {
    const out = this.#prepare()
    this.#endableAt = out.length
    this.#endableStream = stream
    writeDataHeader(out, stream.id, count, false)
    this.window -= count
    stream.sendWindow -= count
    stream.sentBytes += count
    if (!isCut || count >= DRIBBLE_BYTES) this.#owner.guard.data()
    return out
  }

  /** Nothing of the stream waits any more: its message is whole. */
  sendEnd(stream: Http2Stream, trailers: readonly string[] | null): void {
    if (trailers !== null && trailers.length > 0) {
      encodeTrailers(this.#owner.encoder, this.beginHead(), trailers)
      this.endHead(stream, true)
    } else if (this.#endableStream === stream && this.#out !== null) {
      const { bytes } = this.#out
      bytes[this.#endableAt + FLAGS_AT] = (bytes[this.#endableAt + FLAGS_AT] as number) | END_STREAM
    } else {
      writeDataHeader(this.#prepare(), stream.id, 0, true)
    }
    this.#endableStream = null
    this.#owner.sentEnd(stream)
  }

  /** Something of the stream waits: for a window, for the kernel, or for its turn. */
  wait(stream: Http2Stream): void {
    this.#order.add(stream)
    if (this.window > 0 && stream.isReady) this.schedule()
  }

  /** Nothing of it waits any more. */
  forget(stream: Http2Stream): void {
    this.#order.remove(stream)
    if (this.#endableStream === stream) this.#endableStream = null
  }

  /** A window has grown, or something has ended: what waits goes on at the end of the turn. */
  schedule(): void {
    if (this.#isScheduled || this.#lent !== null || this.#isClosed) return
    this.#isScheduled = true
    atEndOfTurn(this)
  }

  /**
   * Says the last word, with what was put together before; content that waits stays behind. False where the peer takes
   * nothing: there is nobody to tell.
   */
  goAway(lastStreamId: number, code: number, debug: string): boolean {
    if (this.#lent !== null) return false
    writeGoaway(this.#prepare(), lastStreamId, code, debug)
    this.#write()
    return true
  }

  /** The connection is over. */
  close(): void {
    this.#isClosed = true
    if (this.#out !== null) sharedBuffers.give(this.#out)
    this.#out = null
  }

  /** @internal The turn ends. */
  turnEnds(): void {
    this.#isScheduled = false
    this.#owner.connection.guard(this.#flush)
  }

  /** Writes what there is, as far as windows and the kernel take it. @hotpath */
  flush(): void {
    if (this.#isClosed) return
    if (this.#lent !== null) {
      // What was written in the middle of the turn has to wait.
      this.#owner.flushed()
      return
    }
    do {
      this.#fill()
    } while (this.#write() && this.window > 0 && this.#order.hasReady)
    this.#rest()
    if (this.#drained.length > 0) this.#tellDrained()
    this.#owner.flushed()
  }

  #tellDrained(): void {
    for (const stream of this.#drained) {
      if (!stream.closed && stream.waitingBytes === 0) stream.owner.onDrain(stream)
    }
    this.#drained.length = 0
  }

  /** The trailers of a stream may have made a write necessary that the kernel has not taken. */
  #mayFill(): boolean {
    if (this.#order.length === 0 || this.window <= 0 || this.#lent !== null) return false
    return this.#out === null || this.#out.length < WRITE_BYTES
  }

  /** Puts what waits into frames, the most urgent first, up to one write's worth. */
  #fill(): void {
    while (this.#mayFill()) {
      const stream = this.#order.next()
      if (stream === null) return
      const waiting = stream.waitingBytes
      const count = Math.min(waiting, this.window, stream.sendWindow, this.frameBytesMax)
      const out = this.#beginData(stream, count, count < waiting)
      stream.takeWaiting(out, count)
      if (count < waiting) continue
      this.#order.remove(stream)
      this.#drained.push(stream)
      stream.drained()
    }
  }

  /** True when the kernel has taken it all. */
  #write(): boolean {
    const out = this.#out
    if (out === null || out.length === 0 || this.#lent !== null) return false
    this.#endableStream = null
    this.#controlCount = 0
    if (this.#owner.writeFrames(out)) {
      out.length = 0
      return true
    }
    this.#lent = out
    this.#out = null
    return false
  }

  /** Whoever has nothing to send holds no buffer. */
  #rest(): void {
    if (this.#out === null || this.#out.length > 0) return
    sharedBuffers.give(this.#out)
    this.#out = null
  }

  /** The kernel has taken the last write. */
  drained(): void {
    if (this.#lent !== null) sharedBuffers.give(this.#lent)
    this.#lent = null
    this.flush()
  }
}
