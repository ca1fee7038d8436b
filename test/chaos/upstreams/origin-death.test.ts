import { describe, expect, it } from 'vitest'
import { CONNECTIONS, openFleet, QUICK_CHECKS } from './fleet.ts'

/** An ejection that no test sees the end of. */
const LONG_MS = 60_000
const DEADLINE_MS = 1_000
/** What a busy machine may add to a deadline. */
const SLACK_MS = 1_500

describe('an origin of four that is killed under load', () => {
  it('costs no GET, is left alone, comes back within two checks and gets its share again', async () => {
    await using fleet = await openFleet({
      upstream: { active: QUICK_CHECKS, passive: { ejectMs: LONG_MS } },
    })
    using load = fleet.load()
    await load.next(1_000)

    await fleet.origin('b').kill()
    await load.until(() => fleet.status('b').state !== 'up', 'b is left out')
    await fleet.leftAlone('b')
    const triesBefore = fleet.status('b').tries
    const without = await load.next(1_000)
    expect(fleet.status('b').tries).toBe(triesBefore)
    expect(without.origins.get('b')).toBeUndefined()

    await load.until(() => fleet.status('b').state === 'unhealthy', 'checks have seen that b is gone')
    await fleet.origin('b').start()
    await load.until(() => fleet.status('b').state === 'up', 'b is back')
    const again = await load.next(2_000)
    // Two have passed; on a busy machine a third may come before the first request.
    expect((await fleet.origin('b').counts()).checksBefore).toBeGreaterThanOrEqual(2)
    expect((await fleet.origin('b').counts()).checksBefore).toBeLessThanOrEqual(3)
    for (const name of ['a', 'b', 'c', 'd']) expect(again.share(name)).toBeCloseTo(0.25, 1)

    expect((await load.stop()).failures).toEqual([])
    await fleet.rest()
  })

  it('costs no GET and comes back without active checks, too', async () => {
    await using fleet = await openFleet({ upstream: { passive: { ejectMs: 100, ejectMaxMs: 200 } } })
    using load = fleet.load()
    await load.next(1_000)
    await fleet.origin('c').kill()
    await load.until(() => fleet.status('c').ejections >= 3, 'c was tried again in vain')
    await fleet.origin('c').start()
    await load.until(() => fleet.status('c').state === 'up', 'c is back')
    const again = await load.next(2_000)
    expect(again.share('c')).toBeCloseTo(0.25, 1)
    expect((await load.stop()).failures).toEqual([])
    await fleet.rest()
  })
})

describe('an origin of four that stands still under load', () => {
  it.each([
    ['checks and requests', { active: QUICK_CHECKS }, 'unhealthy'],
    ['requests alone', {}, 'ejected'],
  ] as const)(
    'makes only requests slow that were sent to it, until its deadline, and is found out by %s',
    async (_, health, state) => {
      await using fleet = await openFleet({
        upstream: {
          ...health,
          passive: { ejectMs: 1_500 },
          timeouts: { responseMs: DEADLINE_MS },
          retry: { onTimeout: true },
        },
      })
      let slow = 0
      using load = fleet.load({
        onAnswer: ({ ms }) => {
          if (ms >= DEADLINE_MS) slow += 1
        },
      })
      await load.next(1_000)
      const { tries } = fleet.status('d')

      fleet.origin('d').suspend()
      await load.until(() => fleet.status('d').state === state, `d is ${state}`)
      await fleet.leftAlone('d')
      const found = fleet.status('d')
      const without = await load.next(1_000)
      // But for what shows, at the end of an ejection, whether it is back.
      const { ejections } = fleet.status('d')
      expect(fleet.status('d').tries - found.tries).toBeLessThanOrEqual(ejections - found.ejections)
      expect(without.failures).toEqual([])
      // What was slow had been there; and hardly a connection had two requests there before that was known.
      expect(slow).toBeGreaterThan(0)
      expect(slow).toBeLessThanOrEqual(fleet.status('d').tries - tries)
      expect(slow).toBeLessThan(2 * CONNECTIONS)

      fleet.origin('d').resume()
      await load.until(() => fleet.status('d').state === 'up', 'd is back')
      const again = await load.next(2_000)
      expect(again.share('d')).toBeCloseTo(0.25, 1)
      const total = await load.stop()
      expect(total.slowestMs).toBeLessThan(DEADLINE_MS + SLACK_MS)
      expect(total.failures).toEqual([])
      await fleet.rest()
    },
  )
})
