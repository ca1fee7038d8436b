import { describe, expect, it } from 'vitest'
import { CONNECTIONS, openFleet } from './fleet.ts'

const LONG_MS = 60_000

describe('an origin half of whose responses are errors', () => {
  it('is taken out by its circuit, and let in again when it is well', async () => {
    await using fleet = await openFleet({
      upstream: { circuitBreaker: { failureRatio: 0.4, minimum: 20, openMs: 200 } },
    })
    using load = fleet.load()
    await load.next(1_000)
    await fleet.origin('b').behave({ errorShare: 0.5 })
    await load.until(() => fleet.status('b').state === 'circuit_open', 'the circuit of b is open')
    // Of what tries it as long as it is half-open, one of three is an error: it opens again.
    const tripped = fleet.eventsOf('endpoint_health').length
    await load.until(() => fleet.eventsOf('endpoint_health').length > tripped, 'the circuit of b is open again')
    const changes = fleet.eventsOf('endpoint_health')
    expect(changes.map(event => 'change' in event && event.change)).toEqual(changes.map(() => 'circuit_open'))
    const before = fleet.status('b').tries
    const meanwhile = await load.next(2_000)
    expect(meanwhile.of(200) + meanwhile.of(500)).toBe(meanwhile.ended)
    expect(fleet.status('b').tries - before).toBeLessThan(2_000 / 8)

    await fleet.origin('b').behave({ errorShare: 0 })
    await load.until(() => fleet.status('b').state === 'up', 'the circuit of b is closed')
    const again = await load.next(2_000)
    expect(again.failures).toEqual([])
    expect(again.share('b')).toBeCloseTo(0.25, 1)
    const total = await load.stop()
    expect(total.of(200) + total.of(500)).toBe(total.ended)
    await fleet.rest()
  })

  it('has no more than what it takes to find out, as long as its circuit is open', async () => {
    await using fleet = await openFleet({
      upstream: { circuitBreaker: { failureRatio: 0.4, minimum: 20, openMs: LONG_MS } },
    })
    await fleet.origin('b').behave({ errorShare: 0.5 })
    using load = fleet.load()
    await load.until(() => fleet.status('b').state === 'circuit_open', 'the circuit of b is open')
    await load.next(2_000)
    const total = await load.stop()
    await fleet.rest()
    expect((await fleet.origin('b').counts()).requests).toBeLessThan(20 + 2 * CONNECTIONS)
    expect(total.of(200) + total.of(500)).toBe(total.ended)
    expect(fleet.eventsOf('endpoint_health')).toEqual([
      {
        kind: 'endpoint_health',
        upstream: 'origins',
        endpoint: fleet.status('b').name,
        change: 'circuit_open',
        reason: expect.stringContaining('5xx'),
      },
    ])
  })

  it('is ejected for its success rate, where there are five', async () => {
    await using fleet = await openFleet({
      origins: 5,
      upstream: { passive: { ejectMs: LONG_MS, successRate: { intervalMs: 300, requestsMin: 50 } } },
    })
    using load = fleet.load()
    await load.next(1_000)
    await fleet.origin('e').behave({ errorShare: 0.5 })
    await load.until(() => fleet.status('e').state === 'ejected', 'e is ejected')
    await fleet.leftAlone('e')
    const without = await load.next(2_000)
    expect(without.failures).toEqual([])
    for (const name of 'abcd') expect(without.share(name)).toBeCloseTo(0.25, 1)
    await load.stop()
    await fleet.rest()
    expect(fleet.eventsOf('endpoint_health')).toHaveLength(1)
  })
})
