/** What work goes over, one unit at a time: a connection, or a port of the load's own. */
export interface LaneOwner {
  /** The lane's unit is done; it may not be ready for the next one yet. */
  done(lane: Lane): void
  /** The lane can take a unit. */
  ready(lane: Lane): void
  /** The work cannot be done: nothing goes on after it. */
  failed(reason: string): void
}

export abstract class Lane {
  /** When its unit was due, on the clock of `performance.now()`; set by the owner. */
  dueAt = 0
  protected readonly owner: LaneOwner

  constructor(owner: LaneOwner) {
    this.owner = owner
  }

  /** Calls `ready` when it can take a unit. */
  abstract open(): void
  abstract send(): void
  abstract close(): void
}
