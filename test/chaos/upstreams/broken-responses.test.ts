import { describe, expect, it } from 'vitest'
import { openFleet } from './fleet.ts'

/** Far more than the head, and more than one read of a busy proxy. */
const BYTES = 40_000

describe('an origin of four that resets after half a response', () => {
  it.each([
    ['a length', 'reset_in_content'],
    ['chunks', 'reset_in_chunks'],
  ] as const)('has those requests cut with %s, none of them tried again, and no others', async (_, answer) => {
    // Nothing is ejected here: all along, a quarter of the requests goes there.
    await using fleet = await openFleet({ upstream: { passive: null } })
    await fleet.origin('a').behave({ answer })
    using load = fleet.load({ bytes: BYTES })
    await load.next(2_000)
    const total = await load.stop()
    await fleet.rest()

    const { requests } = await fleet.origin('a').counts()
    expect(requests).toBeGreaterThan(total.ended / 5)
    expect(total.cutBehindHead + total.cutBeforeHead).toBe(requests)
    expect(total.of(200)).toBe(total.ended - requests)
    expect([...total.statuses.keys()]).toEqual([200])
    expect(total.wrong).toEqual([])
    const seen = await Promise.all(fleet.origins.map(origin => origin.counts()))
    expect(seen.reduce((sum, counts) => sum + counts.requests, 0)).toBe(total.ended)
    expect(fleet.stats().retries).toBe(0)
  })

  it('is left alone after a few', async () => {
    await using fleet = await openFleet({ upstream: { passive: { ejectMs: 60_000 } } })
    using load = fleet.load({ bytes: BYTES })
    await load.next(500)
    await fleet.origin('c').behave({ answer: 'reset_in_content' })
    await load.until(() => fleet.status('c').state === 'ejected', 'c is ejected')
    await fleet.leftAlone('c')
    const without = await load.next(1_000)
    expect(without.failures).toEqual([])
    expect(without.origins.get('c')).toBeUndefined()
    await load.stop()
    await fleet.rest()
  })
})
