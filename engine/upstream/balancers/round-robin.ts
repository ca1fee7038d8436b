/**
 * Smooth weighted round robin, nginx's algorithm: each pick raises every endpoint's current weight by its own and
 * lowers the chosen one's by the sum, so that a heavy endpoint's turns are spread between the others'.
 */
export class RoundRobin {
  readonly #weights: readonly number[]
  readonly #current: number[]
  readonly #equal: boolean
  #next = 0

  constructor(weights: readonly number[]) {
    this.#weights = weights
    this.#current = weights.map(() => 0)
    this.#equal = weights.length > 0 && weights.every(weight => weight === weights[0])
  }

  /** Index of an endpoint that is not in `tried`, or -1 when there is none. @hotpath */
  pick(tried: ReadonlySet<number> | null): number {
    return this.#equal && tried === null ? this.#pickNext() : this.#pickWeighted(tried)
  }

  #pickNext(): number {
    const index = this.#next
    this.#next = index + 1 === this.#weights.length ? 0 : index + 1
    return index
  }

  #pickWeighted(tried: ReadonlySet<number> | null): number {
    let best = -1
    let sum = 0
    for (let index = 0; index < this.#weights.length; index += 1) {
      if (tried?.has(index)) continue
      const weight = this.#weights[index] as number
      const current = (this.#current[index] as number) + weight
      this.#current[index] = current
      sum += weight
      if (best < 0 || current > (this.#current[best] as number)) best = index
    }
    if (best >= 0) this.#current[best] = (this.#current[best] as number) - sum
    return best
  }
}
