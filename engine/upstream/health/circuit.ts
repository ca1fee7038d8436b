/**
 * A circuit, of an endpoint or of a whole upstream, shared by all workers.
 *
 *     closed ──too many failed or slow tries in the window──▶ open ──time over──▶ half-open
 *       ▲                                                      ▲                      │
 *       │                                                      └──── a try fails ─────┤
 *       └──────────────────── all of the tries let through were good ────────────────┘
 *
 * Each step is one compare-and-exchange: of all workers one makes it, and tells of it. Tries are counted in a window of
 * buckets in each worker's own row; whoever sees a failure adds them all up. A half-open circuit whose tries got lost
 * (their worker died, their clients left) lets others through when its time is over.
 */
import {
  BUCKET_CELLS,
  BUCKET_FAILURES,
  BUCKET_NUMBER,
  BUCKET_SLOW,
  BUCKET_TRIES,
  CIRCUIT_CLOSED,
  CIRCUIT_GOOD,
  CIRCUIT_HALF_OPEN,
  CIRCUIT_OPEN,
  CIRCUIT_STATE,
  CIRCUIT_TRIALS,
  CIRCUIT_UNTIL,
  WINDOW_BUCKETS,
} from '../../shared/circuit-cells.ts'
import { until } from '../../shared/clock.ts'
import type { CircuitBreakerSnapshot } from '../../snapshot.ts'

/** What a circuit has become by what it was told; `''` for what it was. */
export type CircuitChange = '' | 'open' | 'closed'

/** Whether a try may pass. */
export const PASSES = 0
/** It may if `enter` says so. */
export const PASSES_AS_TRIAL = 1
export const BLOCKED = 2

/** Buckets are no shorter than this, so that their numbers fit into a cell. */
const BUCKET_MS_MIN = 10

/** Where the circuit's cells are. */
export interface CircuitPlace {
  readonly cells: Int32Array
  /** The first of its `CIRCUIT_CELLS` in `cells`. */
  readonly base: number
  /** The windows of all workers' rows. */
  readonly windows: readonly Int32Array[]
  /** This worker's of them. */
  readonly own: Int32Array
  /** The first of its `WINDOW_CELLS` in each of `windows`. */
  readonly windowBase: number
}

export class Circuit {
  readonly #settings: CircuitBreakerSnapshot
  readonly #place: CircuitPlace
  readonly #bucketMs: number

  constructor(settings: CircuitBreakerSnapshot, place: CircuitPlace) {
    this.#settings = settings
    this.#place = place
    this.#bucketMs = Math.max(BUCKET_MS_MIN, settings.windowMs / WINDOW_BUCKETS)
  }

  get isClosed(): boolean {
    return this.#read(CIRCUIT_STATE) === CIRCUIT_CLOSED
  }

