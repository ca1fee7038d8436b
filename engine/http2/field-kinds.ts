/**
 * What a field line of HTTP/2 is, as one small integer, worked out once where a line enters a table: whoever reads a line
 * from there later need not look at its bytes again.
 */
import { identifyField, matchesLowerCase } from '../http/field-names.ts'

/** Below it: the identifiers of `field-names.ts`. */
export const METHOD = 32
export const SCHEME = 33
export const AUTHORITY = 34
export const PATH = 35
export const STATUS = 36
export const PROTOCOL = 37
export const UNKNOWN_PSEUDO = 38
export const COOKIE = 39
export const PRIORITY_FIELD = 40
export const WEBSOCKET_KEY = 41
export const KIND_MASK = 0x3f

/** The name is no token in lower case (RFC 9113, section 8.2.1), or is empty. */
export const BAD_NAME = 0x40
/** The value has control characters in it, or begins or ends with whitespace. */
export const BAD_VALUE = 0x80

const COLON = 0x3a

/** 1 where a byte may stand in a name: tokens (RFC 9110, section 5.6.2) without capitals. */
const NAME_BYTE = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") NAME_BYTE[character.charCodeAt(0)] = 1

/** 1 where a byte may stand in a value (RFC 9110, section 5.5): no control characters but the tab. */
const VALUE_BYTE = new Uint8Array(256).fill(1, 0x20)
VALUE_BYTE[0x09] = 1
VALUE_BYTE[0x7f] = 0

const PSEUDO: readonly (readonly [name: Uint8Array, kind: number])[] = [
  [Buffer.from(':method'), METHOD],
  [Buffer.from(':scheme'), SCHEME],
  [Buffer.from(':authority'), AUTHORITY],
  [Buffer.from(':path'), PATH],
  [Buffer.from(':status'), STATUS],
  [Buffer.from(':protocol'), PROTOCOL],
]

const COOKIE_NAME = Buffer.from('cookie')
const PRIORITY_NAME = Buffer.from('priority')
const WEBSOCKET_KEY_NAME = Buffer.from('sec-websocket-key')

/** The kind of the field whose name and value lie at these places, with the bits of what is wrong with it. @hotpath */
export function kindOfField(
  bytes: Uint8Array,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): number {
  const flaw = isFieldValue(bytes, valueStart, valueEnd) ? 0 : BAD_VALUE
  if (nameStart === nameEnd) return flaw | BAD_NAME
  if (bytes[nameStart] === COLON) return flaw | pseudoKind(bytes, nameStart, nameEnd)
  for (let at = nameStart; at < nameEnd; at += 1) {
    if (NAME_BYTE[bytes[at] as number] === 0) return flaw | BAD_NAME
  }
  const id = identifyField(bytes, nameStart, nameEnd)
  return flaw | (id === 0 ? specialKind(bytes, nameStart, nameEnd) : id)
}

/** @hotpath */
export function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true
  if (isBlank(bytes[start] as number) || isBlank(bytes[end - 1] as number)) return false
  for (let at = start; at < end; at += 1) {
    if (VALUE_BYTE[bytes[at] as number] === 0) return false
  }
  return true
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

function specialKind(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 6:
      return matchesLowerCase(bytes, start, COOKIE_NAME) ? COOKIE : 0
    case 8:
      return matchesLowerCase(bytes, start, PRIORITY_NAME) ? PRIORITY_FIELD : 0
    case 17:
      return matchesLowerCase(bytes, start, WEBSOCKET_KEY_NAME) ? WEBSOCKET_KEY : 0
  }
  return 0
}

function pseudoKind(bytes: Uint8Array, start: number, end: number): number {
  for (const [name, kind] of PSEUDO) {
    if (name.length === end - start && isSame(bytes, start, name)) return kind
  }
  return UNKNOWN_PSEUDO
}

function isSame(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name[index]) return false
  }
  return true
}
