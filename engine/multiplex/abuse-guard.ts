/** Counts what a peer makes us do for nothing, and says when that is enough. The bounds stand in `http2-limits.ts`. */
import {
  IDLE_FRAMES_MAX,
  IDLE_FRAMES_PER_DATA,
  IDLE_FRAMES_PER_SECOND,
  IDLE_FRAMES_PER_STREAM,
  RESETS_LOOKED_BACK,
  RESETS_MAX,
} from './http2-limits.ts'

export class AbuseGuard {
  /** Frames that brought nothing on, beyond those accounted for. */
  #idleFrames = 0
  /** When that was last looked at, on the clock of `performance.now()`. */
  #lookedAt = performance.now()
  /** Streams that were opened. */
  #streams = 0
  /** Which of the last streams were reset in vain; `null` as long as none was. */
  #resets: Uint8Array | null = null
  #resetCount = 0

  /** A stream is opened; gives its number, for `reset`. @hotpath */
  stream(): number {
    this.#credit(IDLE_FRAMES_PER_STREAM)
    const number = this.#streams
    this.#streams += 1
    if (this.#resets !== null) this.#forget(this.#resets, number % RESETS_LOOKED_BACK)
    return number
  }

  #forget(resets: Uint8Array, place: number): void {
    this.#resetCount -= resets[place] as number
    resets[place] = 0
  }

  /** A stream was reset in vain, by the peer or because of what it sent. False when that is enough. */
  reset(number: number): boolean {
    if (this.#streams - number > RESETS_LOOKED_BACK) return true
    this.#resets ??= new Uint8Array(RESETS_LOOKED_BACK)
    const place = number % RESETS_LOOKED_BACK
    if (this.#resets[place] === 0) {
      this.#resets[place] = 1
      this.#resetCount += 1
    }
    return this.#resetCount <= RESETS_MAX
  }

  /** Content has come or gone in a DATA frame. @hotpath */
  data(): void {
    this.#credit(IDLE_FRAMES_PER_DATA)
  }

  #credit(frames: number): void {
    if (this.#idleFrames > 0) this.#idleFrames = Math.max(0, this.#idleFrames - frames)
  }

  /** A frame that brings nothing on. False when that is enough. @hotpath */
  idleFrame(): boolean {
    this.#idleFrames += 1
    return this.#idleFrames <= IDLE_FRAMES_MAX || this.#isWithinRate()
  }

  /** What the time since the last look allows is taken off; the clock is read here and nowhere else. */
  #isWithinRate(): boolean {
    const nowMs = performance.now()
    this.#credit(Math.floor(((nowMs - this.#lookedAt) / 1000) * IDLE_FRAMES_PER_SECOND))
    this.#lookedAt = nowMs
    return this.#idleFrames <= IDLE_FRAMES_MAX
  }
}
