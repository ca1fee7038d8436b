import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { connectionTable, kernelQueues, unreadFrom } from '../../support/kernel-queues.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { answerAll, openStage, type Stage } from '../../support/stage.ts'
import type { StrictRequest } from '../../support/strict-request.ts'
import { waitFor } from '../../support/wait-for.ts'

const DEPTH = 8

const nothing = { kind: 'respond', status: 200, fields: [], content: new Uint8Array() } as const

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    upstreams: {
      a: { endpoints: [origin], pool: { pipelining: DEPTH, idleTimeoutMs: 60_000 }, timeouts: { responseMs: 700 } },
      patient: { endpoints: [origin], pool: { pipelining: DEPTH } },
      spent: { endpoints: [origin], pool: { pipelining: DEPTH, requestsMax: 5 } },
    },
    routes: [
      { to: 'a', match: { path: { kind: 'prefix', path: '/impatient/' } } },
      { to: 'spent', match: { path: { kind: 'prefix', path: '/spent/' } } },
      { to: nothing, match: { path: { kind: 'exact', path: '/block' } } },
      { to: 'patient' },
    ],
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** Clients whose requests, `prefix` and their number, are all under way on the origin's first connection. */
interface Scene {
  readonly clients: readonly RawClient[]
  readonly connection: ScriptedConnection
  /** As they came on the connection. */
  readonly requests: readonly StrictRequest[]
  /** The client whose request stands at that place on the connection. */
  clientAt(place: number): RawClient
  /** Every client gets the answer to its own request, but for those at the places given. */
  expectAnswers(except?: readonly number[]): Promise<void>
}

/** The first connection answers one request and leaves the next eight to the test; the others answer all. */
async function eightUnderWay(prefix = '/', methodOf: (index: number) => string = () => 'GET'): Promise<Scene> {
  const requests: StrictRequest[] = []
  stage.play(async connection => {
    if (stage.connections.indexOf(connection) !== 0) return answerAll(connection)
    await connection.expectRequest()
    await connection.send(ok('warm'))
    while (requests.length < DEPTH) requests.push(await connection.expectRequest())
  })
  const first = await stage.client()
  await first.send(get(`${prefix}warm`))
  await first.readResponse()
  const clients = await Promise.all(Array.from({ length: DEPTH }, () => stage.client()))
  for (const [index, client] of clients.entries()) {
    await client.send(head(`${methodOf(index)} ${prefix}${index} HTTP/1.1`, 'Host: a.example'))
  }
  await waitFor(
    () => requests.length === DEPTH,
    () => `8 requests on one connection; ${requests.length} so far`,
  )
  const numberAt = (place: number) => Number(requests[place]!.target.slice(prefix.length))
  return {
    clients,
    requests,
    connection: stage.connections[0]!,
    clientAt: place => clients[numberAt(place)]!,
    async expectAnswers(except = []) {
      const left = new Set(except.map(numberAt))
      for (const [index, client] of clients.entries()) {
        if (left.has(index)) continue
        const method = methodOf(index)
        const response = await client.readResponse({ method })
        const content = method === 'HEAD' ? '' : `${prefix}${index}`
        expect(`${response.status} ${response.content}`).toBe(`200 ${content}`)
      }
    },
  }
}

/** Answers in order, from one place up to another. */
async function answer({ connection, requests }: Scene, from: number, to: number) {
  for (const { method, target } of requests.slice(from, to)) {
    await connection.send(method === 'HEAD' ? head('HTTP/1.1 200 OK', 'Content-Length: 5') : ok(target))
  }
}

