/** What the supervisor and a worker say to each other. */
import type { PageSize } from '../shared/state-page.ts'
import type { Address, ChallengesSnapshot, RouteSnapshot, Snapshot, UpstreamSnapshot } from '../snapshot.ts'
import type { EndpointPlacement, UpstreamPlacement } from '../upstream/placement.ts'
import type { EngineEvent } from './api.ts'

/** Where a listener of a snapshot accepts. */
export interface SocketPlan {
  /** Tells sockets apart as long as the engine lives: a listener with the socket of an earlier generation takes it over. */
  readonly socket: number
  readonly transport: 'tcp' | 'udp'
  /** The worker that has it; -1 for all of them, each with a socket of its own for the same address. */
  readonly worker: number
  /** With the port that the system has chosen, as soon as that is known. */
  readonly address: Address
  /** What the workers share of its limits on new connections: see `Intake`. */
  readonly limits: SharedArrayBuffer
}

/** A generation as a worker is told of it. */
export interface GenerationPlan {
  readonly snapshot: Snapshot
  /** By listener of the snapshot. */
  readonly sockets: readonly SocketPlan[]
  /** By upstream of the snapshot. */
  readonly upstreams: readonly UpstreamPlacement[]
  /** Of which tickets for TLS sessions are made, the latest first; none where no listener makes any. */
  readonly ticketSecrets: readonly Uint8Array[]
}

/** What a worker is born with. */
export interface WorkerBirth {
  readonly worker: number
  readonly workers: number
  readonly plan: GenerationPlan
  readonly challenges: ChallengesSnapshot
  readonly page: SharedArrayBuffer
  readonly size: PageSize
  readonly ownerData: unknown
}

/** What the supervisor wants to know the outcome of. `question` comes back with the answer. */
export type Order =
  /** The endpoints of an upstream are others now. */
  | { readonly kind: 'place'; readonly slot: number; readonly placements: readonly EndpointPlacement[] }
  /** Some of the routes of the generation that `prepare` is to follow for: many at once would hold a worker up. */
  | { readonly kind: 'routes'; readonly routes: readonly RouteSnapshot[] }
  /** Some of its upstreams, and where they are. */
  | {
      readonly kind: 'upstreams'
      readonly upstreams: readonly UpstreamSnapshot[]
      readonly placements: readonly UpstreamPlacement[]
    }
  /** Makes a generation ready; what came before stands before what the plan has. Nothing is served by it before `commit`. */
  | { readonly kind: 'prepare'; readonly plan: GenerationPlan }
  /** The generation that was made ready is in force. `moved` are those upstreams of it that have changed since. */
  | { readonly kind: 'commit'; readonly generation: number; readonly moved: readonly UpstreamPlacement[] }

  /** What authorities are answered from now on that issue certificates. */
  | { readonly kind: 'challenge'; readonly challenges: ChallengesSnapshot }

  /** Tickets for TLS sessions are made of the first of them from now on. */
  | { readonly kind: 'tickets'; readonly secrets: readonly Uint8Array[] }

export type ToWorker =
  | { readonly kind: 'stop'; readonly graceMs: number }
  /** The generation that was, or is being, made ready is given up. */
  | { readonly kind: 'abort'; readonly generation: number }
  | { readonly kind: 'order'; readonly question: number; readonly order: Order }

/** How an order has ended. */
export type Answer =
  | { readonly kind: 'done' }
  | Listening
  | Refusal
  /** Of a commit: the earliest generation that something still runs on. */
  | { readonly kind: 'committed'; readonly oldest: number }

/** The listeners are open; `null` for those that another worker has. */
export interface Listening {
  readonly kind: 'listening'
  readonly addresses: readonly (Address | null)[]
}

export interface Refusal {
  readonly kind: 'refused'
  /** Empty where it is not that a listener cannot be opened. */
  readonly listener: string
  /** The system's name for what went wrong, e.g. `EADDRINUSE`; empty where it had none. */
  readonly code: string
  readonly message: string
}

export type FromWorker =
  /** It serves, or cannot: the first thing that a worker says. */
  | { readonly kind: 'born'; readonly outcome: Listening | Refusal }
  | { readonly kind: 'answer'; readonly question: number; readonly answer: Answer }
  /** Nothing runs any more on generations before that one. */
  | { readonly kind: 'oldest'; readonly generation: number }
  | { readonly kind: 'event'; readonly event: EngineEvent }

/** TCP listeners are everybody's; a unix socket has one worker, by its place, so that several spread. */
export function workerOf(address: Address, listener: number, workers: number): number {
  return address.kind === 'tcp' ? -1 : listener % workers
}
