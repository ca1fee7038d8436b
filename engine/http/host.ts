/** Checks `Host` and authorities: `uri-host [ ":" port ]` (RFC 9110, section 7.2), neither empty nor with user information. */

const NAME_BYTE = new Uint8Array(256)
for (const character of "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~%!$&'()*+;=") {
  NAME_BYTE[character.charCodeAt(0)] = 1
}

const PERCENT = 0x25
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Names have 253 characters at most (RFC 1035, section 2.3.4), ports five; one dot may end the name. Past it: no host. */
const HOST_BYTES_MAX = 260

/** @hotpath */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || end - start > HOST_BYTES_MAX) return false
  let at = start
  if (bytes[at] === OPEN_BRACKET) {
    at = addressEnd(bytes, start, end)
    if (at < 0) return false
  } else {
    while (at < end && NAME_BYTE[bytes[at] as number] === 1) {
      if (bytes[at] === PERCENT && !isEncoded(bytes, at, end)) return false
      at += 1
    }
    if (at === start) return false
  }
  return at === end || (bytes[at] === COLON && isPort(bytes, at + 1, end))
}

/** `%` and two hexadecimal digits. */
function isEncoded(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 2 < end && isHexadecimal(bytes[at + 1] as number) && isHexadecimal(bytes[at + 2] as number)
}

function isHexadecimal(byte: number): boolean {
  const lower = byte | 0x20
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66)
}

/** Position behind the closing bracket of an IP literal, or -1. */
function addressEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1
  while (at < end && bytes[at] !== CLOSE_BRACKET) {
    const byte = bytes[at] as number
    if (!isHexadecimal(byte) && byte !== COLON && byte !== 0x2e) return -1
    at += 1
  }
  return at === end || at < start + 3 ? -1 : at + 1
}

/** Digits up to 65535, or nothing (RFC 3986 allows an empty port). */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number
    if (!isDigit(byte)) return false
    port = port * 10 + byte - 0x30
    if (port > 65_535) return false
  }
  return true
}

/**
 * Where a valid host ends without a port that goes without saying: an empty one, or the default of the scheme (RFC 3986,
 * section 6.2.3).
 */
export function endBeforeDefaultPort(bytes: Uint8Array, start: number, end: number, isHttps: boolean): number {
  let at = end
  while (at > start && isDigit(bytes[at - 1] as number)) at -= 1
  if (at === start || bytes[at - 1] !== COLON) return end
  let port = 0
  for (let index = at; index < end; index += 1) port = port * 10 + (bytes[index] as number) - 0x30
  return at === end || port === (isHttps ? 443 : 80) ? at - 1 : end
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
