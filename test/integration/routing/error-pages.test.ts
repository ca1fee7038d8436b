import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorPageSnapshot, StatusRange, Template } from '../../../engine/snapshot.ts'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { type Field, valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, FORGIVING, later, openScene, type Player, type Scene } from '../upstream/scene.ts'

const KIND: readonly [string, string] = ['Content-Type', 'text/html; charset=utf-8']

function page(
  statuses: readonly StatusRange[],
  content: Template,
  more: Partial<ErrorPageSnapshot> = {},
): ErrorPageSnapshot {
  return { statuses, intercepts: false, status: 0, fields: [KIND], content, ...more }
}

const all: readonly StatusRange[] = [[400, 599]]
const taken: Partial<ErrorPageSnapshot> = { intercepts: true }
const ofRequest: Template = [
  { kind: 'status' },
  ' ',
  { kind: 'method' },
  ' ',
  { kind: 'path' },
  ' ',
  { kind: 'header', name: 'x-name' },
]

const dead = await refusingPort()
let scene: Scene
let a: Player
beforeAll(async () => {
  scene = await openScene('a', origin => {
    const endpoints = [{ address: origin.address, name: 'a' }]
    const refused = { endpoints: [{ address: dead.address, name: 'dead' }], ...FORGIVING }
    const { upstreams, routes } = byName(
      {
        plain: { endpoints, ...FORGIVING },
        own: { endpoints, ...FORGIVING },
        taken: { endpoints, ...FORGIVING, timeouts: { idleMs: 400 } },
        retried: { endpoints, passive: null, retry: { budget: 10, statuses: [503] } },
        pipelined: { endpoints, ...FORGIVING, pool: { pipelining: 4 } },
        dead: refused,
        named: refused,
        replaced: refused,
        late: { endpoints, ...FORGIVING, timeouts: { responseMs: 100 } },
      },
      {
        own: { errorPages: [page(all, 'own')] },
        taken: {
          errorPages: [page([[404, 404]], 'nothing here', taken), page(all, 'taken', taken)],
          response: { set: [['X-Route', 'taken']] },
        },
        retried: { errorPages: [page(all, 'taken', taken)] },
        pipelined: { errorPages: [page(all, 'taken', taken)] },
        named: { errorPages: [page(all, ofRequest)] },
        replaced: {
          response: { set: [['X-Path', [{ kind: 'path' }]]] },
          errorPages: [page(all, [{ kind: 'upstream' }, ' ', { kind: 'endpoint' }], { status: 200, fields: [] })],
        },
        late: { errorPages: [page([[504, 504]], '<p>late')] },
      },
    )
    return {
      upstreams,
      routes,
      errorPages: [
        page([[404, 404]], ['no ', { kind: 'path' }]),
        page(all, ['e', { kind: 'status' }, ' ', { kind: 'request_id' }]),
      ],
      listeners: [{ timeouts: { headMs: 300, contentMs: 300 } }],
    }
  })
  ;[a] = scene.origins as [Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

const lineOf = (fields: readonly Field[], name: string) => valuesOf(fields, name).join()

async function ask(request: string, method = 'GET') {
  const client = await scene.client()
  await client.send(request)
  const response = await client.readResponse({ method })
  return { client, response, content: response.content.toString() }
}

const says =
  (status: number, content: string, ...fields: string[]) =>
  (connection: ScriptedConnection) =>
    connection.send(head(`HTTP/1.1 ${status} Status`, `Content-Length: ${content.length}`, ...fields) + content)

describe('an error of the proxy', () => {
  it('has the page of its route, before that for all', async () => {
    const { response, content } = await ask(get('/named/x', 'X-Name: <ann>'))
    expect([response.status, content]).toEqual([502, '502 GET /named/x &#60;ann&#62;'])
    expect(lineOf(response.fields, 'content-type')).toBe(KIND[1])
    expect((await scene.records(1))[0]).toMatchObject({ status: 502, error: 'upstream_connect_failed', route: 'named' })
  })

  it('has the page for all', async () => {
    const { response, content } = await ask(get('/dead/x'))
    const [record] = await scene.records(1)
    expect([response.status, content]).toEqual([502, `e502 ${record!.requestId}`])
  })

  it('has it where no route takes the request', async () => {
    const { response, content } = await ask(get('/nowhere/x?y'))
    expect([response.status, content]).toEqual([404, 'no /nowhere/x'])
    expect((await scene.records(1))[0]).toMatchObject({ status: 404, error: 'no_route', route: '' })
  })

  it.each([
    ['no host', head('GET / HTTP/1.1'), 400],
    ['no method', 'GE\0T / HTTP/1.1\r\n\r\n', 400],
    ['a path that climbs', get('/../x'), 400],
    ['a version of its own', head('GET / HTTP/1.7', 'Host: a'), 505],
    ['a target too long', get(`/${'x'.repeat(10_000)}`), 414],
    ['a head too large', get('/', `X-A: ${'x'.repeat(40_000)}`), 431],
    ['half a head', 'GET / HTTP/1.1\r\n', 408],
    ['broken content', `${head('POST /plain/x HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}x\r\n`, 400],
    ['no content', head('POST /plain/x HTTP/1.1', 'Host: a', 'Content-Length: 5'), 408],
  ])('has it where the request cannot be read: %s', async (_, request, status) => {
    const { client, response, content } = await ask(request)
    expect(response.status).toBe(status)
    expect(content).toMatch(new RegExp(`^e${status} [0-9a-f]{32}$`))
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    await client.closed
    expect((await scene.records(1))[0]!.status).toBe(status)
  })

  it('may be sent with another status, while the access line keeps the error', async () => {
    const { response, content } = await ask(get('/replaced/x'))
    expect([response.status, content]).toEqual([200, 'replaced dead'])
    expect(lineOf(response.fields, 'x-path')).toBe('/replaced/x')
    expect(lineOf(response.fields, 'content-type')).toBe('text/plain; charset=utf-8')
    const [record] = await scene.records(1)
    expect(record).toMatchObject({
      status: 200,
      error: 'upstream_connect_failed',
      flag: 'UF',
      errorDetail: 'ECONNREFUSED',
    })
  })

  it('has a page where the answer is late', async () => {
    a.playEach(() => undefined)
    const { response, content } = await ask(get('/late/x'))
    expect([response.status, content]).toEqual([504, '<p>late'])
  })

  it('has no content for HEAD, and the length of what it would be', async () => {
    const client = await scene.client()
    await client.send(head('HEAD /named/x HTTP/1.1', 'Host: a') + get('/nowhere'))
    const first = await client.readResponse({ method: 'HEAD' })
    expect([first.status, lineOf(first.fields, 'content-length')]).toEqual([502, '18'])
    expect((await client.readResponse()).content.toString()).toBe('no /nowhere')
  })

  it('leaves the connection open', async () => {
    const client = await scene.client()
    await client.send(get('/dead/1') + post('/named/2', 'content') + get('/plain/3'))
    expect((await client.readResponse()).status).toBe(502)
    expect((await client.readResponse()).content.toString()).toBe('502 POST /named/2 ')
    expect((await client.readResponse()).content.toString()).toBe('a')
  })

  it('cuts the response where that has begun, page or not', async () => {
    a.playEach(async connection => {
      await connection.send(ok('0123456789').slice(0, -5))
      connection.close()
    })
    const client = await scene.client()
    await client.send(get('/own/x'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
  })
})

describe("an upstream's response with a page", () => {
  it('is the page, with the status that the origin gave', async () => {
    a.playEach(says(500, 'a secret of the origin', 'Server: x', 'Set-Cookie: a=b', 'Content-Encoding: gzip'))
    const { response, content } = await ask(get('/taken/x'))
    expect([response.status, content]).toEqual([500, 'taken'])
    for (const name of ['server', 'set-cookie', 'content-encoding']) expect(valuesOf(response.fields, name)).toEqual([])
    expect(lineOf(response.fields, 'x-route')).toBe('taken')
    expect((await scene.records(1))[0]).toMatchObject({ status: 500, error: '', endpoint: 'a', upstream: 'taken' })
  })

  it('is the page of its status', async () => {
    a.playEach(says(404, 'x'))
    expect((await ask(get('/taken/x'))).content).toBe('nothing here')
  })

  it('keeps what its status asks of the client', async () => {
    a.playEach(says(401, 'x', 'WWW-Authenticate: Basic realm="a"', 'Retry-After: 5', 'Allow: GET', 'X-Other: 1'))
    const { fields } = (await ask(get('/taken/x'))).response
    expect(lineOf(fields, 'www-authenticate')).toBe('Basic realm="a"')
    expect(lineOf(fields, 'retry-after')).toBe('5')
    expect(lineOf(fields, 'allow')).toBe('GET')
    expect(valuesOf(fields, 'x-other')).toEqual([])
  })

  it("stays the origin's where pages are for the proxy's own errors", async () => {
    a.playEach(says(500, 'of the origin'))
    expect((await ask(get('/own/x'))).content).toBe('of the origin')
  })

  it('stays where no page has its status', async () => {
    a.playEach(says(302, 'x', 'Location: /y'))
    expect((await ask(get('/taken/x'))).content).toBe('x')
    expect((await ask(get('/taken/x'))).response.status).toBe(302)
  })

  it.each([
    ['with a length', says(500, 'x'.repeat(20_000))],
    ['of nothing', says(500, '')],
    [
      'in chunks',
      (connection: ScriptedConnection) =>
        connection.send(head('HTTP/1.1 500 X', 'Transfer-Encoding: chunked') + chunk('abc') + lastChunk('T: 1')),
    ],
  ] as const)('is read away, so that both connections serve on: %s', async (_, answer) => {
    a.playEach(answer)
    const client = await scene.client()
    for (let count = 0; count < 3; count += 1) {
      await client.send(get('/taken/x'))
      expect((await client.readResponse()).content.toString()).toBe('taken')
    }
    expect(client.ended).toBe('no')
    expect(a.connections.length).toBe(1)
  })

  it('does not wait for the rest of it', async () => {
    a.playEach(async connection => {
      await connection.send(`${head('HTTP/1.1 500 X', 'Content-Length: 10')}01234`)
      await later(100, () => connection.send('56789'))
    })
    const client = await scene.client()
    for (let count = 0; count < 2; count += 1) {
      await client.send(get('/taken/x'))
      expect((await client.readResponse()).content.toString()).toBe('taken')
    }
    await waitFor(() => a.connections.length === 2, 'another connection while the first is read away')
  })

  it('costs the connection to the origin where there is too much of it, and nothing else', async () => {
    a.playEach(says(500, 'x'.repeat(300_000)))
    const client = await scene.client()
    for (let count = 0; count < 2; count += 1) {
      await client.send(get('/taken/x'))
      expect((await client.readResponse()).content.toString()).toBe('taken')
    }
    expect(a.connections.length).toBe(2)
  })

  it('has no content for HEAD', async () => {
    a.playEach((connection, { method }) =>
      connection.send(head('HTTP/1.1 500 X', 'Content-Length: 7') + (method === 'HEAD' ? '' : 'content')),
    )
    const client = await scene.client()
    await client.send(head('HEAD /taken/x HTTP/1.1', 'Host: a') + get('/taken/y'))
    const first = await client.readResponse({ method: 'HEAD' })
    expect([first.status, lineOf(first.fields, 'content-length')]).toEqual([500, '5'])
    expect((await client.readResponse()).content.toString()).toBe('taken')
    expect(a.connections.length).toBe(1)
  })

  it('comes when other tries are through', async () => {
    a.playEach(says(503, 'busy'))
    const { response, content } = await ask(get('/retried/x'))
    expect([response.status, content]).toEqual([503, 'taken'])
    expect(a.requests.length).toBe(1)
  })

  it('leaves those behind it on the same connection what is theirs', async () => {
    a.play(async connection => {
      for (;;) {
        const { target } = await connection.expectRequest()
        await connection.send(target.endsWith('bad') ? `${head('HTTP/1.1 500 X', 'Content-Length: 3')}bad` : ok(target))
      }
    })
    await ask(get('/pipelined/first'))
    const client = await scene.client()
    const other = await scene.client()
    await client.send(get('/pipelined/bad'))
    await other.send(get('/pipelined/good'))
    expect((await client.readResponse()).content.toString()).toBe('taken')
    expect((await other.readResponse()).content.toString()).toBe('/pipelined/good')
  })

  it('closes both connections where the request is not whole', async () => {
    a.play(async connection => {
      await connection.expectHead()
      await connection.send(`${head('HTTP/1.1 413 X', 'Content-Length: 3')}bad`)
    })
    const client = await scene.client()
    await client.send(`${head('POST /taken/x HTTP/1.1', 'Host: a', 'Content-Length: 10')}01234`)
    const response = await client.readResponse()
    expect([response.status, response.content.toString()]).toEqual([413, 'taken'])
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    await client.closed
    await a.connections[0]!.closed
  })

  it('takes the place of a refused upgrade', async () => {
    a.playEach(says(426, 'no'))
    const { response, content } = await ask(get('/taken/x', 'Connection: upgrade', 'Upgrade: websocket'))
    expect([response.status, content]).toEqual([426, 'taken'])
  })

  it('is given up with its client', async () => {
    a.playEach(() => undefined)
    const client = await scene.client()
    await client.send(get('/taken/x'))
    await waitFor(() => a.requests.length === 1, 'the request')
    client.reset()
    expect((await scene.records(1))[0]).toMatchObject({ error: 'client_closed' })
  })

  it('is the page for each of many at once', async () => {
    a.playEach((connection, { target }) =>
      target.endsWith('/1') ? says(500, 'bad')(connection) : connection.send(ok('good')),
    )
    const contents = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => (await scene.get(`/taken/${index % 2}`)).content.toString()),
    )
    expect(contents).toEqual(Array.from({ length: 60 }, (_, index) => (index % 2 === 1 ? 'taken' : 'good')))
  })
})
