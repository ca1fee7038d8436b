/**
 * Reads HTTP/1.1 messages, requests or responses, as far as a bench has to: where one ends and how much content it had.
 * It trusts its peer otherwise; it is nothing to put on a network.
 */

export interface Message {
  /** Start line and field lines, without the empty line. */
  readonly head: string
  readonly contentBytes: number
  /** Null unless the reader keeps contents. */
  readonly content: Buffer | null
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** A head that is longer is an error of who sends it. */
const HEAD_BYTES_MAX = 64 * 1024

/** A line with the size of a chunk, its extensions, or a trailer's field line: longer is an error. */
const LINE_BYTES_MAX = 16 * 1024

/**
 *     head -> content (with a length) -> head
 *          -> chunk size -> chunk -> chunk size ... -> trailers -> head
 */
const HEAD = 0
const CONTENT = 1
const CHUNK_SIZE = 2
const CHUNK = 3
const TRAILERS = 4

export class MessageReader {
  readonly #onMessage: (message: Message) => void
  readonly #keepsContent: boolean
  #state = HEAD
  /** What of a head or line has come. */
  #pending: Buffer | null = null
  #head = ''
  #contentBytes = 0
  #contentLeft = 0
  #content: Buffer[] = []

  /** `onMessage` is called at the end of each message. */
  constructor(onMessage: (message: Message) => void, keepsContent = false) {
    this.#onMessage = onMessage
    this.#keepsContent = keepsContent
  }

  /** Throws where the bytes are no message that it can frame; nothing can be read after that. */
  read(bytes: Buffer): void {
    let at = 0
    let all = bytes
    if (this.#pending !== null) {
      all = Buffer.concat([this.#pending, bytes])
      this.#pending = null
    }
    while (at < all.length) {
      const next = this.#step(all, at)
      if (next < 0) {
        // A copy: what was read may be overwritten by the next read.
        this.#pending = Buffer.from(all.subarray(at))
        return
      }
      at = next
    }
  }

  /** Takes what it can from `at` on and returns where the rest begins, or -1 where it needs more bytes first. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case HEAD:
        return this.#readHead(bytes, at)
      case CHUNK_SIZE:
        return this.#readChunkSize(bytes, at)
      case TRAILERS:
        return this.#readTrailer(bytes, at)
      default:
        return this.#readContent(bytes, at)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(HEAD_END, at)
    if (end < 0) {
      if (bytes.length - at > HEAD_BYTES_MAX) throw new Error('a head without an end')
      return -1
    }
    this.#head = bytes.latin1Slice(at, end)
    this.#contentBytes = 0
    const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(this.#head)?.[1]
    if (length !== undefined) {
      this.#contentLeft = Number(length)
      this.#state = CONTENT
      if (this.#contentLeft === 0) this.#end()
    } else if (/\r\ntransfer-encoding:[ \t]*chunked/i.test(this.#head)) {
      this.#state = CHUNK_SIZE
    } else if (/^HTTP\/\S+ (?!1\d\d|204|304)/.test(this.#head)) {
      throw new Error('a response without Content-Length and chunked coding')
    } else {
      this.#end()
    }
    return end + HEAD_END.length
  }

  #readContent(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#contentLeft, bytes.length - at)
    this.#contentLeft -= taken
    this.#contentBytes += taken
    if (this.#keepsContent) this.#content.push(Buffer.from(bytes.subarray(at, at + taken)))
    if (this.#contentLeft > 0) return at + taken
    if (this.#state === CONTENT) this.#end()
    else this.#state = CHUNK_SIZE
    return at + taken
  }

  #readChunkSize(bytes: Buffer, at: number): number {
    // The line end behind a chunk's data reads as an empty line before the next size.
    const start = bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? at + 2 : at
    const end = lineEnd(bytes, start)
    if (end < 0) return -1
    const digits = /^[0-9a-f]+/i.exec(bytes.latin1Slice(start, end))?.[0]
    if (digits === undefined) throw new Error('a chunk without a size')
    this.#contentLeft = Number.parseInt(digits, 16)
    this.#state = this.#contentLeft === 0 ? TRAILERS : CHUNK
    return end + 2
  }

  #readTrailer(bytes: Buffer, at: number): number {
    const end = lineEnd(bytes, at)
    if (end < 0) return -1
    if (end === at) this.#end()
    return end + 2
  }

  #end(): void {
    this.#state = HEAD
    const content = this.#keepsContent ? Buffer.concat(this.#content) : null
    this.#content = []
    this.#onMessage({ head: this.#head, contentBytes: this.#contentBytes, content })
  }
}

/** Of a response's head; NaN of anything else. */
export function statusOf(head: string): number {
  return Number(/^HTTP\/\d\.\d (\d{3})/.exec(head)?.[1])
}

function lineEnd(bytes: Buffer, at: number): number {
  const end = bytes.indexOf('\r\n', at, 'latin1')
  if (end < 0 && bytes.length - at > LINE_BYTES_MAX) throw new Error('a line without an end')
  return end
}
