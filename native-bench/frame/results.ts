/** What a run leaves behind as results.json: every raw row, and enough about the run to doubt or repeat it. */
import { readFileSync } from 'node:fs'
import { BenchFailure, messageOf } from './failure.ts'
import type { Machine, Revision } from './machine.ts'
import type { PeerKind } from './peer.ts'

export const RESULTS_FORMAT = 'sluice-native-bench/1'

export interface Results {
  readonly format: typeof RESULTS_FORMAT
  /** ISO 8601, when the run began. */
  readonly date: string
  readonly durationSeconds: number
  /** The command line behind the script's name. */
  readonly arguments: readonly string[]
  readonly rounds: number
  readonly seconds: number
  readonly machine: Machine
  readonly revision: Revision | null
  /** How busy the machine was before the run began, in percent: what others do on it is noise in the figures. */
  readonly busyPercentBefore: number
  /** Versions of what is no peer: origin and load generator. */
  readonly tools: Readonly<Record<string, string>>
  readonly peers: readonly PeerResult[]
  readonly scenarios: readonly ScenarioResult[]
}

export interface PeerResult {
  readonly name: string
  readonly kind: PeerKind
  readonly version: string | null
  /** Why it did not take part; null where it did. */
  readonly absent: string | null
}

/** A figure that rows of a scenario have. */
export interface Measure {
  readonly key: string
  readonly title: string
  /** As written behind the number. */
  readonly unit: string
  readonly better: 'less' | 'more'
  /** Keys of the measures that add up to it: stacked in its plot, and shown with it instead of on their own. */
  readonly parts?: readonly string[]
}

export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly summary: string
  /** What one unit of work is: request, message, connection. */
  readonly unit: string
  /** The first is what ratios are about and what the plot shows. */
  readonly measures: readonly Measure[]
  readonly notes: readonly string[]
  readonly rows: readonly Row[]
}

export interface Row {
  /** Peer and variant: `sluice, pipelining 8`. */
  readonly contestant: string
  readonly peer: string
  /** `direct` is the load without any proxy: the floor of the method. */
  readonly kind: PeerKind | 'direct'
  /** Empty for the peer as it is. */
  readonly variant: string
  /** Why its figures do not count; null where they do. */
  readonly failed: string | null
  readonly notes: readonly string[]
  readonly samples: readonly Sample[]
}

/** One measurement of one round. */
export interface Sample {
  readonly phase: string
  readonly round: number
  readonly values: Readonly<Record<string, number>>
  /** Latency in µs by percentile, of a latency phase. */
  readonly curve?: readonly CurvePoint[]
  /** CPU time by thread, in µs of the whole measurement. */
  readonly threads?: readonly { readonly name: string; readonly userUs: number; readonly systemUs: number }[]
}

export type CurvePoint = readonly [percentile: number, latencyUs: number]

/** Of a file that `results.json` was written to, by this version of the bench or one that wrote the same format. */
export function readResults(path: string): Results {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new BenchFailure(`${path} cannot be read as JSON: ${messageOf(error)}`)
  }
  if (isResults(content)) return content
  throw new BenchFailure(`${path} holds no results of this bench (no "format": "${RESULTS_FORMAT}")`)
}

function isResults(content: unknown): content is Results {
  if (typeof content !== 'object' || content === null) return false
  return 'format' in content && content.format === RESULTS_FORMAT && 'scenarios' in content
}
