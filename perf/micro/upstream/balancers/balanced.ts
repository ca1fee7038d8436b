/** Members to choose from, and a bench of choosing. */

import { stampOf } from '../../../../engine/shared/clock.ts'
import {
  ENDPOINT_CELLS,
  FIRST_BYTE_US,
  PEAK_AT,
  PEAK_US,
  RESPONSE_US,
} from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import type { Balancer } from '../../../../engine/upstream/balancers/balancer.ts'
import { MemberLoads } from '../../../../engine/upstream/member-loads.ts'
import { Members } from '../../../../engine/upstream/members.ts'
import { bench, cycle } from '../../harness.ts'

/** One decision alone costs no more than calling a bench that does nothing. */
const PICKS = 32

export type Weights = (place: number) => number

export const equal: Weights = () => 1
/** Five different ones. */
export const mixed: Weights = place => 1 + (place % 5)
/** All of them different. */
export const distinct: Weights = place => 1 + ((place * 7919) % 65_521)

export function membersOf(count: number, weights: Weights = mixed): Members {
  return new Members(
    Array.from({ length: count }, (_, column) => {
      const server = `10.0.${column >> 8}.${column & 255}:3000`
      return { column, weight: weights(column), server, name: server }
    }),
  )
}

/** What workers' rows and the endpoints' cells say of members that are busy, each a little more or less. */
export function busyLoads(members: Members, workers: number): { page: StatePage; loads: MemberLoads } {
  const page = StatePage.create(workers, members.count)
  const now = stampOf(performance.now())
  for (let column = 0; column < members.count; column += 1) {
    for (const [row, { inFlight }] of page.rows.entries()) inFlight[column] = (column * 13 + row * 7) % 5
    const cells = page.endpointCells
    const at = column * ENDPOINT_CELLS
    cells[at + FIRST_BYTE_US] = 800 + ((column * 37) % 400)
    cells[at + RESPONSE_US] = 1_000 + ((column * 41) % 500)
    cells[at + PEAK_US] = 1_500 + ((column * 43) % 900)
    cells[at + PEAK_AT] = now
  }
  return {
    page,
    loads: new MemberLoads(
      members,
      page.rows.map(row => row.inFlight),
      page.endpointCells,
    ),
  }
}

/** A decision, without a key. */
export function benchPicks(name: string, balancer: Balancer, excluded: Uint8Array | null = null): void {
  const nowMs = performance.now()
  bench(
    name,
    () => {
      let sum = 0
      for (let count = 0; count < PICKS; count += 1) sum += balancer.pick('', excluded, nowMs)
      return sum
    },
    PICKS,
  )
}

/** A decision and what comes of it: the chosen one has a request more, and the one chosen a while ago one less. */
export function benchRequests(name: string, balancer: Balancer, members: Members, page: StatePage): void {
  const nowMs = performance.now()
  const row = page.rows[0]?.inFlight ?? new Int32Array(0)
  const underWay = new Int32Array(64).fill(-1)
  let at = 0
  bench(
    name,
    () => {
      for (let count = 0; count < PICKS; count += 1) {
        const place = balancer.pick('', null, nowMs)
        const column = members.columns[place] as number
        row[column] = (row[column] as number) + 1
        const ended = underWay[at] as number
        if (ended >= 0) row[ended] = (row[ended] as number) - 1
        underWay[at] = column
        at = (at + 1) % 64
      }
      return at
    },
    PICKS,
  )
}

/** A decision for one key after the other. */
export function benchKeys(name: string, balancer: Balancer, keys: readonly string[]): void {
  const nowMs = performance.now()
  const next = cycle(keys)
  bench(
    name,
    () => {
      let sum = 0
      for (let count = 0; count < PICKS; count += 1) sum += balancer.pick(next(), null, nowMs)
      return sum
    },
    PICKS,
  )
}
