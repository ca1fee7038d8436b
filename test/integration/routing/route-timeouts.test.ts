import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, ok, post } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, FORGIVING, later, openScene, type Player, type Scene } from '../upstream/scene.ts'

/** A time that is over soon, and one that no test waits for. */
const SOON = 150
const NEVER = 60_000
/** Between reads: more than a busy machine takes for one, less than what is waited for. */
const IDLE = 500

let scene: Scene
let a: Player
beforeAll(async () => {
  scene = await openScene('a', origin => {
    const endpoints = [{ address: origin.address, name: 'a' }]
    const slow = { endpoints, ...FORGIVING, timeouts: { responseMs: NEVER, idleMs: NEVER } }
    const quick = { endpoints, ...FORGIVING, timeouts: { responseMs: SOON, idleMs: SOON } }
    return byName(
      { shorter: slow, longer: quick, idle: slow, patient: quick, total: slow, plain: quick },
      {
        shorter: { timeouts: { responseMs: SOON } },
        longer: { timeouts: { responseMs: NEVER } },
        idle: { timeouts: { idleMs: IDLE } },
        patient: { timeouts: { idleMs: NEVER } },
        total: { timeouts: { totalMs: SOON * 2 } },
      },
    )
  })
  ;[a] = scene.origins as [Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const errorOf = async () => (await scene.records(1))[0]!.error

/** The head of a response at once, its content later. */
const dawdle = (milliseconds: number) => async (connection: ScriptedConnection) => {
  await connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 6')}abc`)
  await later(milliseconds, () => connection.send('def'))
}

describe('the time to the response', () => {
  it("is the route's where that is shorter", async () => {
    a.playEach(() => undefined)
    expect((await scene.get('/shorter/x')).status).toBe(504)
    expect(await errorOf()).toBe('upstream_response_timeout')
  })

  it("is the route's where that is longer", async () => {
    a.playEach(connection => later(SOON * 3, () => connection.send(ok('a'))))
    expect((await scene.get('/longer/x')).content.toString()).toBe('a')
  })

  it("is the upstream's where the route says nothing", async () => {
    a.playEach(() => undefined)
    expect((await scene.get('/plain/x')).status).toBe(504)
  })
})

describe('the time between two reads of content', () => {
  it("is the route's where that is shorter: the client is cut", async () => {
    a.playEach(dawdle(IDLE * 3))
    const client = await scene.client()
    await client.send(get('/idle/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect(await errorOf()).toBe('upstream_idle_timeout')
  })

  it("is the route's where that is longer", async () => {
    a.playEach(dawdle(SOON * 3))
    expect((await scene.get('/patient/x')).content.toString()).toBe('abcdef')
  })

  it('begins anew with each read', async () => {
    a.playEach(async connection => {
      await connection.send(head('HTTP/1.1 200 OK', 'Content-Length: 6'))
      for (const byte of 'abcdef') await later(IDLE / 4, () => connection.send(byte))
    })
    expect((await scene.get('/idle/x')).content.toString()).toBe('abcdef')
  })

  it('does not run while the client takes its time', async () => {
    const content = 'x'.repeat(4 * 1024 * 1024)
    a.playEach(connection => connection.send(ok(content)))
    const client = await scene.client()
    await client.send(get('/idle/x'))
    await client.readUntil(unread => unread.length > 0)
    client.socket.pause()
    await later(IDLE * 2, () => client.socket.resume())
    expect((await client.readResponse({ deadlineMs: 10_000 })).content.length).toBe(content.length)
  })

  it('holds for a client that sends while it is answered, too', async () => {
    a.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('abc'))
    })
    const client = await scene.client()
    await client.send(`${head('POST /idle/x HTTP/1.1', 'Host: a', 'Content-Length: 6')}abc`)
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
  })
})

describe('the time for the whole', () => {
  it('ends an exchange without an answer with 504', async () => {
    a.playEach(() => undefined)
    expect((await scene.get('/total/x')).status).toBe(504)
    expect(await errorOf()).toBe('exchange_timeout')
  })

  it('cuts an answer that has begun', async () => {
    a.playEach(dawdle(SOON * 6))
    const client = await scene.client()
    await client.send(get('/total/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect(await errorOf()).toBe('exchange_timeout')
  })

  it('leaves those alone that are done in time', async () => {
    const client = await scene.client()
    for (let count = 0; count < 3; count += 1) {
      await client.send(post('/total/x', 'content'))
      expect((await client.readResponse()).content.toString()).toBe('a')
    }
    await later(SOON * 3, () => client.send(get('/total/x')))
    expect((await client.readResponse()).content.toString()).toBe('a')
    await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of all')
  })
})
