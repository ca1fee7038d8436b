/**
 * Bytes in, events out: one parser per connection, fed with whatever a read brought. It stops behind each message, so
 * that the caller decides when the next one may begin.
 *
 * What a call of `parse` found is left in `parsed` and, for a head, in the head that the caller gave: both are shared
 * by all parsers of the thread and valid until the next call.
 */

import type { Head, SavedHead } from '../http/head.ts'
import { FIELD_LINES_MAX } from '../http/head.ts'
import { isForbiddenTrailer } from '../http/trailers.ts'
import {
  type Callbacks,
  closeParser,
  HPE_INVALID_CONSTANT,
  HPE_INVALID_METHOD,
  HPE_INVALID_VERSION,
  HPE_OK,
  HPE_PAUSED,
  HPE_PAUSED_UPGRADE,
  HPE_USER,
  llhttp,
  memory,
  openParser,
  REQUEST,
  setCallbacks,
} from './llhttp.ts'

/** Why a message was refused; negative, so that nothing else is taken for it. */
export const MALFORMED = -1
export const TARGET_TOO_LONG = -2
export const HEAD_TOO_LARGE = -3
export const UNKNOWN_METHOD = -4
export const UNKNOWN_VERSION = -5
export const TRAILERS_TOO_LARGE = -6

export interface ParserLimits {
  readonly headBytesMax: number
  readonly fieldLinesMax: number
  readonly targetBytesMax: number
}

/** Outcome of the last `parse`. */
export class Parsed {
  /** Bytes used; the rest belongs to what follows this message. */
  consumed = 0
  /** The head became whole in this call. */
  head = false
  /** Content found in this call, as one run of the memory (chunks moved together); empty when both are equal. */
  contentStart = 0
  contentEnd = 0
  /** The message became whole in this call. */
  complete = false
  /** 0, or why the message is refused. Everything before it in this call still holds. */
  error = 0
}

export const parsed: Parsed = new Parsed()

/**
 * Framing that chunked content may have: this much, and so much more for each of its bytes. Past it (chunk extensions
 * without end) the message is malformed. A chunk of one byte needs five.
 */
const FRAMING_BYTES_MAX = 16 * 1024
const FRAMING_BYTES_PER_BYTE = 16

const AT_HEAD = 0
const AT_CONTENT = 1
const AT_END = 2
/** The method is not one that llhttp knows: the rest of the request line decides between 400 and 501. */
const AT_UNKNOWN_METHOD = 3

const SPACE = 0x20

/** llhttp's numbers of the methods that it takes for RTSP only: DESCRIBE to FLUSH. */
const FIRST_RTSP_METHOD = 35
const LAST_RTSP_METHOD = 45

const IN_NAME = 1
const IN_VALUE = 2
const IN_TARGET = 3

export class MessageParser {
  /** To be changed between two messages only. */
  limits: ParserLimits
  readonly #type: number
  #parser: number
  #stage = AT_HEAD
  #saved: SavedHead | null = null
  #pieces: Buffer | null = null
  #piecesLength = 0
  #within = 0
  /** A response to HEAD has no content whatever its head says. */
  skipContent = false
  statusCode = 0
  upgrade = false
  keepAlive = false
  /** Trailer section of the message, as name, value, name, value ...; without what may not stand there. */
  trailers: string[] | null = null
  /** Lower-case names that the head's `Connection` nominates: they are not for others in the trailer section either. */
  nominated: readonly string[] | null = null
  #trailerBytes = 0
  #trailerLines = 0
  /** What is left of the framing that this message may have. */
  #framingBytesLeft = FRAMING_BYTES_MAX

  /** `type` is `REQUEST` or `RESPONSE`. Check `open` before use. */
  constructor(type: number, limits: ParserLimits) {
    this.limits = limits
    this.#type = type
    this.#parser = openParser(type)
  }

  /** False when the thread has no room for another parser: the connection must be refused. */
  get open(): boolean {
    return this.#parser !== 0
  }

