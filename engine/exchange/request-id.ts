import { randomBytes } from 'node:crypto'

/** Identifiers for requests that came without one we trust: unique, 32 hex digits, cheap. Not a secret. */
export class RequestIds {
  readonly #prefix = randomBytes(10).toString('hex')
  #count = 0

  /** @hotpath */
  next(): string {
    this.#count += 1
    const digits = this.#count.toString(16)
    return this.#prefix + ZEROS.slice(digits.length) + digits
  }
}

const ZEROS = '0'.repeat(12)
