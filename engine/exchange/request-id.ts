import { X_REQUEST_ID } from '../http/field-names.ts'
import type { Head } from '../http/head.ts'

/** What a request says that it is called; `null` where it does not. Only proxies that are trusted are to be believed. */
export function requestIdIn(head: Head): string | null {
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.ids[index] === X_REQUEST_ID) return head.value(index)
  }
  return null
}

/**
 * Identifiers for requests that came without one we trust: unique, 32 hex digits, cheap. Not a secret: `Math.random` is
 * seeded from the system's entropy in each thread, and `node:crypto` would cost each thread 3 MB for ten bytes.
 */
export class RequestIds {
  readonly #prefix = randomHex() + randomHex()
  #count = 0

  /** @hotpath */
  next(): string {
    this.#count += 1
    const digits = this.#count.toString(16)
    return this.#prefix + ZEROS.slice(digits.length) + digits
  }
}

/** 40 random bits as 10 hex digits. */
function randomHex(): string {
  return Math.floor(Math.random() * 2 ** 40)
    .toString(16)
    .padStart(10, '0')
}

const ZEROS = '0'.repeat(12)
