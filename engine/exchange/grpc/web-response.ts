/**
 * Writes the response to a call of gRPC for a client of gRPC-Web: its trailers become the last message of the content, and where the
 * client wants text all of that becomes base64. What is no response of gRPC (an error page of whoever stands in front of the
 * origin) goes on as it is.
 */
import type { CompiledEdits } from '../../http/field-edits.ts'
import { CHUNKED_CONTENT, NO_CONTENT } from '../../http/framing.ts'
import { GRPC, grpcKindOf, suffixOf } from '../../http/grpc-kind.ts'
import type { Head } from '../../http/head.ts'
import { ResponseFacts } from '../../http/response-facts.ts'
import { memory } from '../../http1/llhttp.ts'
import type { Slot } from '../../net/slots.ts'
import { fieldValue } from '../../routing/field.ts'
import type { StaticAnswer } from '../answer.ts'
import type { OwnHead, ResponseWriter } from '../downstream.ts'
import { Base64Encoder } from './base64-encoder.ts'
import { contentTypeOf } from './content-type.ts'
import { changeHead } from './web-head.ts'

const CONTENT_TYPE: ReadonlySet<string> = new Set(['content-type'])
/** What follows the content is part of it. */
const CONTENT_FIELDS: ReadonlySet<string> = new Set(['content-type', 'content-length', 'trailer'])

/** The flag of the message that trailers are. */
const TRAILERS_FLAG = 0x80
const PREFIX_BYTES = 5

export class GrpcWebResponse implements ResponseWriter {
  readonly #inner: ResponseWriter
  readonly #isText: boolean
  /** `null` where the content goes on as it is. */
  #encoder: Base64Encoder | null = null
  /** The trailers are to become a message. */
  #translates = false

  /** `inner` writes what comes of it; `isText` where the client wants base64. */
  constructor(inner: ResponseWriter, isText: boolean) {
    this.#inner = inner
    this.#isText = isText
  }

  get bytesWritten(): number {
    return this.#inner.bytesWritten
  }

  get takesBulk(): boolean {
    return this.#inner.takesBulk
  }

  sendInterim(head: Head, facts: ResponseFacts): void {
    this.#inner.sendInterim(head, facts)
  }

  sendHead(head: Head, facts: ResponseFacts, edits: CompiledEdits | null, lines: string): void {
    const type = contentTypeOf(head)
    if (grpcKindOf(type) !== GRPC) {
      this.#inner.sendHead(head, facts, edits, lines)
      return
    }
    const webType = `application/grpc-web${this.#isText ? '-text' : ''}${suffixOf(type)}`
    // With the status in its head there is nothing behind it.
    this.#translates = facts.framing !== NO_CONTENT && fieldValue(head, 'grpc-status') === null
    if (this.#translates && this.#isText) this.#encoder = new Base64Encoder()
    const without = this.#translates ? CONTENT_FIELDS : CONTENT_TYPE
    const changed = changeHead(head, without, [['content-type', webType]])
    const changedFacts = Object.assign(new ResponseFacts(), facts)
    if (this.#translates) changedFacts.framing = CHUNKED_CONTENT
    this.#inner.sendHead(changed.head, changedFacts, edits, lines)
  }

  sendContent(start: number, end: number, slot: Slot | null): boolean {
    if (this.#encoder === null) return this.#inner.sendContent(start, end, slot)
    return this.#sendOwn(this.#encoder.encode(memory, start, end))
  }

  #sendOwn(bytes: Buffer): boolean {
    return bytes.length === 0 || this.#inner.sendBytes(bytes, 0, bytes.length)
  }

  sendEnd(trailers: readonly string[] | null): void {
    if (!this.#translates) {
      this.#inner.sendEnd(trailers)
      return
    }
    const message = trailers === null ? Buffer.alloc(0) : trailersMessage(trailers)
    this.#sendOwn(this.#encoder === null ? message : this.#encoder.encodeLast(message))
    this.#inner.sendEnd(null)
  }

  flush(): boolean {
    return this.#inner.flush()
  }

  sendOwnHead(head: OwnHead): void {
    this.#inner.sendOwnHead(head)
  }

  sendBytes(bytes: Buffer, start: number, end: number): boolean {
    return this.#inner.sendBytes(bytes, start, end)
  }

  answer(answer: StaticAnswer, lines: string): void {
    this.#inner.answer(answer, lines)
  }
}

/** Names in lower case, one line each, without an empty line. */
function trailersMessage(trailers: readonly string[]): Buffer {
  let text = ''
  for (let index = 0; index + 1 < trailers.length; index += 2) {
    text += `${(trailers[index] as string).toLowerCase()}:${trailers[index + 1]}\r\n`
  }
  const message = Buffer.alloc(PREFIX_BYTES + text.length)
  message[0] = TRAILERS_FLAG
  message.writeUInt32BE(text.length, 1)
  message.latin1Write(text, PREFIX_BYTES)
  return message
}
