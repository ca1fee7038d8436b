/** Where a load thread gets its requests from: when there is one to send, and when it was meant to be sent. */

export interface Demand {
  /** Takes a request that may be sent now: the time it was intended for, in the clock of `nowMs`; `null` for none. */
  take(nowMs: number): number | null
  /** Takes one back that was sent on a connection which the target closed without looking at it. */
  giveBack(intendedMs: number): void
  /** Nothing is left to take, now or later. */
  isOver(): boolean
  /** When the next one may be sent; `Infinity` where nothing but an answer or the end changes what `take` says. */
  nextDueMs(): number
}

/** As fast as answers come: each request is intended for the moment that a connection is free for it. */
export class ClosedLoop implements Demand {
  /** How many requests nobody has taken yet, shared by all threads; `null`: as many as there is time for. */
  readonly #budget: Int32Array | null

  constructor(budget: Int32Array | null) {
    this.#budget = budget
  }

  take(nowMs: number): number | null {
    if (this.#budget === null) return nowMs
    // Never below 0, not even for a moment: a thread that gives one back in that moment would find none to take.
    for (let left = Atomics.load(this.#budget, 0); left > 0; left = Atomics.load(this.#budget, 0)) {
      if (Atomics.compareExchange(this.#budget, 0, left, left - 1) === left) return nowMs
    }
    return null
  }

  giveBack(): void {
    if (this.#budget !== null) Atomics.add(this.#budget, 0, 1)
  }

  isOver(): boolean {
    return this.#budget !== null && Atomics.load(this.#budget, 0) <= 0
  }

  nextDueMs(): number {
    return Number.POSITIVE_INFINITY
  }
}

export interface ScheduleOptions {
  readonly startMs: number
  /** Requests per second over all threads. */
  readonly rate: number
  /** Requests over all threads; `Infinity` for a schedule that is ended from outside. */
  readonly total: number
  readonly connections: number
  readonly threads: number
  /** Which thread this one is. */
  readonly thread: number
}

/**
 * A fixed rate: request `n` of all threads is intended for `n / rate` seconds after the start, whatever the target
 * does. The threads deal them out among themselves by the connection whose turn it would be, so that together they
 * keep the rate exactly and evenly.
 */
export class Schedule implements Demand {
  readonly #options: ScheduleOptions
  readonly #givenBack: number[] = []
  #next: number

  constructor(options: ScheduleOptions) {
    this.#options = options
    this.#next = this.#ownFrom(0)
  }

  take(nowMs: number): number | null {
    const early = this.#givenBack.shift()
    if (early !== undefined) return early
    const intendedMs = this.#timeOf(this.#next)
    if (intendedMs > nowMs) return null
    this.#next = this.#ownFrom(this.#next + 1)
    return intendedMs
  }

  giveBack(intendedMs: number): void {
    this.#givenBack.push(intendedMs)
  }

  isOver(): boolean {
    return this.#givenBack.length === 0 && this.#next >= this.#options.total
  }

  nextDueMs(): number {
    return this.#givenBack[0] ?? this.#timeOf(this.#next)
  }

  #timeOf(index: number): number {
    const { startMs, rate, total } = this.#options
    return index < total ? startMs + (index * 1000) / rate : Number.POSITIVE_INFINITY
  }

  #ownFrom(index: number): number {
    const { connections, threads, thread } = this.#options
    let own = index
    while ((own % connections) % threads !== thread) own += 1
    return own
  }
}

/** How many requests a schedule holds over all threads. */
export function scheduleTotal(rate: number, durationMs: number | null, requests: number | null): number {
  if (requests !== null) return requests
  return durationMs === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.round((rate * durationMs) / 1000))
}
