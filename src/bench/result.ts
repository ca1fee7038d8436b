import { decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import type { BenchSettings } from './options.ts'
import type { OnTheWay, OwnDelay, RecordedLatency, SocketErrors, ThreadReport } from './plan.ts'
import { createHistogram } from './recorder.ts'

/** What a run has measured, as plain data: what `--json` prints and what the library resolves with. */

export interface BenchResult {
  readonly url: string
  readonly load: LoadDescription
  /** ISO 8601. */
  readonly startedAt: string
  /** How long was measured. */
  readonly elapsedMs: number
  /** Why the run ended before it was over; `null` where it was not. */
  readonly endedEarly: string | null
  /** Whole answers, of whatever status. */
  readonly answered: number
  readonly requestsPerSecond: number
  /** Heads and content of answers, as read from the connections (with TLS: after decryption). */
  readonly bytesReceived: number
  readonly bytesPerSecond: number
  /** How many answers of each status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Answers with a status other than 2xx. */
  readonly non2xx: number
  /** Requests and connections that failed, by what happened. */
  readonly errors: SocketErrors
  /** With a rate: requests that were due and found no free connection until the end. */
  readonly unsent: number
  /** With a rate: requests that this tool sent late, by itself. Their latency is corrected too, so it holds the delay. */
  readonly sentLate: OwnDelay
  readonly onTheWay: OnTheWay
  /** With a rate: corrected for coordinated omission, from the intended time. Without: from sending. */
  readonly latency: LatencySummary
  /** With a rate: from sending, as a tool that is not corrected would see it; without, `null`. */
  readonly uncorrectedLatency: LatencySummary | null
  /** The run in slices of time. */
  readonly course: readonly CoursePoint[]
  /** What each thread has answered. */
  readonly answeredByThread: readonly number[]
}

/** The load that was asked for. */
export interface LoadDescription {
  readonly connections: number
  readonly threads: number
  readonly durationMs: number | null
  readonly requests: number | null
  readonly rate: number | null
  readonly warmUpMs: number
  readonly method: string
  readonly bodyBytes: number
  readonly pipelining: number
  readonly keepAlive: boolean
  readonly timeoutMs: number
}

export const PERCENTILES = [50, 75, 90, 99, 99.9, 99.99] as const

export interface LatencySummary {
  readonly count: number
  readonly minUs: number
  readonly meanUs: number
  readonly stdevUs: number
  readonly maxUs: number
  /** By percentile: `50`, `75`, `90`, `99`, `99.9`, `99.99`. */
  readonly percentilesUs: Readonly<Record<string, number>>
  /** All of it, in microseconds: HdrHistogram's interchange form (V2, compressed, base64). */
  readonly histogram: string
}

export interface CoursePoint {
  /** Since measuring began, the end of the slice. */
  readonly atMs: number
  readonly answered: number
  readonly failed: number
  /** Of the answers in the slice, to about 3 %; 0 where there were none. */
  readonly latencyUsP50: number
  readonly latencyUsP99: number
}

export interface RunFacts {
  readonly startedAt: Date
  readonly endedEarly: string | null
  readonly course: readonly CoursePoint[]
}

/** Adds up what the threads have measured. */
export function summarise(settings: BenchSettings, reports: readonly ThreadReport[], facts: RunFacts): BenchResult {
  const elapsedMs = Math.max(0, ...reports.map(report => report.elapsedMs))
  const answered = sumOf(reports, report => report.answered)
  const bytesReceived = sumOf(reports, report => report.bytesReceived)
  const statuses = sumByName(reports.map(report => report.statuses))
  const corrected = reports.flatMap(report => report.corrected ?? [])
  const measured = mergeLatencies(reports.map(report => report.latency))
  return {
    url: withoutCredentials(settings.url),
    load: describeLoad(settings),
    startedAt: facts.startedAt.toISOString(),
    elapsedMs,
    endedEarly: facts.endedEarly,
    answered,
    requestsPerSecond: perSecond(answered, elapsedMs),
    bytesReceived,
    bytesPerSecond: perSecond(bytesReceived, elapsedMs),
    statuses,
    non2xx: answered - sumOf(Object.entries(statuses), ([status, count]) => (status.startsWith('2') ? count : 0)),
    errors: {
      connect: sumOf(reports, report => report.errors.connect),
      reset: sumOf(reports, report => report.errors.reset),
      timeout: sumOf(reports, report => report.errors.timeout),
      malformed: sumOf(reports, report => report.errors.malformed),
    },
    unsent: sumOf(reports, report => report.unsent),
    sentLate: {
      count: sumOf(reports, report => report.sentLate.count),
      maxUs: Math.max(0, ...reports.map(report => report.sentLate.maxUs)),
    },
    onTheWay: {
      count: sumOf(reports, report => report.onTheWay.count),
      maxUs: Math.max(0, ...reports.map(report => report.onTheWay.maxUs)),
    },
    latency: corrected.length > 0 ? mergeLatencies(corrected) : measured,
    uncorrectedLatency: corrected.length > 0 ? measured : null,
    course: facts.course,
    answeredByThread: reports.map(report => report.answered),
  }
}

export function failuresOf({ errors }: Pick<BenchResult, 'errors'>): number {
  return errors.connect + errors.reset + errors.timeout + errors.malformed
}

/** Everything that was to be sent was answered, with 2xx. */
export function isFlawless(result: BenchResult): boolean {
  const { answered, non2xx, unsent, endedEarly } = result
  return answered > 0 && non2xx === 0 && failuresOf(result) === 0 && unsent === 0 && endedEarly === null
}

/** The latencies of several threads or runs as one. */
export function mergeLatencies(parts: readonly RecordedLatency[]): LatencySummary {
  const histogram = createHistogram()
  for (const part of parts) histogram.add(decodeHistogram(part.histogram))
  const minima = parts.map(part => part.minUs).filter(minUs => minUs > 0)
  const maxUs = Math.max(0, ...parts.map(part => part.maxUs))
  const percentilesUs = PERCENTILES.map(percentile => [String(percentile), valueAt(histogram, percentile, maxUs)])
  return {
    count: histogram.totalCount,
    minUs: minima.length === 0 ? 0 : Math.min(...minima),
    meanUs: histogram.totalCount === 0 ? 0 : histogram.mean,
    stdevUs: histogram.totalCount === 0 ? 0 : histogram.stdDeviation,
    maxUs,
    percentilesUs: Object.fromEntries(percentilesUs),
    histogram: encodeIntoCompressedBase64(histogram),
  }
}

/** 0 for an empty histogram; never more than the highest value, which the histogram knows to three digits only. */
export function valueAt(histogram: Histogram, percentile: number, maxUs: number): number {
  return histogram.totalCount === 0 ? 0 : Math.min(maxUs, histogram.getValueAtPercentile(percentile))
}

export function decodeHistogram(base64: string): Histogram {
  return decodeFromCompressedBase64(base64, 64)
}

/** A URL with a password in it does not belong into reports. */
function withoutCredentials(url: URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href
}

function describeLoad(settings: BenchSettings): LoadDescription {
  const { connections, threads, durationMs, requests, rate, warmUpMs, method, pipelining, keepAlive, timeoutMs } =
    settings
  return {
    connections,
    threads,
    durationMs,
    requests,
    rate,
    warmUpMs,
    method,
    bodyBytes: settings.body.length,
    pipelining,
    keepAlive,
    timeoutMs,
  }
}

function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs === 0 ? 0 : (count * 1000) / elapsedMs
}

function sumOf<Item>(items: readonly Item[], amountOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + amountOf(item), 0)
}

function sumByName(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, count] of parts.flatMap(part => Object.entries(part))) sums[name] = (sums[name] ?? 0) + count
  return sums
}