describe('requests of several clients on one upstream connection', () => {
  it('are answered in the order in which they went out, each to its own client', async () => {
    const scene = await eightUnderWay('/', index => (index % 3 === 0 ? 'HEAD' : 'GET'))
    expect(stage.connections.length).toBe(1)
    expect(stage.proxy.stats().inFlight.map(({ requests }) => requests)).toContain(DEPTH)
    await answer(scene, 0, DEPTH)
    await scene.expectAnswers()
    expect(stage.connections.length).toBe(1)
  })

  it('are never more than the setting says: the ninth goes on another', async () => {
    const scene = await eightUnderWay()
    const ninth = await stage.client()
    await ninth.send(get('/ninth'))
    expect((await ninth.readResponse()).content.toString()).toBe('/ninth')
    expect(stage.connections.length).toBe(2)
    await answer(scene, 0, DEPTH)
    await scene.expectAnswers()
  })

  it('leave in one write when they came in one turn of the loop', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startInstrumentedProxy({
      upstreams: { a: { endpoints: [origin.address], pool: { pipelining: DEPTH, idleTimeoutMs: 60_000 } } },
      routes: [{ to: 'a' }, { to: nothing, match: { path: { kind: 'exact', path: '/block' } } }],
    })
    const clients = await Promise.all(Array.from({ length: DEPTH + 1 }, () => rawClient(proxy.port)))
    const [first, ...others] = clients as [RawClient, ...RawClient[]]
    await waitFor(() => proxy.stats().connectionsOpen === clients.length, 'nine accepted connections')
    await first.send(get('/warm'))
    await first.readResponse()
    await first.send(get('/block'))
    await first.readResponse()
    // The worker stands still: what the others send waits in the kernel, to be read in one turn.
    for (const [index, client] of others.entries()) await client.send(get(`/${index}`))
    const areUnread = () => {
      const table = connectionTable()
      return others.every(
        ({ socket }) => kernelQueues(table, proxy.port, socket.localPort!).unread === get('/0').length,
      )
    }
    await waitFor(areUnread, 'eight requests that wait in the kernel')
    proxy.openGate()
    for (const [index, client] of others.entries()) {
      expect((await client.readResponse()).content.toString()).toBe(`GET /${index}`)
    }
    expect(origin.connections.length).toBe(1)
    expect(origin.connections[0]!.requests.length).toBe(DEPTH + 1)
    expect(origin.connections[0]!.reads.length).toBe(2)
    for (const client of clients) client.close()
  })

  it('are sent again, elsewhere, when the connection ends before their answer', async () => {
    const scene = await eightUnderWay()
    await answer(scene, 0, 3)
    scene.connection.reset()
    await scene.expectAnswers()
    const records = (await stage.proxy.records(DEPTH)).slice(-DEPTH)
    expect(records.map(({ retries }) => retries).sort()).toEqual([0, 0, 0, 1, 1, 1, 1, 1])
  })

  it('are sent again when the origin announces the end of the connection', async () => {
    const scene = await eightUnderWay()
    await answer(scene, 0, 2)
    await scene.connection.send(ok(scene.requests[2]!.target, 'Connection: close'))
    scene.connection.close()
    await scene.expectAnswers()
  })

  it('are sent again behind one whose answer is cut, which is cut for its client too', async () => {
    const scene = await eightUnderWay()
    await answer(scene, 0, 2)
    await scene.connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 100')}part`)
    scene.connection.reset()
    expect(await scene.clientAt(2).nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    await scene.expectAnswers([2])
  })

  it('are sent again behind one whose answer is malformed, which gets 502', async () => {
    const scene = await eightUnderWay()
    await answer(scene, 0, 2)
    await scene.connection.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx')
    expect((await scene.clientAt(2).readResponse()).status).toBe(502)
    await scene.connection.closed
    await scene.expectAnswers([2])
  })

  it('are sent again behind one whose answer does not come in time, which gets 504', async () => {
    const scene = await eightUnderWay('/impatient/')
    await answer(scene, 0, 2)
    expect((await scene.clientAt(2).readResponse()).status).toBe(504)
    await scene.connection.closed
    await scene.expectAnswers([2])
  })

  it('are not sent beyond max_requests', async () => {
    const perConnection: number[] = []
    stage.play(async connection => {
      const index = stage.connections.indexOf(connection)
      for (perConnection[index] = 0; ; perConnection[index]! += 1) {
        await connection.send(ok((await connection.expectRequest()).target))
      }
    })
    const first = await stage.client()
    await first.send(get('/spent/warm'))
    await first.readResponse()
    const clients = await Promise.all(Array.from({ length: 20 }, () => stage.client()))
    await Promise.all(
      clients.map(async (client, index) => {
        await client.send(get(`/spent/${index}`))
        expect((await client.readResponse()).content.toString()).toBe(`/spent/${index}`)
      }),
    )
    await waitFor(() => perConnection.reduce((sum, count) => sum + count, 0) === 21, '21 requests')
    expect(Math.max(...perConnection)).toBeLessThanOrEqual(5)
  })
})

