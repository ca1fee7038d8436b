import { describe, expect, it } from 'vitest'
import type { TestUpstream } from '../../support/snapshot.ts'
import { CONNECTIONS, type Fleet, openFleet } from './fleet.ts'

const REQUESTS = 2_000
/** Tries beyond the first, as a share of the requests, and those that may be made beside. */
const BUDGET = 0.2
const RESERVE = 10

/** No endpoint is ever left out: each request may be tried four times, if it were not for the budget. */
const STUBBORN: Omit<TestUpstream, 'endpoints'> = {
  passive: null,
  retry: { attempts: 3, statuses: [503], budget: BUDGET },
}

interface Storm {
  readonly requests: number
  /** Beyond the first of each request. */
  readonly retries: number
  readonly statuses: readonly number[]
}

/** A load under which everything fails. */
async function storm(fleet: Fleet, connections = CONNECTIONS, atLeast = REQUESTS): Promise<Storm> {
  const { retries } = fleet.stats()
  using load = fleet.load({ connections })
  await load.next(atLeast)
  const { ended, statuses } = await load.stop()
  await fleet.rest()
  return { requests: ended, retries: fleet.stats().retries - retries, statuses: [...statuses.keys()] }
}

async function sumOf({ origins }: Fleet, count: 'requests' | 'open'): Promise<number> {
  const counts = await Promise.all(origins.map(origin => origin.counts()))
  return counts.reduce((sum, one) => sum + one[count], 0)
}

describe('where every origin fails, there are no more tries than the budget has, although each request asks for four', () => {
  it('of origins that answer 503', async () => {
    await using fleet = await openFleet({ upstream: STUBBORN })
    await fleet.behave({ errorShare: 1, errorStatus: 503 })
    const { requests, retries, statuses } = await storm(fleet)
    expect(statuses).toEqual([503])
    expect(await sumOf(fleet, 'requests')).toBe(requests + retries)
    expect(retries).toBeLessThanOrEqual(requests * BUDGET + RESERVE)
    // The budget is there to be used.
    expect(retries).toBeGreaterThan(requests * BUDGET * 0.9)
  })

  it('of origins that reset', async () => {
    await using fleet = await openFleet({ upstream: STUBBORN })
    await fleet.behave({ answer: 'reset' })
    const { requests, retries, statuses } = await storm(fleet)
    expect(statuses).toEqual([502])
    expect(await sumOf(fleet, 'requests')).toBe(requests + retries)
    expect(retries).toBeLessThanOrEqual(requests * BUDGET + RESERVE)
  })

  it('of origins that begin to reset when their connections have served', async () => {
    await using fleet = await openFleet({ upstream: STUBBORN })
    using calm = fleet.load()
    await calm.next(1_000)
    expect((await calm.stop()).failures).toEqual([])
    const before = await sumOf(fleet, 'requests')
    const open = await sumOf(fleet, 'open')
    await fleet.behave({ answer: 'reset' })
    const { requests, retries, statuses } = await storm(fleet)
    expect(statuses).toEqual([502])
    expect((await sumOf(fleet, 'requests')) - before).toBe(requests + retries)
    // A connection that has served may have been closed as it was written to: to send that again costs no budget. And
    // what was saved up before is spent now: as much as there are requests under way.
    expect(retries).toBeLessThanOrEqual(requests * BUDGET + 2 * CONNECTIONS + open)
  })

  it('of origins that are not there', async () => {
    await using fleet = await openFleet({ upstream: STUBBORN })
    await Promise.all(fleet.origins.map(origin => origin.kill()))
    const { requests, retries, statuses } = await storm(fleet)
    expect(statuses).toEqual([502])
    expect(retries).toBeLessThanOrEqual(requests * BUDGET + RESERVE)
    expect(fleet.upstream.endpoints().reduce((sum, { tries }) => sum + tries, 0)).toBe(requests + retries)
  })

  it('of origins that are too late', async () => {
    const retry = { ...STUBBORN.retry, onTimeout: true }
    await using fleet = await openFleet({ upstream: { ...STUBBORN, retry, timeouts: { responseMs: 20 } } })
    await fleet.behave({ answer: 'held' })
    const { requests, retries, statuses } = await storm(fleet, 512, 2_000)
    expect(statuses).toEqual([504])
    expect(retries).toBeLessThanOrEqual(requests * BUDGET + RESERVE)
  })
})
