/**
 * What an origin of HTTP/1.1 gets of odd requests over HTTP/2. It reads them with the strict parser: whatever somebody else could
 * read in another way is refused there, and fails the test.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../support/bytes.ts'
import type { Fields } from '../../support/http2-fields.ts'
import {
  DATA,
  dataFrame,
  END_STREAM,
  frame,
  headersFrame,
  PADDED,
  RST_STREAM,
  requestFields,
} from '../../support/http2-peer.ts'
import type { RecordedRequest } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { openServer, PROTOCOL_ERROR, type ServerScene, stillServes } from './server-scene.ts'

let scene: ServerScene
beforeAll(async () => {
  scene = await openServer(undefined, {
    routes: [
      {
        match: { path: { kind: 'exact', path: '/static' } },
        to: { kind: 'respond', status: 200, fields: [], content: Buffer.from('static') },
      },
      { to: 'origin' },
    ],
  })
})
afterEach(() => scene.tidy())
afterAll(() => scene[Symbol.asyncDispose]())

/** A request of HTTP/1.1 within content: nobody may take it for one. */
const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: evil.example\r\n\r\n'

/** What the origin has to find. */
interface Found {
  readonly line?: string
  readonly host?: string
  readonly content?: string
  readonly trailers?: readonly (readonly [string, string])[]
  /** All values of these names; none for a name that must not be there. */
  readonly fields?: Readonly<Record<string, readonly string[]>>
}

type Case = readonly [name: string, frames: readonly Bytes[], found: Found]

const EVERYWHERE = ['connection', 'upgrade', 'keep-alive', 'proxy-connection', 'http2-settings', 'te', 'cookie']

function hold(request: RecordedRequest, { line = 'GET /', host = 'example.com', content = '', ...found }: Found): void {
  expect(`${request.method} ${request.target}`).toBe(line)
  expect(valuesOf(request.fields, 'host')).toEqual([host])
  expect(request.content.toString('latin1')).toBe(content)
  expect(request.trailers).toEqual(found.trailers ?? [])
  expect(request.fields.filter(([name]) => name.startsWith(':'))).toEqual([])
  const none = Object.fromEntries(EVERYWHERE.map(name => [name, []]))
  for (const [name, values] of Object.entries({ ...none, ...found.fields })) {
    expect([name, valuesOf(request.fields, name)]).toEqual([name, values])
  }
}

const whole = (fields: Fields) => [headersFrame(1, fields, true)]
const having = (...more: Fields) => whole(requestFields('GET', '/', ...more))
const at = (path: string, method = 'GET') => whole(requestFields(method, path))
const fieldsOf = (authority: string | null, ...more: Fields): Fields => [
  ...requestFields('GET', '/').filter(([name]) => name !== ':authority'),
  ...(authority === null ? [] : [[':authority', authority] as const]),
  ...more,
]
const post = (...more: Fields) => headersFrame(1, requestFields('POST', '/', ...more))
const NOTHING: readonly string[] = []
const sizedAsNone = { 'transfer-encoding': NOTHING, 'content-length': NOTHING }
const chunked = { 'transfer-encoding': ['chunked'], 'content-length': NOTHING }
const sized = (length: number) => ({ 'transfer-encoding': NOTHING, 'content-length': [`${length}`] })

