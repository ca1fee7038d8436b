/**
 * A connection of HTTP/2 (RFC 9113), of either side: its streams, what is sent and what comes on them, and the windows of both.
 *
 * Errors of a stream end it with RST_STREAM, errors of the connection end that with GOAWAY; a peer that makes us work for
 * nothing is told ENHANCE_YOUR_CALM (`http2-limits.ts`).
 */
import { writeRstStream, writeWindowUpdate } from '../http2/frame-writer.ts'
import { INCREMENTAL, URGENCY_MASK } from '../http2/priority.ts'
import {
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
  STREAM_ID_MAX,
  WINDOW_MAX,
} from '../http2/protocol.ts'
import { decodedTrailers, decodeTrailers } from '../http2/trailer-decoder.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import { ClosedStreams } from './closed-streams.ts'
import { earlier } from './connection-deadlines.ts'
import { EarlyPriorities } from './early-priorities.ts'
import { FramedConnection } from './framed-connection.ts'
import { STRAY_BYTES_MIN, VAIN_RESET_MS } from './http2-limits.ts'
import {
  BY_FAULT,
  BY_PEER,
  CLOSED,
  HALF_CLOSED_LOCAL,
  HALF_CLOSED_REMOTE,
  Http2Stream,
  type Http2StreamOwner,
  IDLE,
  OPEN,
  type ResetCause,
  UNPROCESSED,
} from './http2-stream.ts'
import { WINDOW_BYTES_DEFAULT, windowRoom } from './receive-window.ts'

/** Streams for which the read that is dealt with has brought something. */
const touched: Http2Stream[] = []

export abstract class Http2Connection extends FramedConnection {
  readonly #streams = new Map<number, Http2Stream>()
  readonly #closedStreams = new ClosedStreams()
  readonly #early = new EarlyPriorities()
  /** The next stream of ours. */
  #nextStream = 1
  /** Streams of ours that have an owner and have not sent their head. */
  #unnumbered = 0

  /**
   * The peer opens a stream: its head is to be decoded, and the stream given its owner. Gives 0, or the code of an error of
   * the connection. `hasPriority`: PRIORITY_UPDATE came before it, and counts for more than what the head says.
   */
  protected abstract onNewStream(
    stream: Http2Stream,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    hasPriority: boolean,
  ): number

  // What subclasses may want to know of.

  /** The peer takes no more streams: `lastStreamId` is the last that it deals with. Those behind it have been told. */
  protected onPeerGoaway(_lastStreamId: number, _code: number, _debug: string): void {}
  /** A stream has closed, whatever the reason; its owner has not been told yet. */
  protected onStreamClosed(_stream: Http2Stream): void {}

  /** Streams that have sent or received a head, and are not closed. */
  get streams(): Iterable<Http2Stream> {
    return this.#streams.values()
  }

  /** Streams that are not closed. */
  get streamCount(): number {
    return this.#streams.size + this.#unnumbered
  }

  // Streams.

  /** A stream of ours, which has its number once it sends its head. `null` where none may be opened on this connection any more. */
  openStream(owner: Http2StreamOwner): Http2Stream | null {
    if (this.isLeaving || this.peerIsLeaving) return null
    if (this.#nextStream + this.#unnumbered * 2 > STREAM_ID_MAX) return null
    const stream = new Http2Stream(this, owner, 0, this.peer.initialWindowBytes, this.settings.streamWindowBytes)
    stream.awaitsHead = true
    this.#unnumbered += 1
    this.isBusy()
    return stream
  }

  /** Where a header block is to be put together with `encoder`, for `Http2Stream.sendHead` right behind it. */
  headBlock(): ByteBuffer {
    return this.output.beginHead()
  }

  /** @internal @hotpath */
  sendHeaders(stream: Http2Stream): void {
    if (stream.state === IDLE) {
      // What the peer's SETTINGS said meanwhile counts.
      stream.sendWindow = this.peer.initialWindowBytes
      stream.id = this.#nextStream
      this.#nextStream += 2
      this.#unnumbered -= 1
      stream.number = this.guard.stream()
      this.#streams.set(stream.id, stream)
      stream.setState(OPEN)
    }
    this.output.endHead(stream, false)
  }

  /** @internal The end of our message is in its frame. @hotpath */
  sentEnd(stream: Http2Stream): void {
    if (stream.state === OPEN) stream.setState(HALF_CLOSED_LOCAL)
    else this.#close(stream)
    if (stream.awaitsReset) stream.awaitReset()
  }

  /** @internal */
  resetStream(stream: Http2Stream, code: number): void {
    const isKnown = stream.state !== IDLE
    this.#close(stream)
    if (isKnown && !this.closed) this.#sendReset(stream.id, code)
  }

  #sendReset(streamId: number, code: number): void {
    this.#closedStreams.addReset(streamId)
    writeRstStream(this.output.control(), streamId, code)
    this.checkControl()
  }

