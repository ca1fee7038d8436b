/** What a host has: by its name, and by the wildcards that it fits. Read from the head, without a string. */
import { ByteTexts, HASH_PRIME, HASH_SEED } from './byte-texts.ts'
import { isWildcard } from './host-pattern.ts'
import type { RoutedRequest } from './request.ts'

const COLON = 0x3a
const DOT = 0x2e

/** Columns. Hashes are of the bytes from the last one to the first, so that one walk gives those of all suffixes. */
const HASH = 0
/** Where the text lies, and 1; 0 in a row that is free. */
const TEXT = 1
const LENGTH = 2
const VALUE = 3
const COLUMNS = 4

/** Names as they are, wildcards by their suffix with its leading dot, which no name has. */
export class HostTable {
  readonly #rows: Int32Array
  readonly #mask: number
  readonly #texts: ByteTexts
  /** Of the wildcard with the most: a host may have thousands of labels, and we need not look at more of them than that. */
  readonly #dotsMax: number
  /** Values of the last host that was looked up, that of its most specific pattern first. */
  readonly found: Int32Array

  /** `hosts[i]` has the value `values[i]`, at least 0. None is there twice. */
  constructor(hosts: readonly string[], values: readonly number[]) {
    const keys = hosts.map(host => (isWildcard(host) ? host.slice(1) : host))
    this.#mask = 2 ** Math.ceil(Math.log2(1.5 * hosts.length + 2)) - 1
    this.#rows = new Int32Array((this.#mask + 1) * COLUMNS)
    this.#texts = new ByteTexts(keys)
    this.#dotsMax = keys.reduce((most, key) => Math.max(most, key.startsWith('.') ? key.split('.').length - 1 : 0), 0)
    this.found = new Int32Array(this.#dotsMax + 1)
    for (const [index, key] of keys.entries()) this.#add(key, values[index] as number)
  }

  #add(key: string, value: number): void {
    let hash = HASH_SEED
    for (let index = key.length - 1; index >= 0; index -= 1) hash = Math.imul(hash ^ key.charCodeAt(index), HASH_PRIME)
    let row = slotOf(hash) & this.#mask
    while (this.#rows[row * COLUMNS + TEXT] !== 0) row = (row + 1) & this.#mask
    const base = row * COLUMNS
    this.#rows[base + HASH] = hash
    this.#rows[base + TEXT] = this.#texts.positionOf(key) + 1
    this.#rows[base + LENGTH] = key.length
    this.#rows[base + VALUE] = value
  }

  /** Fills `found`, and gives how many there are. @hotpath */
  find({ head, facts }: RoutedRequest): number {
    const { bytes, base } = head
    const start = base + facts.hostStart
    const end = nameEnd(bytes, start, base + facts.hostEnd)
    let count = 0
    let dots = 0
    let hash = HASH_SEED
    for (let at = end - 1; at >= start; at -= 1) {
      const byte = lowerCase(bytes[at] as number)
      hash = Math.imul(hash ^ byte, HASH_PRIME)
      if (byte !== DOT || at === start || dots === this.#dotsMax) continue
      dots += 1
      count = this.#keep(this.#valueOf(hash, bytes, at, end), count)
    }
    count = this.#keep(start === end || bytes[start] === DOT ? -1 : this.#valueOf(hash, bytes, start, end), count)
    return count
  }

  /** Puts a value before those that were found. */
  #keep(value: number, count: number): number {
    if (value < 0) return count
    const { found } = this
    for (let index = count; index > 0; index -= 1) found[index] = found[index - 1] as number
    found[0] = value
    return count + 1
  }

  /** -1 for none. */
  #valueOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const rows = this.#rows
    for (let row = slotOf(hash) & this.#mask; ; row = (row + 1) & this.#mask) {
      const base = row * COLUMNS
      const text = rows[base + TEXT] as number
      if (text === 0) return -1
      if (rows[base + HASH] !== hash || rows[base + LENGTH] !== end - start) continue
      if (this.#isText(text - 1, bytes, start, end)) return rows[base + VALUE] as number
    }
  }

  #isText(position: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#texts.bytes
    for (let at = start, other = position; at < end; at += 1, other += 1) {
      if (lowerCase(bytes[at] as number) !== own[other]) return false
    }
    return true
  }
}

/** Without the port, and without the dot of a name that is written out in full. */
function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && isDigit(bytes[at - 1] as number)) at -= 1
  const name = at > start && bytes[at - 1] === COLON ? at - 1 : end
  const hasDot = name - start > 1 && bytes[name - 1] === DOT && bytes[name - 2] !== DOT
  return hasDot ? name - 1 : name
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

function slotOf(hash: number): number {
  const mixed = Math.imul(hash, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
