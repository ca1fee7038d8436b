import {
  formatAsked,
  formatBytes,
  formatCount,
  formatLatency,
  formatNumberOf,
  formatRate,
  formatTime,
} from './format.ts'
import { type BenchResult, failuresOf, type LatencySummary, type LoadDescription } from './result.ts'

/** What reports say in words: the same sentences in the text and in HTML. */

/** Below this share of the answers, requests that the tool sent late move no percentile that anybody quotes. */
const SENT_LATE_SHARE = 0.002

export function describeLoad(load: LoadDescription): string {
  const { connections, threads, durationMs, requests, rate, warmUpMs } = load
  const parts = [
    `${formatNumberOf(connections, 'connection')} on ${formatNumberOf(threads, 'thread')}`,
    durationMs === null ? formatNumberOf(requests ?? 0, 'request') : formatTime(durationMs),
    rate === null ? 'as fast as answers come' : `${formatAsked(rate)} requests/s on a schedule`,
  ]
  if (warmUpMs > 0) parts.push(`after ${formatTime(warmUpMs)} of warm-up`)
  if (load.method !== 'GET' || load.bodyBytes > 0) {
    parts.push(load.bodyBytes > 0 ? `${load.method} with ${formatBytes(load.bodyBytes)}` : load.method)
  }
  if (load.pipelining > 1) parts.push(`${load.pipelining} requests pipelined`)
  if (!load.keepAlive) parts.push('a new connection for each request')
  return parts.join(', ')
}

export interface Fact {
  readonly name: string
  readonly value: string
  /** Something went wrong. */
  readonly isBad: boolean
}

export function factsOf(result: BenchResult): Fact[] {
  const { answered, elapsedMs, non2xx, unsent } = result
  const failures = failuresOf(result)
  const facts: Fact[] = [
    { name: 'Requests/s', value: formatRate(result.requestsPerSecond), isBad: false },
    {
      name: 'Answered',
      value: `${formatCount(answered)} in ${(elapsedMs / 1000).toFixed(2)} s`,
      isBad: answered === 0,
    },
    {
      name: 'Received',
      value: `${formatBytes(result.bytesPerSecond)}/s, ${formatBytes(result.bytesReceived)} in all`,
      isBad: false,
    },
    { name: 'Statuses', value: describeStatuses(result), isBad: false },
    { name: 'Not 2xx', value: non2xx === 0 ? 'none' : formatCount(non2xx), isBad: non2xx > 0 },
    { name: 'Errors', value: failures === 0 ? 'none' : describeErrors(result), isBad: failures > 0 },
  ]
  if (unsent > 0) {
    const value = `${formatCount(unsent)} requests were due, but all connections were busy until the end`
    facts.push({ name: 'Not sent', value, isBad: true })
  }
  const { sentLate, onTheWay } = result
  // That some are on the way is what a closed loop is; one that waits longer than any answer took is a stall.
  if (onTheWay.maxUs > result.latency.maxUs) {
    const value = `${formatNumberOf(onTheWay.count, 'request')} on the way at the end, one for ${formatLatency(onTheWay.maxUs)}: longer than any answer took`
    facts.push({ name: 'Unanswered', value, isBad: true })
  }
  // A few are what any timer does.
  if (sentLate.count > answered * SENT_LATE_SHARE) {
    const value = `${formatCount(sentLate.count)}, up to ${formatLatency(sentLate.maxUs)}, because this machine was busy`
    facts.push({ name: 'Sent late', value, isBad: true })
  }
  if (result.endedEarly !== null) facts.push({ name: 'Ended early', value: result.endedEarly, isBad: true })
  return facts
}

export interface LatencyColumn {
  readonly name: string
  readonly latency: LatencySummary
}

/** The latencies of a run: with a rate both, and what each of them is. */
export function latencyColumns({ latency, uncorrectedLatency }: BenchResult): LatencyColumn[] {
  if (uncorrectedLatency === null) return [{ name: 'ms', latency }]
  return [
    { name: 'corrected ms', latency },
    { name: 'uncorrected ms', latency: uncorrectedLatency },
  ]
}

export function describeLatencies({ uncorrectedLatency }: BenchResult): string {
  if (uncorrectedLatency === null) return 'from sending a request to the end of its answer'
  return 'corrected: from the time that the schedule intended; uncorrected: from sending'
}

/** Name and microseconds of each line of the latency table. */
export function latencyRows(latency: LatencySummary): [name: string, latencyUs: number][] {
  return [
    ['min', latency.minUs],
    ...Object.entries(latency.percentilesUs)
      .map(([percentile, latencyUs]): [number, number] => [Number(percentile), latencyUs])
      .toSorted(([left], [right]) => left - right)
      .map(([percentile, latencyUs]): [string, number] => [`p${percentile}`, latencyUs]),
    ['max', latency.maxUs],
    ['mean', latency.meanUs],
    ['stdev', latency.stdevUs],
  ]
}

function describeStatuses({ statuses }: BenchResult): string {
  const parts = Object.entries(statuses).map(([status, count]) => `${status}: ${formatCount(count)}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

function describeErrors(result: BenchResult): string {
  const { connect, reset, timeout, malformed } = result.errors
  const kinds: [number, string][] = [
    [connect, 'not connected'],
    [reset, 'closed before the answer'],
    [timeout, 'timed out'],
    [malformed, 'not HTTP'],
  ]
  return kinds
    .filter(([count]) => count > 0)
    .map(([count, words]) => `${formatCount(count)} ${words}`)
    .join(', ')
}
