/** When what of a connection is over, on the clock of `performance.now()`; 0 for never. One timer serves all of them. */
export class ConnectionDeadlines {
  /** The peer's SETTINGS, and its acknowledgement of ours. */
  settingsAt = 0
  /** There has been no stream for so long. */
  idleAt = 0
  /** The peer takes nothing of what was written. */
  stallAt = 0
  /** A frame, or a field block, does not become whole. */
  partialAt = 0
  /** The end was announced, and no stream is taken any more from here on. */
  announceAt = 0

  /** The next of them; 0 for none. */
  next(): number {
    let next = earlier(this.settingsAt, this.idleAt)
    next = earlier(next, this.stallAt)
    next = earlier(next, this.partialAt)
    return earlier(next, this.announceAt)
  }
}

/** The earlier of two times, of which 0 is none. */
export function earlier(a: number, b: number): number {
  if (a === 0) return b
  return b === 0 || a < b ? a : b
}
