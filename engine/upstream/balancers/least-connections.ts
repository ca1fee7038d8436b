import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { Costs } from './costs.ts'
import { ScoreBoard } from './score-board.ts'

/**
 * The member with the fewest requests under way for its weight, over all workers; of equals the next in turn, by weight.
 * So one that is idle goes before one that is not, whatever they weigh, as with nginx.
 */
export class LeastConnections implements Balancer {
  readonly #board: ScoreBoard

  constructor(members: Members, loads: MemberLoads) {
    this.#board = new ScoreBoard(members, new Costs(members, loads, 'connections'))
  }

  /** @hotpath */
  pick(_key: string, excluded: Uint8Array | null, _nowMs: number): number {
    return this.#board.pick(excluded, 0)
  }
}
