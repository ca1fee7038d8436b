const PERCENT = 0x25
const DOT = 0x2e
const ZERO = 0x30
const COLON = 0x3a

/** Bytes of an address. */
export const IPV4_BYTES = 4
export const IPV6_BYTES = 16

/**
 * Writes the bytes of an IP address's text, and gives their number: 4, 16, or 0 for a text that is none. A zone (`%eth0`)
 * is no part of it. `bytes` has room for 16. @hotpath
 */
export function readAddress(text: string, bytes: Uint8Array): number {
  for (let at = 0; at < text.length && at <= 4; at += 1) {
    const code = text.charCodeAt(at)
    if (code === DOT) return readIpv4(text, 0, bytes, 0) === text.length ? IPV4_BYTES : 0
    if (code === COLON) return readIpv6(text, bytes)
  }
  return 0
}

/** Four decimal numbers into `bytes`, from `to` on. Gives where they end in the text; -1 for something else. */
function readIpv4(text: string, start: number, bytes: Uint8Array, to: number): number {
  let at = start
  for (let index = 0; index < IPV4_BYTES; index += 1) {
    if (index > 0) {
      if (text.charCodeAt(at) !== DOT) return -1
      at += 1
    }
    const first = at
    let value = 0
    for (; at < text.length && at < first + 3; at += 1) {
      const digit = text.charCodeAt(at) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at === first || value > 255) return -1
    bytes[to + index] = value
  }
  return at
}

function readIpv6(text: string, bytes: Uint8Array): number {
  let at = 0
  let length = 0
  /** Where `::` stands, in bytes. */
  let gap = -1
  while (at < text.length && text.charCodeAt(at) !== PERCENT) {
    if (text.charCodeAt(at) === COLON && text.charCodeAt(at + 1) === COLON) {
      if (gap >= 0) return 0
      gap = length
      at += 2
      continue
    }
    if (length > 0 && gap !== length) {
      if (text.charCodeAt(at) !== COLON) return 0
      at += 1
    }
    const first = at
    let group = 0
    for (let digit = hexOf(text, at); digit >= 0 && at < first + 4; digit = hexOf(text, at)) {
      group = group * 16 + digit
      at += 1
    }
    if (at === first) return 0
    if (at < text.length && text.charCodeAt(at) === DOT) {
      if (length > IPV6_BYTES - IPV4_BYTES) return 0
      at = readIpv4(text, first, bytes, length)
      if (at < 0 || (at < text.length && text.charCodeAt(at) !== PERCENT)) return 0
      length += IPV4_BYTES
      break
    }
    if (length === IPV6_BYTES) return 0
    bytes[length] = group >> 8
    bytes[length + 1] = group & 0xff
    length += 2
  }
  return fillGap(bytes, gap, length) ? IPV6_BYTES : 0
}

/** The value of a hexadecimal digit, or -1. */
function hexOf(text: string, at: number): number {
  if (at >= text.length) return -1
  const code = text.charCodeAt(at)
  if (code >= ZERO && code <= 0x39) return code - ZERO
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** What stands behind `::` goes to the end, zeros go between. False where the number of bytes is wrong. */
function fillGap(bytes: Uint8Array, gap: number, length: number): boolean {
  if (gap < 0) return length === IPV6_BYTES
  if (length === IPV6_BYTES) return false
  const behind = length - gap
  for (let index = 1; index <= behind; index += 1) bytes[IPV6_BYTES - index] = bytes[length - index] as number
  for (let index = gap; index < IPV6_BYTES - behind; index += 1) bytes[index] = 0
  return true
}
