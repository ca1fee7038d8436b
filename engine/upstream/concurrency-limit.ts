/**
 * How many requests of one worker may be under way at one upstream: learnt from how latency grows with them, so that an
 * upstream with more work than it can do refuses some at once, in place of letting all of them wait.
 *
 * The rule is that of Envoy's gradient controller (its adaptive concurrency filter) and of Netflix's concurrency-limits:
 *
 *     gradient = tolerance x baseline latency / latency of the last window, at least 0.5, at most 1
 *     limit    = gradient x limit + the square root of the limit, a part of the way for each window
 *
 * It settles where the latency is about `tolerance` times the baseline, somewhat above for small limits, where the root
 * weighs more. A window whose requests came nowhere near the limit says nothing of it, and changes nothing.
 *
 * The baseline, the latency without a queue, is where the two differ. Netflix averages over a long time: under an
 * overload that lasts, the average becomes that of the queue, and the limit drifts upwards for ever. Envoy lowers the
 * limit to the least from time to time, and measures. So do we, but gently: where the load is near the limit, the limit
 * is halved for a moment, and again as long as that makes answers faster. All workers do it at the same time of their
 * common clock, because the queue of a server drains only when all of them hold back, and often, because the baseline of
 * a worker that has probed alone has the others' queue in it. Under overload this costs about 3 % of what could be served.
 *
 *            window: the limit follows the gradient ◀───────────────────────────────┐
 *              │ every 10 s, and at the start                                       │
 *              ▼                                                                    │ not faster, or at the minimum
 *     ┌──▶ drain: until no more are under way than the step allows ──▶ measure: 0.3 s, 50 requests
 *     │        │                                                          │    │
 *     │        └─────────── too few requests within 2 s: the baseline stays, window
 *     └─────────────────────────────────────────────── faster than before: half of that
 *
 * Latencies are averaged as geometric means, in which one request that takes a thousand times as long as the others
 * does not drown them.
 */
import { stampOf } from '../shared/clock.ts'
import type { AdaptiveConcurrencySnapshot } from '../snapshot.ts'

/** Importance as `tryAcquire` takes it. */
export const LOW = 0
export const NORMAL = 1
export const HIGH = 2

/**
 * Shares of the limit from which less important requests are refused. What is left above belongs to those that are more
 * important, however many of the others come.
 */
const LOW_SHARE = 0.7
const NORMAL_SHARE = 0.9

/** A window is at least this long, in milliseconds, and at least twice the latency: the effect of a change must show. */
const WINDOW_MS = 100
const WINDOW_SAMPLES_MIN = 10

const GRADIENT_MIN = 0.5
/** Part of the way to the new limit that each window goes. */
const SMOOTHING = 0.4
/** Share of the limit that must have been under way at once. Requests of low importance alone come to `LOW_SHARE`. */
const NEAR_SHARE = 0.5

/** Probes begin at multiples of this many milliseconds of the common clock. */
const PROBE_PERIOD_MS = 10_000
/** How long a step of a probe lasts at least, and how many requests it wants to see. */
const STEP_MS = 300
const STEP_SAMPLES = 50
/** How long it lasts at most; with fewer requests by then than these the probe is given up. */
const STEP_MAX_MS = 2_000
const STEP_SAMPLES_MIN = 10
/** A step that shortens the latency by less than this share has changed nothing. */
const SAME_SHARE = 0.15

const PHASE_WINDOW = 0
const PHASE_DRAIN = 1
const PHASE_MEASURE = 2

export class ConcurrencyLimit {
  readonly #minimum: number
  readonly #maximum: number
  readonly #tolerance: number
  #inFlight = 0
  /** The limit in force, and what it means for requests that are less important. */
  #limit = 0
  #lowLimit = 0
  #normalLimit = 0
  /** What was learnt; the limit in force is its whole part, or less during a probe. */
  #learnt: number
  #baselineUs = 0
  #phase = PHASE_DRAIN
  /** When the window, or the step of a probe, may end; -1 before the first request. */
  #untilMs = -1
  #samples = 0
  #logarithms = 0
  /** Most requests under way at once in this window or step. */
  #peak = 0
  /** Of the window before: its latency, and whether it came near the limit. */
  #windowUs = 0
  #windowWasNear = false
  #probeAtMs = 0
  /** Requests of before then are not measured by this step. */
  #measuredFromMs = 0
  /** The latency that a step must fall below for another to follow. */
  #referenceUs = Number.POSITIVE_INFINITY
  /** The shortest of this probe's steps: of several workers one may have measured the queue that another has made. */
  #shortestUs = Number.POSITIVE_INFINITY

  constructor(settings: AdaptiveConcurrencySnapshot) {
    this.#minimum = Math.max(1, Math.floor(settings.minimum))
    this.#maximum = Math.max(this.#minimum, Math.floor(settings.maximum))
    this.#tolerance = settings.tolerance
    this.#learnt = this.#bounded(settings.initial)
    this.#force(this.#learnt)
  }

