/** PRIORITY_UPDATE may come before the request that it is for (RFC 9218, section 7.1): a few are kept. */
import { EARLY_PRIORITIES_MAX } from './http2-limits.ts'

export class EarlyPriorities {
  /** `null` as long as there is none. */
  #byStream: Map<number, number> | null = null

  /** What comes when there are too many is passed over: priorities are advice. */
  add(streamId: number, priority: number): void {
    this.#byStream ??= new Map()
    if (this.#byStream.size < EARLY_PRIORITIES_MAX || this.#byStream.has(streamId))
      this.#byStream.set(streamId, priority)
  }

  /** What was said of a stream that opens; -1 for nothing. Streams before it never open any more. @hotpath */
  take(streamId: number): number {
    const byStream = this.#byStream
    if (byStream === null) return -1
    const priority = byStream.get(streamId) ?? -1
    for (const id of byStream.keys()) if (id <= streamId) byStream.delete(id)
    if (byStream.size === 0) this.#byStream = null
    return priority
  }
}
