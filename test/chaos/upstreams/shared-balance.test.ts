import { describe, expect, it } from 'vitest'
import type { TestUpstream } from '../../support/snapshot.ts'
import { type Fleet, openFleet, serve } from './fleet.ts'

/** So long that what a busy machine adds is little. */
const FAST_MS = 10
const SLOW_MS = 40
const CONNECTIONS = 32
const WARM_UP = 500
const REQUESTS = 3_000
/** Of what a single worker gives, as a share of all requests. */
const TOLERANCE = 0.05

const NAMES = ['a', 'b', 'c', 'd'] as const
const FAST: ReadonlySet<string> = new Set(['a', 'b'])

async function sharesFrom(fleet: Fleet): Promise<number[]> {
  using load = fleet.load({ connections: CONNECTIONS })
  await load.next(WARM_UP)
  const report = await load.next(REQUESTS)
  expect(report.failures).toEqual([])
  await load.stop()
  await fleet.rest()
  return NAMES.map(name => report.share(name))
}

/**
 * What the origins get of the requests, two fast ones and two slow ones: from an engine with one worker, and from one with
 * two, at the same time, so that both have to do with the same machine.
 */
async function shares(upstream: Omit<TestUpstream, 'endpoints'>): Promise<readonly [number[], number[]]> {
  await using one = await openFleet({ workers: 1, upstream })
  const endpoints = one.origins.map(({ address }) => address)
  await using two = await serve(one.origins, { endpoints, ...upstream }, { workers: 2 })
  for (const origin of one.origins) await origin.behave({ delayMs: FAST.has(origin.name) ? FAST_MS : SLOW_MS })
  return await Promise.all([sharesFrom(one), sharesFrom(two)])
}

/** What the fast ones get together, and the slow ones. */
function byKind([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number[] {
  return [a + b, c + d]
}

function largestDifference(some: readonly number[], others: readonly number[]): number {
  return Math.max(...some.map((share, index) => Math.abs(share - (others[index] ?? 0))))
}

describe('two fast and two slow origins', () => {
  it.each(['least_connections', 'least_time'] as const)(
    'get from two workers what they get from one, each of them, by %s',
    async balance => {
      const [fromOne, fromTwo] = await shares({ balance })
      expect(largestDifference(fromOne, fromTwo)).toBeLessThan(TOLERANCE)
      const [fast = 0, slow = 0] = byKind(fromTwo)
      expect(fast).toBeGreaterThan(2 * slow)
    },
  )

  it('get from two workers what they get from one, the fast ones and the slow ones, by peak_ewma', async () => {
    // A single late answer keeps an origin out of favour for seconds, with one worker, too: of two fast ones one has more, and
    // what one is out for, the slow ones get a part of.
    const [fromOne, fromTwo] = await shares({ balance: 'peak_ewma' })
    expect(largestDifference(byKind(fromOne), byKind(fromTwo))).toBeLessThan(2 * TOLERANCE)
    for (const [fast = 0, slow = 0] of [byKind(fromOne), byKind(fromTwo)]) expect(fast).toBeGreaterThan(2 * slow)
  })
})
