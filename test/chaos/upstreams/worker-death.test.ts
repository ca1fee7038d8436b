import { describe, expect, it } from 'vitest'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { CONNECTIONS, type Fleet, openFleet } from './fleet.ts'

const CLIENTS = 40
const LIMIT = 2
const ORIGINS = 4
/** Connections that all origins together take. */
const ROOM = LIMIT * ORIGINS
/** Exactly what the clients need who find no room. */
const QUEUE = CLIENTS - ROOM

/** Sends one request from each of many clients, to origins that hold them. */
async function ask(fleet: Fleet, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => rawClient(fleet.port)))
  for (const client of clients) await client.send('GET /100/1 HTTP/1.1\r\nHost: a\r\n\r\n')
  return clients
}

/** Makes one of the workers throw; resolves when it is gone. */
async function crashWorker(fleet: Fleet): Promise<void> {
  const deaths = fleet.eventsOf('worker_died').length
  using client = await rawClient(fleet.port)
  // Whatever the origins do with it: it ends as its client goes away.
  await client.send('GET /crash HTTP/1.1\r\nHost: a\r\n\r\n')
  client.end()
  await waitFor(() => fleet.eventsOf('worker_died').length > deaths, 'the death of a worker')
}

function connected(clients: readonly RawClient[]): RawClient[] {
  return clients.filter(({ ended }) => ended === 'no')
}

async function activeAt(fleet: Fleet): Promise<number> {
  const counts = await Promise.all(fleet.origins.map(origin => origin.counts()))
  return counts.reduce((sum, { active }) => sum + active, 0)
}

describe('a worker of two that dies', () => {
  it('leaves counts behind that are those of the other one, at once', async () => {
    await using fleet = await openFleet({ crashes: true })
    await fleet.behave({ answer: 'held' })
    const clients = await ask(fleet, CLIENTS)
    await waitFor(
      () => fleet.inFlight === CLIENTS,
      () => `${CLIENTS} requests under way; now ${fleet.inFlight}`,
    )
    await crashWorker(fleet)
    const counted = fleet.inFlight
    await waitFor(
      () => connected(clients).length === counted,
      () => `${counted} connected; now ${connected(clients).length}`,
    )
    expect(counted).toBeGreaterThan(0)
    expect(counted).toBeLessThan(CLIENTS)
    await expect.poll(() => activeAt(fleet)).toBe(counted)

    await fleet.behave({ answer: 'whole' })
    const outcomes = await Promise.all(connected(clients).map(client => client.readResponse()))
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 200))
    for (const client of clients) client.close()
    await fleet.rest()
  })

  it('gives its connections back where they are limited, and its places in the queue', async () => {
    await using fleet = await openFleet({
      crashes: true,
      origins: ORIGINS,
      upstream: {
        queue: { size: QUEUE, timeoutMs: 15_000 },
        pool: { idleTimeoutMs: 200 },
      },
      endpoint: { connectionsMax: LIMIT },
    })
    const used = () => fleet.upstream.endpoints().reduce((sum, { connections }) => sum + connections, 0)
    const isFull = () => used() === ROOM && fleet.stats().exchangesActive === CLIENTS
    await fleet.behave({ answer: 'held' })
    const clients = await ask(fleet, CLIENTS)
    await waitFor(isFull, () => `${ROOM} connections; now ${used()}`)

    await crashWorker(fleet)
    // The other worker's requests that waited have taken the places of those that are gone.
    await waitFor(
      () => used() === ROOM && fleet.inFlight === ROOM,
      () => `${ROOM} connections again; now ${used()}`,
    )
    await expect.poll(() => activeAt(fleet)).toBe(ROOM)
    await waitFor(
      () => connected(clients).length === fleet.stats().exchangesActive,
      'the clients of the dead worker are told',
    )
    const left = connected(clients)
    expect(left.length).toBeGreaterThan(ROOM)
    expect(left.length).toBeLessThan(CLIENTS)

    // As many as there were at first find a place again, and not one more.
    const more = await ask(fleet, CLIENTS - left.length)
    await waitFor(isFull, () => `${CLIENTS} requests again; now ${fleet.stats().exchangesActive}`)
    const [last] = await ask(fleet, 1)
    expect((await last?.readResponse())?.status).toBe(503)
    last?.close()

    await fleet.behave({ answer: 'whole' })
    const outcomes = await Promise.all([...left, ...more].map(client => client.readResponse()))
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 200))
    for (const client of [...clients, ...more]) client.close()
    await fleet.rest()
    await waitFor(
      () => used() === 0,
      () => `no connection; now ${used()}`,
    )
  })

  it('again and again under load costs the requests of its own connections alone, and leaves nothing behind', async () => {
    await using fleet = await openFleet({
      crashes: true,
      upstream: { queue: { size: 1_000, timeoutMs: 15_000 }, pool: { idleTimeoutMs: 200 } },
      endpoint: { connectionsMax: 4 },
    })
    using load = fleet.load()
    for (let deaths = 1; deaths <= 3; deaths += 1) {
      await load.next(500)
      await crashWorker(fleet)
      await waitFor(() => fleet.eventsOf('worker_started').length === 2 + deaths, 'another worker')
    }
    await load.next(500)
    const total = await load.stop()
    expect(total.cutBeforeHead + total.cutBehindHead).toBeLessThanOrEqual(3 * CONNECTIONS)
    expect([...total.statuses.keys()]).toEqual([200])
    expect(total.wrong).toEqual([])
    await fleet.rest()
    const connections = () => fleet.upstream.endpoints().map(endpoint => endpoint.connections)
    await waitFor(
      () => connections().every(count => count === 0),
      () => `no connection; now ${connections()}`,
    )
    // Nothing that is counted keeps anybody out: the limits are all free again.
    using after = fleet.load()
    expect((await after.next(500)).failures).toEqual([])
    await after.stop()
    await fleet.rest()
  })
})
