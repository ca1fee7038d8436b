import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RouteAction } from '../../../engine/snapshot.ts'
import { blackhole } from '../../support/blackhole.ts'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestRoute, TestUpstream } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { FORGIVING, openScene, type Player, type Scene } from '../upstream/scene.ts'

const dead = await refusingPort()
const dark = await blackhole()
const folder = await temporaryFolder()
await mkdir(join(folder.path, 'filed'))
await mkdir(join(folder.path, 'stalled'))
for (const name of ['filed', 'stalled']) await writeFile(join(folder.path, name, 'x'), 'of a file')
const EVERYTHING = { statuses: [[400, 599]] as const, intercepts: false, status: 0, fields: [], content: 'a page' }

/** Content that routes keep, to send it again. */
const KEPT = 1000

/** Routes by name, each for `/name/`; `fallback` is a name. */
type Named = Readonly<Record<string, Omit<TestRoute, 'fallback'> & { readonly fallback?: string }>>

function routesOf(named: Named): TestRoute[] {
  const names = Object.keys(named)
  return Object.entries(named).map(([name, { fallback, ...route }]) => ({
    name,
    match: { path: { kind: 'prefix', path: `/${name}/` } },
    ...route,
    fallback: fallback === undefined ? -1 : names.indexOf(fallback),
  }))
}

function upstreamsOf(address: Player['address']): Readonly<Record<string, TestUpstream>> {
  const endpoints = [{ address, name: 'a' }]
  const refused = [{ address: dead.address, name: 'dead' }]
  const quick = { responseMs: 150 }
  return {
    a: { endpoints, ...FORGIVING, timeouts: quick, retry: { budget: 10, contentBytesMax: KEPT } },
    empty: { endpoints: [] },
    refused: { endpoints: refused, ...FORGIVING, retry: { budget: 10, contentBytesMax: KEPT } },
    refusedTwice: { endpoints: [...refused, { ...refused[0]!, name: 'dead2' }], ...FORGIVING },
    dark: { endpoints: [{ address: dark.address, name: 'dark' }], ...FORGIVING, timeouts: { connectMs: 150 } },
    full: { endpoints: [{ address, name: 'a', connectionsMax: 1 }], ...FORGIVING, timeouts: { responseMs: 2_000 } },
    queued: {
      endpoints: [{ address, name: 'a', connectionsMax: 1 }],
      ...FORGIVING,
      timeouts: { responseMs: 2_000 },
      queue: { size: 1, timeoutMs: 200 },
    },
    broken: {
      endpoints,
      ...FORGIVING,
      circuitBreaker: { scope: 'upstream', minimum: 1, openMs: 60_000, failureRatio: 0.01 },
    },
    parted: {
      endpoints,
      ...FORGIVING,
      circuitBreaker: {
        scope: 'upstream',
        minimum: 1,
        openMs: 60_000,
        failureRatio: 0.01,
        fallback: { kind: 'respond', status: 200, fields: [], content: Buffer.from('of the circuit') },
      },
    },
    busy: {
      endpoints,
      ...FORGIVING,
      timeouts: { responseMs: 2_000 },
      adaptiveConcurrency: { initial: 1, minimum: 1, maximum: 1 },
    },
    loose: { endpoints, ...FORGIVING, timeouts: quick, retry: { budget: 10, nonIdempotent: true } },
  }
}

const sorry: RouteAction = { kind: 'respond', status: 203, fields: [['X-Sorry', 'yes']], content: Buffer.from('sorry') }
const away: RouteAction = {
  kind: 'redirect',
  status: 302,
  to: ['https://b.example', { kind: 'path' }],
  keepsQuery: true,
}

const stored: RouteAction = {
  kind: 'files',
  files: { root: folder.path, index: [], precompressed: [], stripPrefix: '', cacheControl: '', fallback: '' },
}

