import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { get } from '../../support/heads.ts'
import { listenOn } from '../../support/listen.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { startStepped } from './steps.ts'

describe('a generation of the past', () => {
  it('is forgotten with the last that runs on it: exchanges, waiting requests, idle clients, checks and all', async () => {
    const held: (() => void)[] = []
    const origin = createServer((request, response) => {
      if (request.url?.startsWith('/held') === true) held.push(() => response.end('held'))
      else response.end('here')
    })
    const { address, close } = await listenOn(origin)
    /** Each differs from the one before in all that keeps timers, waits for cells, or counts. */
    const configuration = (number: number): TestProxyOptions => ({
      listeners: [{ timeouts: { idleMs: 60_000 + number } }],
      upstreams: {
        [`api${number % 3}`]: {
          endpoints: [{ address, connectionsMax: 2 }],
          pool: { idleMax: 10 + number },
          queue: { size: 100, timeoutMs: 30_000 },
          retry: { attempts: 1 + (number % 3) },
          active: { type: 'tcp', intervalMs: 60_000 },
          circuitBreaker: { windowMs: 5_000 },
          adaptiveConcurrency: {},
          hedge: { afterMs: 5_000 },
          sticky: {},
          slowStartMs: 1_000,
        },
        same: { endpoints: [address], pool: { idleMax: 10 + (number % 2) } },
      },
      routes: [{ match: { path: { kind: 'prefix', path: '/same/' } }, to: 'same' }, { to: `api${number % 3}` }],
    })
    await using stepped = await startStepped(configuration(0))
    const clients: RawClient[] = []
    const client = async (target: string) => {
      const one = await rawClient(stepped.port)
      clients.push(one)
      await one.send(get(target))
      return one
    }
    // Some hold the two connections that there may be, others wait for them; others are idle from then on.
    const waiting = await Promise.all(Array.from({ length: 12 }, (_, index) => client(`/held/${index}`)))
    for (let index = 0; index < 12; index += 1) await (await client('/same/x')).readResponse()
    await waitFor(() => held.length === 2, 'two requests at the origin')
    for (let number = 1; number <= 60; number += 1) {
      await stepped.reload(configuration(number))
      if (number % 5 !== 0) continue
      for (const target of ['/same/y', '/z']) await (await client(target)).readResponse()
    }
    const alive = async () => (await stepped.past()).reduce((sum, one) => sum + one.alive, 0)
    // Those that the held and the waiting ones run on: the first of all, and its upstreams, in each worker that has some. Its
    // router, which is large, is not among them.
    await expect.poll(alive).toBeLessThanOrEqual(2 * 3)
    expect(await alive()).toBeGreaterThan(0)
    while (held.length > 0 || waiting.some(({ received }) => received.length === 0)) {
      held.shift()?.()
      await new Promise(resolve => setImmediate(resolve))
    }
    for (const one of waiting) expect((await one.readResponse()).content.toString()).toBe('held')
    await expect.poll(alive).toBe(0)
    expect((await stepped.past()).reduce((sum, { past }) => sum + past, 0)).toBeGreaterThan(100)
    for (const one of clients) one.close()
    await close()
  })
})
