/** What the supervisor and a worker say to each other. */
import type { Address, Snapshot } from '../snapshot.ts'
import type { EngineEvent } from './api.ts'

/** What a worker is born with. */
export interface WorkerBirth {
  readonly worker: number
  readonly workers: number
  readonly snapshot: Snapshot
  readonly page: SharedArrayBuffer
  readonly endpoints: number
  readonly ownerData: unknown
}

export type ToWorker = { readonly kind: 'stop'; readonly graceMs: number }

export type FromWorker =
  /** The listeners accept; `null` for those that another worker has. */
  | { readonly kind: 'listening'; readonly addresses: readonly (Address | null)[] }
  | { readonly kind: 'listen_failed'; readonly listener: string; readonly code: string; readonly message: string }
  | { readonly kind: 'event'; readonly event: EngineEvent }

/** TCP listeners are everybody's; a unix socket has one worker, by its place, so that several spread. */
export function servesListener(snapshot: Snapshot, listener: number, worker: number, workers: number): boolean {
  return snapshot.listeners[listener]?.address.kind === 'tcp' || listener % workers === worker
}
