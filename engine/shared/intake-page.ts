/**
 * What the workers share of one socket's limits on new connections: one piece of memory for each socket, for as long as it lives.
 *
 *     due (8 bytes): when the connections that have come so far are through, were they let in one at a time; all workers write it
 *     counts:        for each worker `ROWS` rows of `WIDTH` counters of open connections, which that worker alone writes
 *
 * Which client has how many open is a counting sketch (count-min): an address has one counter in each row, by a keyed hash, and
 * shares it with others that fall upon the same. The least of its counters is never below what it has open. How seldom it is above:
 * with 50,000 open connections one client in three is taken to have one more than it has, one in 25 two more, and nobody finds out
 * which. A worker asks it about the others only: what it has open itself it knows. Counters that nobody touches take address space,
 * and no memory.
 */
import { type HashKey, keyedHash, randomHashKey } from './keyed-hash.ts'

const ROWS = 4

/** Counters of a row: a power of two. */
const WIDTH = 32 * 1024
const WIDTH_BITS = 15

/** What one worker's counters take, in cells. */
const SHARE = ROWS * WIDTH

/** The key of the hash, and the time of the rate, before the counters; each has a cache line of its own. */
const KEY_CELLS = 16
const DUE_CELL = 16
const HEAD_CELLS = 32

const BYTES_PER_CELL = 4

export function createIntakeMemory(workers: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((HEAD_CELLS + workers * SHARE) * BYTES_PER_CELL)
  new Int32Array(memory, 0, KEY_CELLS).set(randomHashKey())
  return memory
}

const hashed = new Int32Array(2)

export class IntakePage {
  /** Nanoseconds of the system's monotonic clock, which is one for all threads. */
  readonly due: BigInt64Array
  readonly #cells: Int32Array
  readonly #workers: number
  readonly #key: HashKey
  /** Where the counters of an address are, within a worker's share: those of the last `find`. */
  readonly #places = new Int32Array(ROWS)

  constructor(memory: SharedArrayBuffer) {
    const cells = new Int32Array(memory)
    this.#cells = cells
    this.#key = [cells[0] as number, cells[1] as number]
    this.#workers = Math.floor((cells.length - HEAD_CELLS) / SHARE)
    this.due = new BigInt64Array(memory, DUE_CELL * BYTES_PER_CELL, 1)
  }

  /** One connection of an address more, or less, of that worker's. */
  add(worker: number, address: string, change: 1 | -1): void {
    this.#find(address)
    const share = HEAD_CELLS + worker * SHARE
    for (const place of this.#places) Atomics.add(this.#cells, share + place, change)
  }

  /** What workers other than that one have open of an address: never less, seldom more. */
  openElsewhere(worker: number, address: string): number {
    if (this.#workers === 1) return 0
    this.#find(address)
    let least = Number.MAX_SAFE_INTEGER
    for (const place of this.#places) least = Math.min(least, this.#sumOf(place, worker))
    return least
  }

  #sumOf(place: number, without: number): number {
    let sum = 0
    for (let worker = 0; worker < this.#workers; worker += 1) {
      if (worker !== without) sum += Atomics.load(this.#cells, HEAD_CELLS + worker * SHARE + place)
    }
    return sum
  }

  /** That worker is gone, and what it had open with it. */
  clear(worker: number): void {
    const share = HEAD_CELLS + worker * SHARE
    const counts = this.#cells.subarray(share, share + SHARE)
    // What was never touched is to cost no memory.
    for (let at = 0; at < SHARE; at += 1) if (counts[at] !== 0) counts[at] = 0
  }

  #find(address: string): void {
    keyedHash(this.#key, address, hashed)
    const [low = 0, high = 0] = hashed
    const mask = WIDTH - 1
    this.#places[0] = low & mask
    this.#places[1] = WIDTH + ((low >>> WIDTH_BITS) & mask)
    this.#places[2] = 2 * WIDTH + (high & mask)
    this.#places[3] = 3 * WIDTH + ((high >>> WIDTH_BITS) & mask)
  }
}
