import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EngineEvent, startEngine } from '../../../engine/index.ts'
import type { Engine } from '../../../engine/threads/api.ts'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { freePort } from '../../support/free-port.ts'
import { get } from '../../support/heads.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type TestUpstream, testSnapshot } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { workerModule } from '../../support/worker-module.ts'

const NAME = 'api.test'
const SERVICE = '_http._tcp.api.test'
const LONG_MS = 60_000

let dns: DnsServer
let port: number
let engine: Engine | null
let origins: MoodyOrigin[]
let events: EngineEvent[]

beforeEach(async () => {
  dns = await startDnsServer()
  port = await freePort()
  engine = null
  origins = []
  events = []
})
afterEach(async () => {
  await engine?.stop()
  await Promise.all(origins.map(origin => origin.leave()))
  await dns.close()
})

/** Origins on addresses of this machine that are told from each other by their names. */
async function origin(name: string, host: string, at = port): Promise<MoodyOrigin> {
  const made = await new MoodyOrigin(name, { kind: 'tcp', host, port: at }).listen()
  origins.push(made)
  return made
}

/** An engine that asks our server, again and again. */
async function start(upstreams: Readonly<Record<string, TestUpstream>>): Promise<void> {
  const resolver = { addresses: [dns.address], ttlMinMs: 50, ttlMaxMs: 50, timeoutMs: 1_000 }
  const asking = Object.entries(upstreams).map(([name, upstream]) => [name, { resolver, ...upstream }] as const)
  engine = await startEngine({
    snapshot: testSnapshot({
      upstreams: Object.fromEntries(asking),
      routes: asking.map(([name]) => ({ match: { hosts: [name] }, to: name })),
    }),
    workers: 1,
    shutdownGraceMs: 500,
    workerModule: workerModule('engine-worker'),
    onEvent: event => events.push(event),
  })
}

async function ask(upstream = 'a.example', target = '/x'): Promise<string> {
  using client = await rawClient(engine!.listeners[0]!.address)
  await client.send(get(target).replace('a.example', upstream))
  const { status, content } = await client.readResponse()
  return status === 200 ? content.toString().slice(0, 1) : String(status)
}

async function tally(count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let index = 0; index < count; index += 1) {
    const who = await ask()
    counts[who] = (counts[who] ?? 0) + 1
  }
  return counts
}

const api = () => engine!.upstream('a.example')
const addresses = () =>
  api()
    .endpoints()
    .map(({ name }) => name)
const named = { kind: 'tcp', host: NAME } as const

/** Resolves when the endpoints are these. */
async function endpointsAre(...expected: string[]): Promise<void> {
  await waitFor(
    () => addresses().toSorted().join() === expected.toSorted().join(),
    () => `${expected.join()}; there is ${addresses().join()}`,
  )
}

const kinds = () => events.map(({ kind }) => kind).filter(kind => kind !== 'worker_started')

describe('a name that does not resolve at the start', () => {
  it('stops nobody: it is told of once, its requests get 502 until it comes, those of others are served', async () => {
    await origin('a', '127.0.0.1')
    await start({
      'a.example': { endpoints: [{ ...named, port }] },
      'b.example': { endpoints: [{ kind: 'tcp', host: '127.0.0.1', port }] },
    })
    expect(kinds()).toEqual(['name_failed'])
    expect(events[0]).toMatchObject({
      upstream: 'a.example',
      name: `${NAME}:${port}`,
      error: expect.stringMatching(NAME),
    })
    expect([await ask('a.example'), await ask('b.example')]).toEqual(['502', 'a'])
    dns.forget()
    await dns.asked(NAME)
    await waitFor(() => dns.queries.length >= 6, 'more questions')
    expect(kinds()).toEqual(['name_failed'])
    dns.set(NAME, { a: ['127.0.0.1'] })
    await endpointsAre(`127.0.0.1:${port}`)
    expect(kinds()).toEqual(['name_failed', 'endpoints_changed', 'name_recovered'])
    expect(await tally(10)).toEqual({ a: 10 })
  })

  it('beside an address that is there serves by that', async () => {
    await origin('a', '127.0.0.1')
    await start({
      'a.example': {
        endpoints: [
          { ...named, port },
          { kind: 'tcp', host: '127.0.0.1', port },
        ],
      },
    })
    expect(await tally(4)).toEqual({ a: 4 })
  })
})

