import { bench } from './bench.ts'
import { BenchError, type BenchOptions, type BenchProgress, checkOptions } from './options.ts'
import { reachTarget } from './reach.ts'
import { type BenchResult, isFlawless, mergeLatencies } from './result.ts'

/**
 * Two targets in alternating order: first, second, second, first, and so on, so that neither a machine that warms up
 * nor one that slows down favours either. What is compared is the rounds' ratios, each of two runs that follow each
 * other; their spread says how much the ratio is worth.
 */

export interface Comparison {
  /** All rounds of the first target as one run. */
  readonly first: BenchResult
  readonly second: BenchResult
  /** First divided by second. */
  readonly ratios: {
    readonly requestsPerSecond: Ratio | null
    readonly latencyP50: Ratio | null
    readonly latencyP90: Ratio | null
    readonly latencyP99: Ratio | null
  }
  readonly rounds: readonly Round[]
  /** Why there are fewer rounds than were asked for, or the last is not whole; `null` where that is not so. */
  readonly endedEarly: string | null
}

type Target = 'first' | 'second'

export interface Round {
  /** Which of the two ran first. */
  readonly order: readonly ['first', 'second'] | readonly ['second', 'first']
  readonly first: BenchResult
  readonly second: BenchResult
}

/** Over the rounds in which both had answers; `null` where there is no such round. */
export interface Ratio {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface CompareOptions extends Omit<BenchOptions, 'onProgress'> {
  readonly otherUrl: string
  readonly rounds: number
  readonly onProgress?: (run: RunPlace, progress: BenchProgress) => void
}

export interface RunPlace {
  /** From 1. */
  readonly round: number
  readonly target: Target
}

/**
 * A run that ends early ends the comparison: with the rounds so far, and its own where both targets had their turn.
 *
 * @throws {BenchError} as `bench` does, before anything is measured for either target; and where not one round was whole.
 */
export async function compareTargets({ rounds, ...options }: CompareOptions): Promise<Comparison> {
  const { onProgress, otherUrl, ...load } = options
  for (const url of [load.url, otherUrl]) await reachTarget(checkOptions({ ...load, url }), load.signal)
  const whole: Round[] = []
  let endedEarly: string | null = null
  for (let round = 1; round <= rounds && endedEarly === null; round += 1) {
    const results: Partial<Record<Target, BenchResult>> = {}
    for (const target of orderOf(round)) {
      if (endedEarly !== null) break
      const run = await turnOf(options, { round, target })
      endedEarly = typeof run === 'string' ? run : run.endedEarly
      if (typeof run !== 'string') results[target] = run
    }
    const { first, second } = results
    if (first !== undefined && second !== undefined) whole.push({ order: orderOf(round), first, second })
  }
  if (whole.length === 0) throw new BenchError(`not one round was whole: ${endedEarly}`)
  return describeRounds(whole, endedEarly)
}

function orderOf(round: number): Round['order'] {
  return round % 2 === 1 ? ['first', 'second'] : ['second', 'first']
}

/** One run; why there is none where the target is gone by now, so that the rounds before it are not lost. */
async function turnOf(options: Omit<CompareOptions, 'rounds'>, place: RunPlace): Promise<BenchResult | string> {
  const { onProgress, otherUrl, ...load } = options
  const url = place.target === 'first' ? load.url : otherUrl
  try {
    return await bench({ ...load, url, onProgress: progress => onProgress?.(place, progress) })
  } catch (error) {
    if (error instanceof BenchError) return error.message
    throw error
  }
}

export function isComparisonFlawless({ rounds, endedEarly }: Comparison): boolean {
  return endedEarly === null && rounds.every(({ first, second }) => isFlawless(first) && isFlawless(second))
}

function describeRounds(rounds: readonly Round[], endedEarly: string | null): Comparison {
  const ratioOfPercentile = (percentile: string) => ratioOf(rounds, run => run.latency.percentilesUs[percentile] ?? 0)
  return {
    first: mergeRuns(rounds.map(round => round.first)),
    second: mergeRuns(rounds.map(round => round.second)),
    ratios: {
      requestsPerSecond: ratioOf(rounds, run => run.requestsPerSecond),
      latencyP50: ratioOfPercentile('50'),
      latencyP90: ratioOfPercentile('90'),
      latencyP99: ratioOfPercentile('99'),
    },
    rounds,
    endedEarly,
  }
}

function ratioOf(rounds: readonly Round[], measure: (run: BenchResult) => number): Ratio | null {
  const ratios = rounds
    .map(({ first, second }) => measure(first) / measure(second))
    .filter(ratio => Number.isFinite(ratio) && ratio > 0)
    .toSorted((left, right) => left - right)
  const [min, max] = [ratios[0], ratios.at(-1)]
  if (min === undefined || max === undefined) return null
  return { median: medianOf(ratios), min, max }
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** Several runs of the same load as one. Their courses stay with the rounds. */
function mergeRuns(runs: readonly BenchResult[]): BenchResult {
  const [model] = runs
  if (model === undefined) throw new Error('nothing to merge')
  const sum = (amountOf: (run: BenchResult) => number) => runs.reduce((total, run) => total + amountOf(run), 0)
  const elapsedMs = sum(run => run.elapsedMs)
  const perSecond = (count: number) => (elapsedMs === 0 ? 0 : (count * 1000) / elapsedMs)
  const statuses: Record<string, number> = {}
  for (const [status, count] of runs.flatMap(run => Object.entries(run.statuses))) {
    statuses[status] = (statuses[status] ?? 0) + count
  }
  const uncorrected = runs.flatMap(run => run.uncorrectedLatency ?? [])
  return {
    ...model,
    elapsedMs,
    endedEarly: runs.find(run => run.endedEarly !== null)?.endedEarly ?? null,
    answered: sum(run => run.answered),
    requestsPerSecond: perSecond(sum(run => run.answered)),
    bytesReceived: sum(run => run.bytesReceived),
    bytesPerSecond: perSecond(sum(run => run.bytesReceived)),
    statuses,
    non2xx: sum(run => run.non2xx),
    errors: {
      connect: sum(run => run.errors.connect),
      reset: sum(run => run.errors.reset),
      timeout: sum(run => run.errors.timeout),
      malformed: sum(run => run.errors.malformed),
    },
    unsent: sum(run => run.unsent),
    sentLate: {
      count: sum(run => run.sentLate.count),
      maxUs: Math.max(...runs.map(run => run.sentLate.maxUs)),
    },
    onTheWay: {
      count: sum(run => run.onTheWay.count),
      maxUs: Math.max(...runs.map(run => run.onTheWay.maxUs)),
    },
    latency: mergeLatencies(runs.map(run => run.latency)),
    uncorrectedLatency: uncorrected.length > 0 ? mergeLatencies(uncorrected) : null,
    course: [],
    answeredByThread: model.answeredByThread.map((_, thread) => sum(run => run.answeredByThread[thread] ?? 0)),
  }
}
