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
 * (their worker died) lets others through when its time is over; for a moment it is open again then.
 */
import {
  BUCKET_CELLS,
  BUCKET_FAILURES,
  BUCKET_NUMBER,
  BUCKET_SLOW,
  BUCKET_TRIES,
  CIRCUIT_CLOSED,
  CIRCUIT_CLOSED_AT,
  CIRCUIT_GOOD,
  CIRCUIT_HALF_OPEN,
  CIRCUIT_OPEN,
  CIRCUIT_STATE,
  CIRCUIT_TRIALS,
  CIRCUIT_UNTIL,
  WINDOW_BUCKETS,
} from '../../shared/circuit-cells.ts'
import { left, SKEW_MS, until } from '../../shared/clock.ts'
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
  readonly #openMs: number
  readonly #bucketMs: number
  /** Those that make up the window. */
  readonly #buckets: number

  constructor(settings: CircuitBreakerSnapshot, place: CircuitPlace) {
    this.#settings = settings
    this.#place = place
    this.#openMs = Math.ceil(settings.openMs)
    this.#bucketMs = Math.max(BUCKET_MS_MIN, settings.windowMs / WINDOW_BUCKETS)
    this.#buckets = Math.min(WINDOW_BUCKETS, Math.ceil(settings.windowMs / this.#bucketMs))
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
    return left(this.#read(CIRCUIT_UNTIL), stamp, this.#openMs)
  }

  /** Takes one of the tries that a half-open circuit lets through. False when others had them all, or it has closed. */
  enter(stamp: number): boolean {
    const { cells, base } = this.#place
    const state = Atomics.load(cells, base + CIRCUIT_STATE)
    const ends = Atomics.load(cells, base + CIRCUIT_UNTIL)
    if (state !== CIRCUIT_CLOSED && left(ends, stamp, this.#openMs) <= 0) this.#beginTrials(state, ends, stamp)
    return this.#changeTrials(1)
  }

  /** The time is over, of an open circuit or of tries that never came back: one worker begins a new round. */
  #beginTrials(from: number, ends: number, stamp: number): void {
    const { cells, base } = this.#place
    const next = (stamp + this.#openMs) | 0
    if (Atomics.compareExchange(cells, base + CIRCUIT_UNTIL, ends, next) !== ends) return
    const state = base + CIRCUIT_STATE
    // Nobody takes a try of the last round as one of the new.
    if (from === CIRCUIT_HALF_OPEN && Atomics.compareExchange(cells, state, from, CIRCUIT_OPEN) !== from) return
    Atomics.store(cells, base + CIRCUIT_TRIALS, 0)
    Atomics.store(cells, base + CIRCUIT_GOOD, 0)
    Atomics.compareExchange(cells, state, CIRCUIT_OPEN, CIRCUIT_HALF_OPEN)
  }

  /** One more or one less, of those that are there. False where that cannot be. */
  #changeTrials(change: 1 | -1): boolean {
    const { cells, base } = this.#place
    const at = base + CIRCUIT_TRIALS
    for (;;) {
      if (Atomics.load(cells, base + CIRCUIT_STATE) !== CIRCUIT_HALF_OPEN) return false
      const trials = Atomics.load(cells, at)
      if (change > 0 ? trials >= this.#settings.halfOpen : trials <= 0) return false
      if (Atomics.compareExchange(cells, at, trials, trials + change) === trials) return true
    }
  }

  /** A trial has come to nothing that says anything of the endpoint: another may take its place. */
  leave(): void {
    this.#changeTrials(-1)
  }

  /** A try has ended. `firstByteUs` is -1 where none came. @hotpath */
  observe(isTrial: boolean, failed: boolean, firstByteUs: number, stamp: number): CircuitChange {
    const { slowMs, slowRatio } = this.#settings
    const slow = slowRatio > 0 && firstByteUs > slowMs * 1000
    // A try whose circuit has closed meanwhile is one like any other.
    if (isTrial && this.#read(CIRCUIT_STATE) !== CIRCUIT_CLOSED) return this.#observeTrial(failed || slow, stamp)
    this.#count(failed, slow, stamp)
    if (!failed && !slow) return ''
    return this.#read(CIRCUIT_STATE) === CIRCUIT_CLOSED && this.#isTooMuch(stamp)
      ? this.#open(CIRCUIT_CLOSED, stamp)
      : ''
  }

  #observeTrial(bad: boolean, stamp: number): CircuitChange {
    const { cells, base } = this.#place
    if (bad) return this.#open(CIRCUIT_HALF_OPEN, stamp)
    if (Atomics.load(cells, base + CIRCUIT_STATE) !== CIRCUIT_HALF_OPEN) return ''
    if (Atomics.add(cells, base + CIRCUIT_GOOD, 1) + 1 < this.#settings.halfOpen) return ''
    // Before the state: whoever sees it closed must not count what was before.
    Atomics.store(cells, base + CIRCUIT_CLOSED_AT, stamp || 1)
    const state = base + CIRCUIT_STATE
    return Atomics.compareExchange(cells, state, CIRCUIT_HALF_OPEN, CIRCUIT_CLOSED) === CIRCUIT_HALF_OPEN
      ? 'closed'
      : ''
  }

  #open(from: number, stamp: number): CircuitChange {
    const { cells, base } = this.#place
    if (Atomics.load(cells, base + CIRCUIT_STATE) !== from) return ''
    // In this order: whoever sees it open must not see its time over.
    Atomics.store(cells, base + CIRCUIT_UNTIL, (stamp + this.#openMs) | 0)
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
    const buckets = this.#bucketsThatCount(now, stamp)
    let tries = 0
    let failures = 0
    let slow = 0
    for (const window of this.#place.windows) {
      for (let bucket = 0; bucket < WINDOW_BUCKETS; bucket += 1) {
        const at = this.#place.windowBase + bucket * BUCKET_CELLS
        const age = now - (window[at + BUCKET_NUMBER] as number)
        // The clock of another worker may be in the next bucket already.
        if (age < -1 || age >= buckets) continue
        tries += window[at + BUCKET_TRIES] as number
        failures += window[at + BUCKET_FAILURES] as number
        slow += window[at + BUCKET_SLOW] as number
      }
    }
    if (tries === 0 || tries < minimum) return false
    return failures / tries >= failureRatio || (slowRatio > 0 && slow / tries >= slowRatio)
  }

  /** Those of the window, but for what was counted before the circuit was closed last, or in the same bucket. */
  #bucketsThatCount(now: number, stamp: number): number {
    const closedAt = this.#read(CIRCUIT_CLOSED_AT)
    const sinceMs = until(stamp, closedAt)
    if (closedAt === 0 || sinceMs < -SKEW_MS || sinceMs > this.#buckets * this.#bucketMs) return this.#buckets
    return Math.min(this.#buckets, Math.max(0, now - this.#bucketNumber(closedAt)))
  }
}
