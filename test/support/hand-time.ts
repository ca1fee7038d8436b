import type { Timekeeper } from '../../engine/net/timekeeper.ts'

interface Alarm {
  readonly atMs: number
  readonly run: () => void
}

/** Time that passes when a test says so. */
export class HandTime implements Timekeeper {
  readonly #alarms = new Set<Alarm>()
  #nowMs = 1_000_000

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const alarm = { atMs: this.#nowMs + delayMs, run }
    this.#alarms.add(alarm)
    return () => this.#alarms.delete(alarm)
  }

  /** Milliseconds until each alarm that is set, the next one first. */
  get pending(): number[] {
    return [...this.#alarms].map(({ atMs }) => atMs - this.#nowMs).toSorted((a, b) => a - b)
  }

  /** Lets time pass; what becomes due runs in its order, each at its time. */
  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds
    for (;;) {
      const due = [...this.#alarms].filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#alarms.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.run()
    }
    this.#nowMs = endMs
  }
}