describe('the addresses of a name', () => {
  it('are endpoints each, of both families', async () => {
    const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
    await origin('a', '127.0.0.1')
    await origin('b', '127.0.0.2')
    if (hasIpv6) await origin('c', '::1')
    dns.set(NAME, { a: ['127.0.0.2', '127.0.0.1'], ...(hasIpv6 ? { aaaa: ['::1'] } : {}) })
    await start({ 'a.example': { endpoints: [{ ...named, port }] } })
    expect(addresses()).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`, ...(hasIpv6 ? [`[::1]:${port}`] : [])])
    expect(Object.keys(await tally(30)).toSorted()).toEqual(hasIpv6 ? ['a', 'b', 'c'] : ['a', 'b'])
    expect(kinds()).toEqual([])
  })

  it('change: those that stay keep their health, those that go end what runs there', async () => {
    const a = await origin('a', '127.0.0.1')
    const b = await origin('b', '127.0.0.2')
    await origin('c', '127.0.0.3')
    dns.set(NAME, { a: ['127.0.0.1', '127.0.0.2'] })
    await start({ 'a.example': { endpoints: [{ ...named, port }], passive: { ejectMs: LONG_MS } } })
    await a.leave()
    while (api().endpoints()[0]?.state !== 'ejected') await ask()
    const { tries } = api().endpoints()[0]!
    using client = await rawClient(engine!.listeners[0]!.address)
    await client.send(get('/held/b'))
    await waitFor(() => b.held === 1, 'a request that runs')
    dns.set(NAME, { a: ['127.0.0.1', '127.0.0.3'] })
    await endpointsAre(`127.0.0.1:${port}`, `127.0.0.3:${port}`)
    expect(events.at(-1)).toEqual({
      kind: 'endpoints_changed',
      upstream: 'a.example',
      added: [`127.0.0.3:${port}`],
      removed: [`127.0.0.2:${port}`],
    })
    expect(api().endpoints()[0]).toMatchObject({ state: 'ejected', ejections: 1, tries })
    expect(await tally(12)).toEqual({ c: 12 })
    b.release()
    expect((await client.readResponse()).content.toString()).toBe('b /held/b')
    await waitFor(() => b.connections === 0, 'the end of its connections')
  })

  it('that two names have, and an entry beside them, are endpoints each of their own', async () => {
    await origin('a', '127.0.0.1')
    dns.set(NAME, { a: ['127.0.0.1'] })
    dns.set('other.test', { a: ['127.0.0.1'] })
    const address = { kind: 'tcp', host: '127.0.0.1', port } as const
    await start({ 'a.example': { endpoints: [{ ...named, port }, { ...address, host: 'other.test' }, address] } })
    expect(addresses()).toEqual(Array(3).fill(`127.0.0.1:${port}`))
    expect(await tally(9)).toEqual({ a: 9 })
    expect(
      api()
        .endpoints()
        .map(({ tries }) => tries > 0),
    ).toEqual([true, true, true])
  })

  it('stay when the name is denied, or its server is silent; told once, and once when that is over', async () => {
    await origin('a', '127.0.0.1')
    dns.set(NAME, { a: ['127.0.0.1'] })
    await start({ 'a.example': { endpoints: [{ ...named, port }] } })
    dns.remove(NAME)
    await waitFor(() => kinds().length === 1, 'a failure')
    expect(await tally(4)).toEqual({ a: 4 })
    dns.forget()
    await waitFor(() => dns.queries.length >= 6, 'more questions')
    dns.set(NAME, { a: ['127.0.0.1'] })
    await waitFor(() => kinds().length === 2, 'the end of it')
    expect(kinds()).toEqual(['name_failed', 'name_recovered'])
  })
})

describe('a name that comes while it runs', () => {
  it('is resolved and serves, the first of all, too; removed while it is looked up it never comes', async () => {
    await origin('a', '127.0.0.1')
    await origin('b', '127.0.0.2')
    await start({ 'a.example': { endpoints: [{ kind: 'tcp', host: '127.0.0.1', port }] } })
    expect(dns.queries).toEqual([])
    dns.set(NAME, { a: ['127.0.0.2'] })
    await api().add({ address: { ...named, port } })
    await endpointsAre(`127.0.0.1:${port}`, `127.0.0.2:${port}`)
    await api().remove(`127.0.0.1:${port}`)
    expect(await tally(6)).toEqual({ b: 6 })
    dns.set('held.test', { a: ['127.0.0.1'] })
    dns.misbehave('held', 'held.test')
    await api().add({ address: { kind: 'tcp', host: 'held.test', port } })
    await dns.asked('held.test')
    await api().remove(`held.test:${port}`)
    dns.release()
    // An answer to another question is behind that.
    dns.forget()
    await dns.asked(NAME)
    expect(addresses()).toEqual([`127.0.0.2:${port}`])
  })

  it('may be a service', async () => {
    await origin('a', '127.0.0.1')
    await start({ 'a.example': { endpoints: [] } })
    expect(await ask()).toBe('503')
    dns.set('one.test', { a: ['127.0.0.1'] })
    dns.set(SERVICE, { srv: [{ port, target: 'one.test' }] })
    await api().add({ address: { kind: 'srv', service: SERVICE } })
    await endpointsAre(`127.0.0.1:${port}`)
    expect(await tally(4)).toEqual({ a: 4 })
  })
})

describe('a service', () => {
  const endpoints = [{ address: { kind: 'srv', service: SERVICE } as const }]

  it('has ports, weights, and groups by its priorities: the next serves when the first is down', async () => {
    const ports = [await freePort(), await freePort(), await freePort()]
    const a = await origin('a', '127.0.0.1', ports[0])
    const b = await origin('b', '127.0.0.1', ports[1])
    await origin('c', '127.0.0.2', ports[2])
    dns.set('one.test', { a: ['127.0.0.1'] })
    dns.set('two.test', { a: ['127.0.0.2'] })
    const records = [
      { port: ports[0]!, target: 'one.test', priority: 10, weight: 30 },
      { port: ports[1]!, target: 'one.test', priority: 10, weight: 10 },
      { port: ports[2]!, target: 'two.test', priority: 20, weight: 5 },
      // The same once more.
      { port: ports[0]!, target: 'one.test', priority: 10, weight: 30 },
    ]
    dns.set(SERVICE, { srv: records })
    await start({ 'a.example': { endpoints, passive: { ejectMs: LONG_MS } } })
    expect(
      api()
        .endpoints()
        .map(({ name, weight, priority }) => [name, weight, priority]),
    ).toEqual(
      expect.arrayContaining([
        [`127.0.0.1:${ports[0]}`, 30, 0],
        [`127.0.0.1:${ports[1]}`, 10, 0],
        [`127.0.0.2:${ports[2]}`, 5, 1],
      ]),
    )
    const { a: ofA = 0, b: ofB = 0, ...others } = await tally(40)
    expect(others).toEqual({})
    expect(ofA + ofB).toBe(40)
    expect(Math.abs(ofA - 30)).toBeLessThanOrEqual(2)
    await api().down(`127.0.0.1:${ports[0]}`)
    await api().down(`127.0.0.1:${ports[1]}`)
    expect(await tally(6)).toEqual({ c: 6 })
    await api().up(`127.0.0.1:${ports[0]}`)
    await api().up(`127.0.0.1:${ports[1]}`)
    // The first group goes: the second has its place, in the same endpoint.
    dns.set(SERVICE, { srv: [records[2]!] })
    await endpointsAre(`127.0.0.2:${ports[2]}`)
    expect(api().endpoints()[0]).toMatchObject({ priority: 0 })
    expect(api().endpoints()[0]!.tries).toBeGreaterThan(0)
    // It comes again behind the other: an address that stays moves to another group.
    dns.set(SERVICE, { srv: [records[2]!, { ...records[0]!, priority: 30 }] })
    await endpointsAre(`127.0.0.1:${ports[0]}`, `127.0.0.2:${ports[2]}`)
    expect(await tally(6)).toEqual({ c: 6 })
    dns.set(SERVICE, { srv: [records[2]!, records[0]!] })
    await waitFor(
      () =>
        api()
          .endpoints()
          .find(({ name }) => name.startsWith('127.0.0.2'))?.priority === 1,
      'other groups',
    )
    expect(await tally(6)).toEqual({ a: 6 })
    await a.leave()
    expect(Object.keys(await tally(10))).toEqual(['c'])
    await b.leave()
  })

  it('that denies itself has nobody: 502, and whoever comes then serves', async () => {
    await origin('a', '127.0.0.1')
    dns.set('one.test', { a: ['127.0.0.1'] })
    dns.set(SERVICE, { srv: [{ port, target: 'one.test' }] })
    await start({ 'a.example': { endpoints } })
    expect(await ask()).toBe('a')
    dns.set(SERVICE, { srv: [{ port: 0, target: '.' }] })
    await endpointsAre()
    expect(await ask()).toBe('502')
    dns.set(SERVICE, { srv: [{ port, target: 'one.test' }] })
    await endpointsAre(`127.0.0.1:${port}`)
    expect(await ask()).toBe('a')
    expect(kinds()).toEqual(['endpoints_changed', 'endpoints_changed'])
  })
})

it('an engine that stops asks no more, and neither socket nor timer of its questions is left', async () => {
  dns.misbehave('silent', 'slow.test')
  dns.set(NAME, { a: ['127.0.0.1'] })
  await start({ 'a.example': { endpoints: [{ ...named, port }] } })
  await api().add({ address: { kind: 'tcp', host: 'slow.test', port } })
  await dns.asked('slow.test')
  await engine!.stop()
  dns.forget()
  const ours = () => process.getActiveResourcesInfo().filter(kind => /^(?:Timeout|QUERYWRAP)$/.test(kind)).length
  await waitFor(
    () => ours() === 0,
    () => process.getActiveResourcesInfo().join(),
  )
  expect(dns.queries).toEqual([])
  expect(addresses()).toEqual([`127.0.0.1:${port}`])
  await expect(api().down(NAME)).rejects.toThrow('the proxy has stopped')
})
