/**
 * Whether an upstream takes one more request at all, before anybody asks for an endpoint: the circuit of the whole, and
 * the limit on requests under way that follows the latency.
 */
import { stampOf } from '../shared/clock.ts'
import type { Budget } from './budget.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import { type Circuit, PASSES, PASSES_AS_TRIAL } from './health/circuit.ts'

/** What `enter` gives: one of the refusals, or bits, to be given to `leave`. */
export const REFUSED_BY_CIRCUIT = -1
export const REFUSED_BY_LIMIT = -2
/** It has entered. */
const ENTERED = 1
/** It has a place in the limit. */
const PLACE = 4
/** It is one of the tries that the half-open circuit lets through. Whoever observes the try takes the bit off. */
export const TRIAL = 2

export interface AdmissionParts {
  readonly circuit: Circuit | null
  readonly concurrency: ConcurrencyLimit | null
  readonly retryBudget: Budget
  readonly hedgeBudget: Budget | null
  /** Workers that share the budgets. */
  readonly workers: number
}

export class Admission {
  readonly #circuit: Circuit | null
  readonly #concurrency: ConcurrencyLimit | null
  readonly #retryBudget: Budget
  readonly #hedgeBudget: Budget | null
  readonly #workers: number
  #active = 0

  constructor({ circuit, concurrency, retryBudget, hedgeBudget, workers }: AdmissionParts) {
    this.#circuit = circuit
    this.#concurrency = concurrency
    this.#retryBudget = retryBudget
    this.#hedgeBudget = hedgeBudget
    this.#workers = workers
  }

  /** Those that have entered and not left. */
  get active(): number {
    return this.#active
  }

  /**
   * `importance` as `ConcurrencyLimit.tryAcquire` has it; `retryDeposit` as `Budget.deposit` has it. Each that enters needs
   * one `leave`. @hotpath
   */
  enter(importance: number, nowMs: number, retryDeposit?: number): number {
    const trial = this.#circuit === null ? 0 : this.#pass(this.#circuit, stampOf(nowMs))
    if (trial < 0) return trial
    if (this.#concurrency !== null && !this.#concurrency.tryAcquire(importance)) {
      if (trial !== 0) this.#circuit?.leave()
      return REFUSED_BY_LIMIT
    }
    this.#active += 1
    // Those of other workers are about as many: the kernel spreads connections evenly.
    const active = this.#active * this.#workers
    this.#retryBudget.deposit(active, retryDeposit)
    if (this.#hedgeBudget !== null) this.#hedgeBudget.deposit(active)
    return this.#concurrency === null ? ENTERED | trial : ENTERED | PLACE | trial
  }

  #pass(circuit: Circuit, stamp: number): number {
    const passes = circuit.state(stamp)
    if (passes === PASSES) return 0
    if (passes === PASSES_AS_TRIAL && circuit.enter(stamp)) return TRIAL
    // It may have closed in this very moment.
    return circuit.isClosed ? 0 : REFUSED_BY_CIRCUIT
  }

  /**
   * The response begins: what follows is a matter of how much it is and how fast the client takes it, and burdens nobody
   * who waits for an answer. Gives what is left of `admission`. Times are as in `ConcurrencyLimit.release`. @hotpath
   */
  answered(admission: number, latencyUs: number, nowMs: number): number {
    if ((admission & PLACE) === 0) return admission
    this.#concurrency?.release(latencyUs, nowMs)
    return admission - PLACE
  }

  /** The request is over. `latencyUs` is for one that was not answered. @hotpath */
  leave(admission: number, latencyUs: number): void {
    this.#active -= 1
    if ((admission & TRIAL) !== 0) this.#circuit?.leave()
    if ((admission & PLACE) !== 0) this.#concurrency?.release(latencyUs)
  }
}
