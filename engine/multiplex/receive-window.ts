/** What a peer may send ahead (RFC 9113, section 5.2), on a connection; streams keep the same account by `windowRoom`. */

export interface WindowSizes {
  /** Bytes of a stream's window at first. */
  readonly streamWindowBytes: number
  /** Of the connection's. */
  readonly connectionWindowBytes: number
  /** Of the connection's at most; a stream's may grow to half of it. */
  readonly windowBytesMax: number
}

/** Bytes of any window before anything is said of it (RFC 9113, section 6.9.2). */
export const WINDOW_BYTES_DEFAULT = 65_535

/**
 * Bytes that are to be given back now: what a window of `target` bytes has room for, once that is half of what is possible; 0
 * before that. `left` may still come, `held` has come and is not dealt with. @hotpath
 */
export function windowRoom(target: number, left: number, held: number): number {
  const room = target - left - held
  return room > 0 && room * 2 >= target - held ? room : 0
}

/**
 * The connection's window, and how far windows grow: with the product of bandwidth and delay, which one PING at a time
 * measures. It goes with the WINDOW_UPDATE of a stream whose window is used up by half, and what comes before its answer was
 * on its way: the other half, where the window is what slows the peer down. Then it is made four times as large as that.
 * Where windows are not used up, nothing is measured.
 */
export class ReceiveWindow {
  readonly #sizes: WindowSizes
  /** The peer's messages are for many, of whom some may take nothing for long: those must not keep the others waiting. */
  readonly #isShared: boolean
  #left = WINDOW_BYTES_DEFAULT
  #held = 0
  #target: number
  /** What a stream's window grows to when some of it is given back. */
  streamTarget: number
  /** Bytes that have come since the PING that measures; -1 while none is out. */
  #sample = -1

  constructor(sizes: WindowSizes, isShared: boolean) {
    this.#sizes = sizes
    this.#isShared = isShared
    this.#target = Math.max(WINDOW_BYTES_DEFAULT, sizes.connectionWindowBytes)
    this.streamTarget = sizes.streamWindowBytes
  }

  /** Bytes of a DATA frame have come. False when they were not allowed. @hotpath */
  take(bytes: number): boolean {
    this.#left -= bytes
    if (this.#sample >= 0) this.#sample += bytes
    return this.#left >= 0
  }

  /** A stream that is paused has got some of them: they stay away from the peer until `release`. */
  hold(bytes: number): void {
    this.#held += bytes
  }

  release(bytes: number): void {
    this.#held -= bytes
  }

  /** What a WINDOW_UPDATE is to give back now; 0 for nothing. It is taken as given. @hotpath */
  giveBack(): number {
    const target = this.#target
    // Of a window that is shared one half is never held: what is, is bounded by the windows of the streams.
    const held = this.#isShared ? Math.min(this.#held, Math.floor(target / 2)) : this.#held
    const room = windowRoom(target, this.#left, held)
    this.#left += room
    return room
  }

  /**
   * What the window of a stream, one of so many, is to be: `target` is what it was. Where the connection is shared, streams
   * share what it may hold, too, and windows become smaller again when more of them come. @hotpath
   */
  streamTargetOf(target: number, streams: number): number {
    if (!this.#isShared) return Math.max(target, this.streamTarget)
    const { streamWindowBytes, windowBytesMax } = this.#sizes
    return Math.max(streamWindowBytes, Math.min(this.streamTarget, Math.floor(windowBytesMax / streams)))
  }

  /** What the first WINDOW_UPDATE is to give, beyond what every peer takes for granted. */
  giveFirst(): number {
    const room = this.#target - this.#left
    this.#left = this.#target
    return room
  }

  /** A stream's window is used up by half: true where a PING is to measure what comes from here on. */
  beginsSample(): boolean {
    if (this.#sample >= 0 || this.streamTarget * 2 >= this.#sizes.windowBytesMax) return false
    this.#sample = 0
    return true
  }

  /** That PING was answered. */
  endSample(): void {
    const sample = this.#sample
    this.#sample = -1
    // A third, not half: not all of it arrives within just one round trip.
    if (sample * 3 < this.streamTarget) return
    const { windowBytesMax } = this.#sizes
    this.streamTarget = Math.min(Math.floor(windowBytesMax / 2), Math.max(this.streamTarget, sample * 4))
    this.#target = Math.max(this.#target, Math.min(windowBytesMax, this.streamTarget * 2))
  }
}
