import { describe, expect, it } from 'vitest'
import { CONNECTIONS, type Fleet, openFleet, QUICK_CHECKS } from './fleet.ts'

const CONNECT_MS = 5_000
/** Nobody ever waits for a connection; the rest is for a busy machine. */
const AT_ONCE_MS = CONNECT_MS / 2

async function killAll({ origins }: Fleet): Promise<void> {
  await Promise.all(origins.map(origin => origin.kill()))
}

async function startAll({ origins }: Fleet): Promise<void> {
  await Promise.all(origins.map(origin => origin.start()))
}

describe('four origins that are all dead', () => {
  it('have requests answered with 503 at once, and are found again by checks', async () => {
    await using fleet = await openFleet({
      upstream: { active: QUICK_CHECKS, timeouts: { connectMs: CONNECT_MS } },
    })
    using load = fleet.load()
    await load.next(1_000)
    await killAll(fleet)
    const areAll = (state: string) => fleet.upstream.endpoints().every(endpoint => endpoint.state === state)
    await load.until(() => areAll('unhealthy'), 'checks have seen that all are gone')
    const down = await load.next(2_000)
    expect([...down.statuses]).toEqual([[503, 2_000]])
    expect(down.slowestMs).toBeLessThan(AT_ONCE_MS)
    const { tries } = fleet.status('a')
    await load.next(2_000)
    expect(fleet.status('a').tries).toBe(tries)

    await startAll(fleet)
    await load.until(() => areAll('up'), 'all are back')
    const again = await load.next(2_000)
    expect(again.failures).toEqual([])
    for (const name of 'abcd') expect(again.share(name)).toBeCloseTo(0.25, 1)
    await load.stop()
    await fleet.rest()
  })

  it('have requests answered with 503 at once for as long as it lasts, and are found again by requests', async () => {
    await using fleet = await openFleet({
      upstream: { passive: { ejectMs: 100, ejectMaxMs: 300 }, timeouts: { connectMs: CONNECT_MS } },
    })
    using load = fleet.load()
    await load.next(1_000)
    await killAll(fleet)
    await load.until(() => load.total.of(503) > 0, 'the first 503')
    // What had been sent when they died may have been told so.
    await load.next(CONNECTIONS)
    const ejections = () => Math.max(...fleet.upstream.endpoints().map(endpoint => endpoint.ejections))
    const downFor = load.next(2_000)
    await load.until(() => ejections() >= 4, 'they were tried again and again')
    const down = await downFor
    expect([...down.statuses]).toEqual([[503, 2_000]])
    expect(down.slowestMs).toBeLessThan(AT_ONCE_MS)

    await startAll(fleet)
    await load.until(() => fleet.upstream.endpoints().every(({ state }) => state === 'up'), 'all are back')
    const again = await load.next(2_000)
    expect(again.failures).toEqual([])
    for (const name of 'abcd') expect(again.share(name)).toBeCloseTo(0.25, 1)
    await load.stop()
    await fleet.rest()
  })
})
