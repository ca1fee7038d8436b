import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, post } from '../../support/heads.ts'
import { startTestProxy } from '../../support/proxy.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestRoute } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { byName, FORGIVING, ladder, openScene, type Player, type Scene } from '../upstream/scene.ts'

const REST = { kind: 'capture', name: '*' } as const

const ROUTES: Readonly<Record<string, Partial<TestRoute>>> = {
  strip: { path: [{ kind: 'strip_prefix', prefix: '/strip' }] },
  prefix: { path: [{ kind: 'add_prefix', prefix: '/api' }] },
  replaced: { path: [{ kind: 'replace', path: ['/new/', REST] }] },
  users: {
    match: {
      path: { kind: 'template', segments: ['users', { name: 'id' }, 'orders', { name: 'order' }], rest: false },
    },
    path: [
      { kind: 'replace', path: ['/o/', { kind: 'capture', name: 'order' }, '/of/', { kind: 'capture', name: 'id' }] },
    ],
  },
  regex: { path: [{ kind: 'regex', regex: '^/regex/(?<year>\\d{4})-(\\d\\d)', by: '/$<year>/$2' }] },
  several: {
    path: [
      { kind: 'strip_prefix', prefix: '/several' },
      { kind: 'regex', regex: 'old', by: 'new' },
      { kind: 'add_prefix', prefix: '/v2' },
    ],
    query: { clear: false, remove: ['debug'], set: [['lang', 'en']], add: [['via', [{ kind: 'host' }]]] },
  },
  climbs: { path: [{ kind: 'replace', path: ['/files/', { kind: 'header', name: 'x-file' }] }] },
  cleared: { query: { clear: true, remove: [], set: [], add: [] } },
  hedged: { host: { kind: 'upstream' }, path: [{ kind: 'strip_prefix', prefix: '/hedged' }] },
  upstreamed: { host: { kind: 'upstream' }, path: [{ kind: 'strip_prefix', prefix: '/upstreamed' }] },
  tenant: { host: { kind: 'set', host: [{ kind: 'header', name: 'x-tenant' }, '.internal:81'] } },
  edited: {
    path: [{ kind: 'strip_prefix', prefix: '/edited' }],
    request: {
      rename: [['x-old', 'X-New']],
      remove: ['x-gone'],
      set: [['X-Client', [{ kind: 'client_ip' }, ' by ', { kind: 'method' }, ' ', { kind: 'path' }]]],
      add: [['X-Trace', [{ kind: 'request_id' }]]],
    },
    response: {
      rename: [['server', 'X-Server']],
      set: [['X-Answer', [{ kind: 'status' }, ' ', { kind: 'upstream' }, ' ', { kind: 'endpoint' }]]],
      add: [['X-Trace', [{ kind: 'header', name: 'x-trace' }]]],
    },
  },
  plain: {},
}

