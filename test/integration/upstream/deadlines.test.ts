import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { blackhole } from '../../support/blackhole.ts'
import { get, head, ok, post } from '../../support/heads.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

const hole = await blackhole()
const budget = { budget: 10 }
const slow = { backoffMs: 60_000, backoffMaxMs: 60_000 }
let scene: Scene
let a: Player
let b: Player
let c: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const endpoints = ladder(origins)
    const common = { endpoints, passive: null }
    const full = { endpoints: ladder(origins.slice(0, 1), { connectionsMax: 1 }), passive: null }
    return byName(
      {
        brief: { ...common, retry: { ...budget, onTimeout: true, perTryMs: 250 } },
        dialling: {
          ...common,
          endpoints: [
            { address: hole.address, name: 'hole' },
            { ...endpoints[1]!, priority: 1 },
          ],
          retry: { ...budget, onTimeout: true, perTryMs: 250 },
        },
        single: { ...common, retry: { ...budget, onTimeout: false, perTryMs: 250 } },
        total: { ...common, retry: budget },
        pausing: { ...common, retry: { ...budget, ...slow } },
        bound: { ...common, retry: { ...budget, ...slow } },
        waiting: { ...full, queue: { timeoutMs: 60_000 } },
        responding: { ...common, retry: budget, timeouts: { responseMs: 60_000 } },
        lenient: { ...common, retry: budget, timeouts: { responseMs: 50 } },
        growing: { ...common, retry: { ...budget, backoffMs: 100, backoffMaxMs: 150 } },
      },
      {
        total: { timeouts: { totalMs: 200 } },
        bound: { timeouts: { totalMs: 200 } },
        waiting: { timeouts: { totalMs: 200 } },
        responding: { timeouts: { responseMs: 100 } },
        lenient: { timeouts: { responseMs: 60_000 } },
      },
    )
  })
  ;[a, b, c] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await hole.close()
})

const silent = () => undefined

