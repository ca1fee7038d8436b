/** The endpoint with the fewest requests under way: decisions alone, and with what comes of them. */
import { LeastConnections } from '../../../../engine/upstream/balancers/least-connections.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, benchRequests, busyLoads, membersOf } from './balanced.ts'

function pick(name: string, count: number, workers: number): void {
  const members = membersOf(count)
  benchPicks(name, new LeastConnections(members, busyLoads(members, workers).loads))
}

function request(name: string, count: number, workers: number): void {
  const members = membersOf(count)
  const { page, loads } = busyLoads(members, workers)
  benchRequests(name, new LeastConnections(members, loads), members, page)
}

pick('10 endpoints, 2 workers', 10, 2)
pick('10 endpoints, 8 workers', 10, 8)
pick('64 endpoints, 8 workers', 64, 8)
pick('1,000 endpoints, 2 workers', 1000, 2)
pick('1,000 endpoints, 8 workers', 1000, 8)
request('10 endpoints, 8 workers, requests begin and end', 10, 8)
request('1,000 endpoints, 8 workers, requests begin and end', 1000, 8)

await runIfMain(import.meta)
