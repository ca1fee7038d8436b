/**
 * Content in base64 (RFC 4648, section 4), decoded where it lies as it comes: each byte is written as soon as its last bit
 * is there, so that what is written never gets ahead of what is read, however the content is split. Clients of gRPC-Web
 * encode piece by piece: padding may stand anywhere between two of four characters.
 */

const PADDING = 0x3d
const NO_CHARACTER = 0xff

const VALUES = new Uint8Array(256).fill(NO_CHARACTER)
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  VALUES[character.charCodeAt(0)] = value
}

/** What is no base64. */
export const MALFORMED_TEXT = -1

export class Base64Decoder {
  /** Characters of the four under way. */
  #count = 0
  /** Bits that have come and are not part of a whole byte yet. */
  #bits = 0
  /** The four under way have come to padding. */
  #isPadded = false

  /** No four characters are under way. */
  get isWhole(): boolean {
    return this.#count === 0
  }

  /** Decodes `start` to `end` in place; gives the new end, or `MALFORMED_TEXT`. */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let to = start
    for (let at = start; at < end; at += 1) {
      const character = bytes[at] as number
      if (character === PADDING) {
        if (!this.#pad()) return MALFORMED_TEXT
        continue
      }
      const value = VALUES[character] as number
      if (value === NO_CHARACTER || this.#isPadded) return MALFORMED_TEXT
      const count = this.#count
      this.#bits = ((this.#bits << 6) | value) & 0xffff
      if (count > 0) {
        // Behind the second, third and fourth character 4, 2 and 0 bits are left over.
        bytes[to] = (this.#bits >> (6 - 2 * count)) & 0xff
        to += 1
      }
      this.#count = (count + 1) & 3
    }
    return to
  }

  /** One or two stand for the last of four. */
  #pad(): boolean {
    if (this.#count < 2) return false
    this.#isPadded = this.#count === 2
    this.#count = (this.#count + 1) & 3
    return true
  }
}
