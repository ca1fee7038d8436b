/**
 * What a proxy has to know of a request head, and whether it may be taken at all. llhttp has checked the lines (tokens,
 * CRLF, no folding, one `Content-Length`, not both framings); the checks here are those that need the meaning.
 */
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  HTTP2_SETTINGS,
  identifyField,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.ts'
import { CHUNKED_CONTENT, LENGTH_CONTENT, LENGTH_DIGITS_MAX, NO_CONTENT } from './framing.ts'
import { CLOSE, type Head, KEEP_ALIVE_OPTION } from './head.ts'
import { isHost } from './host.ts'

export { CHUNKED_CONTENT, LENGTH_CONTENT, NO_CONTENT } from './framing.ts'

export const METHOD_HEAD = 2
export const METHOD_POST = 3
const METHOD_CONNECT = 5
const METHOD_OPTIONS = 6

/** llhttp's numbers of the methods that may be sent twice (RFC 9110, section 9.2.2): DELETE GET HEAD PUT OPTIONS TRACE. */
export const IDEMPOTENT: ReadonlySet<number> = new Set([0, 1, METHOD_HEAD, 4, METHOD_OPTIONS, 7])

export const ORIGIN_FORM = 0
export const ABSOLUTE_FORM = 1
export const ASTERISK_FORM = 2

/** Refusals, as the catalogue of errors names them. */
export type RequestRefusal =
  | ''
  | 'request_malformed'
  | 'request_version'
  | 'request_method_unknown'
  | 'request_coding_unknown'
  | 'request_expectation'
  | 'request_content_too_large'

/** What a parser knows of the request line, without reading it again. */
export interface RequestLine {
  /** llhttp's number. */
  readonly method: number
  readonly versionMajor: number
  readonly versionMinor: number
  readonly keepAlive: boolean
}

export class RequestFacts {
  method = 0
  /** Position of the method: behind the empty line that may precede a request line. */
  methodStart = 0
  /** 2 for a request that came over HTTP/2, whose head was put into the words of HTTP/1.1; else 1. */
  versionMajor = 1
  /** Of the head's words: 1 for HTTP/2. */
  versionMinor = 1
  form = ORIGIN_FORM
  /** The target in origin form, as it goes upstream; `pathStart === pathEnd` stands for an empty path. */
  pathStart = 0
  pathEnd = 0
  /** The effective host: of `Host`, or of an absolute-form target, which overrides it (RFC 9112, section 3.2.2). */
  hostStart = 0
  hostEnd = 0
  framing = NO_CONTENT
  keepAlive = true
  idempotent = false
  /** `Connection: upgrade` with an `Upgrade` that may be asked for. */
  upgrade = false
  expectContinue = false
  acceptsTrailers = false
  /** Lower-case names that the client's `Connection` nominates; `null` where it names none that matter. */
  nominated: string[] | null = null
}

/** The facts of the last head that `readRequest` was given: shared by all connections of the thread. */
export const request: RequestFacts = new RequestFacts()

/** Fills `request` and the identifiers of `head`. @hotpath */
export function readRequest(head: Head, line: RequestLine): RequestRefusal {
  const facts = request
  facts.method = line.method
  facts.versionMajor = 1
  facts.versionMinor = line.versionMinor
  facts.form = ORIGIN_FORM
  facts.pathStart = head.targetStart
  facts.pathEnd = head.targetEnd
  facts.hostStart = 0
  facts.hostEnd = 0
  facts.framing = NO_CONTENT
  facts.keepAlive = line.keepAlive
  facts.idempotent = IDEMPOTENT.has(facts.method)
  facts.upgrade = false
  facts.expectContinue = false
  facts.acceptsTrailers = false
  facts.nominated = null
  const refusal = readRequestLine(head, facts, line.versionMajor)
  if (refusal !== '') return refusal
  const fields = readFields(head, facts)
  if (fields !== '') return fields
  if (facts.upgrade && facts.framing !== NO_CONTENT) return 'request_malformed'
  return readTarget(head, facts)
}

const SPACE = 0x20
const HTTP_VERSION = Buffer.from(' HTTP/1.', 'latin1')

/** One space, target, one space, version: llhttp lets more spaces pass, and a line without a version. */
function readRequestLine(head: Head, facts: RequestFacts, versionMajor: number): RequestRefusal {
  let start = head.targetStart - 1
  if (head.byte(start) !== SPACE) return 'request_malformed'
  while (start > 0 && head.byte(start - 1) > SPACE) start -= 1
  facts.methodStart = start
  if (start !== 0 && (start !== 2 || head.byte(0) !== 0x0d || head.byte(1) !== 0x0a)) return 'request_malformed'
  const end = head.targetEnd
  if (versionMajor !== 1) return isForeignVersion(head, end) ? 'request_version' : 'request_malformed'
  for (let index = 0; index < HTTP_VERSION.length; index += 1) {
    if (head.byte(end + index) !== HTTP_VERSION[index]) return 'request_malformed'
  }
  return ''
}

/** ` HTTP/2.0` and the like behind the target, as against no version at all. */
function isForeignVersion(head: Head, targetEnd: number): boolean {
  return /^ HTTP\/\d\.\d\r\n$/.test(head.text(targetEnd, targetEnd + 11))
}

