import { describe, expect, it } from 'vitest'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Fleet, openFleet } from './fleet.ts'

const CLIENTS = 200
const WAIT_MS = 1_000

describe('a limit on the connections of an origin, with 200 clients and two workers', () => {
  it.each([
    { limit: 1, origins: 1, requests: 1_000 },
    { limit: 3, origins: 1, requests: 1_200 },
    { limit: 10, origins: 2, requests: 2_000 },
    { limit: 50, origins: 2, requests: 3_000 },
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
    expect(most).toBe(limit)
    for (const origin of fleet.origins) {
      const { openMost, activeMost } = await origin.counts()
      expect(openMost).toBe(limit)
      expect(activeMost).toBeLessThanOrEqual(limit)
    }
    expect(total.failures).toEqual([])
    // Nobody starves, whichever worker it is at.
    const mean = requests / CLIENTS
    expect(servedThen[0]).toBeGreaterThan(mean / 4)
  })
})

interface Asked {
  readonly client: RawClient
  readonly status: Promise<number>
}

/** One request on a connection of its own. */
async function ask(fleet: Fleet): Promise<Asked> {
  const client = await rawClient(fleet.port)
  await client.send('GET /100/1 HTTP/1.1\r\nHost: a\r\n\r\n')
  return { client, status: client.readResponse().then(({ status }) => status) }
}

function askMany(fleet: Fleet, count: number): Promise<Asked[]> {
  return Promise.all(Array.from({ length: count }, () => ask(fleet)))
}

async function statusesOf(asked: readonly Asked[]): Promise<number[]> {
  const statuses = await Promise.all(asked.map(({ status }) => status))
  for (const { client } of asked) client.close()
  return statuses
}

describe('the queue before limited origins', () => {
  it('takes as many as it has room for, and they wait no longer than its deadline', async () => {
    const size = 5
    await using fleet = await openFleet({
      origins: 1,
      upstream: { queue: { size, timeoutMs: WAIT_MS } },
      endpoint: { connectionsMax: 1 },
    })
    await fleet.behave({ answer: 'held' })
    const first = await ask(fleet)
    await waitFor(() => fleet.inFlight === 1, 'the one connection is taken')
    const others = await askMany(fleet, 20)
    const isWaiting = () => fleet.stats().exchangesTotal === others.length - size
    await waitFor(isWaiting, () => `${size} that wait; ended have ${fleet.stats().exchangesTotal}`)
    expect(fleet.stats().exchangesActive).toBe(1 + size)
    expect(await statusesOf(others)).toEqual(others.map(() => 503))

    const late = await ask(fleet)
    await waitFor(() => fleet.stats().exchangesActive === 2, 'one waits')
    await fleet.behave({ answer: 'whole' })
    expect(await statusesOf([first, late])).toEqual([200, 200])
    await fleet.rest()
  })

  it('has a place for a request whose origin has died, where the others are full', async () => {
    await using fleet = await openFleet({
      origins: 2,
      upstream: { queue: { size: 10, timeoutMs: 10_000 } },
      endpoint: { connectionsMax: 2 },
    })
    await fleet.behave({ answer: 'held' })
    const asked = await askMany(fleet, 4)
    await waitFor(() => fleet.inFlight === 4, 'all connections are taken')
    await fleet.origin('b').kill()
    await waitFor(() => fleet.status('b').requests === 0, 'the death of b has been noticed')
    await fleet.origin('a').behave({ answer: 'whole' })
    expect(await statusesOf(asked)).toEqual([200, 200, 200, 200])
    await fleet.rest()
  })
})
