/**
 * Which of the streams that wait sends next (RFC 9218, section 10): the most urgent; among those, one that is of use only as
 * a whole runs to its end, and takes turns with those that are of use in parts.
 */
import { FAIR_TURN } from './http2-limits.ts'

/** A stream, as far as its turn matters. */
export interface Waiter {
  readonly id: number
  urgency: number
  incremental: boolean
  /** When it had its last turn; 0 for never. */
  lastTurn: number
  /** It has something to send, and its own window takes some of it. */
  readonly isReady: boolean
}

export class SendOrder<Stream extends Waiter> {
  readonly #waiting: Stream[] = []
  #turn = 0

  get length(): number {
    return this.#waiting.length
  }

  /** Somebody may have a turn. */
  get hasReady(): boolean {
    return this.#waiting.some(isReady)
  }

  add(stream: Stream): void {
    this.#waiting.push(stream)
  }

  remove(stream: Stream): void {
    const index = this.#waiting.indexOf(stream)
    if (index >= 0) this.#waiting.splice(index, 1)
  }

  /** The one whose turn it is; `null` where none is ready. @hotpath */
  next(): Stream | null {
    this.#turn += 1
    const chosen = this.#turn % FAIR_TURN === 0 ? this.#longestWaiting() : this.#mostUrgent()
    if (chosen !== null) chosen.lastTurn = this.#turn
    return chosen
  }

  #longestWaiting(): Stream | null {
    let longest: Stream | null = null
    for (const stream of this.#waiting) {
      if (stream.isReady && (longest === null || stream.lastTurn < longest.lastTurn)) longest = stream
    }
    return longest
  }

  #mostUrgent(): Stream | null {
    let whole: Stream | null = null
    let partial: Stream | null = null
    let urgency = Number.POSITIVE_INFINITY
    for (const stream of this.#waiting) {
      if (stream.urgency > urgency || !stream.isReady) continue
      if (stream.urgency < urgency) {
        urgency = stream.urgency
        whole = null
        partial = null
      }
      if (stream.incremental) {
        if (partial === null || stream.lastTurn < partial.lastTurn) partial = stream
      } else if (whole === null || stream.id < whole.id) {
        whole = stream
      }
    }
    if (whole === null || partial === null) return whole ?? partial
    return whole.lastTurn <= partial.lastTurn ? whole : partial
  }
}

function isReady(waiter: Waiter): boolean {
  return waiter.isReady
}
