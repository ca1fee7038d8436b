/**
 * A field block of a request becomes a head in the words of HTTP/1.1, with its spans and the facts that `readRequest` would
 * find in them; or it is refused. What RFC 9113, section 8, says of requests is checked here and nowhere else.
 */

import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  KEEP_ALIVE,
  OTHER_FIELD,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from '../http/field-names.ts'
import { CHUNKED_CONTENT, LENGTH_CONTENT, NO_CONTENT } from '../http/framing.ts'
import { Head } from '../http/head.ts'
import { endBeforeDefaultPort, isHost } from '../http/host.ts'
import { methodName, methodNumber } from '../http/methods.ts'
import { ASTERISK_FORM, IDEMPOTENT, ORIGIN_FORM, type RequestRefusal, request } from '../http/request-facts.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import {
  AUTHORITY,
  BAD_NAME,
  COOKIE,
  KIND_MASK,
  METHOD,
  PATH,
  PRIORITY_FIELD,
  PROTOCOL,
  SCHEME,
  STATUS,
  UNKNOWN_PSEUDO,
  WEBSOCKET_KEY,
} from './field-kinds.ts'
import { isToken, NOT_DIGITS, readDigits } from './field-values.ts'
import { type HeadLimits, HeadWords } from './head-words.ts'
import type { FieldSink, HpackDecoder } from './hpack-decoder.ts'
import { readPriority } from './priority.ts'
import { makeWebSocketKey } from './websocket.ts'

/** As the catalogue of errors names them. */
export type HeadRefusal = RequestRefusal | 'request_target_too_long' | 'request_head_too_large'

/** Field lines named `cookie` that one request may have before they are joined; past it the head is too large. */
export const COOKIES_MAX = 1000

/** Numbers of `methods.ts`. */
const GET = 1
const POST = 3
const PUT = 4
const CONNECT = 5
const OPTIONS = 6
const PATCH = 28

const SLASH = 0x2f
const ASTERISK = 0x2a
const HASH = 0x23

const text = (words: string): Buffer => Buffer.from(words, 'latin1')
const VERSION_LINE = text(' HTTP/1.1\r\n')
const HOST_LINE = text(' HTTP/1.1\r\nhost: ')
const LINE_END = text('\r\n')
const COOKIE_NAME = text('cookie: ')
const EMPTY_CONTENT = text('content-length: 0\r\n')
const UPGRADE_LINE = text('upgrade: websocket\r\n')
const WEBSOCKET = text('websocket')
const TRAILERS = text('trailers')
const CONTINUE = text('100-continue')
const HTTP = text('http')
const HTTPS = text('https')
const METHOD_WORDS: readonly Buffer[] = Array.from({ length: 64 }, (_, method) => text(`${methodName(method)} `))

/** Bits of the pseudo-fields that have come. */
const HAS_METHOD = 1
const HAS_SCHEME = 2
const HAS_AUTHORITY = 4
const HAS_PATH = 8
const HAS_PROTOCOL = 16

class RequestSink implements FieldSink {
  /** '' or why it is refused. The facts are in `request`. */
  refusal: HeadRefusal = ''
  /** What is wrong, for people to read. */
  reason = ''
  /** What `content-length` says; -1 where there is none. DATA has to come to as much (RFC 9113, section 8.1.1). */
  contentLength = -1
  /** Of the `priority` field, as `priority.ts` gives it; -1 where there is none. */
  priority = -1
  /** An extended CONNECT for a WebSocket (RFC 8441): the stream is to become a tunnel. */
  webSocket = false

  readonly #words = new HeadWords(new Head(LINE_END, 0))
  readonly #path = new ByteBuffer(1024)
  readonly #authority = new ByteBuffer(256)
  readonly #cookie = new ByteBuffer(1024)
  #head: Head = new Head(LINE_END, 0)
  #limits: HeadLimits = { headBytesMax: 0, fieldLinesMax: 0, targetBytesMax: 0 }
  #extendedConnect = false
  #pseudo = 0
  #isHttps = false
  #pseudoOver = false
  #cookies = 0
  #hosts = 0

