import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { freePort } from '../../support/free-port.ts'
import { get, ok } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestListener, TestProxyOptions } from '../../support/snapshot.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

const WORKERS = 2

const tcp = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port })

/** Every listener says its own name. */
function naming(listeners: readonly TestListener[]): TestProxyOptions {
  return {
    listeners,
    routes: listeners.map(({ name }, index) => ({
      name: `route ${name}`,
      match: { listeners: [index] },
      to: { kind: 'respond', status: 200, fields: [], content: Buffer.from(`${name}`) },
    })),
  }
}

async function ask(address: Address | number): Promise<string> {
  using client = await rawClient(address)
  await client.send(get('/x'))
  return (await client.readResponse()).content.toString()
}

/** Asks so often that each of the workers has had its turn; gives what was said. */
async function askAll(address: Address | number): Promise<string[]> {
  const said = await Promise.all(Array.from({ length: 20 }, () => ask(address)))
  return [...new Set(said)]
}

async function start(listeners: readonly TestListener[]): Promise<InstrumentedProxy> {
  return await startInstrumentedProxy({ workers: WORKERS, ...naming(listeners) })
}

describe('a listener that stays', () => {
  it('keeps its socket: nobody is refused, and nobody who waits to be accepted is sent away', async () => {
    await using proxy = await start([{ name: 'web' }])
    let stopped = false
    let asked = 0
    const asking = Array.from({ length: 8 }, async () => {
      while (!stopped) {
        expect(await ask(proxy.port)).toBe('web')
        asked += 1
      }
    })
    const { port } = proxy
    for (let reload = 0; reload < 10; reload += 1) {
      const { listeners } = await proxy.reload(naming([{ name: 'web', timeouts: { idleMs: 5_000 + (reload >> 1) } }]))
      expect(listeners).toMatchObject(reload % 2 === 0 ? { changed: ['web'] } : { kept: ['web'] })
      const from = asked
      await waitFor(() => asked > from + 10, 'ten more answers')
    }
    stopped = true
    await Promise.all(asking)
    expect(proxy.port).toBe(port)
    await proxy.nothingLeft()
  })

  it('goes on under another name, with the routes of that', async () => {
    const port = await freePort()
    await using proxy = await start([{ name: 'old', address: tcp(port) }])
    using client = await rawClient(port)
    await client.send(get('/x'))
    expect((await client.readResponse()).content.toString()).toBe('old')
    const { listeners } = await proxy.reload(naming([{ name: 'new', address: tcp(port) }]))
    expect(listeners).toEqual({ added: ['new'], changed: [], removed: ['old'], kept: [] })
    await client.send(get('/x'))
    expect((await client.readResponse()).content.toString()).toBe('new')
    expect(await askAll(port)).toEqual(['new'])
  })

  it('on a port that the system chose keeps it, also where the configuration names it then', async () => {
    await using proxy = await start([{ name: 'web' }, { name: 'other' }])
    const [web, other] = [proxy.portOf(0), proxy.portOf(1)]
    await proxy.reload(naming([{ name: 'other' }, { name: 'web', address: tcp(web) }]))
    expect([proxy.portOf(0), proxy.portOf(1)]).toEqual([other, web])
    expect(await askAll(web)).toEqual(['web'])
    expect(await askAll(other)).toEqual(['other'])
  })

  it('serves more connections at once as soon as it may, those first that wait', async () => {
    await using proxy = await startInstrumentedProxy({ ...naming([{ name: 'web', limits: { connectionsMax: 1 } }]) })
    using first = await rawClient(proxy.port)
    using second = await rawClient(proxy.port)
    for (const client of [first, second]) await client.send(get('/x'))
    await first.readResponse()
    await waitFor(() => proxy.events.some(({ kind }) => kind === 'connections_full'), 'the limit')
    expect(second.received.length).toBe(0)
    await proxy.reload(naming([{ name: 'web', limits: { connectionsMax: 5 } }]))
    expect((await second.readResponse()).content.toString()).toBe('web')
    await proxy.reload(naming([{ name: 'web', limits: { connectionsMax: 1 } }]))
    using third = await rawClient(proxy.port)
    await third.send(get('/x'))
    first.close()
    await first.closed
    await second.send(get('/x'))
    await second.readResponse()
    expect(third.received.length).toBe(0)
    second.close()
    expect((await third.readResponse()).content.toString()).toBe('web')
  })
})

