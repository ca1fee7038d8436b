/**
 * A field block of a response becomes a head in the words of HTTP/1.1, with its spans and the facts that `readResponse` would
 * find in them; or it is refused (RFC 9113, section 8).
 */
import {
  CONNECTION,
  CONTENT_LENGTH,
  KEEP_ALIVE,
  OTHER_FIELD,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from '../http/field-names.ts'
import { CHUNKED_CONTENT, LENGTH_CONTENT, NO_CONTENT } from '../http/framing.ts'
import { Head } from '../http/head.ts'
import { response } from '../http/response-facts.ts'
import { statusText } from '../http/status.ts'
import { BAD_NAME, KIND_MASK, METHOD, STATUS, UNKNOWN_PSEUDO } from './field-kinds.ts'
import { readDigits } from './field-values.ts'
import { type HeadLimits, HeadWords } from './head-words.ts'
import type { FieldSink, HpackDecoder } from './hpack-decoder.ts'
import { acceptWebSocketKey } from './websocket.ts'

/** What is asked of a response. */
export interface ResponseQuery {
  /** It answers HEAD: it has no content, whatever its head says. */
  readonly skipContent: boolean
  /** It answers an extended CONNECT in whose stead a WebSocket was asked for with this key; else `null`. */
  readonly webSocketKey: string | null
}

const EMPTY_CONTENT = Buffer.from('content-length: 0\r\n', 'latin1')

/** Status lines, made once each. */
const statusLines: (Buffer | undefined)[] = []

function statusLine(status: number): Buffer {
  const known = statusLines[status]
  if (known !== undefined) return known
  const line = Buffer.from(`HTTP/1.1 ${statusText(status)}\r\n`, 'latin1')
  statusLines[status] = line
  return line
}

class ResponseSink implements FieldSink {
  /** '' or what is wrong with it, for people to read. The facts are in `response`. */
  malformed = ''
  /** DATA that has to come; -1 where nothing is said of it. 0 for a response that has no content by its nature. */
  contentLength = -1

  readonly #words = new HeadWords(new Head(EMPTY_CONTENT, 0))
  #limits: HeadLimits = { headBytesMax: 0, fieldLinesMax: 0, targetBytesMax: 0 }
  #query: ResponseQuery = { skipContent: false, webSocketKey: null }
  #status = 0
  #fields = false
  #switches = false

  begin(head: Head, limits: HeadLimits, query: ResponseQuery): void {
    this.malformed = ''
    this.contentLength = -1
    this.#words.begin(head)
    this.#limits = limits
    this.#query = query
    this.#status = 0
    this.#fields = false
    this.#switches = false
    const facts = response
    facts.status = 0
    facts.versionMinor = 1
    facts.framing = NO_CONTENT
    facts.keepAlive = true
    facts.upgrade = false
    facts.keepAliveSeconds = -1
    facts.nominated = null
  }

  onMove(): void {
    this.#words.settle()
  }

  /** @hotpath */
  onField(bytes: Buffer, start: number, nameLength: number, valueLength: number, kind: number): void {
    if (this.malformed !== '') return
    if (kind >= BAD_NAME) {
      this.malformed = (kind & BAD_NAME) !== 0 ? 'a field name is not valid' : 'a field value is not valid'
      return
    }
    const what = kind & KIND_MASK
    const valueStart = start + nameLength + 2
    if (what >= METHOD && what <= UNKNOWN_PSEUDO) {
      this.#onPseudo(bytes, valueStart, valueStart + valueLength, what)
      return
    }
    this.#fields = true
    if (this.#status === 0) {
      this.malformed = 'there is no :status'
      return
    }
    if (what !== OTHER_FIELD && !this.#takeKnown(bytes, valueStart, valueStart + valueLength, what)) return
    const { headBytesMax, fieldLinesMax } = this.#limits
    const id = what < METHOD ? what : OTHER_FIELD
    if (
      this.#words.length + nameLength + valueLength + 6 > headBytesMax ||
      !this.#words.addLine(bytes, start, nameLength, valueLength, id, fieldLinesMax)
    ) {
      this.malformed = 'the head is too large'
    }
  }

  #onPseudo(bytes: Buffer, start: number, end: number, kind: number): void {
    if (this.#fields) this.malformed = 'a pseudo-field stands behind a field'
    else if (kind !== STATUS) this.malformed = 'a pseudo-field is not of a response'
    else if (this.#status !== 0) this.malformed = ':status is repeated'
    else this.#takeStatus(end - start === 3 ? readDigits(bytes, start, end) : 0)
  }

  #takeStatus(status: number): void {
    // RFC 9113, section 8.6: no 101 here.
    if (status < 100 || status > 599 || status === 101) {
      this.malformed = ':status is not valid'
      return
    }
    const key = this.#query.webSocketKey
    this.#status = status
    this.#switches = key !== null && status >= 200 && status < 300
    response.status = this.#switches ? 101 : status
    const line = statusLine(response.status)
    this.#words.add(line, 0, line.length)
    if (this.#switches && key !== null) this.#addUpgrade(key)
  }

  /** What HTTP/1.1 says of a WebSocket that was taken (RFC 6455, section 4.2.2). */
  #addUpgrade(key: string): void {
    response.upgrade = true
    const upgrade = Buffer.from('upgrade: websocket\r\n', 'latin1')
    this.#words.addLine(upgrade, 0, 7, 9, UPGRADE, Number.MAX_SAFE_INTEGER)
    const accept = Buffer.from(`sec-websocket-accept: ${acceptWebSocketKey(key)}\r\n`, 'latin1')
    this.#words.addLine(accept, 0, 20, accept.length - 24, OTHER_FIELD, Number.MAX_SAFE_INTEGER)
  }

  #takeKnown(bytes: Buffer, start: number, end: number, kind: number): boolean {
    switch (kind) {
      case CONTENT_LENGTH: {
        // RFC 9110, section 9.3.6: it means nothing in a 2xx that begins a tunnel.
        if (this.#switches) return false
        const length = readDigits(bytes, start, end)
        if (length < 0 || this.contentLength >= 0) this.malformed = 'content-length is repeated or not valid'
        this.contentLength = length
        return this.malformed === ''
      }
      case CONNECTION:
      case KEEP_ALIVE:
      case PROXY_CONNECTION:
      case TRANSFER_ENCODING:
      case UPGRADE:
      case TE:
        this.malformed = 'a field is of a connection of HTTP/1.1'
        return false
    }
    return true
  }

  finish(endStream: boolean): void {
    if (this.#status === 0 && this.malformed === '') this.malformed = 'there is no :status'
    if (this.malformed !== '') return
    const status = this.#status
    if (status < 200 && endStream) {
      this.malformed = 'an interim response ends the stream'
      return
    }
    if (this.#switches) {
      // What follows is the tunnel's.
    } else if (this.#query.skipContent || status < 200 || status === 204 || status === 304) this.contentLength = 0
    else if (endStream) this.#endWithoutContent()
    else response.framing = this.contentLength >= 0 ? LENGTH_CONTENT : CHUNKED_CONTENT
    this.#words.finish()
    if (this.#words.length > this.#limits.headBytesMax) this.malformed = 'the head is too large'
  }

  /** HTTP/1.1 has to be told that there is none: without a length a client would wait for the end of the connection. */
  #endWithoutContent(): void {
    if (this.contentLength > 0) {
      this.malformed = 'the content that content-length tells of is not there'
      return
    }
    response.framing = LENGTH_CONTENT
    if (this.contentLength === 0) return
    this.contentLength = 0
    if (!this.#words.addLine(EMPTY_CONTENT, 0, 14, 1, CONTENT_LENGTH, Number.MAX_SAFE_INTEGER)) {
      this.malformed = 'the head is too large'
    }
  }
}

/** What the last `decodeResponse` found: shared by all connections of the thread, as `response` is. */
export const decodedResponse: ResponseSink = new ResponseSink()

/**
 * Fills `head`, `response` and `decodedResponse`. Gives 0, or the error that ends the connection. `head` is valid until the
 * next call, and only where the response is not malformed. @hotpath
 */
export function decodeResponse(
  hpack: HpackDecoder,
  bytes: Buffer,
  start: number,
  end: number,
  endStream: boolean,
  head: Head,
  limits: HeadLimits,
  query: ResponseQuery,
): number {
  const sink = decodedResponse
  sink.begin(head, limits, query)
  const error = hpack.decode(bytes, start, end, sink)
  if (error !== 0) return error
  sink.finish(endStream)
  return 0
}
