import { bench } from './bench.ts'
import { BenchError, type BenchOptions, type BenchProgress } from './options.ts'
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
}

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
  readonly target: 'first' | 'second'
}

/**
 * A run that ends early ends the comparison: with the rounds so far, and its own where both targets had their turn.
 *
 * @throws {BenchError} as `bench` does, for either target; and where not one round was whole.
 */
export async function compareTargets({
  otherUrl,
  rounds,
  onProgress,
  ...options
}: CompareOptions): Promise<Comparison> {
  const whole: Round[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const order: Round['order'] = round % 2 === 1 ? ['first', 'second'] : ['second', 'first']
    const results: Partial<Record<'first' | 'second', BenchResult>> = {}
    let endedEarly: string | null = null
    for (const target of order) {
      if (endedEarly !== null) break
      const url = target === 'first' ? options.url : otherUrl
      const run = await bench({ ...options, url, onProgress: progress => onProgress?.({ round, target }, progress) })
      results[target] = run
      endedEarly = run.endedEarly
    }
    const { first, second } = results
    if (first !== undefined && second !== undefined) whole.push({ order, first, second })
    if (endedEarly === null) continue
    if (whole.length === 0) throw new BenchError(`not one round was whole: ${endedEarly}`)
    break
  }
  return describeRounds(whole)
}

export function isComparisonFlawless({ rounds }: Comparison): boolean {
  return rounds.every(({ first, second }) => isFlawless(first) && isFlawless(second))
}

function describeRounds(rounds: readonly Round[]): Comparison {
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
    latency: mergeLatencies(runs.map(run => run.latency)),
    uncorrectedLatency: uncorrected.length > 0 ? mergeLatencies(uncorrected) : null,
    course: [],
    answeredByThread: model.answeredByThread.map((_, thread) => sum(run => run.answeredByThread[thread] ?? 0)),
  }
}
