import { FIRST_BYTE_US, PEAK_US, RESPONSE_US } from '../../shared/endpoint-cells.ts'
import type { Measure } from '../../snapshot.ts'
import { decayOf } from '../latency.ts'
import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'

/** What a member is taken for that has requests under way and has never answered: slower than any that has. */
const UNKNOWN_US = 2 ** 32

/**
 * What the next request would cost at a member: less is better. By connections it is the requests under way, divided by
 * the weight. By a time it is the average time, as often as there would be requests in what corresponds to an average
 * weight: members that are idle cost their time alone, whatever their weights.
 *
 * A member of which nothing was measured costs nothing as long as it has no request, and more than all others with one:
 * it is found out about by one request at a time. An average counts for less as it grows old, so that a member that
 * was slow is asked again some time. It grows old the slower, the more requests are under way, for those may be what it
 * is slow with.
 */
export class Costs {
  readonly #loads: MemberLoads
  readonly #available: Uint8Array
  readonly #effective: Float64Array
  readonly #meanWeight: number
  /** The cell of the average; -1 for connections. */
  readonly #cell: number
  readonly #pair = new Float64Array(2)

  constructor(members: Members, loads: MemberLoads, measure: Measure | 'peak') {
    this.#loads = loads
    this.#available = members.available
    this.#effective = members.effective
    this.#meanWeight = members.weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, members.count)
    this.#cell = cellOf(measure)
  }

  /** Writes the costs of the members from one place up to another; those not available cost more than anything. @hotpath */
  write(scores: Float64Array, from: number, to: number, stamp: number): void {
    for (let place = from; place < to; place += 1) {
      if (this.#available[place] === 0) scores[place] = Number.POSITIVE_INFINITY
      else this.#put(scores, place, place, stamp)
    }
  }

  /** Whether one costs less than another. `stamp` is the shared clock's. @hotpath */
  isLess(place: number, other: number, stamp: number): boolean {
    const pair = this.#pair
    this.#put(pair, 0, place, stamp)
    this.#put(pair, 1, other, stamp)
    return (pair[0] as number) < (pair[1] as number)
  }

  /** A number that is returned takes memory where the call is not compiled away. */
  #put(scores: Float64Array, at: number, place: number, stamp: number): void {
    const weight = this.#effective[place] as number
    const requests = this.#loads.requests(place)
    if (this.#cell < 0) {
      scores[at] = requests / weight
      return
    }
    const us = this.#loads.timeUs(place, this.#cell)
    const load = (requests * this.#meanWeight) / weight + 1
    if (us === 0) scores[at] = requests === 0 ? 0 : UNKNOWN_US * load
    else scores[at] = us * decayOf(this.#loads.ageMs(place, stamp), requests + 1) * load
  }
}

function cellOf(measure: Measure | 'peak'): number {
  switch (measure) {
    case 'connections':
      return -1
    case 'first_byte':
      return FIRST_BYTE_US
    case 'response':
      return RESPONSE_US
    case 'peak':
      return PEAK_US
  }
}
