import { describe, expect, it } from 'vitest'
import type { TestUpstream } from '../../support/snapshot.ts'
import { openFleet } from './fleet.ts'

const FAST_MS = 5
const SLOW_MS = 20
const WARM_UP = 1_000
const REQUESTS = 5_000
/** Of what a single worker gives, as a share of all requests. */
const TOLERANCE = 0.05

/** What each of two fast and two slow origins gets of the requests. */
async function shares(upstream: Omit<TestUpstream, 'endpoints'>, workers: number): Promise<number[]> {
  await using fleet = await openFleet({ workers, upstream })
  for (const origin of fleet.origins) await origin.behave({ delayMs: 'ab'.includes(origin.name) ? FAST_MS : SLOW_MS })
  using load = fleet.load()
  await load.next(WARM_UP)
  const report = await load.next(REQUESTS)
  expect(report.failures).toEqual([])
  await load.stop()
  await fleet.rest()
  return fleet.origins.map(({ name }) => report.share(name))
}

describe('two fast and two slow origins', () => {
  it.each(['least_connections', 'least_time', 'peak_ewma'] as const)(
    'get from two workers what they get from one, by %s',
    async balance => {
      const fromOne = await shares({ balance }, 1)
      const fromTwo = await shares({ balance }, 2)
      console.log(balance, fromOne, fromTwo)
      for (const [index, share] of fromTwo.entries()) {
        expect(Math.abs(share - (fromOne[index] ?? 0))).toBeLessThan(TOLERANCE)
      }
      const [a = 0, b = 0, c = 0, d = 0] = fromTwo
      expect(Math.min(a, b)).toBeGreaterThan(Math.max(c, d))
    },
  )
})