  close(): void {
    if (this.#parser === 0) return
    closeParser(this.#parser)
    this.#parser = 0
    this.#pieces = null
    this.#saved = null
  }

  /** Nothing of a message has come yet. */
  get idle(): boolean {
    return this.#stage === AT_END || (this.#stage === AT_HEAD && this.#piecesLength === 0)
  }

  get method(): number {
    return llhttp.llhttp_get_method(this.#parser)
  }

  get versionMajor(): number {
    return llhttp.llhttp_get_http_major(this.#parser)
  }

  get versionMinor(): number {
    return llhttp.llhttp_get_http_minor(this.#parser)
  }

  /** Parses bytes `start` to `end` of the memory, up to the end of one message. @hotpath */
  parse(start: number, end: number, head: Head): void {
    const result = parsed
    result.consumed = 0
    result.head = false
    result.contentStart = 0
    result.contentEnd = 0
    result.complete = false
    result.error = 0
    if (this.#stage === AT_END) this.#begin()
    if (this.#stage === AT_UNKNOWN_METHOD) {
      this.#keepPiece(start, end)
      result.consumed = end - start
      this.#judgeMethod()
      return
    }
    if (this.#stage === AT_HEAD) {
      if (this.#saved === null) head.clear()
      else head.restore(this.#saved)
    }
    active = this
    activeHead = head
    offset = this.#piecesLength - start
    const status = llhttp.llhttp_execute(this.#parser, start, end - start)
    const stopped = status === HPE_OK ? end : llhttp.llhttp_get_error_pos(this.#parser)
    result.consumed = stopped - start
    let headBytes = 0
    if (result.head) headBytes = this.#finishHead(head, start, end)
    else if (this.#stage === AT_HEAD) this.#headGoesOn(status, start, stopped, end, head)
    if (this.#stage !== AT_HEAD && this.trailers === null) this.#countFraming(stopped - start - headBytes)
    if (status === HPE_OK || result.error !== 0) return
    if (status !== HPE_PAUSED && status !== HPE_PAUSED_UPGRADE) this.#refuse(status)
  }

  #countFraming(consumed: number): void {
    const content = parsed.contentEnd - parsed.contentStart
    this.#framingBytesLeft += content * (FRAMING_BYTES_PER_BYTE + 1) - consumed
    if (this.#framingBytesLeft > FRAMING_BYTES_MAX) this.#framingBytesLeft = FRAMING_BYTES_MAX
    else if (this.#framingBytesLeft < 0 && parsed.error === 0) parsed.error = MALFORMED
  }

  /** The peer sends no more. True when the message is whole by that (a response that runs until the close). */
  finish(): boolean {
    if (this.#stage !== AT_CONTENT) return false
    parsed.complete = false
    active = this
    const status = llhttp.llhttp_finish(this.#parser)
    return (status === HPE_OK || status === HPE_PAUSED) && parsed.complete
  }

  /** @internal Called by llhttp. */
  headComplete(statusCode: number, upgrade: boolean, keepAlive: boolean): number {
    this.statusCode = statusCode
    this.upgrade = upgrade
    this.keepAlive = keepAlive
    this.#stage = AT_CONTENT
    this.#within = 0
    parsed.head = true
    return this.skipContent ? 1 : 0
  }

  /** @internal Called by llhttp. */
  messageComplete(): number {
    this.#stage = AT_END
    parsed.complete = true
    return HPE_PAUSED
  }

  /** @internal Called by llhttp. */
  target(start: number, length: number): number {
    const head = activeHead
    if (this.#within !== IN_TARGET) {
      this.#within = IN_TARGET
      head.targetStart = start + offset
    }
    head.targetEnd = start + length + offset
    if (head.targetEnd - head.targetStart <= this.limits.targetBytesMax) return 0
    parsed.error = TARGET_TOO_LONG
    return HPE_USER
  }

  /** @internal Called by llhttp. */
  fieldName(start: number, length: number): number {
    if (this.#stage !== AT_HEAD) return this.#trailerName(start, length)
    const head = activeHead
    if (this.#within === IN_NAME) {
      head.extendName(start + length + offset)
      return 0
    }
    this.#within = IN_NAME
    if (head.fieldCount >= this.limits.fieldLinesMax || head.fieldCount >= FIELD_LINES_MAX) {
      parsed.error = HEAD_TOO_LARGE
      return HPE_USER
    }
    head.addName(start + offset, start + length + offset)
    return 0
  }

  /** @internal Called by llhttp. */
  fieldValue(start: number, length: number): number {
    if (this.#stage !== AT_HEAD) return this.#trailerValue(start, length)
    if (this.#within === IN_VALUE) {
      activeHead.extendValue(start + length + offset)
      return 0
    }
    this.#within = IN_VALUE
    activeHead.setValue(start + offset, start + length + offset)
    return 0
  }

  /** @internal Called by llhttp. Chunks are moved together: what lies before them has been parsed. */
  content(start: number, length: number): number {
    const result = parsed
    if (result.contentEnd === 0) {
      result.contentStart = start
      result.contentEnd = start + length
      return 0
    }
    if (start !== result.contentEnd) memory.copyWithin(result.contentEnd, start, start + length)
    result.contentEnd += length
    return 0
  }

  #begin(): void {
    if (this.upgrade || !this.keepAlive) {
      // An upgrade that was not taken up, or an interim response that speaks of closing: llhttp would refuse what follows.
      closeParser(this.#parser)
      this.#parser = openParser(this.#type)
    } else {
      llhttp.llhttp_resume(this.#parser)
    }
    this.#stage = AT_HEAD
    this.#within = 0
    this.#saved = null
    this.#pieces = null
    this.#piecesLength = 0
    this.upgrade = false
    this.trailers = null
    this.nominated = null
    this.#trailerBytes = 0
    this.#trailerLines = 0
    this.#framingBytesLeft = FRAMING_BYTES_MAX
  }

  /** Gives the bytes of the head that this read brought. */
  #finishHead(head: Head, start: number, end: number): number {
    const before = this.#piecesLength
    if (this.#piecesLength === 0) {
      head.bytes = memory
      head.base = start
    } else {
      // Only the head's own bytes are needed of this read, but where it ends shows only in the joined bytes.
      this.#keepPiece(start, end)
      head.bytes = this.#pieces as Buffer
      head.base = 0
    }
    head.length = headLength(head)
    this.#saved = null
    this.#pieces = null
    this.#piecesLength = 0
    if (head.length > this.limits.headBytesMax && parsed.error === 0) parsed.error = HEAD_TOO_LARGE
    return head.length - before
  }

  #headGoesOn(status: number, start: number, stopped: number, end: number, head: Head): void {
    const length = this.#piecesLength + stopped - start
    if (parsed.error === 0 && length > this.limits.headBytesMax) parsed.error = HEAD_TOO_LARGE
    if (status === HPE_OK) {
      this.#keepPiece(start, stopped)
      this.#saved = head.save()
      if (parsed.error === 0 && this.#lacksVersion(head)) parsed.error = MALFORMED
    } else if (status === HPE_INVALID_METHOD) {
      this.#keepPiece(start, end)
      parsed.consumed = end - start
    } else if (status === HPE_INVALID_VERSION || status === HPE_INVALID_CONSTANT) {
      this.#keepPiece(start, stopped)
    }
  }

  #keepPiece(start: number, end: number): void {
    const needed = this.#piecesLength + end - start
    if (this.#pieces === null || this.#pieces.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, needed * 2))
      if (this.#pieces !== null) this.#pieces.copy(larger, 0, 0, this.#piecesLength)
      this.#pieces = larger
    }
    memory.copy(this.#pieces, this.#piecesLength, start, end)
    this.#piecesLength = needed
  }

  /** Why llhttp stopped, as one of our codes. */
  #refuse(status: number): void {
    parsed.error = MALFORMED
    if (status === HPE_INVALID_METHOD && this.#stage === AT_HEAD) {
      parsed.error = 0
      this.#stage = AT_UNKNOWN_METHOD
      this.#judgeMethod()
    } else if (status === HPE_INVALID_VERSION && this.#stage === AT_HEAD && this.#endsInForeignVersion()) {
      parsed.error = UNKNOWN_VERSION
    } else if (
      status === HPE_INVALID_CONSTANT &&
      this.#stage === AT_HEAD &&
      this.#type === REQUEST &&
      this.#isForeignMethod()
    ) {
      // A method of another protocol (RTSP) in an HTTP request.
      parsed.error = UNKNOWN_METHOD
    }
  }

  /** A request line that ends behind its target (HTTP/0.9): llhttp would wait for field lines. */
  #lacksVersion(head: Head): boolean {
    if (this.#type !== REQUEST || head.targetEnd === 0 || head.targetEnd >= this.#piecesLength) return false
    return (this.#pieces as Buffer)[head.targetEnd] !== SPACE
  }

  #isForeignMethod(): boolean {
    if (this.method < FIRST_RTSP_METHOD || this.method > LAST_RTSP_METHOD) return false
    return (this.#pieces as Buffer).latin1Slice(Math.max(0, this.#piecesLength - 5), this.#piecesLength) === ' HTTP'
  }

  /** Waits for the whole method, so that the answer does not depend on how the bytes were cut. */
  #judgeMethod(): void {
    const bytes = this.#pieces as Buffer
    let at = 0
    if (bytes[0] === 0x0d && bytes[1] === 0x0a) at = 2
    const start = at
    while (at < this.#piecesLength && isTokenByte(bytes[at] as number)) at += 1
    if (at === this.#piecesLength) {
      if (at - start > METHOD_BYTES_MAX) parsed.error = UNKNOWN_METHOD
      return
    }
    parsed.error = bytes[at] === SPACE && at > start ? UNKNOWN_METHOD : MALFORMED
  }

  /** Whether the request or status line so far ends in an HTTP version that is well-formed and not ours. */
  #endsInForeignVersion(): boolean {
    const text = (this.#pieces as Buffer).latin1Slice(Math.max(0, this.#piecesLength - 9), this.#piecesLength)
    return /(^| )HTTP\/\d\.\d$/.test(text) && !/HTTP\/1\.[01]$/.test(text)
  }

  #trailerName(start: number, length: number): number {
    const trailers = this.trailers ?? []
    this.trailers = trailers
    if (this.#within === IN_NAME) {
      trailers[trailers.length - 1] += memory.latin1Slice(start, start + length)
    } else {
      this.#within = IN_NAME
      this.#trailerLines += 1
      trailers.push(memory.latin1Slice(start, start + length))
    }
    return this.#countTrailer(length + 4)
  }

  #trailerValue(start: number, length: number): number {
    const trailers = this.trailers as string[]
    if (this.#within === IN_VALUE) {
      trailers[trailers.length - 1] += memory.latin1Slice(start, start + length)
    } else {
      this.#within = IN_VALUE
      trailers.push(memory.latin1Slice(start, start + length))
    }
    return this.#countTrailer(length)
  }

  #countTrailer(length: number): number {
    this.#trailerBytes += length
    if (this.#trailerBytes <= this.limits.headBytesMax && this.#trailerLines <= this.limits.fieldLinesMax) return 0
    parsed.error = TRAILERS_TOO_LARGE
    return HPE_USER
  }

  /** The trailer section as it may go on: without framing, routing and connection fields (RFC 9110, section 6.5.1). */
  takeTrailers(): string[] | null {
    const trailers = this.trailers
    if (trailers === null) return null
    const kept: string[] = []
    for (let index = 0; index + 1 < trailers.length; index += 2) {
      const name = trailers[index] as string
      if (!isForbiddenTrailer(name) && !this.nominated?.includes(name.toLowerCase()))
        kept.push(name, (trailers[index + 1] as string).replace(/[ \t]+$/, ''))
    }
    return kept.length === 0 ? null : kept
  }
}

/** Bytes of a method nobody knows that are waited for; past it the answer is 501. */
const METHOD_BYTES_MAX = 64

/** The parser that runs, its head, and what turns a position in the memory into one in the head. */
let active: MessageParser
let activeHead: Head
let offset = 0

const receiver: Callbacks = {
  onTarget: (start, length) => active.target(start, length),
  onFieldName: (start, length) => active.fieldName(start, length),
  onFieldValue: (start, length) => active.fieldValue(start, length),
  onHead: (statusCode, upgrade, keepAlive) => active.headComplete(statusCode, upgrade, keepAlive),
  onContent: (start, length) => active.content(start, length),
  onComplete: () => active.messageComplete(),
}
setCallbacks(receiver)

/** Length of a whole head: its last line is followed by an empty one. */
function headLength(head: Head): number {
  let at = head.targetEnd
  if (head.fieldCount > 0) {
    const last = head.fieldCount - 1
    const end = head.valueEnd(last)
    at = end > head.valueStart(last) ? end : head.nameEnd(last)
  }
  while (head.byte(at) !== 0x0a) at += 1
  return at + 3
}

/** RFC 9110, section 5.6.2. */
export function isTokenByte(byte: number): boolean {
  return TOKEN[byte] === 1
}

const TOKEN = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1
}