  #read(cell: number): number {
    const { cells, base } = this.#place
    return cells[base + cell] as number
  }

  /** @hotpath */
  state(stamp: number): typeof PASSES | typeof PASSES_AS_TRIAL | typeof BLOCKED {
    const state = this.#read(CIRCUIT_STATE)
    if (state === CIRCUIT_CLOSED) return PASSES
    if (this.leftMs(stamp) <= 0) return PASSES_AS_TRIAL
    return state === CIRCUIT_HALF_OPEN && this.#read(CIRCUIT_TRIALS) < this.#settings.halfOpen
      ? PASSES_AS_TRIAL
      : BLOCKED
  }

  /** Milliseconds until an open circuit lets something through; not above 0 where it does now. */
  leftMs(stamp: number): number {
    return until(this.#read(CIRCUIT_UNTIL), stamp)
  }

  /** Takes one of the tries that a half-open circuit lets through. False when somebody else had the last of them. */
  enter(stamp: number): boolean {
    const { cells, base } = this.#place
    const ends = this.#read(CIRCUIT_UNTIL)
    if (until(ends, stamp) <= 0) {
      // The time is over, of an open circuit or of tries that never came back: one worker begins a new round.
      const next = stamp + Math.ceil(this.#settings.openMs) || 1
      if (Atomics.compareExchange(cells, base + CIRCUIT_UNTIL, ends, next | 0) === ends) {
        Atomics.store(cells, base + CIRCUIT_TRIALS, 0)
        Atomics.store(cells, base + CIRCUIT_GOOD, 0)
        Atomics.store(cells, base + CIRCUIT_STATE, CIRCUIT_HALF_OPEN)
      }
    }
    if (Atomics.load(cells, base + CIRCUIT_STATE) !== CIRCUIT_HALF_OPEN) return false
    return Atomics.add(cells, base + CIRCUIT_TRIALS, 1) < this.#settings.halfOpen
  }

  /** A trial has come to nothing that says anything of the endpoint: another may take its place. */
  leave(): void {
    const { cells, base } = this.#place
    if (this.#read(CIRCUIT_STATE) === CIRCUIT_HALF_OPEN) Atomics.sub(cells, base + CIRCUIT_TRIALS, 1)
  }

  /** A try has ended. `firstByteUs` is -1 where none came. @hotpath */
  observe(isTrial: boolean, failed: boolean, firstByteUs: number, stamp: number): CircuitChange {
    const { slowMs, slowRatio } = this.#settings
    const slow = slowRatio > 0 && firstByteUs > slowMs * 1000
    if (isTrial) return this.#observeTrial(failed || slow, stamp)
    this.#count(failed, slow, stamp)
    if (!failed && !slow) return ''
    return this.#read(CIRCUIT_STATE) === CIRCUIT_CLOSED && this.#isTooMuch(stamp)
      ? this.#open(CIRCUIT_CLOSED, stamp)
      : ''
  }

  #observeTrial(bad: boolean, stamp: number): CircuitChange {
    const { cells, base } = this.#place
    if (bad) return this.#open(CIRCUIT_HALF_OPEN, stamp)
    if (this.#read(CIRCUIT_STATE) !== CIRCUIT_HALF_OPEN) return ''
    if (Atomics.add(cells, base + CIRCUIT_GOOD, 1) + 1 < this.#settings.halfOpen) return ''
    const state = base + CIRCUIT_STATE
    if (Atomics.compareExchange(cells, state, CIRCUIT_HALF_OPEN, CIRCUIT_CLOSED) !== CIRCUIT_HALF_OPEN) return ''
    // A closed circuit keeps here since when it is: what was counted before does not count any more.
    Atomics.store(cells, base + CIRCUIT_UNTIL, stamp || 1)
    return 'closed'
  }

  #open(from: number, stamp: number): CircuitChange {
    const { cells, base } = this.#place
    // In this order: whoever sees it open must not see its time over.
    const ends = (stamp + Math.ceil(this.#settings.openMs)) | 0
    if (Atomics.load(cells, base + CIRCUIT_STATE) !== from) return ''
    Atomics.store(cells, base + CIRCUIT_UNTIL, ends || 1)
    return Atomics.compareExchange(cells, base + CIRCUIT_STATE, from, CIRCUIT_OPEN) === from ? 'open' : ''
  }

  #bucketNumber(stamp: number): number {
    return Math.floor((stamp >>> 0) / this.#bucketMs) | 0
  }

  /** @hotpath */
  #count(failed: boolean, slow: boolean, stamp: number): void {
    const { own, windowBase } = this.#place
    const number = this.#bucketNumber(stamp)
    const at = windowBase + (number % WINDOW_BUCKETS) * BUCKET_CELLS
    if (own[at + BUCKET_NUMBER] !== number) {
      own[at + BUCKET_TRIES] = 0
      own[at + BUCKET_FAILURES] = 0
      own[at + BUCKET_SLOW] = 0
      own[at + BUCKET_NUMBER] = number
    }
    own[at + BUCKET_TRIES] = (own[at + BUCKET_TRIES] as number) + 1
    if (failed) own[at + BUCKET_FAILURES] = (own[at + BUCKET_FAILURES] as number) + 1
    if (slow) own[at + BUCKET_SLOW] = (own[at + BUCKET_SLOW] as number) + 1
  }

  /** Adds up the windows of all workers. */
  #isTooMuch(stamp: number): boolean {
    const { minimum, failureRatio, slowRatio } = this.#settings
    const now = this.#bucketNumber(stamp)
    const buckets = this.#bucketsThatCount(stamp)
    let tries = 0
    let failures = 0
    let slow = 0
    for (const window of this.#place.windows) {
      for (let bucket = 0; bucket < WINDOW_BUCKETS; bucket += 1) {
        const at = this.#place.windowBase + bucket * BUCKET_CELLS
        const age = now - (window[at + BUCKET_NUMBER] as number)
        if (age < 0 || age >= buckets) continue
        tries += window[at + BUCKET_TRIES] as number
        failures += window[at + BUCKET_FAILURES] as number
        slow += window[at + BUCKET_SLOW] as number
      }
    }
    if (tries < minimum) return false
    return failures / tries >= failureRatio || (slowRatio > 0 && slow / tries >= slowRatio)
  }

  /** Those of the window, but for what came before the circuit was closed last. */
  #bucketsThatCount(stamp: number): number {
    const closedAt = this.#read(CIRCUIT_UNTIL)
    const sinceMs = until(stamp, closedAt)
    if (closedAt === 0 || sinceMs < 0) return WINDOW_BUCKETS
    return Math.min(WINDOW_BUCKETS, Math.floor(sinceMs / this.#bucketMs))
  }
}
