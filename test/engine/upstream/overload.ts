import { stampOf } from '../../../engine/shared/clock.ts'
import type { AdaptiveConcurrencySnapshot } from '../../../engine/snapshot.ts'
import { ConcurrencyLimit, HIGH } from '../../../engine/upstream/concurrency-limit.ts'

/** A server that serves so many requests at once, the others in the order of their coming, and what comes to it. */
export interface Scenario {
  /** All three by the time since the start, in milliseconds. */
  readonly slots: (atMs: number) => number
  readonly serviceMs: (atMs: number) => number
  readonly requestsPerSecond: (atMs: number) => number
  /** How service times spread: all alike, or exponentially. */
  readonly spread: 'none' | 'exponential'
  /** Workers of the proxy, each with a limit of its own; a request comes to any of them. */
  readonly workers: number
  readonly settings: Partial<AdaptiveConcurrencySnapshot>
  readonly durationMs: number
}

/** What was seen in one second of a simulation. */
export interface Second {
  readonly served: number
  readonly refused: number
  /** Mean of those served. */
  readonly latencyMs: number
  /** Of all workers together: the median of what it was, looked at every 20 ms. */
  readonly limit: number
  /** The lowest and the highest limit of any worker. */
  readonly limitMin: number
  readonly limitMax: number
}

/** mulberry32: the same numbers in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

const PROBE_PERIOD_MS = 10_000

/**
 * A time of `performance.now()` at which the clock that all threads share shows a multiple of the time between probes, to
 * a fraction of a nanosecond: from there a simulation takes the same course whenever it runs.
 */
function startOfPeriod(): number {
  let before = 0
  let after = PROBE_PERIOD_MS
  const period = (atMs: number) => Math.floor(stampOf(atMs) / PROBE_PERIOD_MS)
  const first = period(before)
  while (after - before > 1e-9) {
    const middle = (before + after) / 2
    if (period(middle) === first) before = middle
    else after = middle
  }
  return after
}

interface Served {
  readonly endsAtMs: number
  readonly startedAtMs: number
  readonly worker: number
}

/** Those being served, the one that ends first at the top: a binary heap. */
class Running {
  readonly #heap: Served[] = []

  get size(): number {
    return this.#heap.length
  }

  get nextEndMs(): number {
    return this.#heap[0]?.endsAtMs ?? Number.POSITIVE_INFINITY
  }

  add(served: Served): void {
    const heap = this.#heap
    let at = heap.push(served) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.endsAtMs <= served.endsAtMs) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = served
  }

  takeFirst(): Served {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.endsAtMs < heap[child]!.endsAtMs) child += 1
      if (last.endsAtMs <= heap[child]!.endsAtMs) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const LOOK_MS = 20

/** What a second adds up to. */
class Tally {
  #served = 0
  #refused = 0
  #latenciesMs = 0
  #limits: number[] = []
  #min = Number.POSITIVE_INFINITY
  #max = 0

  look(limits: readonly ConcurrencyLimit[]): void {
    const each = limits.map(({ limit }) => limit)
    this.#limits.push(each.reduce((sum, limit) => sum + limit, 0))
    this.#min = Math.min(this.#min, ...each)
    this.#max = Math.max(this.#max, ...each)
  }

  refuse(): void {
    this.#refused += 1
  }

  serve(latencyMs: number): void {
    this.#served += 1
    this.#latenciesMs += latencyMs
  }

  take(): Second {
    const sorted = this.#limits.toSorted((a, b) => a - b)
    const second = {
      served: this.#served,
      refused: this.#refused,
      latencyMs: this.#latenciesMs / Math.max(1, this.#served),
      limit: sorted[sorted.length >> 1] ?? 0,
      limitMin: this.#min,
      limitMax: this.#max,
    }
    this.#served = this.#refused = this.#latenciesMs = 0
    this.#limits = []
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
    return second
  }
}

/** Clients come whether others were served or not; those refused do not come again. */
export function simulate(scenario: Partial<Scenario>, seed = 1): Second[] {
  const settings = { initial: 20, minimum: 2, maximum: 1_000, tolerance: 1.5, ...scenario.settings }
  const { slots = () => 20, serviceMs = () => 20, requestsPerSecond = () => 3_000 } = scenario
  const { spread = 'exponential', workers = 1, durationMs = 60_000 } = scenario
  const random = seededRandom(seed)
  const exponential = () => -Math.log(1 - random())
  const origin = startOfPeriod()
  const limits = Array.from({ length: workers }, () => new ConcurrencyLimit(settings))
  const running = new Running()
  const waiting: { readonly startedAtMs: number; readonly worker: number }[] = []
  const seconds: Second[] = []
  const tally = new Tally()
  let atMs = 0
  let arrivalMs = 0
  let lookMs = 0

  const fill = () => {
    while (running.size < slots(atMs) && waiting.length > 0) {
      const takesMs = serviceMs(atMs) * (spread === 'none' ? 1 : exponential())
      running.add({ ...waiting.shift()!, endsAtMs: atMs + takesMs })
    }
  }
  const arrive = () => {
    const worker = Math.floor(random() * workers)
    if (limits[worker]!.tryAcquire(HIGH)) waiting.push({ startedAtMs: atMs, worker })
    else tally.refuse()
    arrivalMs += (exponential() * 1000) / requestsPerSecond(atMs)
  }
  const depart = () => {
    const { startedAtMs, worker } = running.takeFirst()
    tally.serve(atMs - startedAtMs)
    limits[worker]!.release((atMs - startedAtMs) * 1000, origin + atMs)
  }

  while (atMs < durationMs) {
    const departs = running.nextEndMs < arrivalMs
    atMs = departs ? running.nextEndMs : arrivalMs
    for (; lookMs <= atMs; lookMs += LOOK_MS) {
      tally.look(limits)
      if ((lookMs + LOOK_MS) % 1000 === 0) seconds.push(tally.take())
    }
    if (departs) depart()
    else arrive()
    fill()
  }
  return seconds
}
