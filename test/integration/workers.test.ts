import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEngine } from '../../engine/index.ts'
import { chunk, get, head, ok } from '../support/heads.ts'
import { startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { type RawClient, rawClient } from '../support/raw-client.ts'
import type { ScriptedConnection } from '../support/scripted-origin.ts'
import { testSnapshot } from '../support/snapshot.ts'
import { answerAll, openStage, type Stage } from '../support/stage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const WORKERS = 2

let stage: Stage
/** How long the machine takes to start a worker, at most. */
let startMs: number
beforeEach(async () => {
  const since = performance.now()
  const respond = { kind: 'respond', status: 200, fields: [], content: new Uint8Array() } as const
  stage = await openStage(origin => ({
    workers: WORKERS,
    upstreams: { a: [origin] },
    routes: [{ match: { path: { kind: 'exact', path: '/crash' } }, to: respond }, { to: 'a' }],
  }))
  startMs = performance.now() - since
})
afterEach(async () => {
  await stage.rest()
  await stage[Symbol.asyncDispose]()
})

const inFlight = () => stage.proxy.stats().inFlight[0]!.requests

/** A client each for `count` connections; the kernel spreads them over the workers. */
function clients(count: number): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => stage.client()))
}

async function expectBothServe() {
  const before = (await stage.proxy.reports()).map(report => report.records.length)
  for (const client of await clients(60)) {
    await client.send(get('/x'))
    expect((await client.readResponse()).content.toString()).toBe('/x')
  }
  await waitFor(() => stage.proxy.stats().exchangesTotal >= 60, 'sixty exchanges')
  const after = (await stage.proxy.reports()).map((report, worker) => report.records.length - before[worker]!)
  expect(Math.min(...after)).toBeGreaterThan(0)
  return after.reduce((sum, count) => sum + count, 0)
}

describe('two workers', () => {
  it('both serve connections of the one address', async () => {
    stage.play(answerAll)
    expect(await expectBothServe()).toBe(60)
    expect(stage.proxy.stats()).toMatchObject({ connectionsTotal: 60, exchangesTotal: 60, exchangesActive: 0 })
    expect(stage.proxy.stats().statusClasses).toEqual([0, 0, 60, 0, 0, 0])
    expect(stage.proxy.stats().latencyUs.count).toBe(60)
  })

  it('add up what is under way, and come back to zero', async () => {
    const held: ScriptedConnection[] = []
    stage.play(async connection => {
      await connection.expectRequest()
      held.push(connection)
    })
    const all = await clients(100)
    for (const client of all) await client.send(get('/held'))
    await waitFor(() => held.length === 100, 'a hundred requests at the origin')
    expect(inFlight()).toBe(100)
    expect(stage.proxy.stats()).toMatchObject({ exchangesActive: 100, connectionsOpen: 100 })
    const sockets = (await stage.proxy.reports()).map(report => report.sockets)
    expect(sockets.reduce((sum, count) => sum + count, 0)).toBe(200)
    expect(Math.min(...sockets)).toBeGreaterThan(0)
    for (const [index, connection] of held.entries()) {
      await connection.send(ok('now'))
      await waitFor(() => inFlight() === 99 - index, `${99 - index} requests under way`)
    }
    for (const client of all) expect((await client.readResponse()).content.toString()).toBe('now')
  })
})

/** Clients that get a numbered event every 40 ms from here on. */
async function listeners(count: number) {
  const streams: ScriptedConnection[] = []
  stage.play(async connection => {
    const { target } = await connection.expectRequest()
    if (target !== '/events') return connection.send(ok(target)).then(() => answerAll(connection))
    await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
    streams.push(connection)
  })
  const all = await clients(count)
  for (const client of all) await client.send(get('/events'))
  await waitFor(() => streams.length === count, `${count} streams`)
  let number = 0
  const interval = setInterval(() => {
    for (const stream of streams) if (stream.open) void stream.send(chunk(`event ${number};`))
    number += 1
  }, 40)
  return {
    all,
    streams,
    get number() {
      return number
    },
    stop: () => clearInterval(interval),
  }
}

const eventsOf = (client: RawClient) =>
  [...client.received.toString().matchAll(/event (\d+);/g)].map(match => +match[1]!)

