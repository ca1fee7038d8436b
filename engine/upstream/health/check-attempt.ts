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
   * The event loop stood still while the check ran: certainly if for half the timeout or 500 ms, perhaps if for half of
   * that. Then a failure may be ours: what the endpoint waited for came too late.
   */
  readonly stalled: boolean
}

/**
 * Milliseconds between two looks at the clock. A look that comes later than it should by as much again has been held up.
 * One timer for the deadline would not do: it comes before whatever was there to be read, and on time if the loop was
 * blocked until just before it.
 */
const LOOK_MS_MIN = 10
const LOOK_MS_MAX = 250
const LOOKS_MIN = 4

/** So often the deadline is moved by the time for which the loop stood still, and to the next look at least. */
const EXTENSIONS_MAX = 3

export class CheckAttempt {
  readonly #clock: CheckClock
  readonly #timeoutMs: number
  readonly #lookMs: number
  readonly #onEnd: (end: AttemptEnd) => void
  readonly #startedAtMs: number
  #deadlineMs: number
  #lookAtMs: number
  #stalled = false
  #extensions = 0
  #stopLooking: () => void
  readonly #probe: Probe

  constructor(open: OpenProbe, plan: CheckPlan, clock: CheckClock, onEnd: (end: AttemptEnd) => void) {
    this.#clock = clock
    this.#timeoutMs = plan.settings.timeoutMs
    this.#lookMs = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, this.#timeoutMs / LOOKS_MIN))
    this.#onEnd = onEnd
    this.#startedAtMs = clock.nowMs()
    this.#deadlineMs = this.#startedAtMs + this.#timeoutMs
    const waitMs = Math.min(this.#lookMs, this.#timeoutMs)
    this.#lookAtMs = this.#startedAtMs + waitMs
    this.#stopLooking = clock.after(waitMs, () => this.#look())
    this.#probe = open(plan, outcome => this.#finish(outcome))
  }

  /** Ends it at once, without an outcome. */
  cancel(): void {
    this.#stopLooking()
    this.#probe.cancel()
  }

  #look(): void {
    const nowMs = this.#clock.nowMs()
    const stalledMs = this.#noteStall(nowMs)
    if (stalledMs > 0 && this.#extensions < EXTENSIONS_MAX) {
      this.#extensions += 1
      this.#deadlineMs = Math.max(this.#deadlineMs + stalledMs, nowMs + this.#lookMs)
    }
    const leftMs = this.#deadlineMs - nowMs
    if (leftMs <= 0) {
      const { silence } = this.#probe
      this.#probe.cancel()
      this.#finish(silence ?? failure(`timeout after ${formatMs(this.#timeoutMs)}`))
      return
    }
    const waitMs = Math.min(this.#lookMs, leftMs)
    this.#lookAtMs = nowMs + waitMs
    this.#stopLooking = this.#clock.after(waitMs, () => this.#look())
  }

  /** Milliseconds for which the event loop has stood still since the last look; 0 where that is next to nothing. */
  #noteStall(nowMs: number): number {
    const lateMs = nowMs - this.#lookAtMs
    if (lateMs < this.#lookMs) return 0
    this.#stalled = true
    return lateMs
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
