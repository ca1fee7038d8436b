import type { ExchangeRecord } from '../exchange/record.ts'
import type { ExplainRequest, Explanation } from '../explain/explanation.ts'
import type { FlowExplanation, FlowQuestion } from '../explain/flow-explanation.ts'
import type { FlowRecord } from '../l4/flow-record.ts'
import type { ChallengesSnapshot, EndpointSnapshot, Snapshot } from '../snapshot.ts'
import type { CircuitState, EndpointStatus } from '../upstream/endpoint-status.ts'
import type { HealthChange } from '../upstream/health/endpoint-health.ts'

export type { CircuitState, EndpointState, EndpointStatus } from '../upstream/endpoint-status.ts'

/** What the engine tells its owner; the owner decides what of it is logged. */
export type EngineEvent =
  | { readonly kind: 'worker_started'; readonly worker: number }
  /** `error` is the message of the uncaught exception, or the exit code in words. */
  | { readonly kind: 'worker_died'; readonly worker: number; readonly error: string; readonly stack: string }
  /** A listener is at its connection limit and has stopped accepting (once per spell). */
  | { readonly kind: 'connections_full'; readonly worker: number; readonly listener: string; readonly limit: number }
  /** A listener of UDP has as many flows as it may: each new one ends the one that has been idle for the longest (once per spell). */
  | { readonly kind: 'flows_full'; readonly worker: number; readonly listener: string; readonly limit: number }
  /**
   * Handshakes of TLS with clients have failed at a listener, so many since this was told last, some time ago. `client`, `error`
   * (OpenSSL's name, e.g. `ERR_SSL_NO_SHARED_CIPHER`) and `detail` are those of the last.
   */
  | {
      readonly kind: 'handshakes_failed'
      readonly worker: number
      readonly listener: string
      readonly count: number
      readonly client: string
      readonly error: string
      readonly detail: string
    }
  /**
   * Connections, or flows, were kept out of a listener, so many since this was told last, some time ago: by a limit on new ones, or
   * for what stood in the place of a header of the PROXY protocol. `client`, `reason` (`too_many_of_client`, `too_many_new`,
   * `proxy_header_missing`, `proxy_header_malformed`, `proxy_header_timeout`) and `detail` are those of the last.
   */
  | {
      readonly kind: 'connections_refused'
      readonly worker: number
      readonly listener: string
      readonly count: number
      readonly client: string
      readonly reason: string
      readonly detail: string
    }
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
  /** Another configuration is in force. */
  | ({ readonly kind: 'reloaded' } & ReloadReport)
  /** Another configuration was not taken over; `generation` is the one that stays. */
  | { readonly kind: 'reload_failed'; readonly generation: number; readonly error: string }
  /** An exception within one connection; the connection was closed, nothing else. A defect of ours. */
  | { readonly kind: 'connection_fault'; readonly worker: number; readonly error: string; readonly stack: string }

/** Hooks that run inside each worker thread. They must not throw and must not wait. */
export interface WorkerHooks {
  /** Called at the end of each exchange; `null` costs nothing. */
  readonly onExchange: ((record: ExchangeRecord) => void) | null
  /** Called at the end of each flow of TCP or UDP; `null` costs nothing. */
  readonly onFlow: ((record: FlowRecord) => void) | null
  /** Called when the worker is about to end in order. */
  readonly onStop: (() => void) | null
}

