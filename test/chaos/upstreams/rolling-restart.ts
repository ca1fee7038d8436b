import { expect } from 'vitest'
import type { TestUpstream } from '../../support/snapshot.ts'
import { openFleet } from './fleet.ts'

/** So that there is always something under way that has to end before an origin may. */
const DELAY_MS = 5

/**
 * Restarts all origins again and again under load, one after the other: each is drained first, then ends by itself or is
 * killed, starts again and is let in. Goes on until there were so many requests, and at least one round; none may fail.
 */
export async function restartAllUnderLoad(
  requests: number,
  upstream: Omit<TestUpstream, 'endpoints'>,
  deadlineMs: number,
): Promise<void> {
  await using fleet = await openFleet({ upstream })
  await fleet.behave({ delayMs: DELAY_MS })
  using load = fleet.load()
  await load.next(500)
  const share = Math.floor(requests / (2 * fleet.origins.length))
  let restarts = 0
  while (load.total.ended < requests || restarts < fleet.origins.length) {
    const origin = fleet.origins[restarts % fleet.origins.length] as (typeof fleet.origins)[number]
    await fleet.upstream.drain(origin.endpoint)
    expect(fleet.status(origin.name).requests).toBe(0)
    // Every other round the other way round.
    const isKilled = (restarts + Math.floor(restarts / fleet.origins.length)) % 2 === 0
    if (isKilled) await origin.kill()
    else await origin.stop()
    const without = await load.next(Math.min(share, 1_000), deadlineMs)
    expect(without.origins.get(origin.name)).toBeUndefined()
    await origin.start()
    await fleet.upstream.up(origin.endpoint)
    await load.until(() => fleet.status(origin.name).state === 'up', `${origin.name} is back`)
    const again = await load.next(Math.min(share, 4_000), deadlineMs)
    expect(again.origins.get(origin.name)).toBeGreaterThan(0)
    restarts += 1
  }
  const total = await load.stop()
  expect(total.failures).toEqual([])
  expect(total.ended).toBeGreaterThanOrEqual(requests)
  // Not that they had to be saved by that.
  expect(fleet.stats().retries).toBe(0)
  await fleet.rest()
}
