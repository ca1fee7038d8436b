/** What the supervisor and a worker say to each other. */
import type { PageSize } from '../shared/state-page.ts'
import type { Address, Snapshot } from '../snapshot.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { EngineEvent } from './api.ts'

/** What a worker is born with. */
export interface WorkerBirth {
  readonly worker: number
  readonly workers: number
  readonly snapshot: Snapshot
  /** Where the endpoints of each upstream are. */
  readonly placements: readonly (readonly EndpointPlacement[])[]
  readonly page: SharedArrayBuffer
  readonly size: PageSize
  readonly ownerData: unknown
}

export type ToWorker =
  | { readonly kind: 'stop'; readonly graceMs: number }
  /** The endpoints of an upstream are others now; answered by `placed` with the same `change`. */
  | {
      readonly kind: 'place'
      readonly change: number
      readonly upstream: number
      readonly placements: readonly EndpointPlacement[]
    }

export type FromWorker =
  /** The listeners accept; `null` for those that another worker has. */
  | { readonly kind: 'listening'; readonly addresses: readonly (Address | null)[] }
  | { readonly kind: 'listen_failed'; readonly listener: string; readonly code: string; readonly message: string }
  | { readonly kind: 'placed'; readonly change: number }
  | { readonly kind: 'event'; readonly event: EngineEvent }

/** TCP listeners are everybody's; a unix socket has one worker, by its place, so that several spread. */
export function servesListener(snapshot: Snapshot, listener: number, worker: number, workers: number): boolean {
  return snapshot.listeners[listener]?.address.kind === 'tcp' || listener % workers === worker
}
