import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import type { Dice } from './dice.ts'
import { PowerOfTwo } from './power-of-two.ts'

/**
 * The better of two by their peaks, as Finagle and Linkerd choose: a time that jumps up with one slow answer and falls
 * slowly with quick ones, times the requests under way. It shuns a member at the first sign of slowness.
 */
export class PeakEwma implements Balancer {
  readonly #choice: PowerOfTwo

  constructor(members: Members, loads: MemberLoads, dice?: Dice) {
    this.#choice = new PowerOfTwo(members, loads, 'peak', dice)
  }

  /** @hotpath */
  pick(key: string, excluded: Uint8Array | null, nowMs: number): number {
    return this.#choice.pick(key, excluded, nowMs)
  }
}
