import { stampOf } from '../../shared/clock.ts'
import type { Measure } from '../../snapshot.ts'
import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { Costs } from './costs.ts'
import { Dice } from './dice.ts'
import { WeightedDraw } from './weighted-draw.ts'

/**
 * The better of two different members drawn at random by weight. Workers that know the same of all members do not all
 * run to the one that is best at the moment, and no member is looked at but two. Of equals the first that was drawn.
 */
export class PowerOfTwo implements Balancer {
  readonly #draw: WeightedDraw
  readonly #costs: Costs

  constructor(members: Members, loads: MemberLoads, measure: Measure | 'peak', dice: Dice = new Dice()) {
    this.#draw = new WeightedDraw(members, dice)
    this.#costs = new Costs(members, loads, measure)
  }

  /** @hotpath */
  pick(_key: string, excluded: Uint8Array | null, nowMs: number): number {
    const one = this.#draw.draw(excluded, -1)
    if (one < 0) return -1
    const other = this.#draw.draw(excluded, one)
    if (other < 0) return one
    return this.#costs.isLess(other, one, stampOf(nowMs)) ? other : one
  }
}
