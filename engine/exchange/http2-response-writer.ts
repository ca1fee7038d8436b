/**
 * Writes the response of one stream of HTTP/2. Heads are put together in the words of HTTP/1.1, by the same writers, and
 * encoded from there; where content ends is for DATA and END_STREAM to say.
 */
import { dateLine } from '../http/date.ts'
import { type CompiledEdits, editFields, formatFields } from '../http/field-edits.ts'
import type { Head } from '../http/head.ts'
import { writeInterimHead, writeResponseHead, writeSwitchHead } from '../http/head-writer.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import { statusText } from '../http/status.ts'
import { memory, OWN_SLOT_BYTES } from '../http1/llhttp.ts'
import { encodeResponse } from '../http2/head-encoder.ts'
import { FRAME_HEADER_BYTES } from '../http2/protocol.ts'
import type { Http2Stream } from '../multiplex/http2-stream.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { mayHaveContent, type StaticAnswer } from './answer.ts'
import type { OwnHead, ProtocolSwitch, ResponseWriter } from './downstream.ts'

/** A head is put together here: each is encoded before the next one begins. */
const words = new ByteBuffer(8 * 1024)

/** Who looks after a client that takes its response slowly. */
export interface ResponseWaits {
  /** Some of the response has to wait, for a window or for the kernel. */
  responseWaits(): void
}

export class Http2ResponseWriter implements ResponseWriter {
  readonly #stream: Http2Stream
  readonly #owner: ResponseWaits
  /** The request was HEAD. */
  isHead = false
  /** Of the RST_STREAM that stands for the end of the response (RFC 9113, section 8.1.1); -1 for none. */
  endCode = -1
  bytesWritten = 0

  constructor(stream: Http2Stream, owner: ResponseWaits) {
    this.#stream = stream
    this.#owner = owner
  }

  /** What the client's windows do not take is copied. */
  get takesBulk(): boolean {
    return this.#stream.room >= OWN_SLOT_BYTES
  }

  sendInterim(head: Head, facts: ResponseFacts): void {
    words.length = 0
    writeInterimHead(words, head, facts)
    this.#sendWords()
  }

  /** The 101 of other versions, which is 200 here (RFC 8441, section 5). */
  sendSwitch({ head, facts, edits, lines }: ProtocolSwitch): void {
    words.length = 0
    writeSwitchHead(words, head, facts, edits, lines)
    this.#sendWords()
  }

  /** @hotpath */
  sendHead(head: Head, facts: ResponseFacts, edits: CompiledEdits | null, lines: string): void {
    words.length = 0
    writeResponseHead(words, head, facts, false, lines, edits)
    this.#sendWords()
  }

  /** @hotpath */
  #sendWords(): void {
    const stream = this.#stream
    if (stream.closed) return
    const { connection } = stream
    const block = connection.headBlock()
    const before = block.length
    encodeResponse(connection.encoder, block, words.bytes, 0)
    this.bytesWritten += block.length - before + FRAME_HEADER_BYTES
    stream.sendHead()
  }

  /** @hotpath */
  sendContent(start: number, end: number): boolean {
    return this.sendBytes(memory, start, end)
  }

  sendEnd(trailers: readonly string[] | null): void {
    if (this.endCode >= 0) this.#stream.endWithReset(this.endCode)
    else this.#stream.end(trailers)
  }

  /** What was put together goes at the end of the turn, whoever asks. */
  flush(): boolean {
    return this.#stream.waitingBytes === 0
  }

  answer(answer: StaticAnswer, lines: string): void {
    words.length = 0
    words.copy(answer.head, 0, answer.head.length)
    if (!answer.hasDate) words.text(dateLine())
    words.text(`${lines}\r\n`)
    this.#sendWords()
    const { content } = answer
    if (!this.isHead && mayHaveContent(answer.status)) this.sendBytes(content, 0, content.length)
    this.sendEnd(null)
  }

  sendOwnHead({ status, fields, contentLength, edits, lines }: OwnHead): void {
    words.length = 0
    words.text(`HTTP/1.1 ${statusText(status)}\r\n${formatFields(editFields(fields, edits))}`)
    if (contentLength >= 0) words.text(`Content-Length: ${contentLength}\r\n`)
    if (edits === null || !edits.names.has('date')) words.text(dateLine())
    words.text(lines)
    if (edits !== null) words.copy(edits.lines, 0, edits.lines.length)
    words.lineEnd()
    this.#sendWords()
  }

  /** @hotpath */
  sendBytes(bytes: Buffer, start: number, end: number): boolean {
    const stream = this.#stream
    const waited = stream.waitingBytes > 0
    this.bytesWritten += end - start
    if (stream.write(bytes, start, end)) return true
    if (!waited) this.#owner.responseWaits()
    return false
  }
}
