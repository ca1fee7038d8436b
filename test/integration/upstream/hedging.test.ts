import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok, post } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

/** Milliseconds after which the second try begins. */
const AFTER = 60

let scene: Scene
let a: Player
let b: Player
let c: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const endpoints = ladder(origins)
    const hedge = { afterMs: AFTER, budget: 10 }
    const retry = { budget: 10 }
    const common = { endpoints, passive: null, hedge, retry }
    return byName(
      {
        two: { ...common, endpoints: endpoints.slice(0, 2) },
        three: common,
        unhurried: { ...common, hedge: { afterMs: 60_000, budget: 10 } },
        statuses: { ...common, retry: { ...retry, statuses: [503] } },
        alone: { ...common, endpoints: endpoints.slice(0, 1) },
        poor: { ...common, hedge: { afterMs: AFTER, budget: 0 } },
        learning: { ...common, hedge: { afterMs: 0, budget: 10 } },
        full: { ...common, endpoints: [endpoints[0]!, { ...endpoints[1]!, connectionsMax: 1 }] },
        pausing: { ...common, retry: { ...retry, backoffMs: 60_000, backoffMaxMs: 60_000 } },
        own: { ...common },
        bound: { ...common, hedge: { afterMs: AFTER, budget: 10 } },
        sticky: { ...common, sticky: {} },
      },
      { own: { host: { kind: 'upstream' } }, bound: { timeouts: { totalMs: 300 } } },
    )
  })
  ;[a, b, c] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const silent = () => undefined
const reset = (connection: ScriptedConnection) => connection.reset()
const closed = (origin: Player) =>
  waitFor(() => origin.connections.every(({ open }) => !open), `the end of ${origin.name}'s`)
const tries = () => [a, b, c].map(({ requests }) => requests.length).join('')

/** A client whose request is with both of the first two endpoints. */
async function inBoth(target = '/two/x') {
  a.playEach(silent)
  b.playEach(silent)
  const client = await scene.client()
  await client.send(get(target))
  await waitFor(() => a.requests.length === 1 && b.requests.length === 1, 'two tries')
  return client
}

