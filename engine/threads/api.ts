import type { ExchangeRecord } from '../exchange/record.ts'
import type { Snapshot } from '../snapshot.ts'

/** What the engine tells its owner; the owner decides what of it is logged. */
export type EngineEvent =
  | { readonly kind: 'worker_started'; readonly worker: number }
  /** `error` is the message of the uncaught exception, or the exit code in words. */
  | { readonly kind: 'worker_died'; readonly worker: number; readonly error: string; readonly stack: string }
  /** A listener is at its connection limit and has stopped accepting (once per spell). */
  | { readonly kind: 'connections_full'; readonly worker: number; readonly listener: string; readonly limit: number }
  /** An exception within one connection; the connection was closed, nothing else. A defect of ours. */
  | { readonly kind: 'connection_fault'; readonly worker: number; readonly error: string; readonly stack: string }

/** Hooks that run inside each worker thread. They must not throw and must not wait. */
export interface WorkerHooks {
  /** Called at the end of each exchange; `null` costs nothing. */
  readonly onExchange: ((record: ExchangeRecord) => void) | null
  /** Called when the worker is about to end in order. */
  readonly onStop: (() => void) | null
}

export interface EngineOptions {
  readonly snapshot: Snapshot
  /** Data-plane threads, 1 or more. */
  readonly workers: number
  /** Milliseconds that running exchanges get after `stop()`; then their connections are cut. */
  readonly shutdownGraceMs: number
  /** The module a worker thread runs; it calls `runWorker(hooks)`. Absent: the engine's own, without hooks. */
  readonly workerModule?: URL
  /** Structured-cloneable data the worker module reads as `ownerData()`. */
  readonly ownerData?: unknown
  readonly onEvent?: (event: EngineEvent) => void
}

/** One listener that accepts, with the port it got where the configuration said 0. */
export interface BoundListener {
  readonly name: string
  readonly address:
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    | { readonly kind: 'unix'; readonly path: string }
}

export interface Engine {
  readonly listeners: readonly BoundListener[]
  /** Sums over all workers, read from the state page at the call. */
  stats(): EngineStats
  /** Stops accepting, lets running exchanges finish within the grace, ends the threads. Safe to call twice. */
  stop(): Promise<void>
  /** Ends the threads at once. */
  kill(): Promise<void>
}

export interface EngineStats {
  readonly connectionsOpen: number
  readonly connectionsTotal: number
  readonly exchangesActive: number
  readonly exchangesTotal: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Answers by class: index 1 for 1xx (final 101) to 5 for 5xx; 0 for exchanges that ended without one. */
  readonly statusClasses: readonly number[]
  /** Requests under way per endpoint, in the order of the snapshot. */
  readonly inFlight: readonly { readonly upstream: string; readonly endpoint: string; readonly requests: number }[]
  readonly latencyUs: {
    readonly count: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
}
