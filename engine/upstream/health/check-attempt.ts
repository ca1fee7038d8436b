/** One check within its deadline, and whether this process was awake meanwhile. */
import { type CheckPlan, failure, type OpenProbe, type Probe, type ProbeOutcome } from './check-probe.ts'

export interface CheckClock {
  /** Milliseconds that never run backwards. */
  nowMs(): number
  /** Calls back once, so many milliseconds later. What it gives takes that back. */
  after(milliseconds: number, callback: () => void): () => void
}

export const SYSTEM_CLOCK: CheckClock = {
  nowMs: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
  },
}

export interface AttemptEnd {
  readonly outcome: ProbeOutcome
  readonly durationUs: number
  /**
   * The event loop stood still while the check ran: for a quarter of the timeout or 250 ms at least, and if it was half
   * the timeout or 500 ms, for certain. Then a failure may be ours: the answer was there, and nobody read it.
   */
  readonly stalled: boolean
}

/**
 * Milliseconds between two looks at the clock. A look that comes later than it should by as much again has been held up:
 * the deadline alone would not tell, for a loop that is blocked until just before it lets it pass on time.
 */
const LOOK_MS_MAX = 250
const LOOKS_MIN = 4

export class CheckAttempt {
  readonly #clock: CheckClock
  readonly #timeoutMs: number
  readonly #lookMs: number
  readonly #onEnd: (end: AttemptEnd) => void
  readonly #startedAtMs: number
  #lookAtMs: number
  #stalled = false
  #stopLooking: () => void
  readonly #probe: Probe

  constructor(open: OpenProbe, plan: CheckPlan, clock: CheckClock, onEnd: (end: AttemptEnd) => void) {
    this.#clock = clock
    this.#timeoutMs = plan.settings.timeoutMs
    this.#lookMs = Math.min(LOOK_MS_MAX, this.#timeoutMs / LOOKS_MIN)
    this.#onEnd = onEnd
    this.#startedAtMs = clock.nowMs()
    this.#lookAtMs = this.#startedAtMs + this.#lookMs
    this.#stopLooking = clock.after(this.#lookMs, () => this.#look())
    this.#probe = open(plan, outcome => this.#finish(outcome))
  }

  /** Ends it at once, without an outcome. */
  cancel(): void {
    this.#stopLooking()
    this.#probe.cancel()
  }

  #look(): void {
    const nowMs = this.#clock.nowMs()
    this.#noteStall(nowMs)
    const leftMs = this.#startedAtMs + this.#timeoutMs - nowMs
    if (leftMs <= 0) {
      this.#probe.cancel()
      this.#finish(failure(`timeout after ${formatMs(this.#timeoutMs)}`))
      return
    }
    const waitMs = Math.min(this.#lookMs, leftMs)
    this.#lookAtMs = nowMs + waitMs
    this.#stopLooking = this.#clock.after(waitMs, () => this.#look())
  }

  #noteStall(nowMs: number): void {
    if (nowMs - this.#lookAtMs >= this.#lookMs) this.#stalled = true
  }

  #finish(outcome: ProbeOutcome): void {
    this.#stopLooking()
    const nowMs = this.#clock.nowMs()
    this.#noteStall(nowMs)
    const durationUs = Math.round((nowMs - this.#startedAtMs) * 1000)
    this.#onEnd({ outcome, durationUs, stalled: this.#stalled })
  }
}

/** `250ms`, `1.5s`, `2s`. */
function formatMs(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`
}