  begin(head: Head, limits: HeadLimits, extendedConnect: boolean): void {
    this.refusal = ''
    this.reason = ''
    this.contentLength = -1
    this.priority = -1
    this.webSocket = false
    this.#words.begin(head)
    this.#path.length = 0
    this.#authority.length = 0
    this.#cookie.length = 0
    this.#head = head
    this.#limits = limits
    this.#extendedConnect = extendedConnect
    this.#pseudo = 0
    this.#isHttps = false
    this.#pseudoOver = false
    this.#cookies = 0
    this.#hosts = 0
    const facts = request
    facts.method = -1
    facts.methodStart = 0
    facts.versionMajor = 2
    facts.versionMinor = 1
    facts.form = ORIGIN_FORM
    facts.pathStart = 0
    facts.pathEnd = 0
    facts.hostStart = 0
    facts.hostEnd = 0
    facts.framing = NO_CONTENT
    facts.keepAlive = true
    facts.idempotent = false
    facts.upgrade = false
    facts.expectContinue = false
    facts.acceptsTrailers = false
    facts.nominated = null
  }

  #refuse(refusal: HeadRefusal, reason: string): void {
    if (this.refusal !== '') return
    this.refusal = refusal
    this.reason = reason
  }

  onMove(): void {
    this.#words.settle()
  }

  /** @hotpath */
  onField(bytes: Buffer, start: number, nameLength: number, valueLength: number, kind: number): void {
    if (this.refusal !== '') return
    if (kind >= BAD_NAME) {
      this.#refuse(
        'request_malformed',
        (kind & BAD_NAME) !== 0 ? 'a field name is not valid' : 'a field value is not valid',
      )
      return
    }
    const valueStart = start + nameLength + 2
    const what = kind & KIND_MASK
    if (what >= METHOD && what <= UNKNOWN_PSEUDO) {
      this.#onPseudo(bytes, valueStart, valueStart + valueLength, what)
      return
    }
    if (!this.#pseudoOver) {
      this.#pseudoOver = true
      this.#writeRequestLine()
      if (this.refusal !== '') return
    }
    if (what !== OTHER_FIELD && !this.#takeKnown(bytes, valueStart, valueStart + valueLength, what)) return
    const { headBytesMax, fieldLinesMax } = this.#limits
    if (this.#words.length + nameLength + valueLength + 6 > headBytesMax) {
      this.#refuse('request_head_too_large', 'the head is too large')
      return
    }
    const id = what < METHOD ? what : OTHER_FIELD
    if (!this.#words.addLine(bytes, start, nameLength, valueLength, id, fieldLinesMax)) {
      this.#refuse('request_head_too_large', 'the head has too many field lines')
    }
  }

  #onPseudo(bytes: Buffer, start: number, end: number, kind: number): void {
    if (this.#pseudoOver) {
      this.#refuse('request_malformed', 'a pseudo-field stands behind a field')
      return
    }
    let bit = 0
    switch (kind) {
      case METHOD:
        bit = HAS_METHOD
        this.#takeMethod(bytes, start, end)
        break
      case SCHEME:
        bit = HAS_SCHEME
        this.#isHttps = isToken(bytes, start, end, HTTPS)
        if (!this.#isHttps && !isToken(bytes, start, end, HTTP)) {
          this.#refuse('request_malformed', ':scheme is neither http nor https')
        }
        break
      case AUTHORITY:
        bit = HAS_AUTHORITY
        if (!isHost(bytes, start, end)) this.#refuse('request_malformed', ':authority is not valid')
        this.#authority.length = 0
        this.#authority.copy(bytes, start, end)
        break
      case PATH:
        bit = HAS_PATH
        this.#takePath(bytes, start, end)
        break
      case PROTOCOL:
        bit = HAS_PROTOCOL
        if (!this.#extendedConnect) this.#refuse('request_malformed', ':protocol is not allowed by our SETTINGS')
        this.webSocket = isToken(bytes, start, end, WEBSOCKET)
        break
      case STATUS:
        this.#refuse('request_malformed', ':status in a request')
        break
      default:
        this.#refuse('request_malformed', 'a pseudo-field is not known')
    }
    if ((this.#pseudo & bit) !== 0) this.#refuse('request_malformed', 'a pseudo-field is repeated')
    this.#pseudo |= bit
  }

  #takeMethod(bytes: Buffer, start: number, end: number): void {
    const facts = request
    if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) {
      facts.method = GET
      return
    }
    const method = bytes.latin1Slice(start, end)
    facts.method = methodNumber(method)
    if (facts.method >= 0) return
    if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) this.#refuse('request_method_unknown', 'the method is not known')
    else this.#refuse('request_malformed', ':method is not valid')
  }

  #takePath(bytes: Buffer, start: number, end: number): void {
    if (end - start > this.#limits.targetBytesMax) {
      this.#refuse('request_target_too_long', ':path is too long')
      return
    }
    const isAsterisk = end - start === 1 && bytes[start] === ASTERISK
    if (!isPath(bytes, start, end) || (bytes[start] !== SLASH && !isAsterisk)) {
      this.#refuse('request_malformed', ':path is not valid')
    }
    this.#path.length = 0
    this.#path.copy(bytes, start, end)
  }

  /** The pseudo-fields are over. */
  #writeRequestLine(): void {
    const pseudo = this.#pseudo
    const facts = request
    if (!this.#checkPseudo()) return
    const head = this.#head
    const words = this.#words
    if (this.webSocket) facts.method = GET
    const method = METHOD_WORDS[facts.method] as Buffer
    words.add(method, 0, method.length)
    head.targetStart = words.length
    words.add(this.#path.bytes, 0, this.#path.length)
    head.targetEnd = words.length
    facts.pathStart = head.targetStart
    facts.pathEnd = head.targetEnd
    facts.idempotent = IDEMPOTENT.has(facts.method)
    if ((pseudo & HAS_AUTHORITY) === 0) {
      words.add(VERSION_LINE, 0, VERSION_LINE.length)
    } else {
      words.add(HOST_LINE, 0, HOST_LINE.length)
      this.#addHost()
    }
    if (words.length > this.#limits.headBytesMax) this.#refuse('request_head_too_large', 'the head is too large')
    if (this.webSocket) this.#addUpgrade()
  }

  /** RFC 9113, sections 8.3.1 and 8.5; RFC 8441, section 4. */
  #checkPseudo(): boolean {
    const pseudo = this.#pseudo
    const facts = request
    if ((pseudo & HAS_METHOD) === 0) {
      this.#refuse('request_malformed', 'there is no :method')
    } else if ((pseudo & HAS_PROTOCOL) !== 0) {
      const all = HAS_METHOD | HAS_SCHEME | HAS_AUTHORITY | HAS_PATH | HAS_PROTOCOL
      if (facts.method !== CONNECT || pseudo !== all) {
        this.#refuse('request_malformed', ':protocol goes with CONNECT, :scheme, :authority and :path')
      } else if (this.#path.bytes[0] === ASTERISK) {
        this.#refuse('request_malformed', ':path * goes with OPTIONS alone')
      } else if (!this.webSocket) {
        this.#refuse('request_method_unknown', 'the :protocol is not known')
      }
    } else if (facts.method === CONNECT) {
      if (pseudo !== (HAS_METHOD | HAS_AUTHORITY))
        this.#refuse('request_malformed', 'CONNECT goes with :authority alone')
      else this.#refuse('request_method_unknown', 'CONNECT is not for a gateway')
    } else if ((pseudo & HAS_SCHEME) === 0) {
      this.#refuse('request_malformed', 'there is no :scheme')
    } else if ((pseudo & HAS_PATH) === 0) {
      this.#refuse('request_malformed', 'there is no :path')
    } else if (this.#path.bytes[0] === ASTERISK) {
      if (facts.method !== OPTIONS) this.#refuse('request_malformed', ':path * goes with OPTIONS alone')
      facts.form = ASTERISK_FORM
    }
    return this.refusal === ''
  }

  #addHost(): void {
    const words = this.#words
    const facts = request
    const start = words.length
    words.add(this.#authority.bytes, 0, this.#authority.length)
    words.add(LINE_END, 0, 2)
    facts.hostStart = start
    facts.hostEnd = words.length - 2
    this.#head.addLine(start - 6, start - 2, start, words.length - 2, HOST)
  }

  /** The words of an upgrade (RFC 6455, section 4.1), of which HTTP/2 has none. `Connection` is for who sends them. */
  #addUpgrade(): void {
    request.upgrade = true
    this.#words.addLine(UPGRADE_LINE, 0, 7, 9, UPGRADE, Number.MAX_SAFE_INTEGER)
    const key = Buffer.from(`sec-websocket-key: ${makeWebSocketKey()}\r\n`, 'latin1')
    this.#words.addLine(key, 0, 17, key.length - 21, OTHER_FIELD, Number.MAX_SAFE_INTEGER)
  }

  /** Looks at a field that has a meaning for us; false where its line does not go into the words. */
  #takeKnown(bytes: Buffer, start: number, end: number, kind: number): boolean {
    const facts = request
    switch (kind) {
      case COOKIE:
        this.#addCookie(bytes, start, end)
        return false
      case HOST:
        return this.#takeHost(bytes, start, end)
      case CONTENT_LENGTH:
        this.#takeContentLength(bytes, start, end)
        return this.refusal === ''
      case PRIORITY_FIELD:
        this.priority = readPriority(bytes, start, end)
        return true
      case TE:
        if (!isToken(bytes, start, end, TRAILERS)) this.#refuse('request_malformed', 'te is other than trailers')
        facts.acceptsTrailers = true
        return this.refusal === ''
      case EXPECT:
        if (!isToken(bytes, start, end, CONTINUE)) this.#refuse('request_expectation', 'the expectation is not known')
        facts.expectContinue = true
        return this.refusal === ''
      case CONNECTION:
      case KEEP_ALIVE:
      case PROXY_CONNECTION:
      case TRANSFER_ENCODING:
      case UPGRADE:
        this.#refuse('request_malformed', 'a field is of a connection of HTTP/1.1')
        return false
      case WEBSOCKET_KEY:
        return !this.webSocket
    }
    return true
  }

  /** Only where there is no :authority; else it has to say the same (RFC 9113, section 8.3.1). */
  #takeHost(bytes: Buffer, start: number, end: number): boolean {
    this.#hosts += 1
    if (this.#hosts > 1) {
      this.#refuse('request_malformed', 'host is repeated')
      return false
    }
    if ((this.#pseudo & HAS_AUTHORITY) !== 0) {
      if (!this.#isAuthority(bytes, start, end)) this.#refuse('request_malformed', 'host is other than :authority')
      return false
    }
    if (!isHost(bytes, start, end)) {
      this.#refuse('request_malformed', 'host is not valid')
      return false
    }
    request.hostStart = this.#words.length + 6
    request.hostEnd = request.hostStart + end - start
    return true
  }

  /** The same host, whatever its case, and the same port, whether the default one is written out or not. */
  #isAuthority(bytes: Buffer, start: number, end: number): boolean {
    const { bytes: authority, length } = this.#authority
    const isHttps = this.#isHttps
    const wanted = authority.subarray(0, endBeforeDefaultPort(authority, 0, length, isHttps))
    return isHost(bytes, start, end) && isToken(bytes, start, endBeforeDefaultPort(bytes, start, end, isHttps), wanted)
  }

  #takeContentLength(bytes: Buffer, start: number, end: number): void {
    if (this.contentLength >= 0) {
      this.#refuse('request_malformed', 'content-length is repeated')
      return
    }
    this.contentLength = readDigits(bytes, start, end)
    if (this.contentLength === NOT_DIGITS) this.#refuse('request_malformed', 'content-length is not valid')
    else if (this.contentLength < 0) this.#refuse('request_content_too_large', 'content-length is too large')
  }

  /** Crumbs become one line again (RFC 9113, section 8.2.3), which is added when all have come. */
  #addCookie(bytes: Buffer, start: number, end: number): void {
    const cookie = this.#cookie
    this.#cookies += 1
    if (this.#cookies > 1) cookie.text('; ')
    else cookie.copy(COOKIE_NAME, 0, COOKIE_NAME.length)
    cookie.copy(bytes, start, end)
    if (this.#cookies > COOKIES_MAX || this.#words.length + cookie.length > this.#limits.headBytesMax) {
      this.#refuse('request_head_too_large', 'the head is too large')
    }
  }

  /** The block is whole. */
  finish(endStream: boolean): void {
    if (this.refusal === '' && !this.#pseudoOver) this.#writeRequestLine()
    if (this.refusal !== '') return
    const facts = request
    const words = this.#words
    const linesMax = this.#limits.fieldLinesMax
    if (facts.hostEnd === 0) this.#refuse('request_malformed', 'there is neither :authority nor host')
    this.#judgeContent(endStream)
    let fits = true
    if (this.#cookies > 0) {
      const cookie = this.#cookie
      cookie.lineEnd()
      fits = words.addLine(cookie.bytes, 0, 6, cookie.length - 10, OTHER_FIELD, linesMax)
    }
    if (endStream && this.contentLength < 0 && hasContentByNature(facts.method)) {
      fits = words.addLine(EMPTY_CONTENT, 0, 14, 1, CONTENT_LENGTH, linesMax) && fits
    }
    if (!fits) this.#refuse('request_head_too_large', 'the head has too many field lines')
    words.finish()
    if (words.length > this.#limits.headBytesMax) this.#refuse('request_head_too_large', 'the head is too large')
  }

  #judgeContent(endStream: boolean): void {
    const facts = request
    if (this.webSocket) {
      if (this.contentLength >= 0) this.#refuse('request_malformed', 'an upgrade has no content')
    } else if (endStream) {
      if (this.contentLength > 0)
        this.#refuse('request_malformed', 'the content that content-length tells of is not there')
    } else {
      facts.framing = this.contentLength >= 0 ? LENGTH_CONTENT : CHUNKED_CONTENT
    }
  }
}

