/** The better of two endpoints. */

import type { Measure } from '../../../../engine/snapshot.ts'
import { PowerOfTwo } from '../../../../engine/upstream/balancers/power-of-two.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, busyLoads, membersOf } from './balanced.ts'

function pick(name: string, count: number, workers: number, measure: Measure): void {
  const members = membersOf(count)
  benchPicks(name, new PowerOfTwo(members, busyLoads(members, workers).loads, measure))
}

pick('10 endpoints, 2 workers', 10, 2, 'connections')
pick('10 endpoints, 8 workers', 10, 8, 'connections')
pick('10 endpoints, 8 workers, by time', 10, 8, 'response')
pick('1,000 endpoints, 2 workers', 1000, 2, 'connections')
pick('1,000 endpoints, 8 workers', 1000, 8, 'connections')
pick('1,000 endpoints, 8 workers, by time', 1000, 8, 'response')

await runIfMain(import.meta)
