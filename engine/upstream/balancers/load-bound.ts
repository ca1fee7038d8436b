import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'

/** How far above its share of all requests under way a member may come. */
const FACTOR = 1.25

/** Among up to so many members the sum of all is exact. */
const EXACT_MAX = 32

/** Past it, so many are read again with each pick, in turn. */
const READ = 16

/**
 * Bounded loads (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads"): how many requests a member
 * may have under way, given how many there are in all. Rounded up, so that there is always room somewhere.
 */
export class LoadBound {
  readonly #members: Members
  readonly #loads: MemberLoads
  /** Of `members`, as of which everything below is. */
  #version = -1
  /** Requests under way as they were read last; of available members only. */
  readonly #requests: Int32Array
  #requestsSum = 0
  /** `FACTOR` times the member's share. */
  readonly #share: Float64Array
  #next = 0

  constructor(members: Members, loads: MemberLoads) {
    this.#members = members
    this.#loads = loads
    this.#requests = new Int32Array(members.count)
    this.#share = new Float64Array(members.count)
  }

  /** Looks at how many requests there are: before each pick. @hotpath */
  read(): void {
    const { count } = this.#members
    if (this.#version !== this.#members.version) this.#renew()
    else if (count <= EXACT_MAX) this.#readFrom(0, count)
    else {
      const end = Math.min(count, this.#next + READ)
      this.#readFrom(this.#next, end)
      this.#next = end === count ? 0 : end
    }
  }

  #readFrom(start: number, end: number): void {
    const { available } = this.#members
    for (let place = start; place < end; place += 1) {
      if (available[place] !== 0) this.#set(place, this.#loads.requests(place))
    }
  }

  #set(place: number, requests: number): void {
    this.#requestsSum += requests - (this.#requests[place] as number)
    this.#requests[place] = requests
  }

  /** Whether a member has room for one request more. @hotpath */
  admits(place: number): boolean {
    this.#set(place, this.#loads.requests(place))
    const limit = Math.ceil((this.#share[place] as number) * (this.#requestsSum + 1))
    return (this.#requests[place] as number) < limit
  }

  /** Counts a request that is about to begin. @hotpath */
  add(place: number): void {
    this.#set(place, (this.#requests[place] as number) + 1)
  }

  #renew(): void {
    const { available, count, version, weights } = this.#members
    this.#version = version
    let sum = 0
    for (let place = 0; place < count; place += 1) sum += available[place] === 0 ? 0 : (weights[place] as number)
    this.#requests.fill(0)
    this.#requestsSum = 0
    for (let place = 0; place < count; place += 1) this.#share[place] = (FACTOR * (weights[place] as number)) / sum
    this.#readFrom(0, count)
  }
}
