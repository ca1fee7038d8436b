/** Short texts as bytes, one behind the other, each once: they are compared with what lies in a head without making strings. */

/** FNV-1a. Nobody but the configuration puts texts in: that some have the same hash is nobody's weapon. */
export const HASH_SEED = 0x811c9dc5 | 0
export const HASH_PRIME = 0x01000193

export class ByteTexts {
  bytes: Uint8Array
  readonly #positions = new Map<string, number>()

  /** Latin-1. */
  constructor(texts: Iterable<string>) {
    let length = 0
    for (const text of texts) {
      if (this.#positions.has(text)) continue
      this.#positions.set(text, length)
      length += text.length
    }
    this.bytes = Buffer.from([...this.#positions.keys()].join(''), 'latin1')
  }

  /** Where a text begins in `bytes`. */
  positionOf(text: string): number {
    return this.#positions.get(text) as number
  }

  /** Whether the text at `position` is what stands in `bytes` from `start` to `end`; it is as long. @hotpath */
  equals(position: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes
    for (let at = start, other = position; at < end; at += 1, other += 1) {
      if (bytes[at] !== own[other]) return false
    }
    return true
  }
}