const routes = routesOf({
  backup: { to: 'b' },
  sorry: { to: sorry },
  away: { to: away },
  stored: { to: stored },
  shared: { to: { kind: 'split', by: null, targets: [{ upstream: 11, weight: 1, when: null }] } },
  // What is tested.
  ...Object.fromEntries(
    ['a', 'empty', 'refused', 'refusedTwice', 'dark', 'full', 'queued', 'broken', 'parted', 'busy', 'loose'].map(
      name => [name, { to: name, fallback: 'backup' }],
    ),
  ),
  answered: { to: 'a', fallback: 'sorry' },
  redirected: { to: 'refused', fallback: 'away' },
  filed: { to: 'refused', fallback: 'stored' },
  stalled: { to: 'dark', fallback: 'stored' },
  split: { to: 'refused', fallback: 'shared' },
  halves: {
    to: { kind: 'split', by: null, targets: [{ upstream: 2, weight: 1, when: null }] },
    fallback: 'backup',
  },
  first: { to: 'refused', fallback: 'second' },
  second: { to: 'empty', fallback: 'third' },
  third: { to: 'dark', fallback: 'backup' },
  round: { to: 'refused', fallback: 'about' },
  about: { to: 'refused', fallback: 'round' },
  self: { to: 'dark', fallback: 'self', timeouts: { totalMs: 500 } },
  total: { to: 'a', fallback: 'patient', timeouts: { totalMs: 400 } },
  patient: { to: 'b' },
  paged: { to: 'a', fallback: 'backup', errorPages: [EVERYTHING] },
  edited: {
    to: 'edited',
    request: {
      set: [
        ['X-Route', 'edited'],
        ['X-Path', [{ kind: 'path' }, ' ', { kind: 'capture', name: '*' }]],
      ],
    },
  },
  handed: { to: 'handed', errorPages: [{ ...EVERYTHING, content: [{ kind: 'path' }] }] },
  taker: { to: 'refused', fallback: 'backup' },
  dressed: { to: 'parted', response: { set: [['X-Route', [{ kind: 'route' }, ' ', { kind: 'path' }]]] } },
  unedited: { to: 'refused', request: { set: [['X-Route', 'unedited']] }, fallback: 'edited' },
})

let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (first, second) => {
    const backup = { endpoints: [{ address: second!.address, name: 'b' }], ...FORGIVING }
    const handed: TestUpstream = {
      endpoints: [{ address: first!.address, name: 'a' }],
      ...FORGIVING,
      circuitBreaker: {
        scope: 'upstream',
        minimum: 1,
        openMs: 60_000,
        failureRatio: 0.01,
        fallback: { kind: 'route', route: routes.findIndex(({ name }) => name === 'taker') },
      },
    }
    return { upstreams: { ...upstreamsOf(first!.address), b: backup, edited: backup, handed }, routes }
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
  await dark.close()
  await folder[Symbol.asyncDispose]()
})

const close = (connection: ScriptedConnection) => connection.close()

async function ask(request: string, method = 'GET') {
  const client = await scene.client()
  await client.send(request)
  const response = await client.readResponse({ method })
  return { client, response, content: response.content.toString() }
}

