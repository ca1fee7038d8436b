/** Two tries of one request beside each other: whichever answers first stays, and the other is given up. */
import type { Attempt } from './attempt.ts'

export class Race {
  readonly #start: () => Attempt | null
  #timer: NodeJS.Timeout | null
  /** The second try; `null` before it has begun, and where it has come to nothing. */
  #second: Attempt | null = null

  /** `start` begins the second try after `afterMs`, or gives `null` where it may not be. It must not throw. */
  constructor(afterMs: number, start: () => Attempt | null) {
    this.#start = start
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#second = this.#start()
    }, afterMs)
  }

  /** Whether there is a second try under way. */
  get isOn(): boolean {
    return this.#second !== null
  }

  /** `winner` answers: the other one of `first` and the second is given up. */
  settle(winner: Attempt, first: Attempt | null): void {
    this.#disarm()
    const second = this.#second
    this.#second = null
    if (second === null) return
    if (winner === second) first?.cancel()
    else second.cancel()
  }

  /** `loser` has failed: gives the one of `first` and the second that goes on, `null` where none does. */
  fail(loser: Attempt, first: Attempt | null): Attempt | null {
    const second = this.#second
    if (second === null) return null
    this.#second = null
    return loser === second ? first : second
  }

  end(): void {
    this.#disarm()
    const second = this.#second
    this.#second = null
    second?.cancel()
  }

  #disarm(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }
}
