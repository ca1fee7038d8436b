/** Which endpoint is next. */
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, distinct, equal, membersOf, type Weights } from './balanced.ts'

function pick(name: string, count: number, weights: Weights, excluded: readonly number[] = []): void {
  const balancer = new RoundRobin(membersOf(count, weights))
  const marks = excluded.length === 0 ? null : new Uint8Array(count)
  for (const place of excluded) if (marks !== null) marks[place] = 1
  benchPicks(name, balancer, marks)
}

pick('1 endpoint', 1, equal)
pick('10 endpoints', 10, equal)
pick('1,000 endpoints', 1000, equal)
pick('10 endpoints, each of another weight', 10, distinct)
pick('1,000 endpoints of five weights', 1000, place => 1 + (place % 5))
pick('1,000 endpoints, each of another weight', 1000, distinct)
pick('10 endpoints, two of them tried in vain', 10, equal, [1, 4])
pick('1,000 endpoints, two of them tried in vain', 1000, equal, [1, 4])

await runIfMain(import.meta)
