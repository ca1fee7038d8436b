import { describe, expect, it } from 'vitest'
import { rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openFleet } from './fleet.ts'

const CLIENTS = 200
const WAIT_MS = 400

describe('a limit on the connections of an origin, with 200 clients and two workers', () => {
  it.each([
    { limit: 1, origins: 1, requests: 2_000 },
    { limit: 3, origins: 1, requests: 3_000 },
    { limit: 10, origins: 2, requests: 6_000 },
    { limit: 50, origins: 2, requests: 8_000 },
  ])('of $limit is never passed, and every client has its turn', async ({ limit, origins, requests }) => {
    await using fleet = await openFleet({
      origins,
      upstream: { queue: { size: 1_000, timeoutMs: 15_000 } },
      endpoint: { connectionsMax: limit },
    })
    await fleet.behave({ delayMs: 1 })
    const served = new Array<number>(CLIENTS).fill(0)
    let most = 0
    using load = fleet.load({
      connections: CLIENTS,
      onAnswer: ({ connection }) => {
        served[connection] = (served[connection] ?? 0) + 1
        most = Math.max(most, ...fleet.upstream.endpoints().map(({ connections }) => connections))
      },
    })
    await load.next(requests)
    const servedThen = served.toSorted((a, b) => a - b)
    const total = await load.stop()
    await fleet.rest()
    expect(total.failures).toEqual([])
    expect(most).toBe(limit)
    for (const origin of fleet.origins) {
      const { openMost, activeMost } = await origin.counts()
      expect(openMost).toBe(limit)
      expect(activeMost).toBeLessThanOrEqual(limit)
    }
    console.log(limit, servedThen[0], servedThen.at(-1), servedThen.join(' '))
    // Nobody starves, whichever worker it is at.
    const mean = requests / CLIENTS
    expect(servedThen[0]).toBeGreaterThan(mean / 4)
  })
})

describe('the queue before limited origins', () => {
  it('takes as many as it has room for, and they wait no longer than its deadline', async () => {
    const size = 5
    await using fleet = await openFleet({
      origins: 1,
      upstream: { queue: { size, timeoutMs: WAIT_MS } },
      endpoint: { connectionsMax: 1 },
    })
    await fleet.behave({ answer: 'held' })
    const ask = async () => {
      const client = await rawClient(fleet.port)
      await client.send('GET /100/1 HTTP/1.1\r\nHost: a\r\n\r\n')
      const askedAt = performance.now()
      return {
        client,
        status: client.readResponse().then(({ status }) => ({ status, ms: performance.now() - askedAt })),
      }
    }
    const first = await ask()
    await waitFor(() => fleet.inFlight === 1, 'the one connection is taken')
    const others = await Promise.all(Array.from({ length: 20 }, ask))
    const outcomes = await Promise.all(others.map(({ status }) => status))
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 503))
    // The rest did not wait: who did is told apart by it.
    expect(outcomes.filter(({ ms }) => ms >= WAIT_MS)).toHaveLength(size)

    const late = await ask()
    await waitFor(() => fleet.stats().exchangesActive === 2, 'one waits')
    await fleet.behave({ answer: 'whole' })
    expect((await first.status).status).toBe(200)
    expect((await late.status).status).toBe(200)
    for (const { client } of [first, late, ...others]) client.close()
    await fleet.rest()
  })
})
