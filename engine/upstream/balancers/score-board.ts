import type { Members } from '../members.ts'
import type { Costs } from './costs.ts'

/** Members of a block: those whose costs are read together. */
const BLOCK = 16

/** With no more blocks, every pick reads what all members cost. */
const BLOCKS_READ_MAX = 2

/** How often a pick looks for another because the best has become dearer than was known; then it is taken all the same. */
const LOOKS_MAX = 4

/**
 * Finds the member that costs least, exactly among up to 32. More cannot be read in the time of a decision: each pick
 * then reads one block, in turn, goes by what it knows of the others, and looks again at the one it would take. So a
 * member that has become dearer is never taken for cheap, and one that has become cheaper is seen after as many picks
 * as there are blocks. Its own picks are known at once.
 *
 * Where several cost the same, they take turns by their weights: each has a tag, the time by its own clock at which its
 * next turn begins, the lowest goes first, and a turn takes the longer, the smaller the weight (fair queueing by start
 * times). Who was not among the cheapest for a while gets no more than one turn for it.
 */
export class ScoreBoard {
  readonly #members: Members
  readonly #costs: Costs
  readonly #blocks: number
  /** Of `members`, as of which scores are known. */
  #version = -1
  /** What members cost; infinite for those who are not available. */
  readonly #scores: Float64Array
  readonly #tags: Float64Array
  /** The highest tag of a turn that has begun. */
  #begun = 0
  /** The best place of each block. */
  readonly #bests: Int32Array
  /** The block that is read next. */
  #next = 0

  constructor(members: Members, costs: Costs) {
    this.#members = members
    this.#costs = costs
    this.#blocks = Math.ceil(members.count / BLOCK)
    this.#scores = new Float64Array(members.count)
    // As if half of a turn were over: heavy ones go first, and light ones in between.
    this.#tags = Float64Array.from(members.weights, weight => 0.5 / weight)
    this.#bests = new Int32Array(this.#blocks)
  }

  /** The place of the cheapest member that is available and not excluded, or -1. `stamp` is the shared clock's. @hotpath */
  pick(excluded: Uint8Array | null, stamp: number): number {
    this.#read(stamp)
    if (this.#members.availableCount === 0) return -1
    const place = excluded === null ? this.#cheapest(stamp) : this.#cheapestAmong(excluded)
    if (place >= 0) this.#takeTurn(place)
    return place
  }

  #read(stamp: number): void {
    if (this.#blocks <= BLOCKS_READ_MAX || this.#version !== this.#members.version) {
      this.#version = this.#members.version
      for (let block = 0; block < this.#blocks; block += 1) this.#readBlock(block, stamp)
      return
    }
    this.#readBlock(this.#next, stamp)
    this.#next = this.#next + 1 === this.#blocks ? 0 : this.#next + 1
  }

  #readBlock(block: number, stamp: number): void {
    const from = block * BLOCK
    this.#costs.write(this.#scores, from, Math.min(from + BLOCK, this.#members.count), stamp)
    this.#findBest(block)
  }

  #findBest(block: number): void {
    const from = block * BLOCK
    const to = Math.min(from + BLOCK, this.#members.count)
    let best = from
    for (let place = from + 1; place < to; place += 1) if (this.#isBefore(place, best)) best = place
    this.#bests[block] = best
  }

  #isBefore(place: number, other: number): boolean {
    const score = this.#scores[place] as number
    const scoreOfOther = this.#scores[other] as number
    if (score !== scoreOfOther) return score < scoreOfOther
    return (this.#tags[place] as number) < (this.#tags[other] as number)
  }

  #cheapest(stamp: number): number {
    for (let look = 0; ; look += 1) {
      let best = this.#bests[0] as number
      for (let block = 1; block < this.#blocks; block += 1) {
        const place = this.#bests[block] as number
        if (this.#isBefore(place, best)) best = place
      }
      if (this.#blocks <= BLOCKS_READ_MAX || look === LOOKS_MAX) return best
      const known = this.#scores[best] as number
      this.#costs.write(this.#scores, best, best + 1, stamp)
      if ((this.#scores[best] as number) <= known) return best
      this.#findBest(Math.floor(best / BLOCK))
    }
  }

  /** A walk over all, by what is known. */
  #cheapestAmong(excluded: Uint8Array): number {
    const { available, count } = this.#members
    let best = -1
    for (let place = 0; place < count; place += 1) {
      if (available[place] === 0 || excluded[place] !== 0) continue
      if (best < 0 || this.#isBefore(place, best)) best = place
    }
    return best
  }

  #takeTurn(place: number): void {
    const begins = Math.max(this.#begun, this.#tags[place] as number)
    this.#begun = begins
    this.#tags[place] = begins + 1 / (this.#members.effective[place] as number)
    if (this.#blocks > BLOCKS_READ_MAX) this.#findBest(Math.floor(place / BLOCK))
  }
}
