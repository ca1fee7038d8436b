import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EndpointStatus } from '../../../engine/index.ts'
import { get } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import type { TestEndpoint, TestProxyOptions, TestUpstream } from '../../support/snapshot.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

const WORKERS = 2

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let origins: Map<string, MoodyOrigin>
let proxy: InstrumentedProxy
let clients: RawClient[]

beforeEach(async () => {
  folder = await temporaryFolder()
  origins = new Map()
  clients = []
  for (const name of 'abc') {
    origins.set(name, await new MoodyOrigin(name, { kind: 'unix', path: folder.file(name) }).listen())
  }
})

afterEach(async () => {
  for (const client of clients) client.close()
  for (const origin of origins.values()) await origin.leave()
  await proxy.nothingLeft()
  expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
  await proxy.stop()
  for (const origin of origins.values()) await origin[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const origin = (name: string) => origins.get(name) as MoodyOrigin

type Settings = Omit<TestUpstream, 'endpoints'>

/** The origins with these letters as the endpoints of `api`. `seen` differs where only routes are to differ. */
function api(letters: string, settings: Settings = {}, each: Partial<TestEndpoint> = {}, seen = ''): TestProxyOptions {
  const endpoints = [...letters].map(name => ({ name, address: origin(name).address, ...each }))
  return {
    upstreams: { api: { ...settings, endpoints } },
    routes: [{ to: 'api', response: { set: [['X-Seen', seen || 'x']] } }],
  }
}

async function start(options: TestProxyOptions): Promise<void> {
  proxy = await startInstrumentedProxy({ workers: WORKERS, ...options })
}

async function client(target = '/x'): Promise<RawClient> {
  const one = await rawClient(proxy.port)
  clients.push(one)
  await one.send(get(target))
  return one
}

async function ask(target = '/x'): Promise<StrictResponse> {
  const one = await client(target)
  const response = await one.readResponse()
  one.close()
  return response
}

/** Who answers, or with which other status, and how often. */
async function tally(count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let index = 0; index < count; index += 1) {
    const { status, content } = await ask()
    const who = status === 200 ? content.toString().slice(0, 1) : String(status)
    counts[who] = (counts[who] ?? 0) + 1
  }
  return counts
}

function status(name: string): EndpointStatus {
  const found = proxy
    .upstream('api')
    .endpoints()
    .find(endpoint => endpoint.name === name)
  if (found === undefined) throw new Error(`there is no endpoint ${name}`)
  return found
}

describe('an upstream that is as it was', () => {
  it('keeps its connections, its counts, its health and what was changed by hand', async () => {
    await start(api('ab', { passive: { consecutive: 1, ejectMs: 60_000 }, retry: { attempts: 0 } }))
    const control = proxy.upstream('api')
    await control.add({ name: 'c', address: origin('c').address })
    await control.setWeight('c', 3)
    origin('a').mood = 'cut'
    await tally(4)
    await waitFor(() => status('a').state === 'ejected', 'a to be ejected')
    await control.down('b')
    expect(await tally(10)).toEqual({ c: 10 })
    const before = control.endpoints()
    const { connections } = origin('c')
    const { upstreams, routes } = await proxy.reload(
      api('ab', { passive: { consecutive: 1, ejectMs: 60_000 }, retry: { attempts: 0 } }, {}, 'y'),
    )
    expect(upstreams).toEqual({ added: [], changed: [], removed: [], kept: ['api'] })
    expect(routes.changed).toEqual(['route0'])
    expect(control.endpoints()).toEqual(before)
    expect(proxy.upstream('api')).toBe(control)
    expect(await tally(10)).toEqual({ c: 10 })
    expect(origin('c').connections).toBe(connections)
    await control.up('b')
    expect(Object.keys(await tally(12)).toSorted()).toEqual(['b', 'c'])
  })

  it('is checked at its own pace', async () => {
    const settings: Settings = { active: { intervalMs: 100, path: '/check', jitter: 0 } }
    await start(api('a', settings))
    await origin('a').checked(2)
    const from = origin('a').checks
    const since = performance.now()
    for (let reload = 0; reload < 20; reload += 1) {
      await proxy.reload(api('a', settings, {}, `${reload}`))
    }
    await origin('a').checked(1)
    // Each reload would have begun with one.
    expect(origin('a').checks - from).toBeLessThanOrEqual(2 + (performance.now() - since) / 100)
  })
})

describe('an upstream that has changed', () => {
  it('keeps what is known of the addresses that stay, and what is wanted of them, not what was added or weighted', async () => {
    await start(api('ab'))
    const control = proxy.upstream('api')
    await control.add({ name: 'c', address: origin('c').address })
    await control.setWeight('a', 9)
    await control.down('b')
    await tally(20)
    const before = status('a')
    const { upstreams } = await proxy.reload(api('ab', { balance: 'least_connections' }))
    expect(upstreams.changed).toEqual(['api'])
    expect(control.endpoints().map(({ name, state, weight }) => `${name} ${state} ${weight}`)).toEqual([
      'a up 1',
      'b down 1',
    ])
    expect(status('a').tries).toBe(before.tries)
    expect(await tally(10)).toEqual({ a: 10 })
    expect(status('a').tries).toBe(before.tries + 10)
    await control.up('b')
    expect(Object.keys(await tally(10)).toSorted()).toEqual(['a', 'b'])
    await proxy.reload(api('bc'))
    expect(Object.keys(await tally(10)).toSorted()).toEqual(['b', 'c'])
    await proxy.reload(api('ab'))
    expect(status('a').tries).toBe(0)
  })

  it('lets go of connections that nobody uses at once, and of the others when they are through', async () => {
    await start(api('a'))
    const held = await client('/held/a')
    await origin('a').reached(1)
    const other = await client()
    await other.readResponse()
    await waitFor(() => origin('a').connections >= 2, 'two connections')
    await proxy.reload(api('a', { pool: { idleMax: 5 } }))
    await waitFor(() => origin('a').connections === 1, 'one connection')
    origin('a').release()
    expect((await held.readResponse()).status).toBe(200)
    await waitFor(() => origin('a').connections === 0, 'none')
    expect((await ask()).status).toBe(200)
    expect(origin('a').connections).toBe(1)
  })

  it('never has more connections than it may, old and new together', async () => {
    const settings = (number: number): Settings => ({
      queue: { size: 100, timeoutMs: 30_000 },
      pool: { idleMax: 8 + number },
      retry: { attempts: 0 },
    })
    await start(api('a', settings(0), { connectionsMax: 4 }))
    const waiting: RawClient[] = []
    for (let number = 0; number < 6; number += 1) {
      for (let index = 0; index < 4; index += 1) waiting.push(await client('/held/a'))
      if (number > 0) await proxy.reload(api('a', settings(number), { connectionsMax: 4 }))
    }
    await waitFor(() => origin('a').held === 4, 'four requests')
    expect(status('a')).toMatchObject({ connections: 4, requests: 4 })
    let most = 0
    while (waiting.some(({ received }) => received.length === 0)) {
      most = Math.max(most, status('a').connections)
      origin('a').release()
      await new Promise(resolve => setImmediate(resolve))
    }
    for (const one of waiting) expect((await one.readResponse()).status).toBe(200)
    expect(most).toBe(4)
    for (const one of waiting) one.close()
    await waitFor(() => status('a').requests === 0, 'rest')
    await proxy.reload(api('a', settings(99), { connectionsMax: 1 }))
    await waitFor(() => status('a').connections === 0, 'no connection')
    expect(await tally(5)).toEqual({ a: 5 })
    expect(status('a').connections).toBeLessThanOrEqual(1)
  })

  it('sends what waited, and what is tried again, to the endpoints that there are now', async () => {
    await start(api('a', { queue: { size: 10, timeoutMs: 30_000 }, retry: { attempts: 0 } }, { connectionsMax: 1 }))
    const first = await client('/held/a')
    await origin('a').reached(1)
    const second = await client('/x')
    await waitFor(() => proxy.stats().exchangesActive === 2, 'two requests')
    await proxy.reload(api('b', {}))
    expect((await second.readResponse()).content.toString()).toBe('b /x')
    origin('a').release()
    expect((await first.readResponse()).content.toString()).toBe('a /held/a')
  })

  it('goes on with what its checks know, begins to check what is new, and forgets checks that there are no more', async () => {
    const settings: Settings = {
      active: { intervalMs: 50, path: '/check', unhealthyThreshold: 1, healthyThreshold: 1 },
    }
    await start(api('ab', settings))
    origin('a').checkStatus = 500
    await waitFor(() => status('a').state === 'unhealthy', 'a to be ill')
    await proxy.reload(api('abc', { ...settings, balance: 'random' }))
    expect(status('a').state).toBe('unhealthy')
    await origin('c').checked(1)
    const slower: Settings = { active: { intervalMs: 60_000, path: '/check', unhealthyThreshold: 1 } }
    await proxy.reload(api('ab', slower))
    expect(status('a').state).toBe('unhealthy')
    expect(await tally(4)).toEqual({ b: 4 })
    await proxy.reload(api('ab'))
    expect(status('a').state).toBe('up')
    const checks = origin('a').checks
    expect(Object.keys(await tally(6)).toSorted()).toEqual(['a', 'b'])
    expect(origin('a').checks).toBe(checks)
  })

  it('minds neither ejections nor circuits where they are no longer configured', async () => {
    await start(
      api('ab', {
        passive: { consecutive: 1, ejectMs: 60_000 },
        circuitBreaker: { minimum: 1, openMs: 60_000 },
        retry: { attempts: 0 },
      }),
    )
    origin('a').mood = 'cut'
    await tally(6)
    expect(status('a').state).toBe('ejected')
    origin('a').mood = 'good'
    await proxy.reload(api('ab', { passive: null, circuitBreaker: { minimum: 1, openMs: 60_000 } }))
    expect(status('a').state).toBe('circuit_open')
    await proxy.reload(api('ab', { passive: null }))
    expect(status('a').state).toBe('up')
    expect(Object.keys(await tally(8)).toSorted()).toEqual(['a', 'b'])
  })
})

describe('an upstream that is new', () => {
  it('whose endpoints have to be found well first is checked before it serves', async () => {
    await start(api('a'))
    const active = { type: 'http', path: '/check', intervalMs: 60_000, start: 'unhealthy' } as const
    await proxy.reload({ upstreams: { other: { endpoints: [{ name: 'b', address: origin('b').address }], active } } })
    expect(await tally(5)).toEqual({ b: 5 })
    expect(origin('b').checks).toBe(1)
  })
})

describe('an upstream that serves', () => {
  it('has endpoints that come to it checked before they serve, where they have to be found well first', async () => {
    const settings: Settings = { active: { path: '/check', intervalMs: 60_000, start: 'unhealthy' } }
    await start(api('a'))
    await proxy.reload(api('b', settings))
    expect(await tally(5)).toEqual({ b: 5 })
    // Those that it had are known.
    await proxy.reload(api('bc', settings))
    expect(Object.keys(await tally(6)).toSorted()).toEqual(['b', 'c'])
    await proxy.reload(api('b', settings))
    origin('a').checkStatus = 500
    await proxy.reload(api('ab', settings))
    expect(status('a').state).toBe('unhealthy')
    expect(await tally(5)).toEqual({ b: 5 })
  })
})

describe('an upstream that is gone', () => {
  const others = (): TestProxyOptions => ({
    upstreams: { other: { endpoints: [{ name: 'b', address: origin('b').address }] } },
  })

  it('closes what is idle at once, ends what runs, and can be changed no more', async () => {
    await start(api('a'))
    const control = proxy.upstream('api')
    const held = await client('/held/a')
    await origin('a').reached(1)
    await ask()
    const { upstreams } = await proxy.reload(others())
    expect(upstreams).toEqual({ added: ['other'], changed: [], removed: ['api'], kept: [] })
    await waitFor(() => origin('a').connections === 1, 'one connection')
    expect(await tally(5)).toEqual({ b: 5 })
    const message = 'a reload has taken it out of the configuration: the upstream api cannot be changed'
    await expect(control.down('a')).rejects.toThrow(message)
    await expect(control.add({ address: origin('c').address })).rejects.toThrow(message)
    expect(control.endpoints()).toEqual([])
    expect(control.circuit()).toBeNull()
    expect(() => proxy.upstream('api')).toThrow(new RangeError('there is no upstream api; there is other'))
    origin('a').release()
    expect((await held.readResponse()).content.toString()).toBe('a /held/a')
    await waitFor(() => origin('a').connections === 0, 'no connection')
  })

  it('and comes back is another one, which knows nothing of the first', async () => {
    await start(api('a'))
    await proxy.upstream('api').down('a')
    const control = proxy.upstream('api')
    await proxy.reload(others())
    await proxy.reload(api('a'))
    expect(proxy.upstream('api')).not.toBe(control)
    expect(status('a')).toMatchObject({ state: 'up', tries: 0 })
    expect(await tally(3)).toEqual({ a: 3 })
  })

  it('serves those to the end who wait for its endpoints, or fall back to it', async () => {
    await start(api('a', { queue: { size: 10, timeoutMs: 30_000 } }, { connectionsMax: 1 }))
    const waiting: RawClient[] = []
    for (let index = 0; index < 6; index += 1) waiting.push(await client('/held/a'))
    await waitFor(() => proxy.stats().exchangesActive === 6 && origin('a').held === 1, 'six requests')
    for (let reload = 0; reload < 3; reload += 1) await proxy.reload(reload % 2 === 0 ? others() : api('b'))
    while (waiting.some(({ received }) => received.length === 0)) {
      origin('a').release()
      await new Promise(resolve => setImmediate(resolve))
    }
    for (const one of waiting) expect((await one.readResponse()).content.toString()).toBe('a /held/a')
  })
})
