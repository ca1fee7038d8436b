import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import type { LivePage } from './live-page.ts'
import type { OnTheWay, RecordedLatency, SocketErrors, ThreadReport } from './plan.ts'

/** What a load thread measures: counters, and latencies in microseconds to three digits. */

const HOUR_US = 3_600_000_000

export function createHistogram(): Histogram {
  // Room for an hour from the start, so that no array is copied in the middle of a run; past it the array grows.
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HOUR_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
    autoResize: true,
  })
}

class LatencyRecorder {
  readonly #histogram = createHistogram()
  #minUs = Number.POSITIVE_INFINITY
  #maxUs = 0

  record(latencyUs: number): void {
    const value = Math.max(1, Math.round(latencyUs))
    this.#histogram.recordValue(value)
    if (value < this.#minUs) this.#minUs = value
    if (value > this.#maxUs) this.#maxUs = value
  }

  report(): RecordedLatency {
    return {
      histogram: encodeIntoCompressedBase64(this.#histogram),
      minUs: Number.isFinite(this.#minUs) ? this.#minUs : 0,
      maxUs: this.#maxUs,
    }
  }
}

export type FailureKind = keyof SocketErrors

export class Recorder {
  readonly #live: LivePage
  readonly #latency = new LatencyRecorder()
  readonly #corrected: LatencyRecorder | null
  readonly #statuses = new Map<number, number>()
  readonly #errors: Record<FailureKind, number> = { connect: 0, reset: 0, timeout: 0, malformed: 0 }
  #answered = 0
  #bytesReceived = 0
  #unsent = 0
  #lateCount = 0
  #lateMaxUs = 0

  constructor(live: LivePage, hasSchedule: boolean) {
    this.#live = live
    this.#corrected = hasSchedule ? new LatencyRecorder() : null
  }

  /** @param lateUs How long after its intended time the request was sent. */
  answered(status: number, latencyUs: number, lateUs: number): void {
    this.#answered += 1
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    this.#latency.record(latencyUs)
    this.#corrected?.record(latencyUs + lateUs)
    this.#live.answered(status, latencyUs + lateUs)
  }

  failed(kind: FailureKind): void {
    this.#errors[kind] += 1
    this.#live.failed()
  }

  received(bytes: number): void {
    this.#bytesReceived += bytes
  }

  /** A request that found no free connection until the end: it would have taken longer than it has waited. */
  unsent(waitedUs: number): void {
    this.#unsent += 1
    this.#corrected?.record(waitedUs)
  }

  /** A request that the tool itself sent late. */
  sentLate(lateUs: number): void {
    this.#lateCount += 1
    this.#lateMaxUs = Math.max(this.#lateMaxUs, lateUs)
  }

  report(elapsedMs: number, onTheWay: OnTheWay): ThreadReport {
    return {
      elapsedMs,
      answered: this.#answered,
      bytesReceived: this.#bytesReceived,
      statuses: Object.fromEntries(this.#statuses),
      errors: { ...this.#errors },
      unsent: this.#unsent,
      sentLate: { count: this.#lateCount, maxUs: Math.round(this.#lateMaxUs) },
      onTheWay,
      latency: this.#latency.report(),
      corrected: this.#corrected?.report() ?? null,
    }
  }
}