describe('the time for one try', () => {
  it('ends it, and another endpoint is asked', async () => {
    a.playEach(silent)
    b.playEach(silent)
    expect((await scene.get('/brief/x')).content.toString()).toBe('c')
    expect((await scene.records(1))[0]).toMatchObject({ retries: 2, endpoint: 'c', error: '' })
    await waitFor(() => [a, b].every(({ connections }) => !connections[0]!.open), 'the end of the tries before')
  })

  it('ends the request with 504 where nobody is left', async () => {
    for (const origin of [a, b, c]) origin.playEach(silent)
    expect((await scene.get('/brief/x')).status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ retries: 2, error: 'upstream_response_timeout', flag: 'UT' })
  })

  it('ends the request with 504 where timeouts are no reason for another try', async () => {
    a.playEach(silent)
    expect((await scene.get('/single/x')).status).toBe(504)
    expect(b.connections.length).toBe(0)
  })

  it('ends a dial, too, and since nothing was sent any request goes elsewhere', async () => {
    const client = await scene.client()
    await client.send(post('/dialling/x', 'abc'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abc')
    expect((await scene.records(1))[0]).toMatchObject({ retries: 1, endpoint: 'b', error: '' })
  })

  it('is over with the head of the response, however long the rest takes', async () => {
    let send: (bytes: string) => Promise<void> = () => Promise.resolve()
    a.playEach(async connection => {
      send = bytes => connection.send(bytes)
      await connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 4')}ab`)
    })
    const client = await scene.client()
    await client.send(get('/brief/x'))
    await client.readUntil(unread => unread.includes('ab'))
    // Another try beside it, with the same deadline, tells when that has passed.
    b.playEach(silent)
    a.playEach(silent)
    expect((await scene.get('/single/other')).status).toBe(504)
    await send('cd')
    expect((await client.readResponse()).content.toString()).toBe('abcd')
  })

  it('does not count while the client still sends its content', async () => {
    a.playEach((connection, { target, content }) =>
      target.endsWith('late') ? undefined : connection.send(ok(content.toString())),
    )
    const client = await scene.client()
    await client.send(`${head('PUT /brief/x HTTP/1.1', 'Host: a', 'Content-Length: 6')}abc`)
    await waitFor(() => a.connections.length === 1, 'the first try')
    // Two others whose time passes meanwhile, one after the other.
    for (let round = 0; round < 2; round += 1) expect((await scene.get('/single/late')).status).toBe(504)
    await client.send('def')
    expect((await client.readResponse()).content.toString()).toBe('abcdef')
    expect((await scene.records(3)).map(({ retries, endpoint }) => `${endpoint}${retries}`)).toEqual(['a0', 'a0', 'a0'])
  })
})

describe('the time for the whole of a request', () => {
  it('ends it with 504 while it waits for the response', async () => {
    a.playEach(silent)
    expect((await scene.get('/total/x')).status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout', flag: 'DT', endpoint: 'a' })
    await waitFor(() => !a.connections[0]!.open, 'the end of the try')
  })

  it('ends it with 504 in the pause before another try', async () => {
    a.playEach(connection => connection.reset())
    expect((await scene.get('/bound/x')).status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout', retries: 0 })
    expect(b.connections.length).toBe(0)
  })

  it('ends it with 504 while it waits for room', async () => {
    a.playEach(silent)
    const clients = [await scene.client(), await scene.client()]
    // At once, so that the one that waits has not had its time before the other one has ended.
    await Promise.all(clients.map(client => client.send(get('/waiting/x'))))
    for (const client of clients) expect((await client.readResponse()).status).toBe(504)
    const errors = (await scene.records(2)).map(({ error, endpoint }) => `${error} ${endpoint}`).toSorted()
    expect(errors).toEqual(['exchange_timeout ', 'exchange_timeout a'])
  })

  it('ends it with 504 before its content has come', async () => {
    const client = await scene.client()
    await client.send(`${head('PUT /total/x HTTP/1.1', 'Host: a', 'Content-Length: 6')}abc`)
    const response = await client.readResponse()
    expect(response.status).toBe(504)
    expect(await client.closed).toBe('fin')
  })

  it('cuts a response that is on its way', async () => {
    a.playEach(connection => connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`))
    const client = await scene.client()
    await client.send(get('/total/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, error: 'exchange_timeout' })
    await waitFor(() => !a.connections[0]!.open, 'the end of the response at its origin')
  })

  it('does not cut a tunnel', async () => {
    a.playEach(async connection => {
      await connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: echo'))
      await connection.send(await connection.expectBytes(5))
    })
    const client = await scene.client()
    await client.send(get('/total/x', 'Connection: upgrade', 'Upgrade: echo'))
    await client.readUntil(unread => unread.includes('101'))
    b.playEach(silent)
    await scene.get('/lenient/nothing')
    a.playEach(silent)
    expect((await scene.get('/total/other')).status).toBe(504)
    await client.send('hello')
    await client.readUntil(unread => unread.includes('hello'))
  })

  it('leaves a kept-alive client all of its time for the next request', async () => {
    const client = await scene.client()
    for (let round = 0; round < 3; round += 1) {
      await client.send(get('/total/x'))
      expect((await client.readResponse()).status).toBe(200)
    }
  })
})

describe('the time that a route gives the response', () => {
  it("counts instead of the upstream's: shorter", async () => {
    a.playEach(silent)
    expect((await scene.get('/responding/x')).status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_response_timeout' })
  })

  it("counts instead of the upstream's: longer", async () => {
    a.playEach((connection, { target }) => (target.endsWith('late') ? undefined : connection.send(ok('a'))))
    const client = await scene.client()
    await client.send(get('/lenient/late'))
    await waitFor(() => a.requests.length === 1, 'the request')
    // Longer than the upstream's own would have been.
    expect((await scene.get('/responding/late')).status).toBe(504)
    await a.connections[0]!.send(ok('at last'))
    expect((await client.readResponse()).content.toString()).toBe('at last')
  })
})

describe('the pause before another try', () => {
  it('is taken before each, and ends with the client that leaves', async () => {
    a.playEach(connection => connection.reset())
    const client = await scene.client()
    await client.send(get('/pausing/x'))
    await waitFor(() => a.requests.length === 1, 'the first try')
    client.reset()
    expect((await scene.records(1))[0]).toMatchObject({ error: 'client_closed', retries: 0 })
    await scene.proxy.nothingLeft()
    expect(b.connections.length).toBe(0)
  })

  it('grows up to its bound', async () => {
    const times: number[] = []
    for (const origin of [a, b]) {
      origin.playEach(connection => {
        times.push(performance.now())
        connection.reset()
      })
    }
    c.playEach(connection => {
      times.push(performance.now())
      return connection.send(ok('c'))
    })
    expect((await scene.get('/growing/x')).content.toString()).toBe('c')
    // At random between half and all of 100 ms, then of 150 ms: never sooner than half.
    expect(times[1]! - times[0]!).toBeGreaterThan(45)
    expect(times[2]! - times[1]!).toBeGreaterThan(70)
    expect((await scene.records(1))[0]).toMatchObject({ retries: 2, endpoint: 'c' })
  })
})
