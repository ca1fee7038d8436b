/** What balancers read of a member. */
import { FIRST_BYTE_US } from '../../../engine/shared/endpoint-cells.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { busyLoads, membersOf } from './balancers/balanced.ts'

const MEMBERS = 1000
const nextPlace = cycle(Array.from({ length: MEMBERS }, (_, index) => (index * 37) % MEMBERS))

for (const workers of [1, 2, 8]) {
  const { loads } = busyLoads(membersOf(MEMBERS), workers)
  bench(`requests under way, ${workers} ${workers === 1 ? 'worker' : 'workers'}`, () => loads.requests(nextPlace()))
}

const { loads } = busyLoads(membersOf(MEMBERS), 1)
bench('average time', () => loads.timeUs(nextPlace(), FIRST_BYTE_US))
bench('age of it', () => loads.ageMs(nextPlace(), 0))

await runIfMain(import.meta)