describe('a client that goes away while others wait on the same upstream connection', () => {
  it.each([
    ['first', 0],
    ['fourth', 3],
    ['last', 7],
  ])('does not hurt them: the %s of eight', async (_, place) => {
    const scene = await eightUnderWay()
    const { exchangesActive } = stage.proxy.stats()
    scene.clientAt(place).reset()
    await waitFor(() => stage.proxy.stats().exchangesActive === exchangesActive - 1, 'an exchange less')
    await answer(scene, 0, DEPTH)
    await scene.expectAnswers([place])
    expect(stage.connections.length).toBe(1)
    expect(scene.connection.open).toBe(true)
  })

  it('does not hurt them in the middle of its own answer', async () => {
    const scene = await eightUnderWay()
    await scene.connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000000')}part`)
    await scene.clientAt(0).readUntil(unread => unread.includes('part'))
    scene.clientAt(0).reset()
    // The rest of that answer is of no use to anybody: the connection ends, and the others are asked for elsewhere.
    await scene.connection.closed
    await scene.expectAnswers([0])
  })

  it('does not hurt them when all but one go', async () => {
    const scene = await eightUnderWay()
    for (const place of [0, 1, 2, 3, 4, 6, 7]) scene.clientAt(place).reset()
    await waitFor(() => stage.proxy.stats().exchangesActive === 1, 'one exchange')
    await answer(scene, 0, DEPTH)
    await scene.expectAnswers([0, 1, 2, 3, 4, 6, 7])
  })
})

describe('requests that must not share a connection', () => {
  /** One GET is under way on the first connection, unanswered. */
  async function oneUnderWay() {
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    let held = 0
    stage.play(async connection => {
      for (;;) {
        const { method, target } = await connection.expectRequest()
        if (target === '/held') {
          held += 1
          await released
        }
        await connection.send(ok(`${stage.connections.indexOf(connection)} ${method}`))
      }
    })
    const client = await stage.client()
    await client.send(get('/warm'))
    await client.readResponse()
    await client.send(get('/held'))
    await waitFor(() => held === 1, 'a request that waits')
    return { client, release }
  }

  it.each([
    ['a POST', post('/x', 'abc')],
    ['a POST without content', head('POST /x HTTP/1.1', 'Host: a', 'Content-Length: 0')],
    ['a PUT with content', `${head('PUT /x HTTP/1.1', 'Host: a', 'Content-Length: 3')}abc`],
    ['a PATCH', `${head('PATCH /x HTTP/1.1', 'Host: a', 'Content-Length: 3')}abc`],
    ['an upgrade', get('/x', 'Connection: upgrade', 'Upgrade: foo')],
  ])('go on one of their own: %s', async (_, request) => {
    const { client, release } = await oneUnderWay()
    const other = await stage.client()
    await other.send(request)
    expect((await other.readResponse()).content.toString()).toMatch(/^1 /)
    release()
    expect((await client.readResponse()).content.toString()).toBe('0 GET')
  })

  it('do share one where they may', async () => {
    const { client, release } = await oneUnderWay()
    const other = await stage.client()
    await other.send(get('/x'))
    await waitFor(() => stage.proxy.stats().inFlight.some(({ requests }) => requests === 2), 'two requests')
    release()
    expect((await client.readResponse()).content.toString()).toBe('0 GET')
    expect((await other.readResponse()).content.toString()).toBe('0 GET')
  })

  it('keep others away while they are under way themselves', async () => {
    const seen: string[] = []
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    stage.play(async connection => {
      for (;;) {
        const { method, target } = await connection.expectRequest()
        seen.push(target)
        if (method === 'POST') await released
        await connection.send(ok(`${stage.connections.indexOf(connection)}`))
      }
    })
    const poster = await stage.client()
    await poster.send(get('/warm'))
    await poster.readResponse()
    await poster.send(post('/slow', 'abc'))
    await waitFor(() => seen.includes('/slow'), 'a POST that waits')
    const other = await stage.client()
    await other.send(get('/x'))
    expect((await other.readResponse()).content.toString()).toBe('1')
    release()
    expect((await poster.readResponse()).content.toString()).toBe('0')
  })

  it('are all of those to an HTTP/1.0 origin', async () => {
    let waiting = 0
    stage.play(async connection => {
      for (;;) {
        const { target } = await connection.expectRequest()
        if (target !== '/warm') {
          waiting += 1
          await waitFor(() => waiting === 3, 'three requests at once')
        }
        const content = String(stage.connections.indexOf(connection))
        await connection.send(head('HTTP/1.0 200 OK', 'Connection: keep-alive', 'Content-Length: 1') + content)
      }
    })
    const first = await stage.client()
    await first.send(get('/warm'))
    await first.readResponse()
    const clients = await Promise.all([stage.client(), stage.client(), stage.client()])
    for (const client of clients) await client.send(get('/x'))
    const used = await Promise.all(clients.map(async client => (await client.readResponse()).content.toString()))
    expect(used.sort()).toEqual(['0', '1', '2'])
  })
})

