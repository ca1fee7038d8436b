import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Condition, RouteAction, RouteMatch } from '../../../engine/snapshot.ts'
import { pathMatch } from '../../engine/routing/path-match.ts'
import { head } from '../../support/heads.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'

const respond = (text: string) => ({ kind: 'respond', status: 200, fields: [], content: Buffer.from(text) }) as const

const exact = (text: string) => ({ kind: 'exact', text }) as const
const version = (text: string): Condition => ({ kind: 'header', name: 'x-version', test: exact(text) })
const inside: Condition = { kind: 'client_ip', blocks: ['10.0.0.0/8'] }

/** May look at no more than about 1,050 characters. */
const LARGE = { kind: 'regex', regex: 'a{490}' } as const

/** Each answers its name. */
const ROUTES: Readonly<Record<string, Partial<RouteMatch>>> = {
  rest: {},
  literal: { path: pathMatch('/v1/users/me') },
  name: { path: pathMatch('/v1/users/{id}') },
  below: { path: pathMatch('/v1/users/{id}/*') },
  php: { path: pathMatch('~\\.(?:php|asp)$') },
  host: { hosts: [{ regex: '^(?:www|m)[0-9]\\.' }] },
  wild: { hosts: ['*.wild.example'] },
  post: { path: pathMatch('/c'), conditions: [{ kind: 'method', methods: ['POST'] }] },
  second: { path: pathMatch('/c'), conditions: [version('2')] },
  both: { path: pathMatch('/c'), conditions: [{ kind: 'method', methods: ['POST'] }, version('2')] },
  query: { path: pathMatch('/c'), conditions: [{ kind: 'query', name: 'beta', test: { kind: 'present' } }] },
  cookie: {
    path: pathMatch('/c'),
    conditions: [{ kind: 'cookie', name: 'group', test: { kind: 'prefix', text: 'b ' } }],
  },
  inside: { path: pathMatch('/inside'), conditions: [inside] },
  outside: { path: pathMatch('/inside'), conditions: [{ kind: 'not', condition: inside }] },
  json: { path: pathMatch('/typed'), conditions: [{ kind: 'content_type', types: ['application/json'] }] },
  long: { path: pathMatch('/long'), conditions: [{ kind: 'header', name: 'x-long', test: LARGE }] },
  'not long': {
    path: pathMatch('/not/long'),
    conditions: [{ kind: 'not', condition: { kind: 'cookie', name: 'x', test: LARGE } }],
  },
  other: { listeners: [1], path: pathMatch('/of/the/second') },
}

const SPLIT: RouteAction = {
  kind: 'split',
  targets: [
    { upstream: 0, weight: 1, when: null },
    { upstream: 0, weight: 0, when: [{ kind: 'header', name: 'x-long', test: LARGE }] },
  ],
  by: null,
}

let origin: RecordingOrigin
let proxy: TestProxy

beforeAll(async () => {
  origin = await recordingOrigin()
  proxy = await startTestProxy({
    listeners: [{}, { trustedProxies: ['127.0.0.1'] }],
    upstreams: { origin: [origin.address] },
    routes: [
      ...Object.entries(ROUTES).map(([name, match]) => ({ name, match, to: respond(name) })),
      { match: { path: pathMatch('/split') }, to: SPLIT },
    ],
  })
})
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

/** The name of the route that takes it. */
async function routeOf(line: string, fields: readonly string[] = [], listener = 0): Promise<string> {
  using client = await rawClient(proxy.portOf(listener))
  const host = fields.some(field => field.startsWith('Host')) ? [] : ['Host: a.example']
  await client.send(head(`${line} HTTP/1.1`, ...host, ...fields))
  const { status, content } = await client.readResponse()
  expect(status).toBe(200)
  return content.toString()
}

describe('a request is taken by the route', () => {
  it.each<[string, string, string[]]>([
    ['rest', 'GET /nowhere', []],
    ['literal', 'GET /v1/users/me?x', []],
    ['name', 'GET /v1/users/you', []],
    ['below', 'GET /v1/users/you/', []],
    ['below', 'GET /v1/users/me/x', []],
    ['rest', 'GET /v1/users/', []],
    ['php', 'GET /v1/users/x.php', []],
    ['literal', 'GET /v1//x/../users/%6de', []],
    ['host', 'GET /v1/users/me', ['Host: WWW1.example:80']],
    ['wild', 'GET /v1/users/me', ['Host: a.b.wild.example']],
    ['rest', 'GET /', ['Host: wild.example']],
    ['wild', 'GET http://x.wild.example/', []],
    ['rest', 'GET /c', []],
    ['post', 'POST /c', ['Content-Length: 0']],
    ['second', 'GET /c', ['X-Version: 2']],
    ['both', 'POST /c', ['X-Version: 2', 'Content-Length: 0']],
    ['query', 'GET /c?a&b%65ta', []],
    ['cookie', 'GET /c', ['Cookie: a=1; group=b%20x']],
    ['outside', 'GET /inside', []],
    ['json', 'PUT /typed', ['Content-Type: application/json;charset=utf-8', 'Content-Length: 0']],
    ['rest', 'PUT /typed', ['Content-Length: 0']],
  ])('%s: %s %j', async (name, line, fields) => {
    expect(await routeOf(line, fields)).toBe(name)
  })

  it('of its listener, for the client that a trusted proxy tells', async () => {
    const other = 'GET /of/the/second'
    expect([await routeOf(other), await routeOf(other, [], 1)]).toEqual(['rest', 'other'])
    const forwarded = ['X-Forwarded-For: 10.1.2.3']
    expect([await routeOf('GET /inside', forwarded), await routeOf('GET /inside', forwarded, 1)]).toEqual([
      'outside',
      'inside',
    ])
  })
})

describe('a request with more in it than an expression may look at', () => {
  const long = (count: number) => 'a'.repeat(count)

  it.each<[string, string]>([
    ['/long', 'X-Long: '],
    ['/not/long', 'Cookie: x='],
    ['/split', 'X-Long: '],
  ])('is refused, whichever way it would have gone: %s', async (target, field) => {
    using client = await rawClient(proxy.port)
    await client.send(head(`GET ${target} HTTP/1.1`, 'Host: a', field + long(1_000)))
    expect((await client.readResponse()).status).toBe(200)
    await client.send(head(`GET ${target} HTTP/1.1`, 'Host: a', field + long(2_000)))
    expect((await client.readResponse()).status).toBe(431)
  })

  it('does not matter where nobody asks that expression', async () => {
    expect(await routeOf('GET /v1/users/me', [`X-Long: ${long(2_000)}`])).toBe('literal')
  })
})
