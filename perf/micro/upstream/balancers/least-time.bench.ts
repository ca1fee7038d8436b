/** The endpoint that would answer first: decisions alone, and with what comes of them. */
import { LeastTime } from '../../../../engine/upstream/balancers/least-time.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, benchRequests, busyLoads, membersOf } from './balanced.ts'

function pick(name: string, count: number, workers: number): void {
  const members = membersOf(count)
  benchPicks(name, new LeastTime(members, busyLoads(members, workers).loads, 'response'))
}

function request(name: string, count: number, workers: number): void {
  const members = membersOf(count)
  const { page, loads } = busyLoads(members, workers)
  benchRequests(name, new LeastTime(members, loads, 'response'), members, page)
}

pick('10 endpoints, 2 workers', 10, 2)
pick('10 endpoints, 8 workers', 10, 8)
pick('64 endpoints, 8 workers', 64, 8)
pick('1,000 endpoints, 2 workers', 1000, 2)
pick('1,000 endpoints, 8 workers', 1000, 8)
request('10 endpoints, 8 workers, requests begin and end', 10, 8)
request('1,000 endpoints, 8 workers, requests begin and end', 1000, 8)

await runIfMain(import.meta)
