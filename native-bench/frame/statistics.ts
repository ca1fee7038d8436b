/** Medians and how far rounds lie apart. Few and noisy rounds are described by what they were, not by a model of them. */

export interface Spread {
  readonly median: number
  readonly minimum: number
  readonly maximum: number
  /** How many values it is of. */
  readonly count: number
}

/** Of at least one value; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Null where there is no value. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  return {
    median: median(values),
    minimum: Math.min(...values),
    maximum: Math.max(...values),
    count: values.length,
  }
}

/** A value and the round that it comes from. */
export interface RoundValue {
  readonly round: number
  readonly value: number
}

/**
 * The ratios of values to those of the same round: what a noisy minute does to both goes out of them. Rounds that only
 * one side has are left out, and so are those where the other is 0.
 */
export function ratiosByRound(values: readonly RoundValue[], others: readonly RoundValue[]): number[] {
  const byRound = new Map(others.map(({ round, value }) => [round, value]))
  return values.flatMap(({ round, value }) => {
    const other = byRound.get(round)
    return other === undefined || other === 0 ? [] : [value / other]
  })
}

/**
 * Who comes when: every other round runs backwards, and each pair of rounds begins one further on, so that over
 * the rounds each comes early and late, and behind different neighbours.
 */
export function orderOfRound<Item>(items: readonly Item[], round: number): Item[] {
  if (items.length === 0) return []
  const first = (round >> 1) % items.length
  const rotated = [...items.slice(first), ...items.slice(0, first)]
  return round % 2 === 0 ? rotated : rotated.toReversed()
}
