import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { MirrorSnapshot } from '../../../engine/snapshot.ts'
import { blackhole, unreadingPort } from '../../support/blackhole.ts'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { type InstrumentedProxyOptions, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestRoute, TestUpstream } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openScene, type Player, type Scene } from '../upstream/scene.ts'

const dead = await refusingPort()
const hole = await blackhole()
const deaf = await unreadingPort()

/** In this order they are upstreams: a mirror names its own by index. */
const UPSTREAMS = ['main', 'mirror', 'dead', 'hole', 'deaf', 'brief', 'fragile', 'sticky', 'full', 'retried'] as const
type UpstreamName = (typeof UPSTREAMS)[number]

function mirrors(upstream: UpstreamName, more: Partial<MirrorSnapshot> = {}): { mirror: MirrorSnapshot } {
  const defaults = { share: 1, concurrencyMax: 100, contentBytesMax: 65_536 }
  return { mirror: { upstream: UPSTREAMS.indexOf(upstream), ...defaults, ...more } }
}

function route(name: string, more: Partial<TestRoute>): TestRoute {
  return { name, match: { path: { kind: 'prefix', path: `/${name}/` } }, to: 'main', ...more }
}

let scene: Scene
let a: Player
let b: Player
let m: Player
beforeAll(async () => {
  scene = await openScene('abm', (first, second, mirror) => {
    const upstream = (address: TestUpstream['endpoints'][number], more: Partial<TestUpstream> = {}): TestUpstream => {
      return { endpoints: [address], passive: null, retry: { budget: 10 }, ...more }
    }
    const own = mirror!.address
    const upstreams: Record<UpstreamName, TestUpstream> = {
      main: upstream(first!.address),
      mirror: upstream(own),
      dead: upstream(dead.address),
      hole: upstream(hole.address, { timeouts: { connectMs: 200 } }),
      deaf: upstream(deaf.address),
      brief: upstream(own, { timeouts: { responseMs: 150, idleMs: 150 } }),
      fragile: { endpoints: [own, dead.address], passive: { consecutive: 1, ejectMs: 60_000 } },
      sticky: upstream(own, { sticky: {} }),
      full: upstream({ address: own, connectionsMax: 1 }, { queue: {} }),
      retried: {
        endpoints: [first!, second!].map(({ address }, priority) => ({ address, priority })),
        passive: null,
        retry: { budget: 10, statuses: [503] },
      },
    }
    return {
      upstreams,
      routes: [
        route('plain', mirrors('mirror')),
        route('never', mirrors('mirror', { share: 0 })),
        route('alone', mirrors('mirror', { concurrencyMax: 1 })),
        route('small', mirrors('deaf', { contentBytesMax: 10_000 })),
        route('large', mirrors('mirror', { contentBytesMax: 10_000_000 })),
        route('dead', mirrors('dead')),
        route('hole', mirrors('hole', { contentBytesMax: 1_000 })),
        route('brief', mirrors('brief')),
        route('fragile', mirrors('fragile')),
        route('sticky', mirrors('sticky')),
        route('full', mirrors('full')),
        route('orphan', { to: 'dead', ...mirrors('mirror') }),
        route('retried', { to: 'retried', ...mirrors('mirror') }),
        route('hosted', { host: { kind: 'upstream' }, ...mirrors('mirror') }),
        route('edited', {
          path: [{ kind: 'strip_prefix', prefix: '/edited' }],
          request: { set: [['X-Path', [{ kind: 'path' }]]], remove: ['cookie'] },
          ...mirrors('mirror'),
        }),
        route('split', {
          to: { kind: 'split', targets: [{ upstream: 0, weight: 1, when: null }], by: null },
          ...mirrors('mirror'),
        }),
      ],
    }
  })
  ;[a, b, m] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await Promise.all([dead.close(), hole.close(), deaf.close()])
})

const counts = () => {
  const { mirrored, mirrorsDropped } = scene.proxy.stats()
  return [mirrored, mirrorsDropped] as const
}

