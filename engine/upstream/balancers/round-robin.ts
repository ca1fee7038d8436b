import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'

/** Picks after which current weights are written out anew: their arithmetic is exact up to here, and far beyond. */
const RISES_MAX = 2 ** 30

/** Classes that are looked at together, or passed over together. */
const BLOCK = 32

/**
 * Smooth weighted round robin, nginx's algorithm and its sequence: each pick raises every member's current weight by its
 * own and lowers the chosen one's by the sum, so that a heavy member's turns are spread between the others'.
 *
 * Members of equal weight rise alike, so that their order is that of what they have paid, and changes for the chosen one
 * only. They are kept in that order, a class for each weight, and a pick looks at the first of each class. Where there
 * are many weights, it passes over blocks of classes that cannot have risen high enough since they were last looked at.
 * What a member has paid stays when others come and go.
 */
export class RoundRobin implements Balancer {
  readonly #members: Members
  /** Of `members`, as of which everything below is. */
  #version = -1
  #sum = 0
  /** How often all have risen. A member's current weight is `rises * weight - paid`. */
  #rises = 0
  readonly #paid: Float64Array
  readonly #weights: Float64Array
  readonly #counted: Uint8Array
  /** Places by class, each class a ring: it begins at its head, with who has paid least. */
  readonly #order: Int32Array
  readonly #sorted: Int32Array
  #classes = 0
  readonly #start: Int32Array
  readonly #head: Int32Array
  /** Of the class's head: what a pick compares. */
  readonly #headPlace: Int32Array
  readonly #headPaid: Float64Array
  readonly #classWeight: Float64Array
  /** By block: the highest current weight in it when it was last looked at, and when that was. It may be less by now. */
  readonly #ceiling: Float64Array
  readonly #ceilingAt: Float64Array

  constructor(members: Members) {
    const { count } = members
    this.#members = members
    this.#paid = new Float64Array(count)
    this.#weights = new Float64Array(count)
    this.#counted = new Uint8Array(count)
    this.#order = new Int32Array(count)
    this.#sorted = new Int32Array(count)
    this.#start = new Int32Array(count + 1)
    this.#head = new Int32Array(count)
    this.#headPlace = new Int32Array(count)
    this.#headPaid = new Float64Array(count)
    this.#classWeight = new Float64Array(count)
    this.#ceiling = new Float64Array(Math.ceil(count / BLOCK))
    this.#ceilingAt = new Float64Array(Math.ceil(count / BLOCK))
  }

  /** @hotpath */
  pick(_key: string, excluded: Uint8Array | null, _nowMs: number): number {
    if (this.#version !== this.#members.version || this.#rises >= RISES_MAX) this.#renew()
    if (this.#classes === 0) return -1
    if (excluded !== null) return this.#pickAmong(excluded)
    this.#rises += 1
    return this.#take(this.#classes === 1 ? 0 : this.#bestClass())
  }

  /** The one whose head has the highest current weight; the lower place where two have. */
  #bestClass(): number {
    const blocks = Math.ceil(this.#classes / BLOCK)
    if (blocks === 1) return this.#bestOf(0, this.#classes)
    const likeliest = this.#highestBlock(blocks)
    let best = this.#bestOfBlock(likeliest)
    for (let block = 0; block < blocks; block += 1) {
      if (block === likeliest || this.#boundOf(block) < this.#currentOf(best)) continue
      const found = this.#bestOfBlock(block)
      if (this.#goesBefore(found, best)) best = found
    }
    return best
  }

  #highestBlock(blocks: number): number {
    let best = 0
    let highest = this.#boundOf(0)
    for (let block = 1; block < blocks; block += 1) {
      const bound = this.#boundOf(block)
      if (bound <= highest) continue
      best = block
      highest = bound
    }
    return best
  }

  /** No head of the block is higher: classes are in the order of their weights, and none rises faster than the last. */
  #boundOf(block: number): number {
    const last = Math.min(this.#classes, (block + 1) * BLOCK) - 1
    const rises = this.#rises - (this.#ceilingAt[block] as number)
    return (this.#ceiling[block] as number) + rises * (this.#classWeight[last] as number)
  }

  #bestOfBlock(block: number): number {
    const found = this.#bestOf(block * BLOCK, Math.min(this.#classes, (block + 1) * BLOCK))
    this.#ceiling[block] = this.#currentOf(found)
    this.#ceilingAt[block] = this.#rises
    return found
  }

  #bestOf(start: number, end: number): number {
    const rises = this.#rises
    const weights = this.#classWeight
    const paid = this.#headPaid
    const places = this.#headPlace
    let best = start
    let highest = this.#currentOf(start)
    for (let index = start + 1; index < end; index += 1) {
      const current = rises * (weights[index] as number) - (paid[index] as number)
      if (current < highest) continue
      if (current === highest && (places[index] as number) > (places[best] as number)) continue
      best = index
      highest = current
    }
    return best
  }

  #goesBefore(index: number, other: number): boolean {
    const difference = this.#currentOf(index) - this.#currentOf(other)
    if (difference !== 0) return difference > 0
    return (this.#headPlace[index] as number) < (this.#headPlace[other] as number)
  }

  #currentOf(index: number): number {
    return this.#rises * (this.#classWeight[index] as number) - (this.#headPaid[index] as number)
  }

  /** The head pays and goes behind those who have paid less or as much: nearly always that is the end of its class. */
  #take(index: number): number {
    const order = this.#order
    const paid = this.#paid
    const start = this.#start[index] as number
    const end = this.#start[index + 1] as number
    let at = this.#head[index] as number
    const place = order[at] as number
    const owes = (paid[place] as number) + this.#sum
    paid[place] = owes
    const head = at + 1 === end ? start : at + 1
    while (at !== head) {
      const before = at === start ? end - 1 : at - 1
      const other = order[before] as number
      const paidByOther = paid[other] as number
      if (paidByOther < owes || (paidByOther === owes && other < place)) break
      order[at] = other
      order[before] = place
      at = before
    }
    this.#setHead(index, head)
    return place
  }