let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (...origins) => {
    const both = { endpoints: ladder(origins), ...FORGIVING }
    const first = { endpoints: ladder(origins).slice(0, 1), ...FORGIVING, pool: { pipelining: 4 } }
    const names = Object.keys(ROUTES)
    const upstreams = {
      ...Object.fromEntries(names.map(name => [name, first])),
      upstreamed: both,
      edited: both,
      hedged: { ...both, hedge: { afterMs: 20, budget: 10 } },
    }
    const { routes, ...options } = byName(upstreams, ROUTES)
    const own: TestRoute = {
      name: 'own',
      match: { path: { kind: 'prefix', path: '/own/' } },
      to: { kind: 'respond', status: 418, fields: [['Server', 'own']], content: Buffer.from('short') },
      response: {
        rename: [['server', 'X-Server']],
        set: [['X-Path', [{ kind: 'path' }, ' ', { kind: 'status' }, { kind: 'endpoint' }]]],
      },
    }
    const redirected: TestRoute = {
      name: 'redirected',
      match: { path: { kind: 'prefix', path: '/redirected/' } },
      to: { kind: 'redirect', status: 302, to: ['/new/', REST], keepsQuery: true },
      response: { rename: [['location', 'X-Location']], add: [['Location', ['/other', { kind: 'path' }]]] },
    }
    const rest: TestRoute = { name: 'rest', to: 'plain', ...ROUTES.prefix }
    return { ...options, routes: [...routes, own, redirected, rest] }
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

/** The bytes of one request at the origin, as far as the first line that the proxy adds. */
async function bytesUpstream(request: string): Promise<string> {
  let bytes = ''
  a.play(async connection => {
    while (!bytes.includes('\r\n\r\n')) bytes += (await connection.expectBytes(1)).toString('latin1')
    await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  })
  const client = await scene.client()
  await client.send(request)
  expect((await client.readResponse()).status).toBe(200)
  a.reset()
  return bytes.slice(0, bytes.indexOf('X-Forwarded-For'))
}

describe('what the origin is asked for', () => {
  it.each([
    ['/strip/a/b?c=d', '/a/b?c=d'],
    ['/strip', '/'],
    ['/strip/', '/'],
    ['/strip?q', '/?q'],
    ['/replaced/x/y/?q=%zz', '/new/x/y/?q=%zz'],
    ['/replaced/', '/new/'],
    ['/replaced', '/new/'],
    ['/users/7%20x/orders/9', '/o/9/of/7%20x'],
    ['/regex/2024-05/x', '/2024/05/x'],
    ['/several/old/x?debug=1&a=b&lang=de', '/v2/new/x?a=b&lang=en&via=a.example'],
    ['/cleared/x?a=b', '/cleared/x'],
    ['/cleared/x?', '/cleared/x'],
    ['/other/', '/api/other/'],
    ['/plain/x?a=b&&', '/plain/x?a=b&&'],
    ['/plain/%7Ex/./y/../z?a=/../%41', '/plain/~x/z?a=/../%41'],
    ['/x/../strip/%61', '/a'],
  ])('%s is %s', async (target, upstream) => {
    const lines = await bytesUpstream(get(target, 'X-A:  1', 'x-b: 2'))
    expect(lines).toBe(`GET ${upstream} HTTP/1.1\r\nHost: a.example\r\nX-A:  1\r\nx-b: 2\r\n`)
  })

  it.each([
    ['GET http://b.example/strip/x?y HTTP/1.1', 'GET /x?y HTTP/1.1', 'b.example'],
    ['GET http://b.example HTTP/1.1', 'GET /api/ HTTP/1.1', 'b.example'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS * HTTP/1.1', 'a.example'],
    ['OPTIONS http://b.example HTTP/1.1', 'OPTIONS * HTTP/1.1', 'b.example'],
    ['OPTIONS /strip/x HTTP/1.1', 'OPTIONS /x HTTP/1.1', 'a.example'],
  ])('%s is %s', async (line, upstream, host) => {
    const lines = await bytesUpstream(head(line, 'Host: a.example'))
    expect(lines).toBe(`${upstream}\r\nHost: ${host}\r\n`)
  })

  it('is the same with HTTP/1.0 and without Host, which is then the one of the endpoint', async () => {
    const lines = await bytesUpstream(head('GET /strip/x HTTP/1.0'))
    const { port } = a.address as { port: number }
    expect(lines).toBe(`GET /x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`)
  })

  it('has the content behind it that the client sends, whole, chunked, or none', async () => {
    const client = await scene.client()
    const chunked = head('PUT /strip/chunked HTTP/1.1', 'Host: a.example', 'Transfer-Encoding: chunked', 'TE: trailers')
    await client.send(post('/strip/whole', 'abc'))
    await client.readResponse()
    await client.send(chunked + chunk('abc') + chunk('def') + lastChunk('X-Sum: 6'))
    await client.readResponse()
    await client.send(head('HEAD /strip/none HTTP/1.1', 'Host: a.example'))
    await client.readResponse({ method: 'HEAD' })
    expect(a.requests.map(({ method, target, content }) => `${method} ${target} ${content}`)).toEqual([
      'POST /whole abc',
      'PUT /chunked abcdef',
      'HEAD /none ',
    ])
  })

  it('is told apart where several requests are on one connection', async () => {
    const client = await scene.client()
    const names = ['strip', 'replaced', 'several', 'plain', 'strip']
    await client.send(names.map((name, index) => get(`/${name}/${index}`)).join(''))
    for (const _ of names) expect((await client.readResponse()).status).toBe(200)
    expect(a.requests.map(({ target }) => target)).toEqual([
      '/0',
      '/new/1',
      '/v2/2?lang=en&via=a.example',
      '/plain/3',
      '/4',
    ])
  })

  it('says what host the client asked for, whatever Host says', async () => {
    await scene.get('/tenant/x', 'X-Tenant: acme')
    const [{ fields, target }] = a.requests as [(typeof a.requests)[number]]
    expect(target).toBe('/tenant/x')
    expect(fields[0]).toEqual(['Host', 'acme.internal:81'])
    expect(valuesOf(fields, 'host')).toHaveLength(1)
    expect(valuesOf(fields, 'x-forwarded-host')).toEqual(['a.example'])
  })

  it('has the Host of the endpoint where what comes out is none', async () => {
    await scene.get('/tenant/x', 'X-Tenant: a/b')
    const { port } = a.address as { port: number }
    expect(valuesOf(a.requests[0]!.fields, 'host')).toEqual([`127.0.0.1:${port}`])
  })
})

describe('a path that would climb', () => {
  it('is refused with 400, and the connection goes on', async () => {
    const client = await scene.client()
    // A `%` in a header is text, so that the last one goes on.
    for (const file of ['../secret', '..', 'a/./b', 'a\\..\\b', '..%2f']) {
      await client.send(get('/climbs/x', `X-File: ${file}`))
      expect((await client.readResponse()).status, file).toBe(file === '..%2f' ? 200 : 400)
    }
    const records = await scene.records(5)
    expect(records.map(({ error }) => error)).toEqual([...Array(4).fill('request_path'), ''])
    expect(a.requests.map(({ target }) => target)).toEqual(['/files/..%252f'])
  })
})

describe('the access record', () => {
  it('has what the client asked for', async () => {
    await scene.get('/x/../strip/y?z')
    const [record] = await scene.records(1)
    expect(record).toMatchObject({ target: '/x/../strip/y?z', host: 'a.example', route: 'strip' })
  })
})

describe('another try', () => {
  const close = (connection: ScriptedConnection) => connection.close()

  it('asks the next endpoint for the same, with the Host of that one', async () => {
    a.playEach(close)
    const response = await scene.get('/upstreamed/x?y')
    expect(response.content.toString()).toBe('b')
    const { port } = b.address as { port: number }
    expect(b.requests[0]!.target).toBe('/x?y')
    expect(b.requests[0]!.fields[0]).toEqual(['Host', `127.0.0.1:${port}`])
    expect(valuesOf(b.requests[0]!.fields, 'host')).toHaveLength(1)
  })

  it('beside a slow one asks for the same, too', async () => {
    a.playEach(() => undefined)
    const response = await scene.get('/hedged/x?y')
    expect(response.content.toString()).toBe('b')
    expect([...a.requests, ...b.requests].map(({ target }) => target)).toEqual(['/x?y', '/x?y'])
    const { port } = b.address as { port: number }
    expect(valuesOf(b.requests[0]!.fields, 'host')).toEqual([`127.0.0.1:${port}`])
  })

  it('has the same fields, and its response says who answered', async () => {
    a.playEach(close)
    const response = await scene.get('/edited/x', 'X-Old: 1', 'X-Gone: 2', 'X-Trace: t')
    const { fields, target } = b.requests[0]!
    expect(target).toBe('/x')
    expect(valuesOf(fields, 'x-new')).toEqual(['1'])
    expect(valuesOf(fields, 'x-gone')).toEqual([])
    expect(valuesOf(fields, 'x-client')).toEqual(['127.0.0.1 by GET /edited/x'])
    expect(valuesOf(fields, 'x-trace')).toEqual(['t', valuesOf(fields, 'x-request-id').join()])
    expect(valuesOf(response.fields, 'x-answer')).toEqual(['200 edited b'])
    expect(valuesOf(response.fields, 'x-trace')).toEqual(['t'])
  })
})

describe('fields of responses', () => {
  it('are changed whatever the status, and have values of the request that is long gone', async () => {
    a.playEach(async (connection, { target }) => {
      const status = target === '/late' ? '503 No' : '404 None'
      const content = 'x'.repeat(10)
      await connection.send(
        `HTTP/1.1 ${status}\r\nServer: s\r\nX-Answer: theirs\r\nContent-Length: 10\r\n\r\n${content}`,
      )
    })
    const client = await scene.client()
    await client.send(get('/edited/late', 'X-Trace: one') + get('/edited/x', 'X-Trace: two'))
    const responses = [await client.readResponse(), await client.readResponse()]
    expect(responses.map(({ fields }) => fields)).toEqual([
      [
        ['X-Server', 's'],
        ['Content-Length', '10'],
        ['X-Answer', '503 edited a'],
        ['X-Trace', 'one'],
      ],
      [
        ['X-Server', 's'],
        ['Content-Length', '10'],
        ['X-Answer', '404 edited a'],
        ['X-Trace', 'two'],
      ],
    ])
  })

  it('add nothing that is empty, to a response without content either', async () => {
    const client = await scene.client()
    await client.send(head('HEAD /edited/x HTTP/1.1', 'Host: a.example'))
    const { fields } = await client.readResponse({ method: 'HEAD' })
    expect(fields).toEqual([
      ['Content-Length', '1'],
      ['X-Answer', '200 edited a'],
    ])
  })

  it('are changed in answers of our own', async () => {
    const { fields, status } = await scene.get('/own/x/%7e')
    expect(status).toBe(418)
    expect(fields.filter(([name]) => /^x-|server/i.test(name))).toEqual([
      ['X-Server', 'own'],
      ['X-Path', '/own/x/~ 418'],
    ])
  })

  it('are changed in redirects', async () => {
    const { fields, status } = await scene.get('/redirected/a?b')
    expect(status).toBe(302)
    expect(fields.filter(([name]) => /location$/i.test(name))).toEqual([
      ['X-Location', '/new/a?b'],
      ['Location', '/other/redirected/a'],
    ])
  })

  it('are left alone in interim ones', async () => {
    a.play(async connection => {
      await connection.expectRequest()
      await connection.send('HTTP/1.1 103 Early Hints\r\nServer: s\r\n\r\n')
      await connection.send('HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 0\r\n\r\n')
      connection.close()
    })
    const client = await scene.client()
    await client.send(get('/edited/x'))
    const unread = await client.readUntil(
      bytes => bytes.includes('200 OK\r\n') && bytes.toString().endsWith('\r\n\r\n'),
    )
    expect(unread.toString()).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nServer: s\r\n\r\nHTTP\/1\.1 200 OK\r\nX-Server: s\r\n/,
    )
  })
})

describe('a change that would harm the framing', () => {
  it('keeps the proxy from starting', async () => {
    const request = { set: [['Content-Length', '3']] } as const
    const started = startTestProxy({ upstreams: { a: [a.address] }, routes: [{ to: 'a', request }] })
    await expect(started).rejects.toThrow('a route may not change the field Content-Length')
  })
})

describe('an upgrade', () => {
  it('is asked for and answered as the route has it', async () => {
    a.play(async connection => {
      const { target, fields } = await connection.expectHead()
      expect(target).toBe('/socket')
      expect(valuesOf(fields, 'x-new')).toEqual(['1'])
      expect(valuesOf(fields, 'upgrade')).toEqual(['foo'])
      await connection.send(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\nServer: s\r\n\r\nhello',
      )
    })
    const client = await scene.client()
    await client.send(get('/edited/socket', 'Connection: Upgrade', 'Upgrade: foo', 'X-Old: 1', 'X-Trace: t'))
    const unread = await client.readUntil(bytes => bytes.toString().endsWith('hello'))
    expect(unread.toString()).toBe(
      [
        'HTTP/1.1 101 Switching Protocols',
        'X-Server: s',
        'Connection: upgrade',
        'Upgrade: foo',
        'X-Answer: 101 edited a',
        'X-Trace: t',
        '',
        'hello',
      ].join('\r\n'),
    )
  })
})