  #close(stream: Http2Stream): void {
    const { state, heldBytes } = stream
    stream.setState(CLOSED)
    stream.deadlineAt = 0
    stream.dropped()
    if (heldBytes > 0) {
      stream.heldBytes = 0
      this.window.release(heldBytes)
      this.#giveBack()
    }
    if (state === IDLE) this.#unnumbered -= 1
    else this.#streams.delete(stream.id)
    if (this.streamCount === 0) this.becameIdle()
    this.onStreamClosed(stream)
  }

  /** @internal The stream was paused and is so no more. */
  resumed(stream: Http2Stream): void {
    const { heldBytes } = stream
    if (heldBytes === 0) return
    stream.heldBytes = 0
    this.window.release(heldBytes)
    this.#giveBack()
    this.#giveBackOf(stream)
  }

  protected override flushStreams(): void {
    for (const stream of touched) {
      stream.isTouched = false
      if (!stream.closed) stream.owner.onFlush(stream)
    }
    touched.length = 0
  }

  protected override passStreamDeadlines(nowMs: number): number {
    let next = 0
    for (const stream of this.#streams.values()) {
      if (stream.deadlineAt !== 0 && stream.deadlineAt <= nowMs) stream.passDeadline()
      next = earlier(next, stream.deadlineAt)
    }
    return next
  }

  protected override endStreams(code: number, cause: ResetCause): void {
    for (const stream of this.#streams.values()) this.#end(stream, code, cause)
  }

  /** The stream is over before its time, and its owner does not know. */
  #end(stream: Http2Stream, code: number, cause: ResetCause): void {
    this.#close(stream)
    stream.owner.onReset(stream, code, cause)
  }

  // Frames of streams.

  /** @internal @hotpath */
  onData(streamId: number, start: number, end: number, flowBytes: number, endStream: boolean): void {
    this.isEventful = true
    if (flowBytes > 0 && !this.window.take(flowBytes)) {
      this.goAway(FLOW_CONTROL_ERROR, '')
      return
    }
    const stream = this.#streams.get(streamId)
    if (stream === undefined || stream.receivedAll) this.#onStrayData(streamId, stream, flowBytes, end > start)
    else this.#onStreamData(stream, start, end, flowBytes, endStream)
    if (!this.closed) this.#giveBack()
  }

  /** @hotpath */
  #onStreamData(stream: Http2Stream, start: number, end: number, flowBytes: number, endStream: boolean): void {
    stream.receiveLeft -= flowBytes
    if (stream.receiveLeft < 0) {
      this.#streamError(stream, FLOW_CONTROL_ERROR)
      return
    }
    if (stream.awaitsHead) {
      this.#streamError(stream, PROTOCOL_ERROR)
      return
    }
    if (stream.paused && flowBytes > 0) {
      stream.heldBytes += flowBytes
      this.window.hold(flowBytes)
    }
    if (end > start) {
      this.guard.data()
      this.#touch(stream)
      stream.owner.onContent(stream, start, end)
    } else if (!endStream) {
      this.idleFrame()
    }
    if (stream.closed) return
    if (endStream) this.#peerEnded(stream, null)
    else this.#giveBackOf(stream)
  }

  /** @hotpath */
  #touch(stream: Http2Stream): void {
    if (stream.isTouched) return
    stream.isTouched = true
    touched.push(stream)
  }

  #onStrayData(streamId: number, stream: Http2Stream | undefined, flowBytes: number, hasContent: boolean): void {
    if (stream !== undefined) this.#streamError(stream, STREAM_CLOSED)
    else if (this.#mayPassOver(streamId, STREAM_CLOSED)) {
      // What comes of a frame behind its first piece has no share of the windows.
      const isFirst = flowBytes > 0 || !hasContent
      if (isFirst && flowBytes < STRAY_BYTES_MIN) this.idleFrame()
    }
  }

  /**
   * Whether a frame for a stream that is not there may be passed over: one that we have reset, or will not deal with. Otherwise
   * the peer has lost count, and the connection ends: with `codeIfClosed` where the stream was there once.
   */
  #mayPassOver(streamId: number, codeIfClosed: number): boolean {
    if (this.#isIdle(streamId)) {
      if (this.isServer && this.isEnding) return true
      this.goAway(PROTOCOL_ERROR, '')
      return false
    }
    if (this.#closedStreams.wasReset(streamId)) return true
    this.goAway(this.#closedStreams.wasLeftOut(streamId) ? PROTOCOL_ERROR : codeIfClosed, '')
    return false
  }

  /** It was never open. */
  #isIdle(streamId: number): boolean {
    if ((streamId & 1) === 0) return true
    return this.isServer ? streamId > this.lastPeerStream : streamId >= this.#nextStream
  }

  /** Gives the connection's window back. */
  #giveBack(): void {
    const increment = this.window.giveBack()
    if (increment > 0) writeWindowUpdate(this.output.control(), 0, increment)
  }

  #giveBackOf(stream: Http2Stream): void {
    if (stream.receivedAll) return
    const target = this.window.streamTargetOf(stream.receiveTarget, this.#streams.size)
    const increment = windowRoom(target, stream.receiveLeft, stream.heldBytes)
    if (increment === 0) return
    stream.receiveTarget = target
    stream.receiveLeft += increment
    writeWindowUpdate(this.output.control(), stream.id, increment)
    if (this.window.beginsSample()) this.measure()
  }

  /** Bytes that a stream of the peer's may bring beyond its window, as long as the peer may not know of that. */
  get #windowAhead(): number {
    return Math.max(0, WINDOW_BYTES_DEFAULT - this.settings.streamWindowBytes)
  }

  /** RFC 9113, section 6.9.2: the peer has taken as much off, and does not send before it has got it back. */
  protected override onOwnSettings(): void {
    if (!this.isServer || this.#windowAhead === 0) return
    for (const stream of this.#streams.values()) {
      stream.receiveLeft -= this.#windowAhead
      this.#giveBackOf(stream)
    }
  }

  /** The peer's message is whole. */
  #peerEnded(stream: Http2Stream, trailers: readonly string[] | null): void {
    this.#touch(stream)
    // A client that has broken its message off over our response may look for its end only when something comes (curl up to 7.88).
    if (stream.awaitsReset) this.ping()
    if (stream.state === OPEN) stream.setState(HALF_CLOSED_REMOTE)
    else this.#close(stream)
    stream.owner.onEnd(stream, trailers)
  }

  /** @internal @hotpath */
  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.isEventful = true
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) this.#onStreamHeaders(stream, bytes, start, end, endStream)
    else if (this.isServer && (streamId & 1) === 1 && this.#isIdle(streamId)) {
      this.#openByPeer(streamId, bytes, start, end, endStream)
    } else if (this.#mayPassOver(streamId, STREAM_CLOSED) && this.idleFrame()) {
      this.#skipBlock(bytes, start, end)
    }
  }

  /** Nobody reads it, but the table is to stay right. False when the connection has ended over it. */
  #skipBlock(bytes: Buffer, start: number, end: number): boolean {
    const error = this.decoder.skip(bytes, start, end)
    if (error !== 0) this.goAway(error, '')
    return error === 0
  }

  #openByPeer(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.isEnding) {
      if (this.idleFrame()) this.#skipBlock(bytes, start, end)
      return
    }
    this.#closedStreams.addGap(this.lastPeerStream, streamId)
    this.lastPeerStream = streamId
    const number = this.guard.stream()
    const priority = this.#early.take(streamId)
    if (this.#streams.size >= this.settings.streamsMax) {
      if (this.#skipBlock(bytes, start, end)) this.#refuseStream(streamId, number)
      return
    }
    const { initialWindowBytes } = this.peer
    const stream = new Http2Stream(this, nobody, streamId, initialWindowBytes, this.settings.streamWindowBytes)
    if (!this.isAcknowledged) stream.receiveLeft += this.#windowAhead
    stream.number = number
    stream.openedAt = this.nowMs
    if (priority >= 0) setPriority(stream, priority)
    this.isBusy()
    this.#streams.set(streamId, stream)
    stream.setState(OPEN)
    if (endStream) stream.setState(HALF_CLOSED_REMOTE)
    const error = this.onNewStream(stream, bytes, start, end, endStream, priority >= 0)
    if (error !== 0) {
      this.goAway(error, '')
    } else {
      if (!stream.closed) this.#begun(stream, endStream)
      // One read can bring thousands of requests that are answered at once.
      this.checkControl()
    }
  }

  #begun(stream: Http2Stream, endStream: boolean): void {
    this.#touch(stream)
    if (endStream) stream.owner.onEnd(stream, null)
  }

  #refuseStream(streamId: number, number: number): void {
    this.#sendReset(streamId, REFUSED_STREAM)
    if (!this.guard.reset(number)) this.calm('too many streams are opened in vain')
  }

  #onStreamHeaders(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (stream.receivedAll) {
      if (this.#skipBlock(bytes, start, end)) this.#streamError(stream, STREAM_CLOSED)
    } else if (stream.isTunnel && !stream.awaitsHead) {
      if (this.#skipBlock(bytes, start, end)) this.#streamError(stream, PROTOCOL_ERROR)
    } else if (stream.awaitsHead) {
      this.#onHead(stream, bytes, start, end, endStream)
    } else {
      this.#onTrailers(stream, bytes, start, end, endStream)
    }
  }

  #onHead(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#touch(stream)
    const error = stream.owner.onHead(stream, bytes, start, end, endStream)
    if (stream.closed) return
    // An interim head that ends its stream is malformed (RFC 9113, section 8.1).
    if (error !== 0) this.#streamError(stream, error)
    else if (endStream && stream.awaitsHead) this.#streamError(stream, PROTOCOL_ERROR)
    else if (endStream) this.#peerEnded(stream, null)
  }

  #onTrailers(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const error = decodeTrailers(this.decoder, bytes, start, end, this.settings)
    const { malformed, tooLarge, trailers } = decodedTrailers
    if (error !== 0) this.goAway(error, '')
    else if (!endStream || malformed !== '') this.#streamError(stream, PROTOCOL_ERROR)
    else if (tooLarge) this.#streamError(stream, ENHANCE_YOUR_CALM)
    else this.#peerEnded(stream, trailers)
  }

  /** The peer has broken the rules of a stream: both ends are told. */
  #streamError(stream: Http2Stream, code: number): void {
    this.#sendReset(stream.id, code)
    if (this.closed) return
    this.#end(stream, code, BY_FAULT)
    this.countFault(stream)
  }

  /** The peer has made us reset a stream. */
  countFault(stream: Http2Stream): void {
    if (this.isServer && !this.guard.reset(stream.number)) this.calm('too many streams are opened in vain')
  }

  /** @internal */
  onStreamError(streamId: number, code: number): void {
    this.isEventful = true
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) this.#streamError(stream, code)
    // RST_STREAM is nothing for a stream that was never open (RFC 9113, section 6.4).
    else if (this.#isIdle(streamId)) this.goAway(code, '')
    else this.idleFrame()
  }

  /** @internal */
  onRstStream(streamId: number, code: number): void {
    this.isEventful = true
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#isIdle(streamId) && !(this.isServer && this.isEnding)) this.goAway(PROTOCOL_ERROR, '')
      else this.idleFrame()
      return
    }
    // One that was answered was worth the work.
    const isVain = this.nowMs - stream.openedAt < VAIN_RESET_MS && !stream.awaitsReset
    this.#end(stream, code, code === REFUSED_STREAM ? UNPROCESSED : BY_PEER)
    if (isVain) this.countFault(stream)
  }

  /** RFC 9113, section 6.9.2: windows of streams that are open follow, and may become negative by it. */
  protected override resizeWindows(difference: number): boolean {
    if (difference === 0) return true
    for (const stream of this.#streams.values()) {
      stream.sendWindow += difference
      if (stream.sendWindow > WINDOW_MAX) {
        this.goAway(FLOW_CONTROL_ERROR, '')
        return false
      }
    }
    if (difference > 0) this.output.schedule()
    return true
  }

  /** @internal */
  onWindowUpdate(streamId: number, increment: number): void {
    if (!this.idleFrame()) return
    const { output } = this
    if (streamId === 0) {
      output.window += increment
      if (output.window > WINDOW_MAX) this.goAway(FLOW_CONTROL_ERROR, '')
      else output.schedule()
      return
    }
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#isIdle(streamId) && !(this.isServer && this.isEnding)) this.goAway(PROTOCOL_ERROR, '')
      return
    }
    stream.sendWindow += increment
    if (stream.sendWindow > WINDOW_MAX) this.#streamError(stream, FLOW_CONTROL_ERROR)
    else if (stream.waitingBytes > 0) output.schedule()
  }

  /** @internal */
  onPriorityUpdate(streamId: number, priority: number): void {
    if (!this.idleFrame()) return
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) setPriority(stream, priority)
    else if ((streamId & 1) === 0) this.goAway(PROTOCOL_ERROR, '')
    else if (this.#isIdle(streamId)) this.#early.add(streamId, priority)
  }

  /** @internal */
  onGoaway(lastStreamId: number, code: number, debug: string): void {
    if (!this.idleFrame()) return
    this.peerIsLeaving = true
    if (!this.isServer) {
      for (const stream of this.#streams.values()) {
        if (stream.id > lastStreamId) this.#end(stream, code, UNPROCESSED)
      }
    }
    this.onPeerGoaway(lastStreamId, code, debug)
    if (this.streamCount === 0) this.becameIdle()
  }
}

/** As `readPriority` gives it. */
export function setPriority(stream: Http2Stream, priority: number): void {
  stream.urgency = priority & URGENCY_MASK
  stream.incremental = (priority & INCREMENTAL) !== 0
}

/** Whose streams have none yet. */
const nobody: Http2StreamOwner = {
  onHead: () => PROTOCOL_ERROR,
  onContent() {},
  onEnd() {},
  onFlush() {},
  onDrain() {},
  onDeadline() {},
  onReset() {},
}
