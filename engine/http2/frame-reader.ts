/**
 * Frames of HTTP/2 (RFC 9113, sections 4 to 6): bytes as they come in, events out. One reader per connection.
 *
 * Content of DATA goes on as it comes. Every other frame is given whole: where it lies if it came whole, else gathered first.
 * A field block is given whole, too, with what CONTINUATION frames brought of it.
 */

import { readPriority } from './priority.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FRAME_HEADER_BYTES,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PREFACE,
  PRIORITY,
  PRIORITY_GIVEN,
  PRIORITY_UPDATE,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  read31,
  read32,
  SETTINGS,
  WINDOW_UPDATE,
} from './protocol.ts'

/** What the reader finds. Positions are those of the bytes that the call names, else of the bytes that `read` was given. */
export interface FrameEvents {
  /**
   * Content of a DATA frame, in one or more calls; `start === end` where there is none. `flowBytes` is the whole frame's share of
   * the windows, its padding included, told with the first call and 0 with the others. `endStream` comes with the last.
   */
  onData(streamId: number, start: number, end: number, flowBytes: number, endStream: boolean): void
  /** A whole field block. `priorityGiven`: the frame carried the deprecated priority fields, too. */
  onHeaders(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    priorityGiven: boolean,
  ): void
  /** The deprecated signal; there is nothing in it that is of use. */
  onPriority(streamId: number): void
  onRstStream(streamId: number, code: number): void
  /** `PeerSettings.apply` reads the values. An acknowledgement has none. */
  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void
  /** Eight bytes from `start` on. */
  onPing(ack: boolean, bytes: Buffer, start: number): void
  /** `debug` is what the peer says for people to read. */
  onGoaway(lastStreamId: number, code: number, debug: string): void
  /** `streamId` 0 is the connection. `increment` is not 0. */
  onWindowUpdate(streamId: number, increment: number): void
  /** RFC 9218, section 7.1; `priority` as `priority.ts` gives it. */
  onPriorityUpdate(streamId: number, priority: number): void
  /** A frame of a type that nobody knows, which is skipped. */
  onUnknown(type: number): void
  /** A frame that is wrong for its stream only: the stream is to be reset, the connection goes on. */
  onStreamError(streamId: number, code: number): void
}

export interface FrameLimits {
  /** Our SETTINGS_MAX_FRAME_SIZE. */
  readonly frameBytesMax: number
  /**
   * What the fragments of a field block may add up to; past it the connection ends with ENHANCE_YOUR_CALM. More than a head may
   * have, so that a head that is a little too large can still be answered.
   */
  readonly blockBytesMax: number
}

/** CONTINUATION frames of one field block; past it the connection ends with ENHANCE_YOUR_CALM. */
export const CONTINUATIONS_MAX = 32
/** Of these, frames without a byte that do not end the block either. */
export const EMPTY_CONTINUATIONS_MAX = 2

/** What is kept of a peer's debug data. */
const DEBUG_BYTES_MAX = 256

const AT_PREFACE = 0
const AT_HEADER = 1
const AT_PAYLOAD = 2
/** In a DATA frame whose content is given as it comes. */
const AT_CONTENT = 3
/** Padding behind content, or the payload of a frame that nobody knows. */
const AT_SKIP = 4
const STOPPED = 5

export class FrameReader {
  readonly #events: FrameEvents
  readonly #limits: FrameLimits
  readonly #fromClient: boolean
  #state: number
  /** A frame's header or payload that did not come whole, as far as it has come. */
  #pieces: Buffer | null = null
  #piecesLength = 0
  /** Of the frame that is read. */
  #length = 0
  #type = 0
  #flags = 0
  #streamId = 0
  /** Content of the DATA frame, and bytes to skip, that are still to come. */
  #contentLeft = 0
  #skipLeft = 0
  /** Told with the first content of the frame. */
  #flowBytes = 0
  #endAfterSkip = false
  /** The field block that waits for CONTINUATION: its stream, 0 for none. */
  #blockStreamId = 0
  #blockFlags = 0
  #block: Buffer | null = null
  #blockLength = 0
  #continuations = 0
  #emptyContinuations = 0
  #settled = false

  /** `fromClient`: the peer is a client, and begins with the preface. */
  constructor(events: FrameEvents, limits: FrameLimits, fromClient: boolean) {
    this.#events = events
    this.#limits = limits
    this.#fromClient = fromClient
    this.#state = fromClient ? AT_PREFACE : AT_HEADER
  }

  /** Nothing of a frame or of a field block has come that is not whole. */
  get idle(): boolean {
    return this.#state === AT_HEADER && this.#piecesLength === 0 && this.#blockStreamId === 0
  }

  /** Content of a DATA frame, or its padding, is still to come. */
  get isInContent(): boolean {
    return this.#state === AT_CONTENT || (this.#state === AT_SKIP && this.#type === DATA)
  }