describe('a request that its upstream cannot answer', () => {
  it.each([
    ['no endpoint', '/empty/x'],
    ['a refused connection', '/refused/x'],
    ['nobody left', '/refusedTwice/x'],
    ['a connection that does not come', '/dark/x'],
    ['a split whose target refuses', '/halves/x'],
  ])('goes to the fallback: %s', async (_, target) => {
    const { content, client } = await ask(get(target))
    expect(content).toBe('b')
    expect(b.requests[0]).toMatchObject({ target, method: 'GET' })
    const [record] = await scene.records(1)
    expect(record).toMatchObject({
      status: 200,
      route: 'backup',
      upstream: 'b',
      endpoint: 'b',
      error: '',
      errorDetail: '',
    })
    await client.send(get('/backup/y'))
    expect((await client.readResponse()).content.toString()).toBe('b')
  })

  it('goes there where the connection breaks, and where the answer is late', async () => {
    a.playEach(close)
    expect((await ask(get('/a/x'))).content).toBe('b')
    a.playEach(() => undefined)
    expect((await ask(get('/a/y'))).content).toBe('b')
    expect(b.requests.map(({ target }) => target)).toEqual(['/a/x', '/a/y'])
  })

  it('goes there where all is full', async () => {
    a.playEach(() => undefined)
    const holder = await scene.client()
    await holder.send(get('/full/held'))
    await waitFor(() => a.requests.length === 1, 'a request that is held')
    expect((await ask(get('/full/x'))).content).toBe('b')
  })

  it('goes there where the queue is full, and where it has waited long enough', async () => {
    a.playEach(() => undefined)
    const holder = await scene.client()
    await holder.send(get('/queued/held'))
    await waitFor(() => a.requests.length === 1, 'a request that is held')
    const waiting = ask(get('/queued/waits'))
    await waitFor(() => scene.proxy.stats().exchangesActive === 2, 'one that waits')
    expect((await ask(get('/queued/x'))).content).toBe('b')
    expect((await waiting).content).toBe('b')
    expect(b.requests.map(({ target }) => target)).toEqual(['/queued/x', '/queued/waits'])
  })

  it('goes there where the circuit is open', async () => {
    a.playEach(close)
    await ask(get('/broken/opens'))
    expect((await ask(get('/broken/x'))).content).toBe('b')
    expect(a.requests.length).toBe(1)
  })

  it("has the circuit's own fallback where there is one", async () => {
    a.playEach(close)
    await ask(get('/parted/opens'))
    expect((await ask(get('/parted/x'))).content).toBe('of the circuit')
  })

  it("has the route's changes to responses in what the circuit answers", async () => {
    a.playEach(close)
    await ask(get('/dressed/opens'))
    const { response, content } = await ask(get('/dressed/x'))
    expect([content, valuesOf(response.fields, 'x-route')]).toEqual(['of the circuit', ['dressed /dressed/x']])
  })

  it("goes on to the fallback of the circuit's own route, with all of its content", async () => {
    a.playEach(close)
    await ask(get('/handed/opens'))
    expect((await ask(post('/handed/x', 'abc'))).content).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abc')
  })

  it('goes there where too much is under way', async () => {
    a.playEach(() => undefined)
    const holder = await scene.client()
    await holder.send(get('/busy/held'))
    await waitFor(() => a.requests.length === 1, 'a request that is held')
    expect((await ask(get('/busy/x'))).content).toBe('b')
  })

  it("is answered by a route's own answer", async () => {
    a.playEach(close)
    const { response, content } = await ask(get('/answered/x'))
    expect([response.status, content, valuesOf(response.fields, 'x-sorry')]).toEqual([203, 'sorry', ['yes']])
    expect((await scene.records(1))[0]).toMatchObject({ status: 203, route: 'sorry', error: '', endpoint: 'a' })
  })

  it('is sent elsewhere by a redirect', async () => {
    const { response } = await ask(get('/redirected/x?y=1'))
    expect([response.status, valuesOf(response.fields, 'location')]).toEqual([
      302,
      ['https://b.example/redirected/x?y=1'],
    ])
  })

  it('is answered with a file', async () => {
    const { content, client } = await ask(post('/filed/x', 'abc'))
    expect(content).not.toBe('of a file')
    await client.send(get('/filed/x') + get('/filed/none') + get('/backup/x'))
    const contents: string[] = []
    for (let count = 0; count < 3; count += 1) contents.push((await client.readResponse()).content.toString())
    expect(contents).toEqual(['of a file', '404 Not Found\n', 'b'])
    const records = await scene.records(4)
    expect(records.map(({ route, status }) => `${route} ${status}`)).toEqual([
      'stored 405',
      'stored 200',
      'stored 404',
      'backup 200',
    ])
  })

  it('is split by a split', async () => {
    expect((await ask(get('/split/x'))).content).toBe('b')
  })

  it('goes the way of the fallback, with what its own route has caught, and without the changes of that', async () => {
    await ask(get('/unedited/x/y', 'X-Client: 1'))
    const [request] = b.requests
    expect(valuesOf(request!.fields, 'x-route')).toEqual(['edited'])
    expect(valuesOf(request!.fields, 'x-path')).toEqual(['/unedited/x/y x/y'])
    expect(valuesOf(request!.fields, 'x-client')).toEqual(['1'])
    expect(valuesOf(request!.fields, 'x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(valuesOf(request!.fields, 'x-request-id').length).toBe(1)
  })

  it('keeps HEAD what it is', async () => {
    const client = await scene.client()
    await client.send(head('HEAD /refused/x HTTP/1.1', 'Host: a') + head('HEAD /answered/x HTTP/1.1', 'Host: a'))
    a.playEach(close)
    expect((await client.readResponse({ method: 'HEAD' })).status).toBe(200)
    expect((await client.readResponse({ method: 'HEAD' })).status).toBe(203)
  })

  it('comes in its order where the client does not wait', async () => {
    const client = await scene.client()
    a.playEach(close)
    await client.send(get('/a/1') + get('/backup/2') + get('/answered/3') + get('/refused/4') + get('/dark/5'))
    const contents: string[] = []
    for (let count = 0; count < 5; count += 1) contents.push((await client.readResponse()).content.toString())
    expect(contents).toEqual(['b', 'b', 'sorry', 'b', 'b'])
    expect(b.requests.map(({ target }) => target)).toEqual(['/a/1', '/backup/2', '/refused/4', '/dark/5'])
  })

  it('may be of HTTP/1.0', async () => {
    const client = await scene.client()
    await client.send(head('GET /refused/x HTTP/1.0', 'Connection: keep-alive'))
    expect((await client.readResponse({ clientVersion: '1.0' })).content.toString()).toBe('b')
  })
})

describe('content of a request that its upstream cannot answer', () => {
  const put = (target: string, ...fields: string[]) => head(`PUT ${target} HTTP/1.1`, 'Host: a', ...fields)
  const requests = [
    ['with a length', 'Content-Length: 6', 'abcdef', 0],
    ['of no bytes', 'Content-Length: 0', '', 0],
    ['in chunks', 'Transfer-Encoding: chunked', chunk('abc') + chunk('def') + lastChunk(), 0],
    ['with trailers', 'Transfer-Encoding: chunked', chunk('abcdef') + lastChunk('X-Sum: 6'), 1],
  ] as const

  it.each(requests)('goes along: %s', async (_, field, content, trailers) => {
    for (const target of ['/refused/x', '/dark/x', '/empty/x']) await ask(put(target, field) + content, 'PUT')
    expect(b.requests.map(request => request.content.toString())).toEqual(Array(3).fill(content === '' ? '' : 'abcdef'))
    expect(b.requests.map(request => request.trailers.length)).toEqual(Array(3).fill(trailers))
  })

  it.each(requests)('goes along where the connection broke with all of it: %s', async (_, field, content, trailers) => {
    a.playEach(close)
    expect((await ask(put('/a/x', field) + content, 'PUT')).content).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe(content === '' ? '' : 'abcdef')
    expect(b.requests[0]!.trailers.length).toBe(trailers)
  })

  it('goes along in whatever pieces it comes, and whenever', async () => {
    const bytes = put('/dark/x', 'Transfer-Encoding: chunked') + chunk('abc') + chunk('def') + lastChunk('X-Sum: 6')
    for (const offset of [20, bytes.indexOf('abc') + 1, bytes.indexOf('def') + 2, bytes.length - 3]) {
      const client = await scene.client()
      await client.sendSplit(bytes, [offset])
      expect((await client.readResponse()).content.toString()).toBe('b')
    }
    expect(b.requests.map(({ content }) => content.toString())).toEqual(Array(4).fill('abcdef'))
  })

  it('may come when the fallback has the request', async () => {
    const client = await scene.client()
    await client.send(`${put('/refused/x', 'Content-Length: 6')}abc`)
    await waitFor(() => b.connections.length === 1, 'a connection to the fallback')
    await client.send('def')
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abcdef')
  })

  it('comes after 100, from whoever says it', async () => {
    b.play(async connection => {
      const request = await connection.expectHead()
      await connection.send(head('HTTP/1.1 100 Continue'))
      expect((await connection.expectContent(request)).toString()).toBe('abcdef')
      await connection.send(ok('b'))
    })
    const client = await scene.client()
    await client.send(put('/refused/x', 'Content-Length: 6', 'Expect: 100-continue'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abcdef')
    expect((await client.readResponse()).content.toString()).toBe('b')
  })

  it('is let go where it is more than is kept to be sent again: then the error is told', async () => {
    a.playEach(close)
    const { response } = await ask(`${put('/a/x', `Content-Length: ${KEPT + 1}`)}${'x'.repeat(KEPT + 1)}`, 'PUT')
    expect(response.status).toBe(502)
    const whole = await ask(`${put('/a/x', `Content-Length: ${KEPT}`)}${'x'.repeat(KEPT)}`, 'PUT')
    expect(whole.content).toBe('b')
    expect(b.requests.map(({ content }) => content.length)).toEqual([KEPT])
  })

  it('matters nothing to a route that answers itself', async () => {
    a.playEach(close)
    const { content, client } = await ask(
      `${put('/answered/x', `Content-Length: ${KEPT * 100}`)}${'x'.repeat(KEPT * 100)}`,
    )
    expect(content).toBe('sorry')
    await client.send(get('/backup/x'))
    expect((await client.readResponse()).content.toString()).toBe('b')
  })

  it('is read away by a route with files, where it made the client wait before', async () => {
    const content = 'x'.repeat(KEPT * 200)
    const bytes = `${head('GET /stalled/x HTTP/1.1', 'Host: a', `Content-Length: ${content.length}`)}${content}`
    expect((await ask(bytes)).content).toBe('of a file')
  })

  it('closes the connection where it has not come whole when a route has answered', async () => {
    a.play(async connection => {
      await connection.expectHead()
      connection.reset()
    })
    const client = await scene.client()
    await client.send(`${put('/answered/x', 'Content-Length: 6')}abc`)
    const response = await client.readResponse()
    expect([response.status, valuesOf(response.fields, 'connection')]).toEqual([203, ['close']])
    await client.closed
  })
})

describe('a request that may have been received', () => {
  it('goes to a fallback that would send it again only where it may be sent twice', async () => {
    a.playEach(close)
    expect((await ask(post('/a/x', 'abc'))).response.status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_closed', route: 'a' })
    expect((await ask(post('/loose/x', 'abc'))).content).toBe('b')
    expect(b.requests.map(({ content }) => content.toString())).toEqual(['abc'])
  })

  it('goes there where nothing of it was sent', async () => {
    expect((await ask(post('/refused/x', 'abc'))).content).toBe('b')
    expect((await ask(post('/dark/x', 'abc'))).content).toBe('b')
  })

  it('goes to a route that answers itself in any case', async () => {
    a.playEach(close)
    expect((await ask(post('/answered/x', 'abc'))).content).toBe('sorry')
  })
})

describe('a fallback', () => {
  it('is not for responses, whatever they say', async () => {
    a.playEach(connection => connection.send(`${head('HTTP/1.1 503 X', 'Content-Length: 2')}no`))
    expect((await ask(get('/a/x'))).content).toBe('no')
  })

  it('is not for responses that have begun', async () => {
    a.playEach(async connection => {
      await connection.send(ok('0123456789').slice(0, -5))
      connection.close()
    })
    const client = await scene.client()
    await client.send(get('/a/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect(b.requests.length).toBe(0)
  })

  it('is not for responses that nobody can read', async () => {
    a.playEach(connection => connection.send('HTTP/1.1 nonsense\r\n\r\n'))
    expect((await ask(get('/a/x'))).response.status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_response_malformed' })
  })

  it("is not for the client's faults", async () => {
    const bytes = `${head('PUT /a/x HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}zz\r\n`
    expect((await ask(bytes)).response.status).toBe(400)
  })

  it('goes before the error page, which is for what it cannot take', async () => {
    a.playEach(close)
    expect((await ask(get('/paged/x'))).content).toBe('b')
    expect((await ask(post('/paged/x', 'abc'))).content).toBe('a page')
  })

  it('may have one of its own', async () => {
    expect((await ask(post('/first/x', 'abc'))).content).toBe('b')
    expect(b.requests[0]).toMatchObject({ target: '/first/x' })
    expect((await scene.records(1))[0]).toMatchObject({ route: 'backup', endpoint: 'b', retries: 0 })
  })

  it.each(['/round/x', '/about/x'])('ends with the error where each has the other: %s', async target => {
    const { response, client } = await ask(get(target))
    expect(response.status).toBe(502)
    await client.send(get('/backup/x'))
    expect((await client.readResponse()).content.toString()).toBe('b')
  })

  it('ends when the time for the whole is over', async () => {
    const { response } = await ask(get('/self/x'))
    expect(response.status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout' })
  })

  it('has what is left of the time that its first route gives', async () => {
    a.playEach(() => undefined)
    b.playEach(() => undefined)
    const { response } = await ask(get('/total/x'))
    expect(response.status).toBe(504)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout', route: 'patient' })
  })

  it('is given up with its client', async () => {
    b.playEach(() => undefined)
    const client = await scene.client()
    await client.send(get('/refused/x'))
    await waitFor(() => b.requests.length === 1, 'the request at the fallback')
    client.reset()
    expect((await scene.records(1))[0]).toMatchObject({ error: 'client_closed', route: 'backup' })
    await b.connections[0]!.closed
  })

  it('is given up with its client while the first still tries', async () => {
    const client = await scene.client()
    await client.send(get('/dark/x'))
    await waitFor(() => scene.proxy.stats().exchangesActive === 1, 'the exchange')
    client.reset()
    expect((await scene.records(1))[0]).toMatchObject({ error: 'client_closed', route: 'dark' })
    expect(b.connections.length).toBe(0)
  })

  it.each(['/refused/x', '/dark/x', '/a/x', '/answered/x'])(
    'leaves nothing behind wherever its client goes away: %s',
    async target => {
      a.playEach(close)
      const bytes =
        head(`PUT ${target} HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked') + chunk('abcdef') + lastChunk()
      const contentAt = bytes.indexOf('\r\n\r\n') + 4
      const ends = [10, ...Array.from({ length: bytes.length - contentAt + 1 }, (_, index) => contentAt + index)]
      for (const end of ends) {
        const client = await scene.client()
        await client.send(bytes.slice(0, end))
        if (end % 2 === 0) await turns()
        if (end % 3 === 0) client.end()
        else client.reset()
      }
      await scene.proxy.nothingLeft()
    },
  )

  it('leaves nothing behind wherever an origin breaks off', async () => {
    const answer = ok('0123456789')
    for (let end = 0; end < answer.length; end += 1) {
      a.playEach(async connection => {
        if (end > 0) await connection.send(answer.slice(0, end))
        connection.reset()
      })
      const client = await scene.client()
      await client.send(get('/a/x'))
      const outcome = await client.nextResponse()
      const isHeadWhole = end >= answer.indexOf('\r\n\r\n') + 4
      expect(outcome.kind).toBe(isHeadWhole ? 'cut' : 'whole')
      client.close()
    }
  })

  it('takes many at once, with all of their content', async () => {
    const contents = await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        const client = await scene.client()
        const name = ['refused', 'dark', 'empty', 'first'][index % 4]!
        await client.send(post(`/${name}/${index}`, `content ${index}`))
        return (await client.readResponse()).content.toString()
      }),
    )
    expect(contents).toEqual(Array(80).fill('b'))
    const received = b.requests.map(({ target, content }) => `${target.split('/')[2]} ${content.toString()}`)
    expect(received.toSorted()).toEqual(
      Array.from({ length: 80 }, (_, index) => `${index} content ${index}`).toSorted(),
    )
  })
})
