/**
 * One clock for all threads. `performance.now()` counts from the birth of its own thread; the system's monotonic clock,
 * on which this one runs, counts the same for all of them.
 */
const [seconds, nanoseconds] = process.hrtime()

/** What `performance.now()` of this thread has to be raised by, in milliseconds. */
const OFFSET_MS = seconds * 1000 + nanoseconds / 1e6 - performance.now()

/**
 * Whole milliseconds of the shared clock as a 32-bit integer that wraps: what a cell of the state page can hold. Two of
 * them are compared by `until`, never by `<`. `nowMs` is this thread's `performance.now()`. @hotpath
 */
export function stampOf(nowMs: number): number {
  return Math.floor(nowMs + OFFSET_MS) | 0
}

/** Milliseconds from one stamp to a later one; negative when it is not later. Right for up to 24 days. @hotpath */
export function until(later: number, stamp: number): number {
  return (later - stamp) | 0
}

/** Milliseconds by which stamps of two threads may differ that were taken at the same time. */
export const SKEW_MS = 1000

/** Milliseconds by which the stamp of a request may be out of date: it is taken with its first byte. */
export const STALE_MS = 60_000

/**
 * Milliseconds until `ends`; not above 0 where that is over. `longestMs` is the most it can ever have been ahead: what
 * seems to lie further ahead was over weeks ago, so long that the stamps have wrapped. @hotpath
 */
export function left(ends: number, stamp: number, longestMs: number): number {
  const leftMs = until(ends, stamp)
  return leftMs > longestMs + STALE_MS ? 0 : leftMs
}
