import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, FORGIVING, ladder, openScene, type Player, type Scene } from './scene.ts'

const budget = { budget: 10 }
const dead = await refusingPort()
let scene: Scene
let a: Player
let b: Player
let c: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const endpoints = ladder(origins)
    const refusing = [
      { address: dead.address, name: 'dead' },
      ...ladder(origins).map(rung => ({ ...rung, priority: rung.priority! + 1 })),
    ]
    return {
      ...byName({
        plain: { endpoints, ...FORGIVING },
        refused: { endpoints: refusing, ...FORGIVING },
        connectOnly: { endpoints: refusing, passive: null, retry: { ...budget, onReset: false } },
        resetOnly: { endpoints: refusing, passive: null, retry: { ...budget, onConnect: false } },
        all: { endpoints, passive: null, retry: { ...budget, nonIdempotent: true, statuses: [502, 503] } },
        reports: { endpoints, passive: null, retry: { ...budget, methods: ['REPORT', 'POST'] } },
        statuses: { endpoints, passive: null, retry: { ...budget, statuses: [404, 429, 502, 503] } },
        odd: { endpoints, passive: null, retry: { ...budget, statuses: [204, 304] } },
        one: { endpoints, passive: null, retry: { ...budget, attempts: 1, statuses: [503] } },
        never: { endpoints, passive: null, retry: { ...budget, attempts: 0, statuses: [503] } },
        patient: { endpoints, passive: null, retry: { ...budget, onTimeout: true }, timeouts: { responseMs: 100 } },
        impatient: { endpoints, passive: null, retry: budget, timeouts: { responseMs: 100 } },
        poor: { endpoints, passive: null, retry: { budget: 0, statuses: [503] } },
        alone: { endpoints: endpoints.slice(0, 1), passive: null, retry: { ...budget, statuses: [503] } },
      }),
    }
  })
  ;[a, b, c] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

const close = (connection: ScriptedConnection) => connection.close()
const reset = (connection: ScriptedConnection) => connection.reset()
const says =
  (status: number, ...fields: string[]) =>
  (connection: ScriptedConnection) =>
    connection.send(`${head(`HTTP/1.1 ${status} Status`, 'Content-Length: 4', ...fields)}late`)

async function ask(request: string, method = 'GET') {
  const client = await scene.client()
  await client.send(request)
  return await client.readResponse({ method })
}

const bodyless = (method: string, target: string) => head(`${method} ${target} HTTP/1.1`, 'Host: a.example')
const names = (players: readonly Player[]) => players.flatMap(({ name, requests }) => requests.map(() => name)).join('')