export interface EngineOptions {
  readonly snapshot: Snapshot
  /** Data-plane threads, 1 or more. */
  readonly workers: number
  /** Milliseconds that running exchanges get after `stop()`; then their connections are cut. */
  readonly shutdownGraceMs: number
  /** Milliseconds between two keys of tickets for TLS sessions; the one before is still accepted. Absent: four hours. */
  readonly ticketRotationMs?: number
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

/** What a reload has touched, by name. */
export interface Changes {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  /** As they were: sockets, pools, health and counts go on. */
  readonly kept: readonly string[]
}

export interface ReloadReport {
  readonly generation: number
  readonly listeners: Changes
  readonly upstreams: Changes
  readonly routes: Changes
}

export interface WorkerStatus {
  readonly worker: number
  /** `starting` until its listeners accept; `dead` between the end of one and the start of the next. */
  readonly state: 'starting' | 'running' | 'dead'
  /** Milliseconds since the epoch when the thread that has this number now was started. */
  readonly startedAtMs: number
  /** Threads that had this number before. */
  readonly restarts: number
  readonly connectionsOpen: number
  readonly exchangesActive: number
}

export interface Engine {
  readonly listeners: readonly BoundListener[]
  /** The number of the configuration in force. */
  readonly generation: number
  /**
   * Takes another configuration over while it runs. Only what is different is touched: an unchanged listener keeps its
   * socket, an unchanged upstream its connections, its health and what was changed by `UpstreamControl`. New requests, on
   * connections that are open too, are served by the new one from when all workers have accepted it, and not before by any;
   * what runs ends by the old one. Reloads happen one after the other.
   *
   * Rejects with `ListenError` or `ReloadError`, and then the one in force stays, whole. `snapshot.generation` is not
   * looked at: the next number is given.
   */
  reload(snapshot: Snapshot): Promise<ReloadReport>
  /**
   * Answers an authority that issues certificates with these from now on, and no others. Resolves when every worker does, or
   * is gone.
   */
  challenge(challenges: ChallengesSnapshot): Promise<void>
  workers(): readonly WorkerStatus[]
  /** Sums over all workers, read from the state page at the call. */
  stats(): EngineStats
  /**
   * Says what would become of a request now, and why: by the configuration in force, and by how its endpoints do. Nothing is
   * sent, and nothing of what runs is touched. Rejects with an `ExplainError` for a listener that there is not, or that reads none.
   */
  explain(request: ExplainRequest): Promise<Explanation>
  /** The same of a connection or a datagram that is passed on as it comes. */
  explainFlow(asked: FlowQuestion): Promise<FlowExplanation>
  /** Either, and requests that turn out to be connections that nobody reads. */
  explainAny(asked: ExplainRequest | FlowQuestion): Promise<Explanation | FlowExplanation>
  /** The endpoints of an upstream, to be looked at and changed while it runs. @throws {RangeError} for an unknown name. */
  upstream(name: string): UpstreamControl
  /** Stops accepting, lets running exchanges finish within the grace, ends the threads. Safe to call twice. */
  stop(): Promise<void>
  /** Ends the threads at once. */
  kill(): Promise<void>
}

/** An endpoint that is added while it runs; what is left out is as in a configuration. One with a name comes in when that resolves. */
export type NewEndpoint = Pick<EndpointSnapshot, 'address'> & Partial<EndpointSnapshot>

/**
 * Changes to an upstream without a reload. An endpoint is named as in the configuration (`api.internal:80` is all the
 * addresses of that name, those that come later too), or as in `endpoints()`: one address, of whichever names have it.
 * Each method takes effect for the next request, resolves when every worker knows of it, and rejects with a `RangeError`
 * for an endpoint that there is not (or is already), and for values that cannot be; with an `Error` once the engine has
 * stopped, or a reload has taken the upstream out. An upstream that a reload has left or changed keeps its object.
 */
export interface UpstreamControl {
  endpoints(): readonly EndpointStatus[]
  /** The circuit of the upstream as a whole (those of endpoints are in their states); `null` where it has none. */
  circuit(): CircuitState | null
  /**
   * Rejects with a `RangeError` where there is no room: for four times the endpoints of the first configuration, and at least
   * 32,768. It is there until the upstream is configured anew.
   */
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
  /** Of TCP and UDP, without what HTTP has: those open now, all that have ended, and what became of those for which there was no room. */
  readonly flows: {
    readonly active: number
    readonly total: number
    readonly evicted: number
    readonly datagramsDropped: number
  }
  /** Connections and flows that a limit on new ones, or a header of the PROXY protocol, has kept out. */
  readonly connectionsRefused: number
  /** Of exchanges and flows. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Answers by class: index 1 for 1xx (final 101) to 5 for 5xx; 0 for exchanges that ended without one. */
  readonly statusClasses: readonly number[]
  /** Requests and flows under way per endpoint, in the order of the snapshot. */
  readonly inFlight: readonly { readonly upstream: string; readonly endpoint: string; readonly requests: number }[]
  /** Tries beyond the first, and second tries beside a slow first one. */
  readonly retries: number
  readonly hedges: number
  /** Requests of which a copy went to a mirror, and those of which none did, or not all of it, because of a limit. */
  readonly mirrored: number
  readonly mirrorsDropped: number
  /** Of TLS with clients: those that have ended well, those of them that took a session up again, and those that failed. */
  readonly handshakes: { readonly total: number; readonly resumed: number; readonly failed: number }
  readonly latencyUs: {
    readonly count: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
}
