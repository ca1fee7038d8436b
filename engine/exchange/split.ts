/**
 * One route, several upstreams: by conditions, by shares, by chance or so that equal keys go the same way.
 *
 * Shares lie one behind the other from 0 to the sum of the weights, in the order of the configuration, and a request falls
 * on one of them: with a key where its hash says, else by chance. So a share that grows takes keys from its neighbours only,
 * and a person who was in the group that grows stays there.
 */
import { type CompiledCondition, type ConditionExplanation, compileConditions } from '../routing/conditions.ts'
import { takeOverlong } from '../routing/regex.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { HashKeySource, RouteAction } from '../snapshot.ts'
import { Dice } from '../upstream/balancers/dice.ts'
import { hashOf } from '../upstream/balancers/key-hash.ts'
import { hashKey } from './hash-key.ts'

export type SplitAction = Extract<RouteAction, { kind: 'split' }>

/** What balancers behind the split spread by may be the same key: the groups of the one must not be those of the other. */
const SPLIT_SEED = 0x73706c74

/** Why a target has a request. */
export type SplitReason =
  /** Its conditions hold. */
  | 'when'
  /** The hash of the request's key lies in its share. */
  | 'key'
  /** Chance fell on its share. */
  | 'chance'

export interface SplitChoice<T> {
  readonly target: T
  /** Its place among the targets. */
  readonly place: number
  readonly reason: SplitReason
}

export interface DescribedTarget<T> {
  readonly target: T
  /** Of the requests that no condition has decided, 0 to 1. */
  readonly share: number
  readonly when: ConditionExplanation | null
}

interface Branch<T> {
  /** Where its share ends. */
  readonly end: number
  /** `null` for none. */
  readonly when: CompiledCondition | null
  readonly choices: Readonly<Record<SplitReason, SplitChoice<T>>>
}

export class Split<T> {
  /** In the order of the configuration. */
  readonly targets: readonly T[]
  readonly #branches: readonly Branch<T>[]
  readonly #hasConditions: boolean
  readonly #by: HashKeySource | null
  /** The sum of the weights. */
  readonly #sum: number
  readonly #roll: () => number

  /** `targetOf` gives what stands for an upstream; `roll` numbers from 0 to below 1. */
  constructor(action: SplitAction, targetOf: (upstream: number) => T, roll: () => number = rollDice) {
    let end = 0
    this.#branches = action.targets.map(({ upstream, weight, when }, place) => {
      end += weight
      const target = targetOf(upstream)
      const choice = (reason: SplitReason): SplitChoice<T> => ({ target, place, reason })
      return {
        end,
        when: when === null ? null : compileConditions(when),
        choices: { when: choice('when'), key: choice('key'), chance: choice('chance') },
      }
    })
    this.targets = this.#branches.map(({ choices }) => choices.when.target)
    this.#hasConditions = this.#branches.some(({ when }) => when !== null)
    this.#by = action.by
    this.#sum = end
    this.#roll = roll
  }

  /** Those that chance may fall on. */
  get byChance(): readonly T[] {
    return this.#branches
      .filter(({ end }, place) => end > (this.#branches[place - 1]?.end ?? 0))
      .map(({ choices }) => choices.chance.target)
  }

  /** Each target with its share and what its conditions have to say, in the order of the configuration: for people. */
  describe(request: RoutedRequest): readonly DescribedTarget<T>[] {
    const described = this.#branches.map(({ end, when, choices }, place) => ({
      target: choices.chance.target,
      share: this.#sum === 0 ? 0 : (end - (this.#branches[place - 1]?.end ?? 0)) / this.#sum,
      when: when === null ? null : when.explain(request),
    }))
    takeOverlong()
    return described
  }

  /**
   * Changes nothing but for the next number of chance: who only wants to know may ask as often as he likes. What it says does
   * not count where a text is too long for an expression (`request.isOverlong`).
   */
  choose(request: RoutedRequest): SplitChoice<T> {
    if (this.#hasConditions) {
      const branch = this.#branches.find(({ when }) => when?.holds(request) === true)
      request.isOverlong = takeOverlong()
      if (branch !== undefined) return branch.choices.when
    }
    const key = this.#by === null ? '' : hashKey(this.#by, request)
    if (key === '') return this.#at(this.#roll()).choices.chance
    return this.#at((hashOf(key, SPLIT_SEED) >>> 0) / 2 ** 32).choices.key
  }

  /** Whose share `place`, from 0 to below 1, lies in. */
  #at(place: number): Branch<T> {
    const draw = place * this.#sum
    return this.#branches.find(({ end }) => draw < end) ?? (this.#branches.at(-1) as Branch<T>)
  }
}

const dice = new Dice()

function rollDice(): number {
  return dice.roll()
}
