import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RetrySnapshot } from '../../../engine/snapshot.ts'
import { get, head, post } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { type TestRoute, upstreamSnapshot } from '../../support/snapshot.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openScene, type Player, type Scene } from '../upstream/scene.ts'

/** What a configuration makes of `retry` of a route: the defaults with some keys changed. */
function retry(changes: Partial<RetrySnapshot>): RetrySnapshot {
  return { ...upstreamSnapshot('', []).retry, budget: 10, ...changes }
}

let scene: Scene
let a: Player
let b: Player
let c: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const endpoints = origins.map(({ address, name }, priority) => ({ address, name, priority }))
    const route = (name: string, to: string, changes: Partial<RetrySnapshot> | null): TestRoute => ({
      name,
      match: { path: { kind: 'prefix', path: `/${name}/` } },
      to,
      retry: changes === null ? null : retry(changes),
    })
    return {
      upstreams: {
        eager: { endpoints, passive: null, retry: { budget: 10, statuses: [503] }, timeouts: { responseMs: 5_000 } },
        never: { endpoints, passive: null, retry: { budget: 10, attempts: 0 } },
        poor: { endpoints, passive: null, retry: { budget: 0 } },
      },
      routes: [
        route('plain', 'eager', null),
        route('none', 'eager', { attempts: 0, statuses: [503] }),
        route('some', 'never', { attempts: 1 }),
        route('statuses', 'eager', { statuses: [500] }),
        route('methods', 'eager', { methods: ['POST'] }),
        route('all', 'eager', { nonIdempotent: true }),
        route('small', 'eager', { contentBytesMax: 1_000 }),
        route('late', 'eager', { perTryMs: 150, onTimeout: true }),
        route('slow', 'eager', { backoffMs: 300, backoffMaxMs: 300 }),
        route('connectOnly', 'eager', { onReset: false }),
        route('rich', 'poor', { budget: 10 }),
        route('poor', 'poor', null),
      ],
    }
  })
  ;[a, b, c] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const close = (connection: ScriptedConnection) => connection.close()
const says = (status: number) => (connection: ScriptedConnection) =>
  connection.send(head(`HTTP/1.1 ${status} X`, 'Content-Length: 0'))

const asked = () => [a, b, c].flatMap(({ name, requests }) => requests.map(() => name)).join('')

async function ask(bytes: string) {
  const client = await scene.client()
  await client.send(bytes)
  return await client.readResponse()
}

describe('the tries of a route', () => {
  it("are the upstream's where it says nothing of them", async () => {
    a.playEach(says(503))
    b.playEach(close)
    expect((await ask(get('/plain/x'))).content.toString()).toBe('c')
    expect(asked()).toBe('abc')
  })

  it('are as many as it says', async () => {
    for (const origin of [a, b, c]) origin.playEach(close)
    expect((await ask(get('/none/x'))).status).toBe(502)
    expect(asked()).toBe('a')
    expect((await ask(get('/some/x'))).status).toBe(502)
    expect(asked()).toBe('aab')
  })

  it('are for the statuses that it names', async () => {
    a.playEach(says(500))
    expect((await ask(get('/statuses/x'))).content.toString()).toBe('b')
    a.playEach(says(503))
    expect((await ask(get('/statuses/x'))).status).toBe(503)
  })

  it('are for the methods that it names', async () => {
    a.playEach(close)
    expect((await ask(post('/methods/x', 'abc'))).content.toString()).toBe('b')
    expect((await ask(get('/methods/x'))).status).toBe(502)
    expect((await ask(post('/all/x', 'abc'))).content.toString()).toBe('b')
    expect((await ask(post('/plain/x', 'abc'))).status).toBe(502)
  })

  it('are for as much content as it keeps', async () => {
    const statusFor = async (name: string, length: number) => {
      a.play(async connection => {
        await connection.expectHead()
        await connection.expectBytes(length)
        connection.reset()
      })
      const known = a.connections.length
      const client = await scene.client()
      await client.send(head(`PUT /${name}/x HTTP/1.1`, 'Host: a', `Content-Length: ${length}`))
      // What comes while the connection is being opened waits there, however much it is.
      await waitFor(() => a.connections.length > known, 'the head')
      await turns()
      await client.send('x'.repeat(length))
      return (await client.readResponse()).status
    }
    expect(await statusFor('small', 500)).toBe(200)
    expect(await statusFor('small', 2_000)).toBe(502)
    expect(await statusFor('plain', 2_000)).toBe(200)
  })

  it('have the time that it gives them', async () => {
    a.playEach(() => undefined)
    expect((await ask(get('/late/x'))).content.toString()).toBe('b')
  })

  it('wait for as long as it says', async () => {
    a.playEach(close)
    expect((await ask(get('/slow/x'))).content.toString()).toBe('b')
    expect((await scene.records(1))[0]!.totalUs).toBeGreaterThan(140_000)
  })

  it('are for the failures that it names', async () => {
    a.playEach(close)
    expect((await ask(get('/connectOnly/x'))).status).toBe(502)
    expect(asked()).toBe('a')
  })

  it("are paid for out of the upstream's budget, into which it puts its own share", async () => {
    a.playEach(close)
    for (let count = 0; count < 15; count += 1) {
      expect((await ask(get('/rich/x'))).content.toString()).toBe('b')
    }
    const statuses: number[] = []
    for (let count = 0; count < 40; count += 1) statuses.push((await ask(get('/poor/x'))).status)
    expect(statuses.at(-1)).toBe(502)
  })
})