/** What the last `decodeRequest` found: shared by all connections of the thread, as `request` is. */
export const decodedRequest: RequestSink = new RequestSink()

/**
 * Fills `head`, `request` and `decodedRequest`. Gives 0, or the error that ends the connection. `head` is valid until the next
 * call, and only where nothing is refused. `extendedConnect`: our SETTINGS allow extended CONNECT. @hotpath
 */
export function decodeRequest(
  hpack: HpackDecoder,
  bytes: Buffer,
  start: number,
  end: number,
  endStream: boolean,
  head: Head,
  limits: HeadLimits,
  extendedConnect: boolean,
): number {
  const sink = decodedRequest
  sink.begin(head, limits, extendedConnect)
  const error = hpack.decode(bytes, start, end, sink)
  if (error !== 0) return error
  sink.finish(endStream)
  return 0
}

/** POST, PUT and PATCH: a message without content says so (RFC 9110, section 8.6). */
function hasContentByNature(method: number): boolean {
  return method === POST || method === PUT || method === PATCH
}

/** The bytes that are taken in a target of HTTP/1.1: visible ones of ASCII; and no fragment. */
function isPath(bytes: Buffer, start: number, end: number): boolean {
  if (start === end) return false
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number
    if (byte <= 0x20 || byte >= 0x7f || byte === HASH) return false
  }
  return true
}