describe('a listener that comes, goes, or moves', () => {
  it('is there for all workers with the reload, and gone with the next', async () => {
    await using proxy = await start([{ name: 'web' }])
    await proxy.reload(naming([{ name: 'web' }, { name: 'more' }]))
    const port = proxy.portOf(1)
    expect(await askAll(port)).toEqual(['more'])
    const reports = await proxy.reports()
    expect(reports.every(({ records }) => records.some(({ listener }) => listener === 'more'))).toBe(true)
    await proxy.reload(naming([{ name: 'web' }]))
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await ask(proxy.port)).toBe('web')
    await proxy.nothingLeft()
  })

  it('opens at its new address before it closes the old one', async () => {
    const [from, to] = [await freePort(), await freePort()]
    await using proxy = await start([{ name: 'web', address: tcp(from) }])
    using idle = await rawClient(from)
    await idle.send(get('/x'))
    await idle.readResponse()
    const { listeners } = await proxy.reload(naming([{ name: 'web', address: tcp(to) }]))
    expect(listeners.changed).toEqual(['web'])
    expect(await askAll(to)).toEqual(['web'])
    await expect(ask(from)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await idle.closed).toBe('fin')
  })

  it('on all addresses moves to one of them, and back, without giving the port away', async () => {
    const port = await freePort()
    const everywhere: Address = { kind: 'tcp', host: '0.0.0.0', port }
    await using proxy = await start([{ name: 'web', address: everywhere }])
    await proxy.reload(naming([{ name: 'web', address: tcp(port) }]))
    expect(await askAll(port)).toEqual(['web'])
    await proxy.reload(naming([{ name: 'web', address: everywhere }]))
    expect(await askAll(port)).toEqual(['web'])
  })

  it('on a path stays with its worker, wherever it stands; a new one goes to its own', async () => {
    await using folder = await temporaryFolder()
    const at = (name: string): TestListener => ({ name, address: { kind: 'unix', path: folder.file(name) } })
    await using proxy = await start([at('a'), at('b')])
    await proxy.reload(naming([at('c'), at('b'), at('a')]))
    for (const name of ['a', 'b', 'c']) expect(await ask({ kind: 'unix', path: folder.file(name) })).toBe(name)
    await proxy.reload(naming([at('a'), at('c')]))
    for (const name of ['a', 'c']) expect(await ask({ kind: 'unix', path: folder.file(name) })).toBe(name)
    await expect(ask({ kind: 'unix', path: folder.file('b') })).rejects.toMatchObject({ code: 'ENOENT' })
    await proxy.reload(naming([{ name: 'c', address: { kind: 'unix', path: folder.file('a') } }]))
    expect(await ask({ kind: 'unix', path: folder.file('a') })).toBe('c')
  })
})

