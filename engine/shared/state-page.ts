/**
 * What crosses threads: one SharedArrayBuffer with a row per worker. Each cell has one writer, the worker of its row, so
 * nothing is locked; whoever reads sums the column. A dead worker's row is zeroed where it speaks of the present
 * (in-flight, open connections) and kept where it counts what has been.
 */
import { HISTOGRAM_BUCKETS } from './histogram.ts'

/** Counters of a row, each a double: exact up to 2^53. */
export const CONNECTIONS_OPEN = 0
export const CONNECTIONS_TOTAL = 1
export const EXCHANGES_ACTIVE = 2
export const EXCHANGES_TOTAL = 3
export const BYTES_IN = 4
export const BYTES_OUT = 5
/** Six cells: exchanges that ended without a status, then by the status's hundred. */
export const STATUS_CLASSES = 6
export const LATENCY_MAX_US = 12
const COUNTERS = 16

/** Doubles and integers of a row are padded to whole cache lines, so that no two workers write to one. */
const CACHE_LINE_BYTES = 64

function padded(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES
}

/** One worker's row. */
export class StateRow {
  readonly counters: Float64Array
  /** Requests under way, by endpoint. */
  readonly inFlight: Int32Array
  /** Durations of whole exchanges, by bucket. */
  readonly latency: Uint32Array

  constructor(buffer: SharedArrayBuffer, offset: number, endpoints: number) {
    this.counters = new Float64Array(buffer, offset, COUNTERS)
    const inFlightAt = offset + padded(COUNTERS * 8)
    this.inFlight = new Int32Array(buffer, inFlightAt, endpoints)
    this.latency = new Uint32Array(buffer, inFlightAt + padded(endpoints * 4), HISTOGRAM_BUCKETS)
  }

  static bytes(endpoints: number): number {
    return padded(COUNTERS * 8) + padded(endpoints * 4) + padded(HISTOGRAM_BUCKETS * 4)
  }

  /** Forgets what the row says of the present: its worker is gone. */
  clearPresent(): void {
    this.counters[CONNECTIONS_OPEN] = 0
    this.counters[EXCHANGES_ACTIVE] = 0
    this.inFlight.fill(0)
  }
}

export class StatePage {
  readonly buffer: SharedArrayBuffer
  readonly endpoints: number
  readonly rows: readonly StateRow[]

  constructor(buffer: SharedArrayBuffer, workers: number, endpoints: number) {
    this.buffer = buffer
    this.endpoints = endpoints
    const stride = StateRow.bytes(endpoints)
    this.rows = Array.from({ length: workers }, (_, worker) => new StateRow(buffer, worker * stride, endpoints))
  }

  static create(workers: number, endpoints: number): StatePage {
    return new StatePage(new SharedArrayBuffer(StateRow.bytes(endpoints) * workers), workers, endpoints)
  }

  /** Sum of a counter over all workers. */
  counter(index: number): number {
    return this.rows.reduce((sum, row) => sum + (row.counters[index] as number), 0)
  }

  /** Requests under way at an endpoint, over all workers. */
  inFlight(endpoint: number): number {
    return this.rows.reduce((sum, row) => sum + (row.inFlight[endpoint] as number), 0)
  }

  /** The latency buckets of all workers, added up. */
  latency(): Float64Array {
    const sum = new Float64Array(HISTOGRAM_BUCKETS)
    for (const row of this.rows) {
      for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
        sum[bucket] = (sum[bucket] as number) + (row.latency[bucket] as number)
      }
    }
    return sum
  }
}
