/** Writes the responses of one HTTP/1.1 connection: their framing, and whether the connection outlives them. */

import { dateLine } from '../http/date.ts'
import { type CompiledEdits, editFields, formatFields } from '../http/field-edits.ts'
import { LENGTH_CONTENT, NO_CONTENT } from '../http/framing.ts'
import type { Head } from '../http/head.ts'
import { writeInterimHead, writeResponseHead, writeSwitchHead } from '../http/head-writer.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import { statusText } from '../http/status.ts'
import { addChunk, framedStart, frameInPlace, LAST_CHUNK, lastChunk } from '../http1/chunk.ts'
import { memory } from '../http1/llhttp.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import type { Connection } from '../net/connection.ts'
import type { Slot } from '../net/slots.ts'
import { mayHaveContent, type StaticAnswer } from './answer.ts'
import type { OwnHead, ProtocolSwitch, ResponseWriter } from './downstream.ts'

/** A response is put together here, up to one read's worth, then written at once. */
const OUT_BYTES = 128 * 1024
const out = new ByteBuffer(OUT_BYTES)
/** Whose bytes lie in `out`. */
let outOwner: Http1ResponseWriter | null = null

const CLOSE_LINE = 'Connection: close\r\n'
const KEEP_ALIVE_LINE = 'Connection: keep-alive\r\n'

export class Http1ResponseWriter implements ResponseWriter {
  /** What the client's kernel does not take stays where it was read. */
  readonly takesBulk = true
  readonly #connection: Connection
  /** Milliseconds that the client may take to accept some of what waits for it. */
  contentMs: number
  /** Of the request: what its client understands, whether its response has content, whether another may follow. */
  versionMinor = 1
  isHead = false
  keepAlive = true
  /** The request has been read to its end, or will be by the time its read has been dealt with. */
  requestWhole = false
  #chunked = false
  /** The response ends with the connection. */
  closeDelimited = false
  /** The connection is to be closed behind this response. */
  closeAfter = false
  bytesWritten = 0
  /** When what waits for the client has waited for too long, on the clock of `performance.now()`. */
  deadlineAtMs = 0

  constructor(connection: Connection, contentMs: number) {
    this.#connection = connection
    this.contentMs = contentMs
  }

  /** Another request has begun. */
  begin(): void {
    this.isHead = false
    this.requestWhole = false
    this.#chunked = false
    this.closeDelimited = false
    this.closeAfter = false
    this.bytesWritten = 0
  }

  sendInterim(head: Head, facts: ResponseFacts): void {
    if (this.versionMinor === 0) return
    this.#takeOut()
    writeInterimHead(out, head, facts)
    this.flush()
  }

  /** 101, and what the origin sent behind it. */
  sendSwitch({ head, facts, edits, lines, start, end }: ProtocolSwitch): void {
    this.#takeOut()
    writeSwitchHead(out, head, facts, edits, lines)
    out.copy(memory, start, end)
    this.flush()
  }

  /** @hotpath */
  sendHead(head: Head, facts: ResponseFacts, edits: CompiledEdits | null, lines: string): void {
    const { framing } = facts
    if (framing !== NO_CONTENT && framing !== LENGTH_CONTENT) {
      if (this.versionMinor === 1) this.#chunked = true
      else this.closeDelimited = true
    }
    if (this.closeDelimited) this.closeAfter = true
    this.#decideClose()
    this.#takeOut()
    writeResponseHead(out, head, facts, this.#chunked, this.#connectionLine() + lines, edits)
  }

  /** A final response before the whole request closes too: where the next one begins may never be known. */
  #decideClose(): void {
    if (!this.keepAlive || !this.requestWhole) this.closeAfter = true
  }

  #connectionLine(): string {
    if (this.closeAfter) return CLOSE_LINE
    return this.versionMinor === 0 ? KEEP_ALIVE_LINE : ''
  }

  /** @hotpath */
  sendContent(start: number, end: number, slot: Slot | null): boolean {
    this.#takeOut()
    if (slot === null || out.length > 0) {
      if (this.#chunked) addChunk(out, memory, start, end)
      else out.copy(memory, start, end)
      return true
    }
    const stop = this.#chunked ? frameInPlace(memory, start, end) : end
    const begin = this.#chunked ? framedStart : start
    this.bytesWritten += stop - begin
    return this.#wrote(this.#connection.write(memory, begin, stop, slot))
  }

  sendEnd(trailers: readonly string[] | null): void {
    if (!this.#chunked) return
    this.#takeOut()
    out.text(trailers === null ? LAST_CHUNK : lastChunk(trailers))
  }

  /** @hotpath */
  flush(): boolean {
    const connection = this.#connection
    const length = outOwner === this ? out.length : 0
    if (length === 0) return connection.pendingWrites === 0
    this.bytesWritten += length
    const taken = connection.write(out.bytes, 0, length, null)
    if (taken) out.length = 0
    else out.replace(OUT_BYTES)
    return this.#wrote(taken)
  }

  /** What somebody else has in `out` must never reach this client: one read of an origin's may bring responses for several. */
  #takeOut(): void {
    if (outOwner === this) return
    if (out.length > 0) outOwner?.flush()
    out.length = 0
    outOwner = this
  }

  /** The client has this long, from now, to take some of what waits. */
  restartDeadline(): void {
    this.deadlineAtMs = performance.now() + this.contentMs
  }

  #wrote(taken: boolean): boolean {
    if (!taken) {
      this.restartDeadline()
      this.#connection.setDeadline(this.contentMs)
    }
    return taken
  }

  answer(answer: StaticAnswer, lines: string): void {
    this.#decideClose()
    this.#takeOut()
    out.copy(answer.head, 0, answer.head.length)
    if (!answer.hasDate) out.text(dateLine())
    out.text(`${lines}${this.#connectionLine()}\r\n`)
    if (!this.isHead && mayHaveContent(answer.status)) out.copy(answer.content, 0, answer.content.length)
    this.flush()
  }

  sendOwnHead({ status, fields, contentLength, edits, lines }: OwnHead): void {
    this.#decideClose()
    this.#takeOut()
    out.text(`HTTP/1.1 ${statusText(status)}\r\n${formatFields(editFields(fields, edits))}`)
    if (contentLength >= 0) out.text(`Content-Length: ${contentLength}\r\n`)
    if (edits === null || !edits.names.has('date')) out.text(dateLine())
    out.text(this.#connectionLine() + lines)
    if (edits !== null) out.copy(edits.lines, 0, edits.lines.length)
    out.lineEnd()
  }

  sendBytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#chunked) {
      this.#takeOut()
      addChunk(out, bytes, start, end)
      return this.flush()
    }
    if (outOwner === this && out.length > 0) {
      out.copy(bytes, start, end)
      return this.flush()
    }
    this.bytesWritten += end - start
    return this.#wrote(this.#connection.write(bytes, start, end, null))
  }
}