describe('the connections of a listener that is gone', () => {
  let stage: Stage
  let held: ScriptedConnection[]
  const configuration = (origin: Address, listeners: readonly TestListener[]) => ({
    listeners,
    upstreams: { a: [origin] },
  })
  beforeEach(async () => {
    stage = await openStage(origin => configuration(origin, [{ name: 'stays' }, { name: 'goes' }]))
    held = []
    stage.play(async connection => {
      for (;;) {
        await connection.expectRequest()
        held.push(connection)
      }
    })
  })
  afterEach(async () => {
    await stage.rest()
    await stage[Symbol.asyncDispose]()
  })

  const remove = () => stage.proxy.reload(configuration(stage.origin, [{ name: 'stays' }]))

  it('are closed where they are idle, and end with their response where they are not', async () => {
    const idle = await stage.clientOf(1)
    const busy = await stage.clientOf(1)
    const begun = await stage.clientOf(1)
    const other = await stage.clientOf(0)
    await waitFor(() => stage.proxy.stats().connectionsOpen === 4, 'four connections')
    await busy.send(get('/busy'))
    await waitFor(() => held.length === 1, 'the first request')
    await begun.send(get('/begun'))
    await waitFor(() => held.length === 2, 'the second request')
    await held[1]!.send(ok('0123456789').slice(0, -5))
    await begun.readUntil(bytes => bytes.includes('01234'))
    await remove()
    expect(await idle.closed).toBe('fin')
    await held[0]!.send(ok('whole'))
    const response = await busy.readResponse()
    expect(response.content.toString()).toBe('whole')
    expect(response.fields).toContainEqual(['Connection', 'close'])
    expect(await busy.closed).toBe('fin')
    await held[1]!.send('56789')
    expect((await begun.readResponse()).content.toString()).toBe('0123456789')
    expect(await begun.closed).toBe('fin')
    expect(other.ended).toBe('no')
    expect(stage.proxy.stats().connectionsOpen).toBe(1)
  })

  it('answers a request that has begun before, and what has come since has nothing to do with it', async () => {
    const client = await stage.clientOf(1)
    const request = get('/late')
    await client.send(request.slice(0, 20))
    await waitFor(() => stage.proxy.stats().connectionsOpen === 1, 'a connection')
    // What has come of the head is with the worker when a request behind it has been answered.
    using other = await stage.clientOf(0)
    await other.send(get('/before'))
    await waitFor(() => held.length === 1, 'the request before')
    await held[0]!.send(ok('before'))
    await other.readResponse()
    const upstreams = { another: [stage.origin] }
    await stage.proxy.reload({ listeners: [{ name: 'stays' }], upstreams })
    // What the first has had in memory that workers share would be theirs now, if it were free.
    await stage.proxy.reload({ listeners: [{ name: 'stays' }], upstreams: { ...upstreams, third: [stage.origin] } })
    await client.send(request.slice(20))
    await waitFor(() => held.length === 2, 'the request')
    await held[1]!.send(ok('late'))
    expect((await client.readResponse()).content.toString()).toBe('late')
    expect(await client.closed).toBe('fin')
    for (const name of ['another', 'third']) {
      expect(stage.proxy.upstream(name).endpoints()).toMatchObject([{ tries: 0 }])
    }
    await stage.proxy.reload(configuration(stage.origin, [{ name: 'stays' }, { name: 'goes' }]))
  })

  it('answers what was sent ahead, the last of it with Connection: close', async () => {
    const client = await stage.clientOf(1)
    await client.send(get('/first'))
    await waitFor(() => held.length === 1, 'the first request')
    await held[0]!.send(ok('first').slice(0, -2))
    await client.readUntil(bytes => bytes.includes('fir'))
    await client.send(get('/second'))
    await remove()
    await held[0]!.send('st')
    expect((await client.readResponse()).content.toString()).toBe('first')
    await waitFor(() => held.length === 2, 'the second request')
    await held[1]!.send(ok('second'))
    const second = await client.readResponse()
    expect(second.fields).toContainEqual(['Connection', 'close'])
    expect(await client.closed).toBe('fin')
  })

  it('end with the proxy, those too that would have gone on', async () => {
    const client = await stage.clientOf(1)
    await client.send(get('/held'))
    await waitFor(() => held.length === 1, 'the request')
    await remove()
    await stage.proxy.stop()
    expect((await client.readResponse()).status).toBe(503)
    await client.closed
    stage = await openStage(origin => configuration(origin, [{ name: 'stays' }, { name: 'goes' }]))
  })
})
