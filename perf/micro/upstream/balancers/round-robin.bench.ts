/** Which endpoint is next. */
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'
import { bench, runIfMain } from '../../harness.ts'

/** One alone costs no more than calling a bench that does nothing. */
const PICKS = 32

function pick(name: string, weights: readonly number[], tried: ReadonlySet<number> | null = null): void {
  const balancer = new RoundRobin(weights)
  bench(
    name,
    () => {
      let sum = 0
      for (let count = 0; count < PICKS; count += 1) sum += balancer.pick(tried)
      return sum
    },
    PICKS,
  )
}

const equal = (count: number): number[] => Array.from({ length: count }, () => 1)
const weighted = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + (index % 5))

pick('1 endpoint', equal(1))
pick('10 endpoints', equal(10))
pick('1,000 endpoints', equal(1000))
pick('10 endpoints of different weight', weighted(10))
pick('1,000 endpoints of different weight', weighted(1000))
pick('10 endpoints, two of them tried in vain', equal(10), new Set([1, 4]))

await runIfMain(import.meta)