describe('the rest of a content that has come as its early answer ends', () => {
  it.each([
    ['a length', head('PUT /early HTTP/1.1', 'Host: a', 'Content-Length: 9'), 'first', 'last'],
    [
      'chunks',
      head('PUT /early HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'),
      chunk('first'),
      chunk('last') + lastChunk(),
    ],
  ])('is not left out, so that no other request is read in its place: %s', async (_, start, first, rest) => {
    const contents: string[] = []
    let early: ScriptedConnection | null = null
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectHead()
        if (request.target === '/early') {
          await waitFor(() => connection.unread.includes('first'), 'the first of the content')
          early = connection
        }
        const content = await connection.expectContent(request)
        contents.push(`${request.target} ${content}`)
        if (request.target !== '/early') await connection.send(ok(`${request.target} ${content}`))
      }
    })
    const { port } = stage.proxy
    const originPort = stage.origin.kind === 'tcp' ? stage.origin.port : 0
    const [client, other] = [await stage.client(), await stage.client()]
    await client.send(get('/warm'))
    await client.readResponse()
    await client.send(start + first)
    const origin = await waitFor<ScriptedConnection>(() => early, 'a request at the origin')
    await other.send(get('/block'))
    await other.readResponse()
    // The worker stands still: the content's end and, behind it, the answer wait to be read in one turn.
    const clientPort = client.socket.localPort!
    await client.send(rest)
    await waitFor(
      () => kernelQueues(connectionTable(), port, clientPort).unread === rest.length,
      'the rest in the kernel',
    )
    await origin.send(ok('early'))
    await waitFor(() => unreadFrom(connectionTable(), originPort) > 0, 'the answer in the kernel')
    stage.proxy.openGate()
    expect((await client.readResponse()).content.toString()).toBe('early')
    await other.send(post('/next', 'content'))
    expect((await other.readResponse()).content.toString()).toBe('/next content')
    expect(contents.at(-1)).toBe('/next content')
  })
})

describe('a thousand requests of sixteen clients to an origin that bears pipelining', () => {
  it('are all answered to the right one, though the origin ends connections as it likes', async () => {
    stage.play(async connection => {
      const count = 5 + (stage.connections.indexOf(connection) % 7)
      for (let index = 0; index < count; index += 1) {
        await connection.send(ok((await connection.expectRequest()).target))
      }
      connection.close()
    })
    const clients = await Promise.all(Array.from({ length: 16 }, () => stage.client()))
    let failed = 0
    await Promise.all(
      clients.map(async (client, number) => {
        for (let index = 0; index < 63; index += 1) {
          const target = `/${number}/${index}`
          await client.send(get(target))
          const response = await client.readResponse()
          if (response.status === 200) expect(response.content.toString()).toBe(target)
          else failed += 1
        }
      }),
    )
    // A request may meet two such ends in a row; it is sent again only once.
    expect(failed).toBe(0)
  })
})
