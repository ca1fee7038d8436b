/** The better of two endpoints by the peaks of their times. */
import { PeakEwma } from '../../../../engine/upstream/balancers/peak-ewma.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, busyLoads, membersOf } from './balanced.ts'

function pick(name: string, count: number, workers: number): void {
  const members = membersOf(count)
  benchPicks(name, new PeakEwma(members, busyLoads(members, workers).loads))
}

pick('10 endpoints, 2 workers', 10, 2)
pick('10 endpoints, 8 workers', 10, 8)
pick('1,000 endpoints, 2 workers', 1000, 2)
pick('1,000 endpoints, 8 workers', 1000, 8)

await runIfMain(import.meta)
