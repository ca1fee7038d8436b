/**
 * Heads in the words of HTTP/1.1, as `engine/http/head-writer.ts` writes them, become field blocks (RFC 9113, section 8).
 * What belongs to a connection of HTTP/1.1 is left out.
 */
import {
  CONNECTION,
  HOST,
  HTTP2_SETTINGS,
  identifyField,
  KEEP_ALIVE,
  matchesLowerCase,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from '../http/field-names.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import type { HpackEncoder } from './hpack-encoder.ts'
import { STATIC_ENTRIES, staticBytes, staticNameLengths, staticStarts } from './hpack-static.ts'

/** Lines that do not go into a field block. */
const RESPONSE_DROPS =
  (1 << CONNECTION) |
  (1 << KEEP_ALIVE) |
  (1 << PROXY_CONNECTION) |
  (1 << TRANSFER_ENCODING) |
  (1 << TE) |
  (1 << UPGRADE) |
  (1 << HTTP2_SETTINGS)

/** `Host` has become `:authority`; of `te` what may go is written anew. */
const REQUEST_DROPS = RESPONSE_DROPS | (1 << HOST)

const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
const CARRIAGE_RETURN = 0x0d

/** Indexes of the static table. */
const AUTHORITY = 1
const METHOD_GET = 2
const METHOD_POST = 3
const PATH = 4
const SCHEME_HTTP = 6
const SCHEME_HTTPS = 7
const STATUS = 8

const STATUS_INDEXES: ReadonlyMap<number, number> = new Map(
  STATIC_ENTRIES.flatMap(([name, value], at) => (name === ':status' ? [[Number(value), at + 1] as const] : [])),
)
const STATUS_OK = 200
const STATUS_SWITCHING = 101

const text = (words: string): Buffer => Buffer.from(words, 'latin1')
const TE_TRAILERS = text('tetrailers')
const CONNECT = text('CONNECT')
const PROTOCOL_WEBSOCKET = text(':protocolwebsocket')
const TRAILERS = text('trailers')
const WEBSOCKET = text('websocket')
const WEBSOCKET_KEY = text('sec-websocket-key')
const WEBSOCKET_ACCEPT = text('sec-websocket-accept')

/** The line that `nextLine` found last. */
let nameStart = 0
let nameEnd = 0
let valueStart = 0
let valueEnd = 0

/**
 * Reads the field line at `at`, without the whitespace around its value; gives where the next one begins, or -1 at the empty
 * line that ends the head. @hotpath
 */
function nextLine(words: Buffer, at: number): number {
  if (words[at] === CARRIAGE_RETURN) return -1
  nameStart = at
  nameEnd = find(words, at, COLON)
  let start = nameEnd + 1
  while (words[start] === SPACE || words[start] === TAB) start += 1
  let end = find(words, start, CARRIAGE_RETURN)
  if (end >= words.length) return -1
  const next = end + 2
  while (end > start && (words[end - 1] === SPACE || words[end - 1] === TAB)) end -= 1
  valueStart = start
  valueEnd = end
  return next
}

/** Where `byte` is found first, from `start` on. @hotpath */
function find(words: Buffer, start: number, byte: number): number {
  const { length } = words
  let at = start
  while (at < length && words[at] !== byte) at += 1
  return at
}

/**
 * The key of a WebSocket handshake, where the words from `start` on ask for one; else `null`. It is what tells that the request
 * has to become an extended CONNECT, and what the answer in words has to be made from.
 */
export function webSocketKeyOf(words: Buffer, start: number): string | null {
  let key: string | null = null
  let upgrade = false
  for (let at = nextLine(words, find(words, start, CARRIAGE_RETURN) + 2); at > 0; at = nextLine(words, at)) {
    const id = identifyField(words, nameStart, nameEnd)
    if (id === UPGRADE) upgrade = valueIs(words, WEBSOCKET)
    else if (nameIs(words, WEBSOCKET_KEY)) key = words.latin1Slice(valueStart, valueEnd)
  }
  return upgrade ? key : null
}

/**
 * Encodes the request head whose words begin at `start`; its target is in origin form or `*`. `extendedConnect`: it asks for a
 * WebSocket, and becomes an extended CONNECT (RFC 8441, section 5). Other upgrades are left out. @hotpath
 */
export function encodeRequest(
  encoder: HpackEncoder,
  out: ByteBuffer,
  words: Buffer,
  start: number,
  scheme: 'http' | 'https',
  extendedConnect = false,
): void {
  encoder.begin(out)
  const methodEnd = find(words, start, SPACE)
  const targetEnd = find(words, methodEnd + 1, SPACE)
  if (extendedConnect) {
    encodeNamed(encoder, out, METHOD_GET, CONNECT, 0, CONNECT.length)
    encoder.field(out, PROTOCOL_WEBSOCKET, 0, 9, PROTOCOL_WEBSOCKET, 9, PROTOCOL_WEBSOCKET.length)
  } else {
    encodeMethod(encoder, out, words, start, methodEnd)
  }
  encoder.indexed(out, scheme === 'https' ? SCHEME_HTTPS : SCHEME_HTTP)
  encodeNamed(encoder, out, PATH, words, methodEnd + 1, targetEnd)
  // Ends in ` HTTP/1.1`.
  const fieldsStart = find(words, targetEnd, CARRIAGE_RETURN) + 2
  encodeAuthority(encoder, out, words, fieldsStart)
  const dropped = extendedConnect ? WEBSOCKET_KEY : null
  for (let at = fieldsStart; at > 0; ) at = encodeLine(encoder, out, words, at, REQUEST_DROPS, dropped)
}

/**
 * Encodes the line at `at` unless it is one of those that do not go on; gives where the next one begins, or -1 behind the last.
 * A line that comes again as it did in the block before went on then, too. @hotpath
 */
function encodeLine(
  encoder: HpackEncoder,
  out: ByteBuffer,
  words: Buffer,
  at: number,
  drops: number,
  dropped: Buffer | null,
): number {
  if (dropped === null) {
    const behind = encoder.lineAgain(out, words, at)
    if (behind > 0) return behind
  }
  const next = nextLine(words, at)
  if (next < 0) return -1
  const id = identifyField(words, nameStart, nameEnd)
  if (id !== 0 && (drops & (1 << id)) !== 0) {
    if (id === TE && (drops & (1 << HOST)) !== 0 && hasTrailers(words)) {
      encoder.field(out, TE_TRAILERS, 0, 2, TE_TRAILERS, 2, TE_TRAILERS.length)
    }
  } else if (dropped === null || !nameIs(words, dropped)) {
    encoder.field(out, words, nameStart, nameEnd, words, valueStart, valueEnd)
  }
  return next
}

function encodeMethod(encoder: HpackEncoder, out: ByteBuffer, words: Buffer, start: number, end: number): void {
  const length = end - start
  if (length === 3 && words[start] === 0x47) encoder.indexed(out, METHOD_GET)
  else if (length === 4 && words[start] === 0x50 && words[start + 1] === 0x4f) encoder.indexed(out, METHOD_POST)
  else encodeNamed(encoder, out, METHOD_GET, words, start, end)
}

/** A pseudo-field whose name is that of a static line. */
function encodeNamed(
  encoder: HpackEncoder,
  out: ByteBuffer,
  index: number,
  values: Buffer,
  start: number,
  end: number,
): void {
  const name = staticStarts[index] as number
  encoder.field(out, staticBytes, name, name + (staticNameLengths[index] as number), values, start, end)
}

/** Pseudo-fields come first (RFC 9113, section 8.3), wherever `Host` stands in the words. */
function encodeAuthority(encoder: HpackEncoder, out: ByteBuffer, words: Buffer, fieldsStart: number): void {
  for (let at = nextLine(words, fieldsStart); at > 0; at = nextLine(words, at)) {
    if (nameEnd - nameStart !== 4 || identifyField(words, nameStart, nameEnd) !== HOST) continue
    encodeNamed(encoder, out, AUTHORITY, words, valueStart, valueEnd)
    return
  }
}

/**
 * Encodes the response head whose words begin at `start`; interim ones, too. A 101 becomes the 200 of an extended CONNECT
 * (RFC 8441, section 5). @hotpath
 */
export function encodeResponse(encoder: HpackEncoder, out: ByteBuffer, words: Buffer, start: number): void {
  encoder.begin(out)
  const told =
    ((words[start + 9] as number) - 0x30) * 100 +
    ((words[start + 10] as number) - 0x30) * 10 +
    ((words[start + 11] as number) - 0x30)
  const switches = told === STATUS_SWITCHING
  const status = switches ? STATUS_OK : told
  const index = STATUS_INDEXES.get(status)
  if (index !== undefined) encoder.indexed(out, index)
  else encodeNamed(encoder, out, STATUS, words, start + 9, start + 12)
  const dropped = switches ? WEBSOCKET_ACCEPT : null
  for (let at = find(words, start + 12, CARRIAGE_RETURN) + 2; at > 0; ) {
    at = encodeLine(encoder, out, words, at, RESPONSE_DROPS, dropped)
  }
}

/** Trailers are put together here. */
const trailerBytes = new ByteBuffer(512)

/** Encodes a trailer section given as name, value, name, value ..., in octets as Latin-1. */
export function encodeTrailers(encoder: HpackEncoder, out: ByteBuffer, trailers: readonly string[]): void {
  encoder.begin(out)
  for (let index = 0; index + 1 < trailers.length; index += 2) {
    const name = trailers[index] as string
    trailerBytes.length = 0
    trailerBytes.text(name)
    trailerBytes.text((trailers[index + 1] as string).replace(/^[ \t]+|[ \t]+$/g, ''))
    const { bytes, length } = trailerBytes
    encoder.field(out, bytes, 0, name.length, bytes, name.length, length)
  }
}

function nameIs(words: Buffer, lowerCase: Buffer): boolean {
  return nameEnd - nameStart === lowerCase.length && matchesLowerCase(words, nameStart, lowerCase)
}

function valueIs(words: Buffer, lowerCase: Buffer): boolean {
  return valueEnd - valueStart === lowerCase.length && matchesLowerCase(words, valueStart, lowerCase)
}

function hasTrailers(words: Buffer): boolean {
  if (valueIs(words, TRAILERS)) return true
  return /(^|[,\s])trailers([,;\s]|$)/i.test(words.latin1Slice(valueStart, valueEnd))
}
