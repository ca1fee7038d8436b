import { decodeHistogram, type LatencySummary } from './result.ts'

/** Reporting points to each halving of what is left to 100 %: HdrHistogram's own default. */
const TICKS_PER_HALF = 5

/** HdrHistogram's percentile distribution in milliseconds, as its plotter takes it. */
export function hgrmReport(latency: LatencySummary): string {
  return decodeHistogram(latency.histogram).outputPercentileDistribution(TICKS_PER_HALF, 1000)
}
