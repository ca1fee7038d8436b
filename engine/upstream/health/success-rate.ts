/**
 * Which endpoints of an upstream fail far more often than the others: Envoy's outlier detection by success rate. An
 * endpoint is one when its share of good responses lies more than so many standard deviations below the mean of all
 * that had enough requests to be judged.
 *
 * Of n endpoints none can lie further from the mean than the square root of n - 1 standard deviations: with five of them
 * two, so that `deviations` must be less than that to find anything.
 */
import type { SuccessRateSnapshot } from '../../snapshot.ts'

/** What an endpoint had within the interval. */
export type RequestCounts = readonly [requests: number, successes: number]

export interface SuccessRates {
  /** Indices of the endpoints that are far below the others, in their order. */
  readonly outliers: readonly number[]
  /** Mean share of good responses, 0 to 1; -1 where too few endpoints had enough requests. */
  readonly mean: number
  /** The share below which an endpoint is an outlier; below 0 where none can be, -1 where nothing was judged. */
  readonly threshold: number
}

const NOTHING_JUDGED: SuccessRates = { outliers: [], mean: -1, threshold: -1 }

/** Shares that are equal may differ by what floating point makes of their mean. */
const ROUNDING = 1e-9

export function judgeSuccessRates(counts: readonly RequestCounts[], settings: SuccessRateSnapshot): SuccessRates {
  const requestsMin = Math.max(1, settings.requestsMin)
  const judged = counts.flatMap(([requests, successes], index) =>
    requests >= requestsMin ? [{ index, share: Math.min(1, successes / requests) }] : [],
  )
  if (judged.length < Math.max(1, settings.endpointsMin)) return NOTHING_JUDGED
  const mean = judged.reduce((sum, { share }) => sum + share, 0) / judged.length
  const variance = judged.reduce((sum, { share }) => sum + (share - mean) ** 2, 0) / judged.length
  const threshold = mean - settings.deviations * Math.sqrt(variance)
  const outliers = judged.filter(({ share }) => share < threshold - ROUNDING).map(({ index }) => index)
  return { outliers, mean, threshold }
}