  /** Requests of high importance that may be under way now; during a probe less than was learnt. */
  get limit(): number {
    return this.#limit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** The latency without a queue, in microseconds; 0 until it was measured. */
  get baselineUs(): number {
    return this.#baselineUs
  }

  /** Whether one more request of this importance may go. Each that may needs one `release`. @hotpath */
  tryAcquire(importance: number): boolean {
    const limit = importance === NORMAL ? this.#normalLimit : importance === LOW ? this.#lowLimit : this.#limit
    if (this.#inFlight >= limit) return false
    this.#inFlight += 1
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight
    return true
  }

  /**
   * A request is over, or burdens the upstream no longer. @hotpath
   *
   * @param latencyUs What it took, always to the same point (the first byte, or the last); -1 where it teaches nothing:
   *   nothing was sent, the client left, or the answer was an error, which may come much sooner than the work would. A
   *   deadline that passed teaches: it took so long.
   * @param nowMs `performance.now()`, where the caller has read it.
   */
  release(latencyUs: number, nowMs: number = performance.now()): void {
    if (this.#inFlight > 0) this.#inFlight -= 1
    if (this.#phase !== PHASE_WINDOW) {
      this.#probe(latencyUs, nowMs)
      return
    }
    if (latencyUs >= 0) this.#count(latencyUs)
    if (nowMs >= this.#probeAtMs) this.#beginProbe(nowMs)
    else if (nowMs >= this.#untilMs && this.#samples >= WINDOW_SAMPLES_MIN) this.#endWindow(nowMs)
  }

  #count(latencyUs: number): void {
    this.#samples += 1
    this.#logarithms += Math.log(latencyUs < 1 ? 1 : latencyUs)
  }

  #averageUs(): number {
    return Math.exp(this.#logarithms / this.#samples)
  }

  #isNear(): boolean {
    return this.#peak >= this.#limit * NEAR_SHARE
  }

  #bounded(limit: number): number {
    return Math.min(this.#maximum, Math.max(this.#minimum, limit))
  }

  #force(limit: number): void {
    this.#limit = Math.floor(limit)
    this.#lowLimit = Math.ceil(this.#limit * LOW_SHARE)
    this.#normalLimit = Math.ceil(this.#limit * NORMAL_SHARE)
  }

  #begin(phase: number, untilMs: number): void {
    this.#phase = phase
    this.#untilMs = untilMs
    this.#samples = 0
    this.#logarithms = 0
    this.#peak = this.#inFlight
  }

  #beginWindow(nowMs: number, latencyUs: number): void {
    this.#force(this.#learnt)
    this.#begin(PHASE_WINDOW, nowMs + Math.max(WINDOW_MS, (2 * latencyUs) / 1000))
  }

  #endWindow(nowMs: number): void {
    this.#windowUs = this.#averageUs()
    this.#windowWasNear = this.#isNear()
    if (this.#windowWasNear && this.#baselineUs > 0) this.#learn(this.#windowUs)
    this.#beginWindow(nowMs, this.#windowUs)
  }

  #learn(latencyUs: number): void {
    const gradient = Math.min(1, Math.max(GRADIENT_MIN, (this.#tolerance * this.#baselineUs) / latencyUs))
    const target = gradient * this.#learnt + Math.sqrt(this.#learnt)
    this.#learnt = this.#bounded(this.#learnt + (target - this.#learnt) * SMOOTHING)
  }

  #beginProbe(nowMs: number): void {
    this.#referenceUs = this.#windowUs
    this.#shortestUs = Number.POSITIVE_INFINITY
    if (this.#windowWasNear || this.#isNear()) this.#halve()
    this.#begin(PHASE_DRAIN, nowMs + STEP_MS)
  }

  #halve(): void {
    this.#force(Math.max(this.#minimum, this.#limit / 2))
  }

  #probe(latencyUs: number, nowMs: number): void {
    if (this.#untilMs < 0) this.#untilMs = nowMs + STEP_MS
    if (this.#phase === PHASE_DRAIN) {
      if (this.#inFlight <= this.#limit) {
        this.#begin(PHASE_MEASURE, this.#untilMs)
        this.#measuredFromMs = nowMs
      }
    } else if (latencyUs >= 0 && nowMs - latencyUs / 1000 >= this.#measuredFromMs) {
      this.#count(latencyUs)
    }
    if (nowMs < this.#untilMs) return
    if (this.#samples >= STEP_SAMPLES || nowMs >= this.#untilMs + STEP_MAX_MS - STEP_MS) this.#endStep(nowMs)
  }

  #endStep(nowMs: number): void {
    if (this.#samples < STEP_SAMPLES_MIN) {
      this.#endProbe(nowMs)
      return
    }
    const latencyUs = this.#averageUs()
    const isFaster = latencyUs < this.#referenceUs * (1 - SAME_SHARE)
    this.#referenceUs = latencyUs
    this.#shortestUs = Math.min(this.#shortestUs, latencyUs)
    this.#baselineUs = this.#shortestUs
    if (isFaster && this.#isNear() && this.#limit > this.#minimum) {
      this.#halve()
      this.#begin(PHASE_DRAIN, nowMs + STEP_MS)
    } else {
      this.#endProbe(nowMs)
    }
  }

  #endProbe(nowMs: number): void {
    const stamp = stampOf(nowMs)
    this.#probeAtMs = nowMs + (Math.floor(stamp / PROBE_PERIOD_MS) + 1) * PROBE_PERIOD_MS - stamp
    this.#beginWindow(nowMs, this.#baselineUs)
  }
}
