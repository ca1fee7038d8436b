/**
 * What the first bytes of a connection are. A function of what has come so far: it says as soon as that is certain, and says
 * the same however many more have come by then.
 *
 *     16 03 .. .. .. 01                        a handshake of TLS (its ClientHello is read by engine/net/tls/client-hello.ts)
 *     PROXY TCP4 | PROXY TCP6 | PROXY UNKNOWN   PROXY protocol, version 1
 *     0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A       PROXY protocol, version 2
 *     PRI * HTTP/2.0                           HTTP/2 with prior knowledge (RFC 9113, section 3.4)
 *     token SP target SP HTTP/1.               HTTP/1 (RFC 9112, section 3), whatever the method
 */
import { beginsClientHello } from '../../net/tls/client-hello.ts'

/** Bytes that are looked at. What they do not say by then is `other`. */
export const FIRST_BYTES_MAX = 16 * 1024

/** Empty lines before a request. Past it: it is none. */
const EMPTY_LINES_MAX = 4

export type FirstBytesKind = 'http' | 'proxy' | 'tls' | 'other'

const PROXY_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const PROXY_LINES = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN'].map(text => Buffer.from(text, 'latin1'))
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0', 'latin1')
/** From here on nothing but a request may be open. */
const LONGEST_START = HTTP2_PREFACE.length
const HTTP1_VERSION = Buffer.from('HTTP/1.', 'latin1')

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const DELETE = 0x7f

/**
 * `null` as long as more has to come before it is certain. Of the first `seen` bytes that was said already: whoever sends them one by
 * one does not have all of them looked at each time.
 */
export function kindOf(received: Buffer, seen = 0): FirstBytesKind | null {
  const bytes = received.subarray(0, FIRST_BYTES_MAX)
  const kind = kindSoFar(bytes, seen < LONGEST_START ? 0 : seen)
  return kind === null && bytes.length === FIRST_BYTES_MAX ? 'other' : kind
}

function kindSoFar(bytes: Buffer, seen: number): FirstBytesKind | null {
  const isHello = beginsClientHello(bytes)
  if (isHello !== false) return isHello === true ? 'tls' : null
  let isOpen = false
  for (const line of PROXY_LINES) {
    const begins = beginsWith(bytes, 0, line)
    if (begins === true) return 'proxy'
    isOpen ||= begins === null
  }
  const hasSignature = beginsWith(bytes, 0, PROXY_SIGNATURE)
  if (hasSignature === true) return 'proxy'
  isOpen ||= hasSignature === null
  const isHttp = beginsHttp(bytes, seen)
  if (isHttp === true) return 'http'
  return isOpen || isHttp === null ? null : 'other'
}

/** `null` as long as it does as far as there is something. */
function beginsWith(bytes: Buffer, from: number, wanted: Buffer): boolean | null {
  const count = Math.min(bytes.length - from, wanted.length)
  // What is called for the rest costs more than most need.
  if (count > 0 && bytes[from] !== wanted[0]) return false
  if (bytes.compare(wanted, 0, count, from, from + count) !== 0) return false
  return count === wanted.length ? true : null
}

function beginsHttp(bytes: Buffer, seen: number): boolean | null {
  const start = afterEmptyLines(bytes)
  if (start < 0) return false
  const isPreface = beginsWith(bytes, start, HTTP2_PREFACE)
  if (isPreface !== false) return isPreface
  return beginsRequestLine(bytes, start, seen)
}

/** Servers ignore empty lines before a request line (RFC 9112, section 2.2). -1 where there are too many, or a CR is not that of one. */
function afterEmptyLines(bytes: Buffer): number {
  let at = 0
  for (let lines = 0; bytes[at] === CR; lines += 1) {
    if (lines === EMPTY_LINES_MAX || (at + 1 < bytes.length && bytes[at + 1] !== LF)) return -1
    at += 2
  }
  return Math.min(at, bytes.length)
}

function beginsRequestLine(bytes: Buffer, start: number, seen: number): boolean | null {
  const methodEnd = endOf(bytes, start, seen, isTokenByte)
  if (methodEnd === null) return null
  if (methodEnd < 0) return false
  const targetEnd = endOf(bytes, methodEnd + 1, seen, isTargetByte)
  if (targetEnd === null) return null
  if (targetEnd < 0) return false
  return beginsWith(bytes, targetEnd + 1, HTTP1_VERSION)
}

/** Where the space is behind a word that begins at `start`; `null` as long as none has come, -1 where it is no such word. */
function endOf(bytes: Buffer, start: number, seen: number, fits: (byte: number) => boolean): number | null {
  const space = bytes.indexOf(SPACE, start)
  const end = space < 0 ? bytes.length : space
  for (let at = Math.max(start, seen); at < end; at += 1) if (!fits(bytes[at] as number)) return -1
  if (space < 0) return null
  return space === start ? -1 : space
}

/** RFC 9110, section 5.6.2. */
const TOKEN_BYTES = new Uint8Array(256)
for (const text of ["!#$%&'*+-.^_`|~0123456789", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ']) {
  for (const byte of Buffer.from(text, 'latin1')) TOKEN_BYTES[byte] = 1
}

function isTokenByte(byte: number): boolean {
  return TOKEN_BYTES[byte] === 1
}

/** What no target has ends it: who reads the request decides about the rest. */
function isTargetByte(byte: number): boolean {
  return byte > SPACE && byte !== DELETE
}