/** How many copies, and how many that were not made, `run` has brought. */
async function counted(run: () => Promise<unknown>): Promise<readonly number[]> {
  const before = counts()
  await run()
  return counts().map((count, index) => count - before[index]!)
}

async function ask(request: string, method = 'GET') {
  const client = await scene.client()
  await client.send(request)
  return await client.readResponse({ method })
}

const received = (player: Player, count: number) =>
  waitFor(() => player.requests.length >= count, `${count} requests at ${player.name}`).then(() => player.requests)

describe('a mirror', () => {
  it('gets the request as the upstream gets it, and its response goes nowhere', async () => {
    m.playEach(connection => connection.send(ok('nobody reads this', 'Set-Cookie: mirror=1')))
    const response = await scene.get('/plain/x?y=1', 'Cookie: a=b', 'X-Own: 1')
    expect(response.content.toString()).toBe('a')
    expect(valuesOf(response.fields, 'set-cookie')).toEqual([])
    const [copy] = await received(m, 1)
    expect(copy).toEqual(a.requests[0])
    expect(copy).toMatchObject({ method: 'GET', target: '/plain/x?y=1' })
    expect(valuesOf(copy!.fields, 'host')).toEqual(['a.example'])
  })

  it.each([
    ['with a length', post('/plain/x', 'some content')],
    [
      'in chunks',
      post('/plain/x', '').replace('Content-Length: 0', 'Transfer-Encoding: chunked') +
        chunk('some ') +
        chunk('content') +
        lastChunk('X-Sum: 1'),
    ],
  ])('gets the content: %s', async (_, request) => {
    expect((await ask(request, 'POST')).content.toString()).toBe('a')
    const [copy] = await received(m, 1)
    expect(copy!.content.toString()).toBe('some content')
    expect(copy!.trailers).toEqual(a.requests[0]!.trailers)
  })

  it('gets content that comes piece by piece, as it comes', async () => {
    const client = await scene.client()
    const got: string[] = []
    m.play(async connection => {
      const { framing } = await connection.expectHead()
      expect(framing).toMatchObject({ length: 6 })
      for (let count = 0; count < 3; count += 1) got.push((await connection.expectBytes(2)).toString())
      await connection.send(ok('m'))
    })
    const request = post('/plain/x', 'aabbcc')
    for (const [index, end] of [request.length - 4, request.length - 2, request.length].entries()) {
      await client.send(request.slice(index === 0 ? 0 : end - 2, end))
      await waitFor(() => got.length > index, `piece ${index}`)
    }
    expect((await client.readResponse()).content.toString()).toBe('a')
    expect(got).toEqual(['aa', 'bb', 'cc'])
  })

  it('gets as much content as there is, when it takes it in time', async () => {
    const content = 'x'.repeat(3_000_000)
    expect((await ask(post('/large/x', content), 'POST')).status).toBe(200)
    const [copy] = await received(m, 1)
    expect(copy!.content.length).toBe(content.length)
  })

  it('is asked with HEAD for HEAD, and its connection serves on', async () => {
    for (let count = 1; count <= 3; count += 1) {
      await ask(head('HEAD /plain/x HTTP/1.1', 'Host: a.example'), 'HEAD')
      await received(m, count)
      await waitFor(() => scene.proxy.stats().inFlight.every(({ requests }) => requests === 0))
    }
    expect(m.connections.length).toBe(1)
  })

  it('is called by its own name where the route says so', async () => {
    await scene.get('/hosted/x')
    const [copy] = await received(m, 1)
    expect(valuesOf(copy!.fields, 'host')).toEqual([`127.0.0.1:${m.origin.port}`])
    expect(valuesOf(a.requests[0]!.fields, 'host')).toEqual([`127.0.0.1:${a.origin.port}`])
  })

  it('gets what the route makes of the request', async () => {
    await scene.get('/edited/x', 'Cookie: a=b')
    const [copy] = await received(m, 1)
    expect(copy!.target).toBe('/x')
    expect(valuesOf(copy!.fields, 'x-path')).toEqual(['/edited/x'])
    expect(valuesOf(copy!.fields, 'cookie')).toEqual([])
  })

  it('stands beside a split, too', async () => {
    await scene.get('/split/x')
    expect((await received(m, 1)).length).toBe(1)
  })

  it('gives nobody a cookie', async () => {
    expect(valuesOf((await scene.get('/sticky/x')).fields, 'set-cookie')).toEqual([])
    await received(m, 1)
  })

  it('gets one copy, however often the request is sent', async () => {
    a.playEach(connection => connection.send('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'))
    expect((await scene.get('/retried/x')).content.toString()).toBe('b')
    expect([a.requests.length, b.requests.length]).toEqual([1, 1])
    expect((await received(m, 1)).length).toBe(1)
    await waitFor(() => scene.proxy.stats().inFlight.every(({ requests }) => requests === 0))
    expect(m.requests.length).toBe(1)
  })

  it('gets its copy when the upstream fails', async () => {
    expect((await scene.get('/orphan/x')).status).toBe(502)
    expect((await received(m, 1)).length).toBe(1)
  })

  it('gets its share: none of it with 0', async () => {
    expect(await counted(() => scene.get('/never/x'))).toEqual([0, 0])
    expect(await counted(() => scene.get('/plain/x'))).toEqual([1, 0])
  })

  it('gets no upgrades', async () => {
    a.playEach(connection => connection.send(ok('no')))
    const upgrade = get('/plain/x', 'Connection: upgrade', 'Upgrade: websocket')
    expect(await counted(() => ask(upgrade))).toEqual([0, 0])
  })
})

