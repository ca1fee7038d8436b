import type { ExchangeRecord } from '../exchange/record.ts'
import type { Address, EndpointSnapshot, Snapshot } from '../snapshot.ts'
import type { HealthChange } from '../upstream/health/endpoint-health.ts'

/** What the engine tells its owner; the owner decides what of it is logged. */
export type EngineEvent =
  | { readonly kind: 'worker_started'; readonly worker: number }
  /** `error` is the message of the uncaught exception, or the exit code in words. */
  | { readonly kind: 'worker_died'; readonly worker: number; readonly error: string; readonly stack: string }
  /** A listener is at its connection limit and has stopped accepting (once per spell). */
  | { readonly kind: 'connections_full'; readonly worker: number; readonly listener: string; readonly limit: number }
  /** Requests have shown something of an endpoint, or (with an empty `endpoint`) the circuit of an upstream has changed. */
  | {
      readonly kind: 'endpoint_health'
      readonly upstream: string
      readonly endpoint: string
      readonly change: HealthChange
      readonly reason: string
    }
  /** Active checks have taken an endpoint down or brought it up. */
  | {
      readonly kind: 'endpoint_checked'
      readonly upstream: string
      readonly endpoint: string
      readonly healthy: boolean
      readonly reason: string
    }
  /** Endpoints have come or gone: by a change of DNS or by `UpstreamControl`. */
  | {
      readonly kind: 'endpoints_changed'
      readonly upstream: string
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  /** A name could not be resolved (once per spell); what it had last goes on. */
  | { readonly kind: 'name_failed'; readonly upstream: string; readonly name: string; readonly error: string }
  | { readonly kind: 'name_recovered'; readonly upstream: string; readonly name: string }
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
  /** The endpoints of an upstream, to be looked at and changed while it runs. @throws {RangeError} for an unknown name. */
  upstream(name: string): UpstreamControl
  /** Stops accepting, lets running exchanges finish within the grace, ends the threads. Safe to call twice. */
  stop(): Promise<void>
  /** Ends the threads at once. */
  kill(): Promise<void>
}

/** Why an endpoint is chosen or not: the first of these that holds. */
export type EndpointState =
  /** Taken out by hand. */
  | 'down'
  /** Running and sticky work stays, new work goes elsewhere. */
  | 'draining'
  /** Active checks fail. */
  | 'unhealthy'
  | 'ejected'
  /** Its ejection is over, and one request is to show whether it is back. */
  | 'probing'
  | 'circuit_open'
  | 'circuit_half_open'
  | 'up'

export type CircuitState = 'closed' | 'open' | 'half_open'

export interface EndpointStatus {
  readonly upstream: string
  readonly name: string
  readonly address: Address
  readonly state: EndpointState
  readonly weight: number
  readonly backup: boolean
  readonly priority: number
  /** Requests under way, over all workers. */
  readonly requests: number
  /** Connections open or being opened; -1 where there is no limit on them, and they are not counted. */
  readonly connections: number
  /** Tries that have ended, and those of them that were neither failures nor 5xx. */
  readonly tries: number
  readonly goodTries: number
  /** Ejections in a row. */
  readonly ejections: number
  /** Moving averages in microseconds; 0 where the balancer does not measure them. */
  readonly firstByteUs: number
  readonly responseUs: number
}

/** An endpoint that is added while it runs; what is left out is as in a configuration. One with a name comes in when that resolves. */
export type NewEndpoint = Pick<EndpointSnapshot, 'address'> & Partial<EndpointSnapshot>

/**
 * Changes to an upstream without a reload. An endpoint is named as in the configuration (`api.internal:80` is all the
 * addresses of that name, those that come later too), or as in `endpoints()`: one address, of whichever names have it.
 * Each method takes effect for the next request, resolves when every worker knows of it, and rejects with a `RangeError`
 * for an endpoint that there is not (or is already), and for values that cannot be; with an `Error` once the engine has
 * stopped.
 */
export interface UpstreamControl {
  endpoints(): readonly EndpointStatus[]
  /** The circuit of the upstream as a whole (those of endpoints are in their states); `null` where it has none. */
  circuit(): CircuitState | null
  /** Rejects with a `RangeError` where there is no room: for twice the endpoints of the configuration, and 1,024 more. */
  add(endpoint: NewEndpoint): Promise<void>
  /** New work goes elsewhere at once; what runs there ends in its own time. Not for a single address of a name. */
  remove(endpoint: string): Promise<void>
  setWeight(endpoint: string, weight: number): Promise<void>
  up(endpoint: string): Promise<void>
  /** No new work, sticky sessions neither. */
  down(endpoint: string): Promise<void>
  /** No new work but that of sticky sessions. Resolves when nothing is under way there any more, at the latest after `waitMs`. */
  drain(endpoint: string, waitMs?: number): Promise<void>
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
  /** Tries beyond the first, and second tries beside a slow first one. */
  readonly retries: number
  readonly hedges: number
  readonly latencyUs: {
    readonly count: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
}
