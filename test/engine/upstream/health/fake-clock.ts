import type { CheckClock } from '../../../../engine/upstream/health/check-attempt.ts'

interface Due {
  readonly atMs: number
  readonly callback: () => void
}

/** A clock that goes when it is told to. */
export class FakeClock implements CheckClock {
  #nowMs = 1_000
  readonly #due = new Set<Due>()

  nowMs(): number {
    return this.#nowMs
  }

  after(milliseconds: number, callback: () => void): () => void {
    const due = { atMs: this.#nowMs + milliseconds, callback }
    this.#due.add(due)
    return () => void this.#due.delete(due)
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#due.size
  }

  /** Milliseconds until the next of them. */
  get nextMs(): number {
    return Math.min(...[...this.#due].map(({ atMs }) => atMs)) - this.#nowMs
  }

  /** Lets time pass; each timer runs at its time. */
  advance(milliseconds: number): void {
    const end = this.#nowMs + milliseconds
    this.#run(end, true)
    this.#nowMs = end
  }

  /** Lets time pass in which nothing runs; what was due runs behind it. */
  stall(milliseconds: number): void {
    this.freeze(milliseconds)
    this.#run(this.#nowMs, false)
  }

  /** Lets time pass, and runs nothing yet. */
  freeze(milliseconds: number): void {
    this.#nowMs += milliseconds
  }

  #run(end: number, onTime: boolean): void {
    for (;;) {
      const [first] = [...this.#due].filter(({ atMs }) => atMs <= end).toSorted((a, b) => a.atMs - b.atMs)
      if (first === undefined) return
      this.#due.delete(first)
      if (onTime) this.#nowMs = Math.max(this.#nowMs, first.atMs)
      first.callback()
    }
  }
}