describe('a request', () => {
  const quiet = () => new Promise<void>(() => undefined)

  it.each<[string, string, ((connection: ScriptedConnection) => Promise<unknown> | unknown) | null]>([
    ['refuses', '/dead/x', null],
    ['does not answer the dial', '/hole/x', null],
    ['says nothing', '/brief/x', quiet],
    ['resets', '/plain/x', connection => connection.reset()],
    ['closes', '/plain/x', connection => connection.close()],
    ['sends garbage', '/plain/x', connection => connection.send('\0\0garbage\r\n\r\n')],
    [
      'answers with an error',
      '/plain/x',
      connection => connection.send('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'),
    ],
    [
      'begins to answer and stops',
      '/brief/x',
      connection => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx'),
    ],
    ['begins a head and stops', '/brief/x', connection => connection.send('HTTP/1.1 200 OK\r\nX-')],
    [
      'switches protocols',
      '/plain/x',
      connection => connection.send('HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
    [
      'asks for content',
      '/plain/x',
      connection => connection.send('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    ],
  ])('does not notice a mirror that %s', async (_, target, play) => {
    if (play !== null) m.playEach(play)
    const client = await scene.client()
    for (let count = 0; count < 3; count += 1) {
      await client.send(count === 1 ? post(target, 'content') : get(target))
      expect((await client.readResponse()).content.toString()).toBe('a')
    }
    const records = await scene.records(3)
    expect(records.map(({ error, retries, upstream }) => [error, retries, upstream])).toEqual(
      Array.from({ length: 3 }, () => ['', 0, 'main']),
    )
  })

  it('does not notice a response without end: it is not read for ever', async () => {
    m.play(async connection => {
      await connection.expectRequest()
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n')
      const block = Buffer.alloc(1_000_000)
      while (connection.open) {
        await connection.send(block)
        await turns(1)
      }
    })
    expect((await scene.get('/plain/x')).content.toString()).toBe('a')
    await waitFor(() => m.connections.length === 1)
    await m.connections[0]!.closed
  })

  it('is not held up by a mirror that does not read: the copy is given up', async () => {
    const content = 'x'.repeat(8_000_000)
    const changes = await counted(async () => {
      expect((await ask(post('/small/x', content), 'POST')).status).toBe(200)
    })
    expect(changes).toEqual([1, 1])
    expect(a.requests[0]!.content.length).toBe(content.length)
  })

  it('is not held up by one that is still being dialled', async () => {
    const changes = await counted(() => ask(post('/hole/x', 'x'.repeat(50_000)), 'POST'))
    expect(changes).toEqual([1, 1])
  })

  it('is answered while the copy is under way', async () => {
    m.playEach(quiet)
    expect((await scene.get('/plain/x')).content.toString()).toBe('a')
    await received(m, 1)
    // The client has its answer a moment before the worker has counted it.
    await expect.poll(() => scene.proxy.stats().exchangesActive).toBe(0)
    expect(scene.proxy.stats().inFlight.find(({ upstream }) => upstream === 'mirror')?.requests).toBe(1)
  })
})

describe('the number of copies', () => {
  it('has a bound: past it there is none', async () => {
    m.playEach(() => new Promise<void>(() => undefined))
    const changes = await counted(async () => {
      for (let count = 0; count < 3; count += 1) expect((await scene.get('/alone/x')).status).toBe(200)
    })
    expect(changes).toEqual([1, 2])
    expect((await received(m, 1)).length).toBe(1)
  })

  it('counts those that are over no more', async () => {
    const changes = await counted(async () => {
      for (let count = 1; count <= 3; count += 1) {
        await scene.get('/alone/x')
        await received(m, count)
        await waitFor(() => scene.proxy.stats().inFlight.every(({ requests }) => requests === 0))
      }
    })
    expect(changes).toEqual([3, 0])
  })

  it('is bounded by the connections of the mirror: copies do not wait', async () => {
    m.playEach(() => new Promise<void>(() => undefined))
    const changes = await counted(async () => {
      for (let count = 0; count < 2; count += 1) expect((await scene.get('/full/x')).status).toBe(200)
    })
    expect(changes).toEqual([1, 1])
  })
})

describe('a client that goes away', () => {
  it('takes the copy along while its content is not whole', async () => {
    const client = await scene.client()
    m.play(async connection => {
      await connection.expectHead()
      await connection.closed
    })
    await client.send(post('/plain/x', 'aabb').slice(0, -2))
    await waitFor(() => m.connections.length === 1 && m.connections[0]!.unread.length > 0)
    client.reset()
    await m.connections[0]!.closed
  })

  it('takes the copy along while it waits for its response', async () => {
    a.playEach(() => new Promise<void>(() => undefined))
    m.playEach(() => new Promise<void>(() => undefined))
    const client = await scene.client()
    await client.send(get('/plain/x'))
    await received(m, 1)
    client.reset()
    await m.connections[0]!.closed
  })
})

describe('the health of a mirror', () => {
  it('learns from copies as from requests', async () => {
    m.playEach(connection => connection.reset())
    const isEjected = () =>
      scene.proxy.events.some(
        event => event.kind === 'endpoint_health' && event.upstream === 'fragile' && event.change === 'ejected',
      )
    for (let count = 0; count < 10 && !isEjected(); count += 1) await scene.get('/fragile/x')
    await waitFor(isEjected, 'an ejection')
  })
})

const ALONE: MirrorSnapshot = { upstream: 1, share: 1, concurrencyMax: 1, contentBytesMax: 0 }

/** A proxy of its own whose mirror has a copy, and is silent. */
async function withCopyUnderWay(options: Partial<InstrumentedProxyOptions> = {}) {
  const upstreams = { main: [a.address], mirror: [m.address] }
  const proxy = await startInstrumentedProxy({ upstreams, routes: [{ to: 'main', mirror: ALONE }], ...options })
  const held: ScriptedConnection[] = []
  m.playEach(connection => {
    held.push(connection)
  })
  using client = await rawClient(proxy.port)
  await client.send(get('/'))
  await client.readResponse()
  await received(m, 1)
  return { proxy, upstreams, held }
}

describe('a reload', () => {
  it('leaves copies to their end', async () => {
    const { proxy, upstreams, held } = await withCopyUnderWay()
    await using _ = proxy
    await proxy.reload({ upstreams: { main: upstreams.main } })
    await held[0]!.send(ok('m'))
    await proxy.nothingLeft()
  })
})

describe('the end of the proxy', () => {
  it('is not held up by copies', async () => {
    const { proxy } = await withCopyUnderWay({ shutdownGraceMs: 60_000 })
    await proxy.stop()
  })
})
