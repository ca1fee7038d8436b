/**
 * A request that is kept past the read that brought its head, for routes where somebody needs it later: another route that
 * takes it when the upstream of the first one cannot answer, or text that is put together with the response.
 */

import { CHUNKED_CONTENT, NO_CONTENT } from '../http/framing.ts'
import { Head } from '../http/head.ts'
import { RequestFacts } from '../http/request-facts.ts'
import { addChunk, lastChunk } from '../http1/chunk.ts'
import { memory } from '../http1/llhttp.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { NOBODY, type RequestSource, RoutedRequest } from '../routing/request.ts'

const CONTENT_BYTES_START = 2048

export class KeptRequest {
  /** With a head of its own. */
  readonly request: RoutedRequest
  /** What of the content has come, framed as it goes upstream; `null` where none is kept, or was too much. */
  #content: ByteBuffer | null = null
  readonly #bytesMax: number
  /** All of the content has come. */
  isWhole: boolean
  #hasAll = true

  /** `bytesMax` of content; past it the request cannot be sent once more. */
  constructor(request: RoutedRequest, bytesMax: number) {
    const { head, facts, source } = request
    const kept = new RoutedRequest(head.copy(), Object.assign(new RequestFacts(), facts), source)
    kept.continue(request)
    this.request = kept
    this.#bytesMax = bytesMax
    this.isWhole = facts.framing === NO_CONTENT
  }

  /** What has come of the content so far is all here: the request can be sent once more. */
  get hasAll(): boolean {
    return this.#hasAll
  }

  /** Framed as it goes upstream; `null` for none. */
  get content(): ByteBuffer | null {
    return this.#content
  }

  addContent(start: number, end: number): void {
    if (!this.#hasAll) return
    this.#content ??= new ByteBuffer(CONTENT_BYTES_START)
    if (this.#content.length + end - start > this.#bytesMax) {
      this.#hasAll = false
      this.#content = null
    } else if (this.#isChunked) {
      addChunk(this.#content, memory, start, end)
    } else {
      this.#content.copy(memory, start, end)
    }
  }

  endContent(trailers: readonly string[] | null): void {
    this.isWhole = true
    if (!this.#hasAll || !this.#isChunked) return
    this.#content ??= new ByteBuffer(CONTENT_BYTES_START)
    this.#content.text(lastChunk(trailers))
  }

  get #isChunked(): boolean {
    return this.request.facts.framing === CHUNKED_CONTENT
  }
}

const unreadFacts = new RequestFacts()
unreadFacts.method = -1
const unread = new RoutedRequest(new Head(Buffer.alloc(0), 0), unreadFacts, NOBODY)

/** Stands for a request whose head nobody has kept, or could read: there is nothing in it. There is one for all. */
export function unreadRequest(source: RequestSource, requestId: string, startedAtMs: number): RoutedRequest {
  unread.begin(source, requestId, startedAtMs)
  return unread
}
