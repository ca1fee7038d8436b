/** What a proxy has to know of a response head, and whether it may be passed on. */
import { CONNECTION, CONTENT_LENGTH, identifyField, KEEP_ALIVE, TRANSFER_ENCODING, UPGRADE } from './field-names.ts'
import { CHUNKED_CONTENT, CLOSE_DELIMITED, LENGTH_CONTENT, LENGTH_DIGITS_MAX, NO_CONTENT } from './framing.ts'
import { CLOSE, type Head, KEEP_ALIVE_OPTION } from './head.ts'

export { CHUNKED_CONTENT, CLOSE_DELIMITED, LENGTH_CONTENT, NO_CONTENT } from './framing.ts'

/** What a parser knows of the status line, without reading it again. */
export interface StatusLine {
  readonly statusCode: number
  readonly versionMinor: number
  /** It answers HEAD. */
  readonly skipContent: boolean
}

export class ResponseFacts {
  status = 0
  versionMinor = 1
  /** How the content ends on the upstream connection: one of `framing.ts`. */
  framing = NO_CONTENT
  /** The origin keeps the connection: it says so or HTTP/1.1 implies it, and the content's end is not the connection's. */
  keepAlive = true
  upgrade = false
  /** Seconds that the origin keeps the connection (`Keep-Alive: timeout=N`); -1 where it does not say. */
  keepAliveSeconds = -1
  /** Lower-case names that `Connection` nominates; `null` where it names none. */
  nominated: string[] | null = null
}

/** The facts of the last head that `readResponse` was given: shared by all connections of the thread. */
export const response: ResponseFacts = new ResponseFacts()

const SPACE = 0x20
const VERSION = Buffer.from('HTTP/1.', 'latin1')

/** Fills `response` and the identifiers of `head`; false when the head must not be passed on. @hotpath */
export function readResponse(head: Head, line: StatusLine): boolean {
  const facts = response
  facts.status = line.statusCode
  facts.versionMinor = line.versionMinor
  facts.framing = CLOSE_DELIMITED
  facts.keepAlive = facts.versionMinor === 1
  facts.upgrade = false
  facts.keepAliveSeconds = -1
  facts.nominated = null
  // An empty line before a status line is not allowed for, nor is any other version.
  if (!isStatusLine(head)) return false
  if (facts.status < 100 || facts.status > 599) return false
  let codings = 0
  let close = false
  const count = head.fieldCount
  for (let index = 0; index < count; index += 1) {
    const id = identifyField(head.bytes, head.base + head.nameStart(index), head.base + head.nameEnd(index))
    if (id === 0) continue
    head.ids[index] = id
    switch (id) {
      case CONTENT_LENGTH:
        if (head.valueEnd(index) - head.valueStart(index) > LENGTH_DIGITS_MAX) return false
        facts.framing = LENGTH_CONTENT
        break
      case TRANSFER_ENCODING:
        codings += 1
        if (head.value(index).toLowerCase() !== 'chunked') return false
        facts.framing = CHUNKED_CONTENT
        break
      case CONNECTION:
        if (head.valueIs(index, KEEP_ALIVE_OPTION)) facts.keepAlive = true
        else if (head.valueIs(index, CLOSE)) close = true
        else close = readConnection(head.value(index), facts) || close
        break
      case KEEP_ALIVE:
        facts.keepAliveSeconds = readKeepAlive(head.value(index))
        break
      case UPGRADE:
        facts.upgrade = true
        break
    }
  }
  if (codings > 1 || (codings === 1 && facts.versionMinor === 0)) return false
  if (line.skipContent || facts.status < 200 || facts.status === 204 || facts.status === 304) facts.framing = NO_CONTENT
  if (close || facts.framing === CLOSE_DELIMITED) facts.keepAlive = false
  return true
}

/**
 * `HTTP/1.x SP 3DIGIT`, a reason behind a space or none, CRLF (RFC 9112, section 4): llhttp takes control characters in
 * the reason, other bytes before it and a second CR behind it. @hotpath
 */
function isStatusLine(head: Head): boolean {
  for (let index = 0; index < VERSION.length; index += 1) {
    if (head.byte(index) !== VERSION[index]) return false
  }
  const end = (head.fieldCount > 0 ? head.nameStart(0) : head.length - 2) - 2
  if (head.byte(8) !== SPACE || head.byte(end) !== 0x0d || head.byte(end + 1) !== 0x0a) return false
  if (end !== 12 && (end < 12 || head.byte(12) !== SPACE)) return false
  for (let at = 13; at < end; at += 1) {
    const byte = head.byte(at)
    if ((byte < SPACE && byte !== 0x09) || byte === 0x7f) return false
  }
  return true
}

/** Answers whether `close` is among the options, which wins over `keep-alive` (RFC 9112, section 9.3). */
function readConnection(value: string, facts: ResponseFacts): boolean {
  let close = false
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase()
    if (option === 'close') close = true
    else if (option === 'keep-alive') facts.keepAlive = true
    if (option === '' || option === 'close' || option === 'keep-alive' || option === 'upgrade') continue
    if (option === 'content-length' || option === 'transfer-encoding') continue
    facts.nominated ??= []
    facts.nominated.push(option)
  }
  return close
}

function readKeepAlive(value: string): number {
  const match = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,9})/i.exec(value)
  return match === null ? -1 : Number(match[1])
}