const cases: readonly Case[] = [
  // Heads.
  [
    '8.2.3: crumbs of a cookie are one line',
    having(['cookie', 'a=1'], ['x-name', 'x'], ['cookie', 'b=2'], ['cookie', 'c=3; d=4']),
    { fields: { cookie: ['a=1; b=2; c=3; d=4'], 'x-name': ['x'] } },
  ],
  [
    '8.2.2: te is not for the origin of the next connection',
    having(['te', 'trailers']),
    { fields: { te: ['trailers'], connection: ['TE'] } },
  ],
  ['8.2.2: HTTP2-Settings stay behind', having(['http2-settings', 'AAMAAABkAAQAAP__']), {}],
  ['8.3.1: :authority is Host', whole(fieldsOf('Other.Example:8080')), { host: 'Other.Example:8080' }],
  ['8.3.1: :authority counts, not the Host beside it', whole(fieldsOf('example.com', ['host', 'EXAMPLE.COM:80'])), {}],
  [
    '8.3.1: Host counts where there is no :authority',
    whole(fieldsOf(null, ['host', 'a.example'])),
    { host: 'a.example' },
  ],
  [
    '8.3.1: Host counts where there is no :authority, wherever it stands',
    whole(fieldsOf(null, ['x-name', 'x'], ['host', 'a.example'])),
    { host: 'a.example', fields: { 'x-name': ['x'] } },
  ],
  ['8.3.1: a literal address', whole(fieldsOf('[::1]:80')), { host: '[::1]:80' }],
  [
    '8.3.1: :scheme says nothing of the connection',
    whole([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      [':authority', 'example.com'],
    ]),
    { fields: { 'x-forwarded-proto': ['http'] } },
  ],
  ['8.3.1: OPTIONS for *', at('*', 'OPTIONS'), { line: 'OPTIONS *' }],
  [
    '8.3.1: what is encoded in a path stays so',
    at('/a%20b%2Fc%0d%0aX:%20y?q=%0d%0a&r=/../'),
    { line: 'GET /a%20b%2Fc%0D%0AX:%20y?q=%0d%0a&r=/../' },
  ],
  ['8.3.1: dots in a path', at('/a/../b/./%2e%2e/c'), { line: 'GET /c' }],
  ['8.3.1: a path with two slashes is no authority', at('//evil.example/x'), { line: 'GET /evil.example/x' }],
  ['8.3.1: a path with a scheme in it', at('/http://evil.example/'), { line: 'GET /http:/evil.example/' }],
  ['8.3: HEAD', at('/', 'HEAD'), { line: 'HEAD /' }],
  [
    '8.2.1: octets beyond ASCII, tabs and empty values',
    having(['x-name', 'caf\xe9\ta'], ['x-empty', '']),
    { fields: { 'x-name': ['caf\xe9\ta'], 'x-empty': [''] } },
  ],
  [
    '8.2: what says who the client is comes from the proxy',
    having(
      ['x-forwarded-for', '6.6.6.6'],
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-host', 'evil.example'],
      ['forwarded', 'for=6.6.6.6'],
    ),
    {
      fields: {
        'x-forwarded-for': ['127.0.0.1'],
        'x-forwarded-proto': ['http'],
        'x-forwarded-host': ['example.com'],
        forwarded: [],
      },
    },
  ],
  ['8.2: Via names the version', having(), { fields: { via: ['2 sluice'] } }],

  // Content.
  ['8.1.1: no content, and no length', at('/'), { fields: sizedAsNone }],
  ['8.1.1: POST without content', at('/', 'POST'), { line: 'POST /', fields: sized(0) }],
  [
    '8.1.1: POST with a length of 0',
    whole(requestFields('POST', '/', ['content-length', '0'])),
    { line: 'POST /', fields: sized(0) },
  ],
  [
    '8.1.1: POST whose content turns out to be empty',
    [post(), dataFrame(1, '', true)],
    { line: 'POST /', fields: chunked },
  ],
  [
    '8.1.1: content with a length',
    [post(['content-length', '5']), dataFrame(1, 'ab'), dataFrame(1, ''), dataFrame(1, 'cde', true)],
    { line: 'POST /', content: 'abcde', fields: sized(5) },
  ],
  [
    '8.1.1: content with a length, and the end behind it',
    [post(['content-length', '2']), dataFrame(1, 'ab'), dataFrame(1, '', true)],
    { line: 'POST /', content: 'ab', fields: sized(2) },
  ],
  [
    '8.1.1: a length with zeros before it',
    [post(['content-length', '0002']), dataFrame(1, 'ab', true)],
    { line: 'POST /', content: 'ab' },
  ],
  [
    '8.1: content without a length',
    [post(), dataFrame(1, 'ab'), dataFrame(1, ''), dataFrame(1, 'cde', true)],
    { line: 'POST /', content: 'abcde', fields: chunked },
  ],
  [
    '8.1: content of GET that looks like a request',
    [headersFrame(1, requestFields('GET', '/')), dataFrame(1, SMUGGLED, true)],
    { content: SMUGGLED, fields: chunked },
  ],
  [
    '8.1: content of HEAD that looks like a request',
    [headersFrame(1, requestFields('HEAD', '/')), dataFrame(1, SMUGGLED, true)],
    { line: 'HEAD /', content: SMUGGLED, fields: chunked },
  ],
  [
    '8.1: content that looks like the last chunk and a request',
    [post(), dataFrame(1, `0\r\n\r\n${SMUGGLED}`, true)],
    { line: 'POST /', content: `0\r\n\r\n${SMUGGLED}`, fields: chunked },
  ],
  [
    '6.1: padding is no content',
    [
      post(),
      frame(
        DATA,
        PADDED | END_STREAM,
        1,
        Buffer.concat([Buffer.of(40), Buffer.from('abc'), Buffer.from(SMUGGLED.slice(0, 40))]),
      ),
    ],
    { line: 'POST /', content: 'abc', fields: chunked },
  ],
  [
    '6.1: padding alone is no content',
    [
      post(['content-length', '0']),
      frame(DATA, PADDED | END_STREAM, 1, Buffer.concat([Buffer.of(40), Buffer.from(SMUGGLED.slice(0, 40))])),
    ],
    { line: 'POST /', fields: sized(0) },
  ],

  // Trailers.
  [
    '8.1: trailers',
    [post(), dataFrame(1, 'x'), headersFrame(1, [['x-sum', '1']], true)],
    { line: 'POST /', content: 'x', trailers: [['x-sum', '1']], fields: chunked },
  ],
  [
    '8.1: trailers without content',
    [post(), headersFrame(1, [['x-sum', '1']], true)],
    { line: 'POST /', trailers: [['x-sum', '1']], fields: chunked },
  ],
  [
    '8.1: trailers behind content with a length are left out',
    [post(['content-length', '1']), dataFrame(1, 'x'), headersFrame(1, [['x-sum', '1']], true)],
    { line: 'POST /', content: 'x', fields: sized(1) },
  ],
  [
    '8.1: trailers that would frame, route or authenticate',
    [
      post(),
      headersFrame(
        1,
        [
          ['content-length', '9'],
          ['host', 'evil.example'],
          ['authorization', 'x'],
          ['te', 'trailers'],
          ['cookie', 'a'],
          ['x-forwarded-for', '6.6.6.6'],
          ['x-sum', '1'],
        ],
        true,
      ),
    ],
    { line: 'POST /', trailers: [['x-sum', '1']], fields: chunked },
  ],
]

