import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { Dice } from './dice.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Any member, by weight: nothing to keep between picks, and nothing that workers would have to agree upon. */
export class Random implements Balancer {
  readonly #draw: WeightedDraw

  constructor(members: Members, dice: Dice = new Dice()) {
    this.#draw = new WeightedDraw(members, dice)
  }

  /** @hotpath */
  pick(_key: string, excluded: Uint8Array | null, _nowMs: number): number {
    return this.#draw.draw(excluded, -1)
  }
}
