/** Time as the control plane's patient parts need it: look-ups, refreshes. Tests have one that they turn by hand. */
export interface Timekeeper {
  /** Milliseconds, from any beginning, never going back. */
  nowMs(): number
  /** Calls `run` once, later; does not keep the process alive. What it gives takes the call back. */
  after(delayMs: number, run: () => void): () => void
}

/** The longest time that a timer of Node's can take; a longer one would pass at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const SYSTEM_TIME: Timekeeper = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, TIMER_MS_MAX)).unref()
    return () => clearTimeout(timer)
  },
}
