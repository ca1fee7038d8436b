import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { blackhole } from '../../support/blackhole.ts'
import { get, head, ok } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

const dead = await refusingPort()
let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (...origins) => {
    const limited = ladder(origins, { connectionsMax: 1 })
    const [first, second] = limited as [(typeof limited)[0], (typeof limited)[0]]
    const one: TestUpstream = { endpoints: [first], passive: null, retry: { budget: 10 } }
    const queue = { size: 100, timeoutMs: 10_000 }
    const { upstreams, routes } = byName({
      refusing: one,
      waiting: { ...one, queue },
      small: { ...one, queue: { ...queue, size: 2 } },
      short: { ...one, queue: { ...queue, timeoutMs: 100 } },
      both: { ...one, endpoints: limited, queue },
      unlimited: { ...one, endpoints: [first, { ...second, connectionsMax: 0 }], queue },
      backup: { ...one, endpoints: [first, { address: second.address, name: 'b', backup: true }], queue },
      failing: { ...one, endpoints: [{ address: dead.address, name: 'dead', connectionsMax: 1 }], queue },
      retried: {
        ...one,
        endpoints: [
          { address: dead.address, name: 'dead' },
          { ...first, priority: 1 },
        ],
        queue,
      },
      retriedAtOnce: {
        ...one,
        endpoints: [
          { address: dead.address, name: 'dead' },
          { ...first, priority: 1 },
        ],
      },
      sticky: { ...one, endpoints: limited.map(({ priority: _, ...rest }) => rest), queue, sticky: {} },
      pipelined: { ...one, queue, pool: { pipelining: 4 } },
      down: { ...one, endpoints: limited, queue },
      keepless: { ...one, queue, pool: { idleMax: 0 } },
      gone: { ...one, queue },
    })
    const block = { kind: 'respond', status: 200, fields: [], content: new Uint8Array() } as const
    return { upstreams, routes: [...routes, { to: block, match: { path: { kind: 'exact', path: '/block' } } }] }
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(async () => {
  await scene.rest()
  for (const { connections } of scene.proxy.upstream('both').endpoints()) expect(connections).toBe(0)
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

/** Keeps its requests until a test answers them. */
function keep(origin: Player): { answer: (index: number) => Promise<void> } {
  const kept: [ScriptedConnection, string][] = []
  origin.playEach((connection, { target }) => {
    kept.push([connection, target])
  })
  return {
    answer: async index => {
      const [connection, target] = kept[index]!
      await connection.send(ok(target))
    },
  }
}

/** A client that has sent a GET, once the proxy has dealt with it. */
async function asking(target: string, ...fields: string[]): Promise<RawClient> {
  const client = await scene.client()
  const begun = () => scene.proxy.stats().exchangesActive + scene.proxy.stats().exchangesTotal
  // What was answered just now may be on its way from the one count to the other.
  await scene.proxy.reports()
  const before = begun()
  await client.send(get(target, ...fields))
  await waitFor(() => begun() > before, `a request for ${target} under way`)
  // It is counted before it is dealt with, in the same turn of the worker's loop.
  await scene.proxy.reports()
  return client
}

async function answerOf(client: RawClient): Promise<string> {
  const { status, content } = await client.readResponse()
  return `${status} ${content}`.trim()
}

const connectionsOf = (upstream: string) =>
  scene.proxy
    .upstream(upstream)
    .endpoints()
    .map(({ connections }) => connections)

describe('an upstream whose endpoints are at their limit on connections', () => {
  it('answers 503 at once where nobody waits', async () => {
    const { answer } = keep(a)
    const first = await asking('/refusing/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const second = await asking('/refusing/second').catch(() => null)
    const refused = second ?? (await scene.client())
    if (second === null) await refused.send(get('/refusing/second'))
    expect(await answerOf(refused)).toBe('503 503 Service Unavailable')
    await answer(0)
    expect(await answerOf(first)).toBe('200 /refusing/first')
    const [record] = await scene.records(2)
    expect(record).toMatchObject({ error: 'upstream_full', flag: 'UO', endpoint: '', retries: 0, connectUs: -1 })
  })

  it('passes over those that are full', async () => {
    keep(a)
    await asking('/unlimited/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    expect((await scene.get('/unlimited/second')).content.toString()).toBe('b')
  })

  it('has backups that serve then', async () => {
    keep(a)
    await asking('/backup/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    expect((await scene.get('/backup/second')).content.toString()).toBe('b')
    expect((await scene.get('/backup/third')).content.toString()).toBe('b')
  })

  it('serves one request after the other on one connection', async () => {
    for (let round = 0; round < 10; round += 1) expect((await scene.get('/refusing/x')).status).toBe(200)
    expect(a.connections.length).toBe(1)
    expect(connectionsOf('refusing')).toEqual([1])
  })

  it('counts a tunnel until it ends', async () => {
    a.playEach((connection, { fields }) =>
      valuesOf(fields, 'upgrade').length > 0
        ? connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: echo'))
        : connection.send(ok('a')),
    )
    const client = await scene.client()
    await client.send(get('/refusing/tunnel', 'Connection: upgrade', 'Upgrade: echo'))
    await client.readUntil(unread => unread.includes('101'))
    expect(connectionsOf('refusing')).toEqual([1])
    expect((await scene.get('/refusing/x')).status).toBe(503)
    client.close()
    await waitFor(() => connectionsOf('refusing')[0] === 0, 'the place of the tunnel')
    expect((await scene.get('/refusing/x')).status).toBe(200)
  })

  it('gets the place back of a connection that could not be opened', async () => {
    for (let round = 0; round < 3; round += 1) {
      expect((await scene.get('/failing/x')).status).toBe(502)
      expect(connectionsOf('failing')).toEqual([0])
    }
  })

  it('gets the place back of a client that leaves', async () => {
    keep(a)
    const client = await asking('/refusing/x')
    await waitFor(() => a.requests.length === 1, 'the request')
    client.reset()
    await waitFor(() => connectionsOf('refusing')[0] === 0, 'the place')
  })

  it('gets the place back of a client that leaves while its connection is being opened', async () => {
    await using hole = await blackhole()
    const endpoints = [{ address: hole.address, connectionsMax: 1 }]
    await using proxy = await startInstrumentedProxy({ upstreams: { all: { endpoints, passive: null } } })
    const connections = () => proxy.upstream('all').endpoints()[0]!.connections
    for (let round = 0; round < 3; round += 1) {
      using client = await rawClient(proxy.port)
      await client.send(get())
      await waitFor(() => connections() === 1, 'the dial')
      client.reset()
      await waitFor(() => connections() === 0, 'the place')
    }
    await proxy.nothingLeft()
  })

  it('shares a connection where requests are pipelined', async () => {
    expect((await scene.get('/pipelined/first')).status).toBe(200)
    const kept = keep(a)
    const clients = [await asking('/pipelined/0'), await asking('/pipelined/1'), await asking('/pipelined/2')]
    await waitFor(() => a.requests.length === 4, 'all requests')
    for (const index of clients.keys()) await kept.answer(index)
    expect(await Promise.all(clients.map(answerOf))).toEqual([
      '200 /pipelined/0',
      '200 /pipelined/1',
      '200 /pipelined/2',
    ])
    expect(a.connections.length).toBe(1)
  })
})

describe('requests that wait for room', () => {
  it('are served in the order in which they came', async () => {
    const kept = keep(a)
    const clients: RawClient[] = []
    for (let index = 0; index < 5; index += 1) clients.push(await asking(`/waiting/${index}`))
    for (const [index, client] of clients.entries()) {
      await waitFor(() => a.requests.length === index + 1, `request ${index}`)
      await turns()
      expect(a.requests.length).toBe(index + 1)
      await kept.answer(index)
      expect(await answerOf(client)).toBe(`200 /waiting/${index}`)
    }
    expect(a.connections.length).toBe(1)
    expect((await scene.records(5)).map(({ endpoint, retries, error }) => `${endpoint} ${retries} ${error}`)).toEqual(
      Array(5).fill('a 0 '),
    )
  })

  it('are not overtaken by those who come as a place becomes free', async () => {
    const kept = keep(a)
    const first = await asking('/waiting/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const waiting = [await asking('/waiting/second'), await asking('/waiting/third')]
    await kept.answer(0)
    // On the connection whose answer has just come.
    await answerOf(first)
    await first.send(get('/waiting/fourth'))
    for (let index = 1; index < 4; index += 1) {
      await waitFor(() => a.requests.length === index + 1, `request ${index}`)
      await kept.answer(index)
    }
    expect(await answerOf(first)).toBe('200 /waiting/fourth')
    await Promise.all(waiting.map(answerOf))
    expect(a.requests.map(({ target }) => target.slice('/waiting/'.length))).toEqual([
      'first',
      'second',
      'third',
      'fourth',
    ])
  })

  it('are served on new connections where none is kept', async () => {
    const kept = keep(a)
    const clients = [await asking('/keepless/0'), await asking('/keepless/1'), await asking('/keepless/2')]
    for (const [index, client] of clients.entries()) {
      await waitFor(() => a.requests.length === index + 1, `request ${index}`)
      await kept.answer(index)
      expect(await answerOf(client)).toBe(`200 /keepless/${index}`)
    }
    expect(a.connections.length).toBe(3)
  })

  it('are refused where as many wait as may', async () => {
    const kept = keep(a)
    const clients = [await asking('/small/0'), await asking('/small/1'), await asking('/small/2')]
    expect((await scene.get('/small/3')).status).toBe(503)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_queue_full', flag: 'UO', endpoint: '' })
    for (const [index, client] of clients.entries()) {
      await waitFor(() => a.requests.length === index + 1, `request ${index}`)
      await kept.answer(index)
      await answerOf(client)
    }
  })

  it('are refused when they have waited for too long', async () => {
    const kept = keep(a)
    const first = await asking('/short/first')
    const second = await asking('/short/second')
    expect((await second.readResponse()).status).toBe(503)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_queue_timeout', flag: 'UO', endpoint: '' })
    await kept.answer(0)
    expect(await answerOf(first)).toBe('200 /short/first')
  })

  it.each(['close', 'reset'] as const)('leave the queue with their clients: %s', async how => {
    const kept = keep(a)
    const first = await asking('/small/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const leaving = [await asking('/small/leaving'), await asking('/small/too')]
    for (const client of leaving) client[how]()
    expect((await scene.records(2)).map(({ error }) => error)).toEqual(['client_closed', 'client_closed'])
    const last = await asking('/small/last')
    await kept.answer(0)
    await waitFor(() => a.requests.length === 2, 'the last request')
    await kept.answer(1)
    expect(await answerOf(last)).toBe('200 /small/last')
    await answerOf(first)
    expect(a.requests.length).toBe(2)
  })

  it('are passed on whole with the content that has come meanwhile', async () => {
    const { answer } = keep(a)
    await asking('/waiting/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const content = 'abcdefghij'.repeat(10_000)
    const client = await scene.client()
    await client.send(`${head('POST /waiting/second HTTP/1.1', 'Host: a', `Content-Length: ${content.length}`)}abc`)
    await client.send(content.slice(3, 1_000))
    void client.send(content.slice(1_000))
    await scene.proxy.reports()
    await answer(0)
    await waitFor(() => a.requests.length === 2, 'the second request')
    expect(a.requests[1]!.content.toString()).toBe(content)
    await answer(1)
    expect((await client.readResponse()).status).toBe(200)
  })

  it('are passed on whole with chunks and trailers that have come meanwhile', async () => {
    const { answer } = keep(a)
    await asking('/waiting/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const client = await scene.client()
    await client.send(head('POST /waiting/second HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'))
    await client.send('3\r\nabc\r\n')
    await client.send('3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n')
    await scene.proxy.reports()
    await answer(0)
    await waitFor(() => a.requests.length === 2, 'the second request')
    expect(a.requests[1]!.content.toString()).toBe('abcdef')
    expect(a.requests[1]!.trailers).toEqual([['X-Sum', '6']])
    await answer(1)
    expect((await client.readResponse()).status).toBe(200)
  })

  it('have their content asked for when their turn has come, by the endpoint', async () => {
    a.playEach(() => undefined)
    await asking('/waiting/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const client = await scene.client()
    await client.send(head('POST /waiting/second HTTP/1.1', 'Host: a', 'Content-Length: 6', 'Expect: 100-continue'))
    await scene.proxy.reports()
    expect(client.unread.length).toBe(0)
    const [connection] = a.connections
    await connection!.send(ok('a'))
    await waitFor(() => connection!.unread.includes('/waiting/second'), 'the head of the second request')
    await connection!.send(head('HTTP/1.1 100 Continue'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abcdef')
    await waitFor(() => a.requests.length === 2, 'the second request')
    await connection!.send(ok(a.requests[1]!.content.toString()))
    expect((await client.readResponse()).content.toString()).toBe('abcdef')
  })

  it('are not read without end meanwhile', async () => {
    keep(a)
    await asking('/waiting/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const content = 'x'.repeat(32 * 1024 * 1024)
    const client = await scene.client()
    let isTaken = false
    void client
      .send(`${head('POST /waiting/second HTTP/1.1', 'Host: a', `Content-Length: ${content.length}`)}${content}`)
      .then(() => {
        isTaken = true
      })
    // What the kernel takes is a few MiB; the proxy takes 64 KiB and one read.
    for (let round = 0; round < 5; round += 1) await scene.proxy.reports()
    expect(isTaken).toBe(false)
    client.reset()
    expect((await scene.records(1))[0]!.bytesIn).toBeLessThan(1024 * 1024)
  })

  it('wait for any of several endpoints', async () => {
    const ofB = keep(b)
    keep(a)
    await asking('/both/0')
    await asking('/both/1')
    await waitFor(() => a.requests.length + b.requests.length === 2, 'two requests')
    const third = await asking('/both/2')
    await ofB.answer(0)
    await waitFor(() => b.requests.length === 2, 'the third request')
    await ofB.answer(1)
    expect(await answerOf(third)).toBe('200 /both/2')
  })

  it('get 503 when all endpoints are taken away', async () => {
    keep(a)
    keep(b)
    await asking('/down/0')
    await asking('/down/1')
    await waitFor(() => a.requests.length + b.requests.length === 2, 'two requests')
    const waiting = await asking('/down/2')
    const control = scene.proxy.upstream('down')
    await control.down('a')
    await scene.proxy.reports()
    expect(waiting.unread.length).toBe(0)
    await control.down('b')
    expect((await waiting.readResponse()).status).toBe(503)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'no_endpoint', flag: 'UH' })
    await control.up('a')
    await control.up('b')
  })

  it('are served by an endpoint that comes up', async () => {
    const control = scene.proxy.upstream('down')
    await control.down('b')
    keep(a)
    await asking('/down/0')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const waiting = await asking('/down/1')
    await control.up('b')
    expect(await answerOf(waiting)).toBe('200 b')
  })

  it('are served by an endpoint that is added', async () => {
    const control = scene.proxy.upstream('gone')
    keep(a)
    await asking('/gone/0')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const waiting = await asking('/gone/1')
    await control.add({ address: b.address, name: 'b' })
    expect(await answerOf(waiting)).toBe('200 b')
    await control.remove('b')
  })

  it('get 503 when their endpoint is removed', async () => {
    const control = scene.proxy.upstream('gone')
    keep(a)
    const first = await asking('/gone/0')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const waiting = await asking('/gone/1')
    await control.remove('a')
    expect((await waiting.readResponse()).status).toBe(503)
    // What runs there goes on to its end.
    await a.connections[0]!.send(ok('a'))
    expect(await answerOf(first)).toBe('200 a')
    await waitFor(() => !a.connections[0]!.open, 'the end of the connection to what was removed')
  })

  it('keep to the endpoint of their session', async () => {
    const cookieOf = async (name: string): Promise<string> => {
      for (;;) {
        const { fields, content } = await scene.get('/sticky/x')
        if (content.toString() === name) return `Cookie: ${valuesOf(fields, 'set-cookie')[0]!.split(';')[0]}`
      }
    }
    const cookie = await cookieOf('b')
    const [ofA, ofB] = [keep(a), keep(b)]
    await asking('/sticky/0')
    await asking('/sticky/1')
    await waitFor(() => [a, b].every(({ requests }) => requests.at(-1)?.target !== '/sticky/x'), 'both full')
    const waiting = await asking('/sticky/2', cookie)
    // Both have room in the same turn of the worker's loop, which stands still until both answers are there.
    await scene.get('/block')
    await Promise.all([ofA.answer(0), ofB.answer(0)])
    scene.proxy.openGate()
    await waitFor(() => b.requests.some(({ target }) => target === '/sticky/2'), 'the request at its own endpoint')
    await ofB.answer(1)
    const { fields } = await waiting.readResponse()
    expect(valuesOf(fields, 'set-cookie')).toEqual([])
  })

  it('are those too whose first try has failed', async () => {
    const { answer } = keep(a)
    const first = await asking('/retried/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    const second = await asking('/retried/second')
    await answer(0)
    await answerOf(first)
    await waitFor(() => a.requests.length === 2, 'the second request')
    await answer(1)
    expect(await answerOf(second)).toBe('200 /retried/second')
    expect((await scene.records(2)).map(({ retries }) => retries)).toEqual([1, 1])
  })

  it('are not those whose first try has failed where nobody waits: their failure is told', async () => {
    keep(a)
    await asking('/retriedAtOnce/first')
    await waitFor(() => a.requests.length === 1, 'the first request')
    expect((await scene.get('/retriedAtOnce/second')).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_connect_failed', endpoint: 'dead' })
  })
})

describe('a stale connection at an endpoint that takes no more of them', () => {
  it('makes room for a fresh one', async () => {
    let answered = 0
    a.playEach(connection => {
      answered += 1
      if (answered === 2) connection.reset()
      else return connection.send(ok('a'))
    })
    const client = await scene.client()
    for (let round = 0; round < 2; round += 1) {
      await client.send(get('/refusing/x'))
      expect(await answerOf(client)).toBe('200 a')
    }
    expect(a.connections.length).toBe(2)
  })
})

describe('two workers', () => {
  it.each([
    ['with a queue', { queue: { timeoutMs: 10_000 } }],
    ['without one', {}],
  ])('give up the connections that they keep for each other: %s', async (_, more) => {
    await using origin = await recordingOrigin()
    const endpoints = [{ address: origin.address, connectionsMax: 1 }]
    await using proxy = await startInstrumentedProxy({
      workers: 2,
      upstreams: { all: { endpoints, passive: null, ...more } },
    })
    for (let round = 0; round < 24; round += 1) {
      using client = await rawClient(proxy.port)
      await client.send(get(`/${round}`))
      expect((await client.readResponse()).status).toBe(200)
    }
    const served = (await proxy.reports()).map(({ records }) => records.length)
    expect(Math.min(...served)).toBeGreaterThan(0)
    expect(origin.connections.length).toBeGreaterThan(1)
  })

  it('count what waits in both', async () => {
    await using scene = await openScene('a', player => ({
      workers: 2,
      upstreams: {
        all: {
          endpoints: [{ address: player.address, connectionsMax: 1 }],
          passive: null,
          queue: { size: 3, timeoutMs: 10_000 },
        },
      },
    }))
    const [origin] = scene.origins as [Player]
    const held: ScriptedConnection[] = []
    let isOpen = false
    origin.playEach(connection => {
      if (isOpen) return connection.send(ok('a'))
      held.push(connection)
    })
    const clients = await Promise.all(Array.from({ length: 12 }, () => scene.client()))
    for (const client of clients) await client.send(get())
    await waitFor(() => scene.proxy.stats().exchangesTotal === 8, 'eight that are refused')
    isOpen = true
    for (const connection of held) await connection.send(ok('a'))
    const statuses = await Promise.all(clients.map(async client => (await client.readResponse()).status))
    expect(statuses.filter(status => status === 200).length).toBe(4)
    const errors = (await scene.records(12)).map(({ error }) => error).filter(error => error !== '')
    expect(new Set(errors)).toEqual(new Set(['upstream_queue_full']))
    await scene.rest()
  })
})

describe('a worker that is stopped while requests wait', () => {
  it('answers them, and ends', async () => {
    await using origin = await recordingOrigin({ answer: () => '' })
    await using proxy = await startInstrumentedProxy({
      shutdownGraceMs: 200,
      upstreams: { all: { endpoints: [{ address: origin.address, connectionsMax: 1 }], queue: { timeoutMs: 10_000 } } },
    })
    using first = await rawClient(proxy.port)
    using second = await rawClient(proxy.port)
    await first.send(get('/first'))
    await origin.requestsReach(1)
    await second.send(get('/second'))
    await waitFor(() => proxy.stats().exchangesActive === 2, 'two requests under way')
    await proxy.stop()
    expect((await second.readAll()).toString()).toMatch(/^HTTP\/1.1 503/)
  })
})
