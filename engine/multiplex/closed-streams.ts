/**
 * What has to be remembered of streams that are closed (RFC 9113, section 5.1): frames for one that we have reset may still be
 * under way, and those for one that was never used say that the peer has lost count.
 */
import { RESET_STREAMS_KEPT } from './http2-limits.ts'

/** Runs of identifiers that the peer has left out, as many as are kept; nobody has reason to leave any out. */
const GAPS_KEPT = 8

export class ClosedStreams {
  /** Reset by us, the latest over the oldest; `null` as long as there is none. */
  #reset: Int32Array | null = null
  #next = 0
  /** First and last of each run; `null` as long as there is none. */
  #gaps: number[] | null = null

  /** We have reset it: what still comes for it is passed over. */
  addReset(streamId: number): void {
    this.#reset ??= new Int32Array(RESET_STREAMS_KEPT)
    this.#reset[this.#next] = streamId
    this.#next = (this.#next + 1) % RESET_STREAMS_KEPT
  }

  wasReset(streamId: number): boolean {
    return this.#reset?.includes(streamId) === true
  }

  /** The peer opens `streamId` behind `last`. */
  addGap(last: number, streamId: number): void {
    if (last === 0 && streamId === 1) return
    const first = last === 0 ? 1 : last + 2
    if (first >= streamId) return
    this.#gaps ??= []
    this.#gaps.push(first, streamId - 2)
    if (this.#gaps.length > GAPS_KEPT * 2) this.#gaps.splice(0, 2)
  }

  /** It was left out: closed without ever having been open (RFC 9113, section 5.1.1). */
  wasLeftOut(streamId: number): boolean {
    const gaps = this.#gaps
    if (gaps === null) return false
    for (let at = 0; at < gaps.length; at += 2) {
      if (streamId >= (gaps[at] as number) && streamId <= (gaps[at + 1] as number)) return true
    }
    return false
  }
}
