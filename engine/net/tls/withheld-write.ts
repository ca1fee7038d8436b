/**
 * A write that OpenSSL does not take: it is in the middle of a message of the peer's (TLS 1.3, RFC 8446, section 4.6: a KeyUpdate or a
 * ticket of which only the beginning has come), and takes nothing before its end. Node keeps the bytes, but neither tells when they
 * can be taken nor tries again by itself: so that is tried from time to time, less and less often. Where the peer has ended it all with
 * an alert that OpenSSL has no name for, Node tells nothing either, and no trial will do: past the last one the connection breaks.
 */
import type { Connection } from '../connection.ts'
import { Timer, type TimerTarget } from '../timer-wheel.ts'

/** Milliseconds before each trial, the last one before giving up: 6.35 s in all. */
const WAITS_MS = [50, 100, 200, 400, 800, 1600, 3200]

/** What a write of it waits for. */
export interface WithholdingConnection extends Pick<Connection, 'context'> {
  /** Has OpenSSL try again. */
  tryAgain(): void
  /** The peer does not go on. */
  giveUp(): void
}

export class WithheldWrite implements TimerTarget {
  readonly #connection: WithholdingConnection
  readonly #timer: Timer
  #trials = 0

  constructor(connection: WithholdingConnection) {
    this.#connection = connection
    this.#timer = new Timer(this)
    this.#wait()
  }

  #wait(): void {
    this.#connection.context.wheel.set(this.#timer, WAITS_MS[this.#trials] as number)
    this.#trials += 1
  }

  /** It was taken, or the connection is closed. */
  end(): void {
    this.#connection.context.wheel.clear(this.#timer)
  }

  onDeadline(): void {
    if (this.#trials === WAITS_MS.length) {
      this.#connection.giveUp()
      return
    }
    // Before it is tried: when that does it, the timer is cleared.
    this.#wait()
    this.#connection.tryAgain()
  }
}