describe('a request whose connection breaks before the response', () => {
  it.each([
    ['closed', close],
    ['reset', reset],
  ] as const)('goes to the next endpoint: %s', async (_, end) => {
    a.playEach(end)
    const response = await ask(get('/plain/x'))
    expect(response.content.toString()).toBe('b')
    expect(names([a, b, c])).toBe('ab')
    expect((await scene.records(1))[0]).toMatchObject({
      status: 200,
      retries: 1,
      endpoint: 'b',
      error: '',
      errorDetail: '',
    })
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('does so where its method is %s', async method => {
    a.playEach(reset)
    expect((await ask(bodyless(method, '/plain/x'), method)).status).toBe(200)
    expect(names([a, b, c])).toBe('ab')
    expect(b.requests[0]!.method).toBe(method)
  })

  it.each(['POST', 'PATCH'])('does not where its method is %s: it may have been received', async method => {
    a.playEach(reset)
    expect((await ask(`${head(`${method} /plain/x HTTP/1.1`, 'Host: a', 'Content-Length: 3')}abc`)).status).toBe(502)
    expect(names([a, b, c])).toBe('a')
    expect((await scene.records(1))[0]).toMatchObject({ retries: 0, endpoint: 'a', error: 'upstream_closed' })
  })

  it('does where all methods are sent again', async () => {
    a.playEach(reset)
    expect((await ask(post('/all/x', 'abc'))).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abc')
  })

  it('goes by the list of methods', async () => {
    a.playEach(reset)
    expect((await ask(bodyless('REPORT', '/reports/x'))).content.toString()).toBe('b')
    expect((await ask(post('/reports/x', 'abc'))).content.toString()).toBe('b')
    expect((await ask(get('/reports/x'))).status).toBe(502)
  })

  it('goes to each endpoint once, then the last failure is told', async () => {
    for (const origin of [a, b, c]) origin.playEach(reset)
    expect((await ask(get('/plain/x'))).status).toBe(502)
    expect(names([a, b, c])).toBe('abc')
    expect((await scene.records(1))[0]).toMatchObject({
      retries: 2,
      endpoint: 'c',
      error: 'upstream_closed',
      flag: 'UC',
    })
  })

  it('goes to no more endpoints than there may be attempts', async () => {
    for (const origin of [a, b, c]) origin.playEach(reset)
    expect((await ask(get('/one/x'))).status).toBe(502)
    expect(names([a, b, c])).toBe('ab')
  })

  it('is not sent again where retries are off', async () => {
    a.playEach(reset)
    expect((await ask(get('/never/x'))).status).toBe(502)
    expect(names([a, b, c])).toBe('a')
  })

  it('is not sent again where the budget has nothing left', async () => {
    for (const origin of [a, b]) origin.playEach(reset)
    // What is saved up for an upstream without traffic.
    for (let round = 0; round < 5; round += 1) expect((await ask(get('/poor/x'))).content.toString()).toBe('c')
    expect((await ask(get('/poor/x'))).status).toBe(502)
    expect(names([a, b, c]).length).toBe(16)
    expect(scene.proxy.stats().retries).toBeGreaterThanOrEqual(10)
  })

  it('is not sent to another where only failed connections are retried', async () => {
    a.playEach(reset)
    expect((await ask(get('/connectOnly/x'))).status).toBe(502)
    expect(names([a, b, c])).toBe('a')
  })

  it('goes on after a part of the head, which the client never sees', async () => {
    a.playEach(async connection => {
      await connection.send('HTTP/1.1 200 OK\r\nX-Half: yes\r\nContent-Le')
      connection.reset()
    })
    const client = await scene.client()
    await client.send(get('/plain/x'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(client.received.includes('X-Half')).toBe(false)
  })

  it('goes on after an interim response, which is passed on', async () => {
    a.playEach(async connection => {
      await connection.send(head('HTTP/1.1 103 Early Hints', 'Link: </a.css>'))
      connection.close()
    })
    const response = await ask(get('/plain/x'))
    expect(response.content.toString()).toBe('b')
    expect(response.interim.map(({ status }) => status)).toEqual([103])
  })

  it('is cut where the client has a part of the response', async () => {
    a.playEach(async connection => {
      await connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`)
      connection.reset()
    })
    const client = await scene.client()
    await client.send(get('/plain/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect(names([a, b, c])).toBe('a')
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, retries: 0, error: 'upstream_closed' })
  })

  it('keeps its request id, and gets no field twice', async () => {
    a.playEach(reset)
    await ask(get('/plain/x', 'X-Mine: 1'))
    const [first, second] = [a.requests[0]!, b.requests[0]!]
    expect(second.fields).toEqual(first.fields)
    expect(valuesOf(second.fields, 'x-request-id').length).toBe(1)
  })

  it('leaves the client free to ask for more', async () => {
    a.playEach(reset)
    const client = await scene.client()
    for (let round = 0; round < 3; round += 1) {
      await client.send(get(`/plain/${round}`))
      expect((await client.readResponse()).content.toString()).toBe('b')
    }
  })
})

describe('a request that no connection can be opened for', () => {
  it.each(['GET', 'POST'])('goes to the next endpoint, whatever its method: %s', async method => {
    const response = await ask(bodyless(method, '/refused/x'))
    expect(response.content.toString()).toBe('a')
    const [record] = await scene.records(1)
    expect(record).toMatchObject({ retries: 1, endpoint: 'a', error: '', errorDetail: '' })
    expect(record!.connectUs).toBeGreaterThan(0)
  })

  it('is answered 502 where only broken connections are retried', async () => {
    expect((await ask(get('/resetOnly/x'))).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({
      retries: 0,
      endpoint: 'dead',
      error: 'upstream_connect_failed',
      errorDetail: 'ECONNREFUSED',
      connectUs: -1,
    })
  })
})

describe('a request that is answered too late', () => {
  it('goes to the next endpoint where that is asked for', async () => {
    a.playEach(() => undefined)
    expect((await ask(get('/patient/x'))).content.toString()).toBe('b')
    expect((await scene.records(1))[0]).toMatchObject({ retries: 1, endpoint: 'b', error: '' })
    await waitFor(() => !a.connections[0]!.open, 'the end of the connection that was too late')
  })

  it('is answered 504 where it is not', async () => {
    a.playEach(() => undefined)
    expect((await ask(get('/impatient/x'))).status).toBe(504)
    expect(names([a, b, c])).toBe('a')
  })

  it('is not sent again where it may have been received', async () => {
    a.playEach(() => undefined)
    expect((await ask(post('/patient/x', 'abc'))).status).toBe(504)
    expect(names([a, b, c])).toBe('a')
  })
})

describe('a response whose status another try is made for', () => {
  it.each([404, 429, 502, 503])('is not seen by the client: %i', async status => {
    a.playEach(says(status, 'X-From: a', 'Set-Cookie: from=a'))
    const client = await scene.client()
    await client.send(get('/statuses/x'))
    const response = await client.readResponse()
    expect(`${response.status} ${response.content}`).toBe('200 b')
    expect(client.received.toString()).not.toMatch(/X-From|from=a|late/)
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, retries: 1, endpoint: 'b', error: '' })
  })

  it('is read away, and its connection serves on', async () => {
    a.playEach((connection, { target }) =>
      target === '/statuses/first' ? says(503)(connection) : connection.send(ok('a')),
    )
    const client = await scene.client()
    await client.send(get('/statuses/first'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    await client.send(get('/statuses/second'))
    expect((await client.readResponse()).content.toString()).toBe('a')
    expect(a.connections.length).toBe(1)
  })

  it.each([
    ['in chunks', head('HTTP/1.1 503 Busy', 'Transfer-Encoding: chunked') + chunk('late') + lastChunk('X-Late: 1')],
    ['without content', head('HTTP/1.1 503 Busy', 'Content-Length: 0')],
    ['until the close', `${head('HTTP/1.1 503 Busy', 'Connection: close')}late`],
  ])('is read away %s', async (_, bytes) => {
    a.playEach(async connection => {
      await connection.send(bytes)
      if (bytes.includes('close')) connection.close()
    })
    const response = await ask(get('/statuses/x'))
    expect(`${response.status} ${response.content}`).toBe('200 b')
  })

  it('is read away where it is one to HEAD', async () => {
    a.playEach(connection => connection.send(head('HTTP/1.1 503 Busy', 'Content-Length: 400')))
    expect((await ask(bodyless('HEAD', '/statuses/x'), 'HEAD')).status).toBe(200)
    expect(names([a, b, c])).toBe('ab')
  })

  it('has its connection closed where it does not end', async () => {
    const sent = head('HTTP/1.1 503 Busy', 'Transfer-Encoding: chunked')
    a.playEach(async connection => {
      await connection.send(sent)
      while (connection.open) {
        await connection.send(chunk('x'.repeat(4096)))
        await turns(1)
      }
    })
    expect((await ask(get('/statuses/x'))).content.toString()).toBe('b')
    await waitFor(() => !a.connections[0]!.open, 'the end of the endless response')
  })

  it('has its connection closed where it comes in drops that do not end', async () => {
    a.playEach(async connection => {
      await connection.send(head('HTTP/1.1 503 Busy', 'Transfer-Encoding: chunked'))
      while (connection.open) {
        await connection.send(chunk('x'))
        await turns(20)
      }
    })
    expect((await ask(get('/statuses/x'))).content.toString()).toBe('b')
    await waitFor(() => !a.connections[0]!.open, 'the end of the dripping response')
  })

  it('has its connection closed where the rest of it does not come', async () => {
    a.playEach(connection => connection.send(`${head('HTTP/1.1 503 Busy', 'Content-Length: 10')}half`))
    expect((await ask(get('/statuses/x'))).content.toString()).toBe('b')
    await waitFor(() => !a.connections[0]!.open, 'the end of the silent response')
  })

  it.each(['statuses', 'alone'])("is the client's where nobody else is left: %s", async upstream => {
    for (const origin of [a, b, c]) origin.playEach(says(503, `X-From: ${origin.name}`))
    const response = await ask(get(`/${upstream}/x`))
    expect(`${response.status} ${response.content}`).toBe('503 late')
    expect(valuesOf(response.fields, 'x-from')).toEqual([upstream === 'alone' ? 'a' : 'c'])
    expect((await scene.records(1))[0]).toMatchObject({ status: 503, error: '', retries: upstream === 'alone' ? 0 : 2 })
  })

  it("is the client's where the request may not be sent twice", async () => {
    a.playEach(says(503))
    expect((await ask(post('/statuses/x', 'abc'))).status).toBe(503)
    expect(names([a, b, c])).toBe('a')
  })

  it('makes another try of a POST where all methods are sent again', async () => {
    a.playEach(says(502))
    expect((await ask(post('/all/x', 'abc'))).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abc')
  })

  it('may be followed by a failure of another kind', async () => {
    a.playEach(says(503))
    b.playEach(reset)
    expect((await ask(get('/statuses/x'))).content.toString()).toBe('c')
    expect(names([a, b, c])).toBe('abc')
  })

  it.each([204, 304])('is read away where it has no content by its nature: %i', async status => {
    a.playEach(connection => connection.send(head(`HTTP/1.1 ${status} Status`)))
    expect((await ask(get('/odd/x'))).content.toString()).toBe('b')
    expect((await ask(get('/odd/x'))).content.toString()).toBe('b')
    expect(a.connections.length).toBe(1)
  })

  it('follows an interim response, which may be sent twice', async () => {
    a.playEach(connection =>
      connection.send(head('HTTP/1.1 103 Hints') + head('HTTP/1.1 503 Busy', 'Content-Length: 0')),
    )
    b.playEach(connection => connection.send(head('HTTP/1.1 103 Hints') + ok('b')))
    const response = await ask(get('/statuses/x'))
    expect(`${response.status} ${response.content}`).toBe('200 b')
    expect(response.interim.map(({ status }) => status)).toEqual([103, 103])
  })
})

describe('an upgrade', () => {
  const upgrade = (target: string) => get(target, 'Connection: upgrade', 'Upgrade: echo')
  const switching = head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: echo')

  it.each([
    ['breaks', reset],
    ['is refused with 503', says(503)],
  ] as const)('that %s goes to the next endpoint, and becomes a tunnel there', async (_, answer) => {
    a.playEach(answer)
    b.playEach(async connection => {
      await connection.send(switching)
      await connection.send(await connection.expectBytes(5))
      connection.close()
    })
    const client = await scene.client()
    await client.send(upgrade('/statuses/x'))
    await client.readUntil(unread => unread.includes('101'))
    await client.send('hello')
    expect((await client.readAll()).toString()).toContain('hello')
    client.close()
    expect((await scene.records(1))[0]).toMatchObject({ status: 101, retries: 1, endpoint: 'b' })
    // The connection on which it was refused is not used for anything else.
    await waitFor(() => !a.connections[0]!.open, 'the end of the connection that refused')
  })
})

describe('a client that leaves', () => {
  it.each(['close', 'reset'] as const)('after the first try has failed takes the second one with it: %s', async how => {
    a.playEach(reset)
    b.playEach(() => undefined)
    const client = await scene.client()
    await client.send(get('/plain/x'))
    await waitFor(() => b.requests.length === 1, 'the second try')
    client[how]()
    await waitFor(() => !b.connections[0]!.open, 'the end of the second try')
    expect((await scene.records(1))[0]).toMatchObject({ retries: 1, endpoint: 'b', error: 'client_closed' })
  })
})