function readFields(head: Head, facts: RequestFacts): RequestRefusal {
  let hosts = 0
  let codings = 0
  let upgradeField = false
  let http2 = false
  let connectionUpgrade = false
  const count = head.fieldCount
  const bytes = head.bytes
  const base = head.base
  for (let index = 0; index < count; index += 1) {
    const id = identifyField(bytes, base + head.nameStart(index), base + head.nameEnd(index))
    if (id === 0) continue
    head.ids[index] = id
    switch (id) {
      case HOST:
        hosts += 1
        facts.hostStart = head.valueStart(index)
        facts.hostEnd = head.valueEnd(index)
        break
      case CONTENT_LENGTH:
        if (head.valueEnd(index) - head.valueStart(index) > LENGTH_DIGITS_MAX) return 'request_content_too_large'
        facts.framing = LENGTH_CONTENT
        break
      case TRANSFER_ENCODING: {
        codings += 1
        const coding = head.value(index).toLowerCase()
        if (coding !== 'chunked') return refuseCoding(coding)
        facts.framing = CHUNKED_CONTENT
        break
      }
      case CONNECTION:
        // The two values that nearly every request carries. llhttp misses `close` before a tab, and beside `keep-alive`.
        if (head.valueIs(index, KEEP_ALIVE_OPTION)) break
        if (head.valueIs(index, CLOSE)) {
          facts.keepAlive = false
          break
        }
        connectionUpgrade = readConnection(head.value(index), facts) || connectionUpgrade
        break
      case UPGRADE:
        upgradeField = true
        http2 = http2 || /(^|[,\s])h2c?([,\s]|$)/i.test(head.value(index))
        break
      case HTTP2_SETTINGS:
        http2 = true
        break
      case TE:
        facts.acceptsTrailers = facts.acceptsTrailers || /(^|[,\s])trailers([,;\s]|$)/i.test(head.value(index))
        break
      case EXPECT:
        if (facts.versionMinor === 0) break
        if (head.value(index).toLowerCase() !== '100-continue') return 'request_expectation'
        facts.expectContinue = true
        break
    }
  }
  if (hosts > 1 || (hosts === 0 && facts.versionMinor === 1)) return 'request_malformed'
  if (hosts === 1 && !isHost(bytes, base + facts.hostStart, base + facts.hostEnd)) return 'request_malformed'
  // Two lines of Transfer-Encoding make a list with chunked applied twice; HTTP/1.0 has no transfer codings.
  if (codings > 1 || (codings === 1 && facts.versionMinor === 0)) return 'request_malformed'
  facts.upgrade = upgradeField && connectionUpgrade && !http2 && facts.versionMinor === 1
  return ''
}

/** A coding before a final `chunked` could be known to somebody else: 501. Anything else cannot frame a request: 400. */
function refuseCoding(value: string): RequestRefusal {
  const codings = value.split(',').map(coding => coding.trim())
  const wellFormed = codings.every(coding => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(coding))
  const chunks = codings.filter(coding => coding === 'chunked').length
  if (wellFormed && chunks === 1 && codings.at(-1) === 'chunked') return 'request_coding_unknown'
  return 'request_malformed'
}

/** Names of `Connection` that must not be taken away by nominating them: framing, routing and what we add ourselves. */
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  'close',
  'keep-alive',
  'upgrade',
  'te',
  'host',
  'content-length',
  'transfer-encoding',
])

/** True when `upgrade` is among the options. */
function readConnection(value: string, facts: RequestFacts): boolean {
  let upgrade = false
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase()
    if (option === 'upgrade') upgrade = true
    else if (option === 'close') facts.keepAlive = false
    if (option === '' || NEVER_NOMINATED.has(option)) continue
    facts.nominated ??= []
    facts.nominated.push(option)
  }
  return upgrade
}

const SLASH = 0x2f
const ASTERISK = 0x2a
const HASH = 0x23

function readTarget(head: Head, facts: RequestFacts): RequestRefusal {
  if (facts.method === METHOD_CONNECT) return 'request_method_unknown'
  const start = head.targetStart
  const end = head.targetEnd
  for (let at = start; at < end; at += 1) {
    if (head.byte(at) === HASH) return 'request_malformed'
  }
  const first = head.byte(start)
  if (first === SLASH) return ''
  if (first === ASTERISK && end === start + 1) {
    facts.form = ASTERISK_FORM
    return facts.method === METHOD_OPTIONS ? '' : 'request_malformed'
  }
  return readAbsoluteForm(head, facts)
}

/** `http://authority/path?query` (RFC 9112, section 3.2.2): its authority stands for `Host`. */
function readAbsoluteForm(head: Head, facts: RequestFacts): RequestRefusal {
  const target = head.text(head.targetStart, head.targetEnd)
  const scheme = /^https?:\/\//i.exec(target)
  if (scheme === null) return 'request_malformed'
  const authorityStart = scheme[0].length
  let pathStart = authorityStart
  while (pathStart < target.length && target[pathStart] !== '/' && target[pathStart] !== '?') pathStart += 1
  facts.form = ABSOLUTE_FORM
  facts.hostStart = head.targetStart + authorityStart
  facts.hostEnd = head.targetStart + pathStart
  facts.pathStart = facts.hostEnd
  return isHost(head.bytes, head.base + facts.hostStart, head.base + facts.hostEnd) ? '' : 'request_malformed'
}
