/** Numbers that noise cannot fool easily: medians, and an interval for the ratio of two of them. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that a share (0 to 1) of the others lies below, between two of them in proportion. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (position - below)
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Pairs of rounds below which an interval would only pretend to know something. */
export const ROUNDS_MIN = 5

const RESAMPLES = 2000
const CONFIDENCE = 0.95
const SEED = 20_260_101

/**
 * 95 % confidence interval for `median(after) / median(before)`, by bootstrap: rounds are drawn with replacement, each
 * with both of its measurements, which were made next to each other. The same rounds give the same interval. `null`
 * where there are fewer than `ROUNDS_MIN`.
 */
export function ratioInterval(before: readonly number[], after: readonly number[]): Interval | null {
  const rounds = Math.min(before.length, after.length)
  if (rounds < ROUNDS_MIN) return null
  const random = randomNumbers(SEED)
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const drawn = Array.from({ length: rounds }, () => Math.floor(random() * rounds))
    return median(drawn.map(round => after[round] as number)) / median(drawn.map(round => before[round] as number))
  })
  return { low: quantile(ratios, (1 - CONFIDENCE) / 2), high: quantile(ratios, (1 + CONFIDENCE) / 2) }
}

/** Numbers from 0 to 1 without 1, the same ones for a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Verdict = 'slower' | 'faster' | 'no difference seen'

/** Differences below this are not called: where code happens to lie in memory makes as much. */
export const DIFFERENCE_MIN = 0.01

/** `interval` is that of the time after in proportion to the time before. */
export function verdictOf(interval: Interval | null): Verdict {
  if (interval === null) return 'no difference seen'
  if (interval.low > 1 + DIFFERENCE_MIN) return 'slower'
  if (interval.high < 1 - DIFFERENCE_MIN) return 'faster'
  return 'no difference seen'
}
