/** Where the messages of a call end (a byte of flags, four of length, the message), however their bytes are split. */

const PREFIX_BYTES = 5

export class MessageScanner {
  /** Bytes of the prefix under way. */
  #prefix = 0
  #length = 0
  /** Bytes of the message that are still to come. */
  #left = 0

  /** The end of the last message that ends within `start` to `end`; `start` where none does. */
  lastEnd(bytes: Uint8Array, start: number, end: number): number {
    let last = start
    let at = start
    while (at < end) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, end - at)
        this.#left -= count
        at += count
        if (this.#left === 0) last = at
        continue
      }
      if (this.#prefix > 0) this.#length = this.#length * 256 + (bytes[at] as number)
      this.#prefix += 1
      at += 1
      if (this.#prefix < PREFIX_BYTES) continue
      this.#left = this.#length
      this.#prefix = 0
      this.#length = 0
      if (this.#left === 0) last = at
    }
    return last
  }
}