describe('8: what the origin gets', () => {
  it.each(cases)('%s', async (_name, frames, found) => {
    const peer = await scene.client()
    await peer.send(...frames)
    expect((await peer.message(1)).head.get(':status')).toBe('200')
    await stillServes(peer)
    expect(scene.origin.requests.length).toBe(2)
    hold(scene.origin.requests[0] as RecordedRequest, found)
  })

  const smuggled: readonly (readonly [what: string, fields: Fields])[] = [
    [
      'in :method',
      [[':method', 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\nGET'], ...requestFields('GET', '/').slice(1)],
    ],
    ['in :method, on one line', [[':method', 'GET /admin HTTP/1.1'], ...requestFields('GET', '/').slice(1)]],
    ['in :path', requestFields('GET', '/ HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /')],
    ['in :path, with a line end alone', requestFields('GET', '/\nHost: evil.example')],
    ['in :path, on one line', requestFields('GET', '/ HTTP/1.1')],
    ['in :path, with a tab', requestFields('GET', '/\tHTTP/1.1')],
    ['in :path, with an octet beyond ASCII', requestFields('GET', '/\x85x')],
    ['in :authority', fieldsOf('example.com\r\nX-Evil: 1')],
    ['in :authority, with a comma', fieldsOf('example.com,evil.example')],
    ['in :authority, with a fragment', fieldsOf('evil.example#example.com')],
    ['in :authority, with a backslash', fieldsOf('evil.example\\example.com')],
    [
      'in :scheme',
      [
        [':method', 'GET'],
        [':scheme', 'http://evil.example/?'],
        [':path', '/'],
        [':authority', 'example.com'],
      ],
    ],
    ['in host', fieldsOf(null, ['host', 'example.com\r\nX-Evil: 1'])],
    ['in a name', requestFields('GET', '/', ['x-name: y\r\nx-evil', '1'])],
    ['in a name, with a colon', requestFields('GET', '/', ['transfer-encoding: chunked', ''])],
    ['in a value', requestFields('GET', '/', ['x-name', `y\r\n\r\n${SMUGGLED}`])],
    ['in a value, with CR alone', requestFields('GET', '/', ['x-name', 'y\rx-evil: 1'])],
    ['in a cookie', requestFields('GET', '/', ['cookie', 'a=1'], ['cookie', 'b=2\r\nx-evil: 1'])],
    ['in content-length', requestFields('POST', '/', ['content-length', '0\r\ntransfer-encoding: chunked'])],
    ['in :protocol', [[':protocol', 'websocket\r\nx-evil: 1'], ...requestFields('CONNECT', '/')]],
  ]
  it.each(smuggled)('8.2.1: words of HTTP/1.1 %s never come there', async (_what, fields) => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, fields, true))
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
    await stillServes(peer)
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/still'])
    expect(JSON.stringify(scene.origin.requests)).not.toContain('evil')
  })

  it.each([
    ['that is cut by RST_STREAM', frame(RST_STREAM, 0, 1, Buffer.of(0, 0, 0, 8))],
    ['with malformed trailers', headersFrame(1, [[':path', '/admin']], true)],
    ['with more content than it says', dataFrame(1, SMUGGLED)],
  ])('8.1.1: a request %s is not finished for its client', async (_what, bytes) => {
    const peer = await scene.client()
    await peer.send(post(['content-length', '9']), dataFrame(1, 'half'))
    await peer.settled()
    await peer.send(bytes)
    await stillServes(peer)
    await scene.origin.quiet()
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/still'])
  })

  const tunnelFields: Fields = [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', 'https'],
    [':path', '/chat?x=1'],
    [':authority', 'example.com'],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'Y2hvc2VuIGJ5IGEgY2xpZW50'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ]

  it('RFC 8441, 5: extended CONNECT is a handshake with a key of the proxy', async () => {
    const peer = await scene.client()
    scene.answer = () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'
    await peer.send(headersFrame(1, tunnelFields))
    expect((await peer.section(1)).get(':status')).toBe('403')
    const [request] = scene.origin.requests
    if (request === undefined) throw new Error('nothing came')
    const fields = { connection: ['upgrade'], upgrade: ['websocket'], cookie: ['a=1; b=2'], ...sizedAsNone }
    hold(request, { line: 'GET /chat?x=1', fields })
    const [key = ''] = valuesOf(request.fields, 'sec-websocket-key')
    expect(Buffer.from(key, 'base64').length).toBe(16)
    expect(key).not.toBe('Y2hvc2VuIGJ5IGEgY2xpZW50')
  })

  it.each([
    ['without Sec-WebSocket-Accept', ''],
    ['with that of another key', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'],
  ])('RFC 8441, 5: 101 %s is no tunnel', async (_what, line) => {
    const peer = await scene.client()
    const words = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${line}\r\n`
    scene.answer = ({ target }) => (target === '/still' ? plain('GET /still') : words)
    await peer.send(headersFrame(1, tunnelFields), dataFrame(1, SMUGGLED))
    expect((await peer.section(1)).get(':status')).toBe('502')
    await stillServes(peer)
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/chat?x=1', '/still'])
  })

  it('RFC 8441, 5: an answer of a route is no tunnel', async () => {
    const peer = await scene.client()
    const fields = tunnelFields.map(([name, value]): [string, string] => [name, name === ':path' ? '/static' : value])
    await peer.send(headersFrame(1, fields), dataFrame(1, SMUGGLED, true))
    expect((await peer.section(1)).get(':status')).toBe('501')
    await stillServes(peer)
  })

  it.each([
    ['refuses', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', '403'],
    ['does not understand', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno', '502'],
  ])('RFC 8441, 5: content for a tunnel that the origin %s never comes there', async (_what, answer, status) => {
    const peer = await scene.client()
    scene.answer = ({ target }) => (target === '/still' ? plain('GET /still') : answer)
    await peer.send(headersFrame(1, tunnelFields), dataFrame(1, SMUGGLED))
    expect((await peer.section(1)).get(':status')).toBe(status)
    await peer.send(dataFrame(1, SMUGGLED, true))
    await stillServes(peer)
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/chat?x=1', '/still'])
  })
})

function plain(content: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`
}