describe('a request whose first try is late', () => {
  it('is answered by the second one, and the first is given up', async () => {
    a.playEach(silent)
    const before = scene.proxy.stats()
    expect((await scene.get('/two/x')).content.toString()).toBe('b')
    await closed(a)
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, endpoint: 'b', retries: 1, error: '' })
    const { hedges, retries } = scene.proxy.stats()
    expect([hedges - before.hedges, retries - before.retries]).toEqual([1, 1])
  })

  it('is answered by the first one where that is quicker after all, and the second is given up', async () => {
    const client = await inBoth()
    await a.connections[0]!.send(ok('a'))
    expect((await client.readResponse()).content.toString()).toBe('a')
    await closed(b)
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, endpoint: 'a', error: '' })
  })

  it('has no second one where the first answers in time', async () => {
    for (let round = 0; round < 5; round += 1) {
      expect((await scene.get('/unhurried/x')).content.toString()).toBe('a')
    }
    expect(tries()).toBe('500')
  })

  it("gets the same request there, with the Host of that endpoint where it is the endpoint's", async () => {
    const client = await inBoth('/own/x')
    const fields = (origin: Player) => origin.requests[0]!.fields.filter(([name]) => name !== 'Host')
    expect(fields(b)).toEqual(fields(a))
    for (const { requests, origin } of [a, b]) {
      expect(valuesOf(requests[0]!.fields, 'host')).toEqual([`127.0.0.1:${origin.port}`])
    }
    client.close()
  })

  it('is answered by the one that is left where the first breaks', async () => {
    const client = await inBoth()
    a.connections[0]!.reset()
    await b.connections[0]!.send(ok('b'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, endpoint: 'b', retries: 1, error: '' })
  })

  it('is answered by the one that is left where the second breaks', async () => {
    const client = await inBoth()
    b.connections[0]!.reset()
    await waitFor(() => !b.connections[0]!.open, 'the end of the second')
    await a.connections[0]!.send(ok('a'))
    expect((await client.readResponse()).content.toString()).toBe('a')
    expect((await scene.records(1))[0]).toMatchObject({ endpoint: 'a', error: '' })
  })

  it.each([
    ['the first, then the second', ['a', 'b']],
    ['the second, then the first', ['b', 'a']],
  ])('goes to a third endpoint where both break: %s', async (_, order) => {
    const client = await inBoth('/three/x')
    for (const name of order) {
      const [connection] = (name === 'a' ? a : b).connections
      connection!.reset()
    }
    expect((await client.readResponse()).content.toString()).toBe('c')
    expect(tries()).toBe('111')
    expect((await scene.records(1))[0]).toMatchObject({ endpoint: 'c', retries: 2, error: '' })
  })

  it('fails where both break and there is no third', async () => {
    const client = await inBoth()
    a.connections[0]!.reset()
    b.connections[0]!.reset()
    expect((await client.readResponse()).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_closed', retries: 1 })
  })

  it('is not answered with a status that another try is made for while the other one is under way', async () => {
    const client = await inBoth('/statuses/x')
    await a.connections[0]!.send(head('HTTP/1.1 503 Busy', 'Content-Length: 0'))
    await b.connections[0]!.send(ok('b'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(tries()).toBe('110')
  })

  it('goes to a third endpoint where both have such a status', async () => {
    const client = await inBoth('/statuses/x')
    for (const origin of [b, a]) await origin.connections[0]!.send(head('HTTP/1.1 503 Busy', 'Content-Length: 0'))
    expect((await client.readResponse()).content.toString()).toBe('c')
    expect((await scene.records(1))[0]).toMatchObject({ endpoint: 'c', retries: 2 })
  })

  it('belongs to the one that sends an interim response', async () => {
    const client = await inBoth()
    await b.connections[0]!.send(head('HTTP/1.1 103 Early Hints'))
    await closed(a)
    await b.connections[0]!.send(ok('b'))
    const response = await client.readResponse()
    expect([response.interim.length, response.content.toString()]).toEqual([1, 'b'])
  })

  it('is cut where the winner breaks behind its head: the other one is gone by then', async () => {
    const client = await inBoth()
    await a.connections[0]!.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`)
    await closed(b)
    a.connections[0]!.reset()
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
  })

  it('takes both with it when its client leaves', async () => {
    const client = await inBoth()
    client.reset()
    await Promise.all([closed(a), closed(b)])
    expect((await scene.records(1))[0]).toMatchObject({ status: 0, error: 'client_closed' })
  })

  it('takes both with it when its time is over', async () => {
    const client = await inBoth('/bound/x')
    expect((await client.readResponse()).status).toBe(504)
    await Promise.all([closed(a), closed(b)])
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout' })
  })

  it('has the cookie of the endpoint that answers', async () => {
    const client = await inBoth('/sticky/x')
    await b.connections[0]!.send(ok('b'))
    const { fields } = await client.readResponse()
    const cookie = valuesOf(fields, 'set-cookie')[0]?.split(';')[0]
    b.playEach(connection => connection.send(ok('b')))
    expect((await scene.get('/sticky/x', `Cookie: ${cookie}`)).content.toString()).toBe('b')
  })

  it('has no second one in the pause before another try', async () => {
    a.playEach(reset)
    const client = await scene.client()
    await client.send(get('/pausing/x'))
    await waitFor(() => a.requests.length === 1, 'the first try')
    // Another request whose second try begins as late tells when that would have been.
    a.playEach(silent)
    await scene.get('/two/x')
    await scene.get('/two/x')
    expect(b.requests.every(({ target }) => target === '/two/x')).toBe(true)
  })
})

describe('a second try is not begun', () => {
  /** Lets the time of a second try pass, and then some. */
  async function passTheTime() {
    const late = await scene.client()
    await late.send(get('/two/time'))
    await waitFor(() => b.requests.some(({ target }) => target === '/two/time'), 'the second try of another request')
  }

  it.each([
    ['of a POST', '/two/x', (target: string) => post(target, 'abc')],
    [
      'of a PUT with content',
      '/two/x',
      (target: string) => `${head(`PUT ${target} HTTP/1.1`, 'Host: a', 'Content-Length: 1')}x`,
    ],
    ['of an upgrade', '/two/x', (target: string) => get(target, 'Connection: upgrade', 'Upgrade: echo')],
    ['where there is one endpoint', '/alone/x', get],
    ['where all others are full', '/full/x', get],
    ['where nobody knows yet what is late', '/learning/x', get],
  ])('%s', async (what, target, request) => {
    a.playEach(silent)
    b.playEach(silent)
    if (what.includes('full')) {
      const other = await scene.client()
      // Takes the one connection that b has for this upstream.
      await other.send(get('/full/first'))
      await waitFor(() => b.requests.length === 1, 'the second try of the first')
    }
    const client = await scene.client()
    await client.send(request(target))
    await passTheTime()
    await passTheTime()
    expect(b.requests.filter(one => one.target === target)).toEqual([])
  })

  it('where the budget has nothing left', async () => {
    a.playEach(silent)
    b.playEach((connection, { target }) => (target === '/poor/x' ? connection.send(ok('b')) : undefined))
    for (let round = 0; round < 10; round += 1) expect((await scene.get('/poor/x')).content.toString()).toBe('b')
    const client = await scene.client()
    await client.send(get('/poor/x'))
    await passTheTime()
    expect(b.requests.filter(({ target }) => target === '/poor/x').length).toBe(10)
  })
})

describe('the 95th percentile', () => {
  it('says when a second try begins, once there are enough times to go by', async () => {
    for (let round = 0; round < 20; round += 1) await scene.get('/learning/x')
    expect(b.requests.length).toBe(0)
    a.playEach(silent)
    expect((await scene.get('/learning/x')).content.toString()).toBe('b')
  })
})