describe('a worker that dies of an uncaught exception', () => {
  it('is replaced within a second, its row cleared; the connections of the other one never notice', async () => {
    const events = await listeners(40)
    try {
      // More than a second of life: a worker that dies sooner is replaced after a pause.
      await waitFor(() => events.number >= 30, 'thirty events')
      expect(inFlight()).toBe(40)
      const crasher = await stage.client()
      await crasher.send(get('/crash'))
      expect((await crasher.readResponse()).status).toBe(200)
      const died = await waitFor(() => stage.proxy.events.find(event => event.kind === 'worker_died'), 'a death')
      const since = performance.now()
      expect(died).toMatchObject({ error: 'a crash that a test asked for', stack: expect.stringContaining('at ') })
      const starts = () => stage.proxy.events.filter(event => event.kind === 'worker_started')
      await waitFor(() => starts().length === WORKERS + 1, 'a worker in its place')
      // A machine that takes long to start anything may take long for this, too.
      expect(performance.now() - since).toBeLessThan(Math.max(1_000, 2 * startMs))
      expect(starts().at(-1)).toEqual({ kind: 'worker_started', worker: died.kind === 'worker_died' && died.worker })

      await waitFor(() => events.all.filter(({ ended }) => ended === 'no').length < 40, 'clients that were cut')
      await waitFor(() => events.streams.filter(({ open }) => open).length === inFlight(), 'streams that go on')
      const survivors = events.all.filter(({ ended }) => ended === 'no')
      expect(survivors.length).toBeGreaterThan(0)
      expect(survivors.length).toBe(inFlight())
      expect(stage.proxy.stats()).toMatchObject({
        exchangesActive: survivors.length,
        connectionsOpen: survivors.length,
      })
      const until = events.number + 10
      await waitFor(() => survivors.every(client => eventsOf(client).at(-1)! >= until), 'ten more events')
      for (const client of survivors) {
        const numbers = eventsOf(client)
        expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
        expect(client.ended).toBe('no')
      }
      expect(survivors.length).toBe(events.all.filter(({ ended }) => ended === 'no').length)
    } finally {
      events.stop()
    }
    await expectBothServe()
  })

  it('is replaced again and again, and no request of others fails but those of its own connections', async () => {
    stage.play(answerAll)
    for (let round = 1; round <= 3; round += 1) {
      using crasher = await rawClient(stage.proxy.port)
      await crasher.send(get('/crash'))
      await crasher.readResponse()
      const starts = () => stage.proxy.events.filter(event => event.kind === 'worker_started').length
      const deaths = () => stage.proxy.events.filter(event => event.kind === 'worker_died').length
      await waitFor(() => deaths() === round, 'a death')
      // With one worker less the other one serves alone.
      await stage.expectGoodRequest()
      await waitFor(() => starts() === WORKERS + round, 'a worker in its place')
    }
    expect(stage.proxy.events.filter(event => event.kind === 'worker_died').length).toBe(3)
    await expectBothServe()
  })

  it('takes a unix socket with it only until it is replaced', async () => {
    await using folder = await temporaryFolder()
    const address = { kind: 'unix', path: folder.file('proxy.sock') } as const
    const respond = { kind: 'respond', status: 204, fields: [], content: new Uint8Array() } as const
    await using proxy = await startInstrumentedProxy({
      workers: WORKERS,
      listeners: [{}, { address }],
      routes: [{ to: respond }],
    })
    const expectAnswer = async (target: string) => {
      using client = await rawClient(address)
      await client.send(get(target))
      expect((await client.readResponse()).status).toBe(204)
    }
    await expectAnswer('/x')
    await expectAnswer('/crash')
    const starts = () => proxy.events.filter(event => event.kind === 'worker_started')
    await waitFor(() => starts().length === WORKERS + 1, 'a worker in its place')
    // The second listener is the second worker's.
    expect(starts().at(-1)).toEqual({ kind: 'worker_started', worker: 1 })
    await expectAnswer('/x')
  })
})

describe('a worker module that throws', () => {
  it('keeps the engine from starting', async () => {
    const workerModule = new URL('data:text/javascript,throw new Error("not this one")')
    const started = startEngine({ snapshot: testSnapshot({}), workers: 2, shutdownGraceMs: 0, workerModule })
    await expect(started).rejects.toThrow('not this one')
  })
})
