import { stampOf } from '../../shared/clock.ts'
import type { Measure } from '../../snapshot.ts'
import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { Costs } from './costs.ts'
import { ScoreBoard } from './score-board.ts'

/**
 * The member that would answer first, by its average time and by the requests that are under way at it for its weight:
 * see `Costs`, also for how slow members are asked again. Of equals the next in turn, by weight.
 */
export class LeastTime implements Balancer {
  readonly #board: ScoreBoard

  /** By connections it would be no time: that counts as the time of the whole response. */
  constructor(members: Members, loads: MemberLoads, measure: Measure) {
    const time = measure === 'connections' ? 'response' : measure
    this.#board = new ScoreBoard(members, new Costs(members, loads, time))
  }

  /** @hotpath */
  pick(_key: string, excluded: Uint8Array | null, nowMs: number): number {
    return this.#board.pick(excluded, stampOf(nowMs))
  }
}
