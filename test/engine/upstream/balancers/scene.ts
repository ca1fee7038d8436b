import { StatePage } from '../../../../engine/shared/state-page.ts'
import type { Balancer } from '../../../../engine/upstream/balancers/balancer.ts'
import { observeFirstByte, observeResponse } from '../../../../engine/upstream/latency.ts'
import { MemberLoads } from '../../../../engine/upstream/member-loads.ts'
import { Members } from '../../../../engine/upstream/members.ts'

export interface SceneSettings {
  readonly servers?: readonly string[]
  /** Of those whose server has several addresses; else the servers. */
  readonly names?: readonly string[]
  readonly workers?: number
}

/** Members to choose from, with a state page of their own that says what they are busy with. */
export class Scene {
  readonly members: Members
  readonly page: StatePage
  readonly loads: MemberLoads

  constructor(weights: readonly number[], { servers, names = servers, workers = 1 }: SceneSettings = {}) {
    this.members = new Members(
      weights.map((weight, column) => {
        const server = servers?.[column] ?? serverAt(column)
        return { column, weight, server, name: names?.[column] ?? server }
      }),
    )
    this.page = StatePage.create(workers, weights.length)
    const rows = this.page.rows.map(row => row.inFlight)
    this.loads = new MemberLoads(this.members, rows, this.page.endpointCells)
  }

  /** From now on only these may be chosen. */
  admit(admits: (place: number) => boolean): void {
    const available = Uint8Array.from({ length: this.members.count }, (_, place) => (admits(place) ? 1 : 0))
    this.members.update(available, this.members.effective.slice())
  }

  /** From now on they have these shares of their weights. */
  weigh(share: (place: number) => number): void {
    const effective = Float64Array.from(this.members.weights, (weight, place) => weight * share(place))
    this.members.update(this.members.available.slice(), effective)
  }

  /** A worker has more requests under way at a member, or fewer. */
  add(place: number, requests: number, worker = 0): void {
    this.page.rows[worker]!.inFlight[place]! += requests
  }

  requests(place: number): number {
    return this.page.inFlight(place)
  }

  /** A response has come: its times, and when it came. */
  answered(place: number, us: number, stamp: number): void {
    observeFirstByte(this.page.endpointCells, place, us, stamp)
    observeResponse(this.page.endpointCells, place, us)
  }
}

export function serverAt(place: number): string {
  return `10.0.${place >> 8}.${place & 255}:3000`
}

export function excluding(count: number, places: readonly number[]): Uint8Array {
  const excluded = new Uint8Array(count)
  for (const place of places) excluded[place] = 1
  return excluded
}

/** One decision after the other, without anything happening between them. */
export function picks(balancer: Balancer, count: number, excluded: Uint8Array | null = null): number[] {
  return Array.from({ length: count }, () => balancer.pick('', excluded, 0))
}

export function countsOf(picked: readonly number[], members: number): number[] {
  const counts = new Array<number>(members).fill(0)
  for (const place of picked) counts[place]! += 1
  return counts
}

/** How far counts are from what weights make one expect: see `chiSquareMax` for how far chance takes them. */
export function chiSquareOf(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const weight = weights.reduce((sum, share) => sum + share, 0)
  return counts.reduce((sum, count, place) => {
    const expected = (total * weights[place]!) / weight
    return sum + (count - expected) ** 2 / expected
  }, 0)
}

/** What chance exceeds once in 10,000 times, by Wilson and Hilferty. */
export function chiSquareMax(kinds: number): number {
  const freedom = kinds - 1
  return freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3
}
