import type { Timekeeper } from './timekeeper.ts'

/** Names remembered. Past it, the one that was looked up the longest time ago is forgotten. */
const REMEMBERED_MAX = 10_000

interface Remembered<A> {
  readonly answer: A
  readonly expiresAtMs: number
}

/** Look-ups of one kind: the answers of those that have ended, and those under way, each of them for all who ask. */
export class Lookups<A extends { readonly ttlMs: number }> {
  readonly #time: Timekeeper
  readonly #remembered = new Map<string, Remembered<A>>()
  readonly #underWay = new Map<string, Promise<A>>()

  constructor(time: Timekeeper) {
    this.#time = time
  }

  /** The answer that still counts, with what is left of its TTL; else that of the look-up under way, or of a new one. */
  find(name: string, isFresh: boolean, lookUp: () => Promise<A>): Promise<A> {
    const remembered = this.#remembered.get(name)
    const leftMs = remembered === undefined ? 0 : remembered.expiresAtMs - this.#time.nowMs()
    if (remembered !== undefined && leftMs > 0 && !isFresh) {
      return Promise.resolve({ ...remembered.answer, ttlMs: leftMs })
    }
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    const started = this.#start(name, lookUp)
    this.#underWay.set(name, started)
    return started
  }

  /** The last good answer, however old. */
  last(name: string): A | null {
    return this.#remembered.get(name)?.answer ?? null
  }

  async #start(name: string, lookUp: () => Promise<A>): Promise<A> {
    try {
      const answer = await lookUp()
      this.#remember(name, answer)
      return answer
    } finally {
      this.#underWay.delete(name)
    }
  }

  #remember(name: string, answer: A): void {
    this.#remembered.delete(name)
    this.#remembered.set(name, { answer, expiresAtMs: this.#time.nowMs() + answer.ttlMs })
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest)
  }
}