  /** Nothing more is read, nor told: for an event that ends the connection. */
  stop(): void {
    this.#state = STOPPED
    this.#pieces = null
    this.#block = null
  }

  /**
   * Takes bytes `start` to `end`. Gives 0, or the error that ends the connection; after it, and after `stop`, nothing is read
   * any more. @hotpath
   */
  read(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end) {
      switch (this.#state) {
        case AT_HEADER:
          at = this.#readHeader(bytes, at, end)
          break
        case AT_PAYLOAD:
          at = this.#readPayload(bytes, at, end)
          break
        case AT_CONTENT:
          at = this.#readContent(at, end)
          break
        case AT_SKIP:
          at = this.#skip(at, end)
          break
        case AT_PREFACE:
          at = this.#readPreface(bytes, at, end)
          break
        default:
          return 0
      }
      if (at < 0) {
        this.stop()
        return -at
      }
    }
    return 0
  }

  #readPreface(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && this.#skipLeft < PREFACE.length) {
      if (bytes[at] !== PREFACE[this.#skipLeft]) return -PROTOCOL_ERROR
      at += 1
      this.#skipLeft += 1
    }
    if (this.#skipLeft === PREFACE.length) {
      this.#skipLeft = 0
      this.#state = AT_HEADER
    }
    return at
  }

  /** @hotpath */
  #readHeader(bytes: Buffer, start: number, end: number): number {
    if (this.#piecesLength === 0 && end - start >= FRAME_HEADER_BYTES) {
      return this.#openFrame(bytes, start, start + FRAME_HEADER_BYTES)
    }
    const at = this.#gather(bytes, start, end, FRAME_HEADER_BYTES)
    if (this.#piecesLength < FRAME_HEADER_BYTES) return at
    this.#piecesLength = 0
    return this.#openFrame(this.#pieces as Buffer, 0, at)
  }

  /** Adds to the pieces until they are `needed` bytes; gives the position behind what was taken. */
  #gather(bytes: Buffer, start: number, end: number, needed: number): number {
    const taken = Math.min(end - start, needed - this.#piecesLength)
    const length = this.#piecesLength + taken
    if (this.#pieces === null || this.#pieces.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(needed, Math.max(64, length * 2)))
      if (this.#pieces !== null) this.#pieces.copy(larger, 0, 0, this.#piecesLength)
      this.#pieces = larger
    }
    bytes.copy(this.#pieces, this.#piecesLength, start, start + taken)
    this.#piecesLength = length
    return start + taken
  }

  /** The header of a frame lies at `at` of `bytes`; what follows it at `next` of the bytes that are read. @hotpath */
  #openFrame(bytes: Buffer, at: number, next: number): number {
    this.#length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    this.#type = bytes[at + 3] as number
    this.#flags = bytes[at + 4] as number
    this.#streamId = read31(bytes, at + 5)
    const error = this.#checkHeader()
    if (error !== 0) return -error
    if (this.#type === DATA) {
      this.#flowBytes = this.#length
      if ((this.#flags & PADDED) === 0) return this.#openContent(this.#length, 0, next)
      if (this.#length === 0) return -FRAME_SIZE_ERROR
      this.#state = AT_PAYLOAD
      return next
    }
    if (!isKnown(this.#type)) {
      this.#events.onUnknown(this.#type)
      if (this.#state === STOPPED) return next
      this.#skipLeft = this.#length
      this.#endAfterSkip = false
      this.#state = this.#length === 0 ? AT_HEADER : AT_SKIP
      return next
    }
    this.#state = AT_PAYLOAD
    if (this.#length > 0) return next
    return this.#closeFrame(bytes, at, at, next)
  }

  /** What can be told from the header alone; a frame that is too long need not be waited for. @hotpath */
  #checkHeader(): number {
    const type = this.#type
    // The first frame is SETTINGS (RFC 9113, section 3.4), and none of an acknowledgement.
    if (!this.#settled) {
      if (type !== SETTINGS || (this.#flags & ACK) !== 0) return PROTOCOL_ERROR
      this.#settled = true
    }
    if (this.#length > this.#limits.frameBytesMax) return FRAME_SIZE_ERROR
    // Nothing may come between the frames of a field block (RFC 9113, section 4.3).
    if (this.#blockStreamId !== 0) {
      if (type !== CONTINUATION || this.#streamId !== this.#blockStreamId) return PROTOCOL_ERROR
      return 0
    }
    if (type >= FRAME_RULES.length && type !== PRIORITY_UPDATE) return 0
    const rule = (type === PRIORITY_UPDATE ? PRIORITY_UPDATE_RULE : FRAME_RULES[type]) as FrameRule
    if (rule.onStream !== EITHER && (this.#streamId !== 0) !== (rule.onStream === ON_STREAM)) return PROTOCOL_ERROR
    if (this.#length < rule.bytesMin || this.#length > rule.bytesMax) return FRAME_SIZE_ERROR
    if (type === CONTINUATION || type === PUSH_PROMISE) return PROTOCOL_ERROR
    if (type === PRIORITY_UPDATE && !this.#fromClient) return PROTOCOL_ERROR
    if (type === SETTINGS && (this.#flags & ACK) !== 0 && this.#length !== 0) return FRAME_SIZE_ERROR
    if (type === SETTINGS && this.#length % 6 !== 0) return FRAME_SIZE_ERROR
    return 0
  }

  /** @hotpath */
  #readPayload(bytes: Buffer, start: number, end: number): number {
    if (this.#type === DATA) {
      const padding = bytes[start] as number
      if (padding >= this.#length) return -PROTOCOL_ERROR
      return this.#openContent(this.#length - 1 - padding, padding, start + 1)
    }
    const length = this.#length
    if (this.#piecesLength === 0 && end - start >= length) {
      return this.#closeFrame(bytes, start, start + length, start + length)
    }
    const at = this.#gather(bytes, start, end, length)
    if (this.#piecesLength < length) return at
    const pieces = this.#pieces as Buffer
    this.#pieces = null
    this.#piecesLength = 0
    return this.#closeFrame(pieces, 0, length, at)
  }

  /** @hotpath */
  #openContent(length: number, padding: number, next: number): number {
    this.#contentLeft = length
    this.#skipLeft = padding
    this.#endAfterSkip = (this.#flags & END_STREAM) !== 0
    if (length > 0) {
      this.#state = AT_CONTENT
      return next
    }
    if (padding > 0) {
      this.#state = AT_SKIP
      return next
    }
    this.#state = AT_HEADER
    this.#tellData(next, next, this.#endAfterSkip)
    return next
  }

  /** @hotpath */
  #readContent(start: number, end: number): number {
    const taken = Math.min(this.#contentLeft, end - start)
    const at = start + taken
    this.#contentLeft -= taken
    let last = false
    if (this.#contentLeft === 0) {
      last = this.#skipLeft === 0
      this.#state = last ? AT_HEADER : AT_SKIP
    }
    this.#tellData(start, at, last && this.#endAfterSkip)
    return at
  }

  #tellData(start: number, end: number, endStream: boolean): void {
    const flowBytes = this.#flowBytes
    this.#flowBytes = 0
    this.#events.onData(this.#streamId, start, end, flowBytes, endStream)
  }

  /** Padding behind content may end a stream; nothing else that is skipped does. */
  #skip(start: number, end: number): number {
    const taken = Math.min(this.#skipLeft, end - start)
    const at = start + taken
    this.#skipLeft -= taken
    if (this.#skipLeft > 0) return at
    this.#state = AT_HEADER
    if (this.#type === DATA && (this.#flowBytes > 0 || this.#endAfterSkip)) this.#tellData(at, at, this.#endAfterSkip)
    return at
  }

  /** The payload lies at `start` to `end` of `bytes`; what follows it, at `next` of the bytes that are read. @hotpath */
  #closeFrame(bytes: Buffer, start: number, end: number, next: number): number {
    this.#state = AT_HEADER
    const error = this.#takeFrame(bytes, start, end)
    return error === 0 ? next : -error
  }

  #takeFrame(bytes: Buffer, start: number, end: number): number {
    const events = this.#events
    const streamId = this.#streamId
    switch (this.#type) {
      case HEADERS:
        return this.#takeHeaders(bytes, start, end)
      case CONTINUATION:
        return this.#takeContinuation(bytes, start, end)
      case PRIORITY:
        if (end - start !== 5) events.onStreamError(streamId, FRAME_SIZE_ERROR)
        else events.onPriority(streamId)
        return 0
      case RST_STREAM:
        events.onRstStream(streamId, read32(bytes, start))
        return 0
      case SETTINGS:
        events.onSettings((this.#flags & ACK) !== 0, bytes, start, end)
        return 0
      case PING:
        events.onPing((this.#flags & ACK) !== 0, bytes, start)
        return 0
      case GOAWAY: {
        const debug = bytes.latin1Slice(start + 8, Math.min(end, start + 8 + DEBUG_BYTES_MAX))
        events.onGoaway(read31(bytes, start), read32(bytes, start + 4), debug)
        return 0
      }
      case WINDOW_UPDATE:
        return this.#takeWindowUpdate(streamId, read31(bytes, start))
      default:
        return this.#takePriorityUpdate(bytes, start, end)
    }
  }

  /** RFC 9113, section 6.2. @hotpath */
  #takeHeaders(bytes: Buffer, start: number, end: number): number {
    const flags = this.#flags
    const padded = (flags & PADDED) !== 0
    const from = start + (padded ? 1 : 0) + ((flags & PRIORITY_GIVEN) !== 0 ? 5 : 0)
    if (from > end) return FRAME_SIZE_ERROR
    const to = padded ? end - (bytes[start] as number) : end
    if (to < from) return PROTOCOL_ERROR
    if ((flags & END_HEADERS) !== 0) {
      const endStream = (flags & END_STREAM) !== 0
      this.#events.onHeaders(this.#streamId, bytes, from, to, endStream, (flags & PRIORITY_GIVEN) !== 0)
      return 0
    }
    this.#blockStreamId = this.#streamId
    this.#blockFlags = flags
    this.#blockLength = 0
    this.#continuations = 0
    this.#emptyContinuations = 0
    return this.#addToBlock(bytes, from, to)
  }

  #takeContinuation(bytes: Buffer, start: number, end: number): number {
    const last = (this.#flags & END_HEADERS) !== 0
    this.#continuations += 1
    if (this.#continuations > CONTINUATIONS_MAX) return ENHANCE_YOUR_CALM
    if (start === end && !last) {
      this.#emptyContinuations += 1
      if (this.#emptyContinuations > EMPTY_CONTINUATIONS_MAX) return ENHANCE_YOUR_CALM
    }
    const error = this.#addToBlock(bytes, start, end)
    if (error !== 0 || !last) return error
    const streamId = this.#blockStreamId
    const flags = this.#blockFlags
    const block = this.#block ?? bytes
    this.#blockStreamId = 0
    this.#block = null
    const endStream = (flags & END_STREAM) !== 0
    this.#events.onHeaders(streamId, block, 0, this.#blockLength, endStream, (flags & PRIORITY_GIVEN) !== 0)
    return 0
  }

  #addToBlock(bytes: Buffer, start: number, end: number): number {
    const length = this.#blockLength + end - start
    if (length > this.#limits.blockBytesMax) return ENHANCE_YOUR_CALM
    if (this.#block === null || this.#block.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#limits.blockBytesMax, Math.max(1024, length * 2)))
      if (this.#block !== null) this.#block.copy(larger, 0, 0, this.#blockLength)
      this.#block = larger
    }
    bytes.copy(this.#block, this.#blockLength, start, end)
    this.#blockLength = length
    return 0
  }

  /** RFC 9113, section 6.9: an increment of 0 is an error of what it is for. */
  #takeWindowUpdate(streamId: number, increment: number): number {
    if (increment > 0) this.#events.onWindowUpdate(streamId, increment)
    else if (streamId === 0) return PROTOCOL_ERROR
    else this.#events.onStreamError(streamId, PROTOCOL_ERROR)
    return 0
  }

  /** RFC 9218, section 7.1. */
  #takePriorityUpdate(bytes: Buffer, start: number, end: number): number {
    const streamId = read31(bytes, start)
    if (streamId === 0) return PROTOCOL_ERROR
    this.#events.onPriorityUpdate(streamId, readPriority(bytes, start + 4, end))
    return 0
  }
}

const ON_CONNECTION = 0
const ON_STREAM = 1
const EITHER = 2

interface FrameRule {
  readonly onStream: number
  readonly bytesMin: number
  readonly bytesMax: number
}

/**
 * Where each type belongs, and how long it may be, beyond which it is an error of the connection; by type, DATA to
 * CONTINUATION. PRIORITY of another length than 5 is an error of its stream only.
 */
const FRAME_RULES: readonly FrameRule[] = [
  { onStream: ON_STREAM, bytesMin: 0, bytesMax: 0xffffff },
  { onStream: ON_STREAM, bytesMin: 0, bytesMax: 0xffffff },
  { onStream: ON_STREAM, bytesMin: 0, bytesMax: 0xffffff },
  { onStream: ON_STREAM, bytesMin: 4, bytesMax: 4 },
  { onStream: ON_CONNECTION, bytesMin: 0, bytesMax: 0xffffff },
  { onStream: ON_STREAM, bytesMin: 4, bytesMax: 0xffffff },
  { onStream: ON_CONNECTION, bytesMin: 8, bytesMax: 8 },
  { onStream: ON_CONNECTION, bytesMin: 8, bytesMax: 0xffffff },
  { onStream: EITHER, bytesMin: 4, bytesMax: 4 },
  { onStream: ON_STREAM, bytesMin: 0, bytesMax: 0xffffff },
]

const PRIORITY_UPDATE_RULE: FrameRule = { onStream: ON_CONNECTION, bytesMin: 4, bytesMax: 0xffffff }

function isKnown(type: number): boolean {
  return type < FRAME_RULES.length || type === PRIORITY_UPDATE
}