  #setHead(index: number, head: number): void {
    const place = this.#order[head] as number
    this.#head[index] = head
    this.#headPlace[index] = place
    this.#headPaid[index] = this.#paid[place] as number
  }

  /** Without some of them, who neither rise nor fall meanwhile: a walk over all. */
  #pickAmong(excluded: Uint8Array): number {
    const { count } = this.#members
    let best = -1
    let highest = 0
    let sum = 0
    for (let place = 0; place < count; place += 1) {
      if (this.#counted[place] === 0 || excluded[place] !== 0) continue
      const weight = this.#weights[place] as number
      const current = (this.#rises + 1) * weight - (this.#paid[place] as number)
      sum += weight
      if (best >= 0 && current <= highest) continue
      best = place
      highest = current
    }
    if (best < 0) return -1
    this.#rises += 1
    this.#paid[best] = (this.#paid[best] as number) + sum
    for (let place = 0; place < count; place += 1) {
      if (this.#counted[place] === 0 || excluded[place] === 0) continue
      this.#paid[place] = (this.#paid[place] as number) + (this.#weights[place] as number)
    }
    for (let index = 0; index < this.#classes; index += 1) this.#sort(index)
    return best
  }

  /** Puts a class in order again in which few have moved. */
  #sort(index: number): void {
    const paid = this.#paid
    const sorted = this.#sorted
    const start = this.#start[index] as number
    const length = (this.#start[index + 1] as number) - start
    let from = (this.#head[index] as number) - start
    for (let at = 0; at < length; at += 1) {
      const place = this.#order[start + from] as number
      const owes = paid[place] as number
      let to = at
      while (to > 0) {
        const other = sorted[to - 1] as number
        const paidByOther = paid[other] as number
        if (paidByOther < owes || (paidByOther === owes && other < place)) break
        sorted[to] = other
        to -= 1
      }
      sorted[to] = place
      from = from + 1 === length ? 0 : from + 1
    }
    for (let at = 0; at < length; at += 1) this.#order[start + at] = sorted[at] as number
    this.#setHead(index, start)
  }

  /** Takes over who is available and with which weight. Who is not keeps its current weight as it is. */
  #renew(): void {
    const { count, available, effective, version } = this.#members
    const paid = this.#paid
    const weights = this.#weights
    let sum = 0
    let length = 0
    for (let place = 0; place < count; place += 1) {
      if (this.#counted[place] !== 0) paid[place] = (paid[place] as number) - this.#rises * (weights[place] as number)
      weights[place] = effective[place] as number
      this.#counted[place] = available[place] as number
      if (available[place] === 0) continue
      sum += effective[place] as number
      this.#order[length] = place
      length += 1
    }
    this.#version = version
    this.#rises = 0
    this.#sum = sum
    this.#bound()
    this.#order
      .subarray(0, length)
      .sort(
        (one, other) =>
          (weights[one] as number) - (weights[other] as number) ||
          (paid[one] as number) - (paid[other] as number) ||
          one - other,
      )
    this.#classify(length)
  }

  /** Where a heavy member has gone, what the others owed for its turns would keep them waiting for as many. */
  #bound(): void {
    const paid = this.#paid
    for (let place = 0; place < paid.length; place += 1) {
      if (this.#counted[place] === 0) continue
      paid[place] = Math.max(-this.#sum, Math.min(this.#sum, paid[place] as number))
    }
  }

  #classify(length: number): void {
    this.#classes = 0
    for (let at = 0; at < length; at += 1) {
      const weight = this.#weights[this.#order[at] as number] as number
      if (this.#classes > 0 && this.#classWeight[this.#classes - 1] === weight) continue
      this.#classWeight[this.#classes] = weight
      this.#start[this.#classes] = at
      this.#setHead(this.#classes, at)
      this.#classes += 1
    }
    this.#start[this.#classes] = length
    this.#ceiling.fill(Number.POSITIVE_INFINITY)
    this.#ceilingAt.fill(0)
  }
}
