/** Another configuration could not be taken over. The one in force stays, whole. */
export class ReloadError extends Error {
  override readonly name = 'ReloadError'
  readonly reason: ReloadFailure
  /** The worker that is the cause; -1 where none is. */
  readonly worker: number

  constructor(reason: ReloadFailure, message: string, worker = -1) {
    super(message)
    this.reason = reason
    this.worker = worker
  }
}

export type ReloadFailure =
  /** A worker could not make the configuration ready. */
  | 'refused'
  /** A worker has died before all had accepted it. */
  | 'died'
  /** A worker has not answered in time. */
  | 'timeout'
  /** More endpoints or upstreams than there is room for. */
  | 'no_room'
  /** Two of a kind have the same name: what has changed cannot be told. */
  | 'ambiguous'
  | 'stopping'
