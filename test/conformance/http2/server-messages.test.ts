/** RFC 9113, section 8: requests that are malformed, and what responses have to be. */
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Fields } from '../../support/http2-fields.ts'
import {
  DATA,
  dataFrame,
  ENABLE_CONNECT_PROTOCOL,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  type Http2Peer,
  headersFrame,
  RST_STREAM,
  requestFields,
  resetFrame,
  windowFrame,
} from '../../support/http2-peer.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { waitFor } from '../../support/wait-for.ts'
import {
  CANCEL,
  connectionError,
  framesOf,
  get,
  goesOn,
  INTERNAL_ERROR,
  NO_ERROR,
  openServer,
  PROTOCOL_ERROR,
  post,
  type Rule,
  type ServerScene,
  SILENT,
  stillServes,
  streamError,
} from './server-scene.ts'

const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'

let scene: ServerScene
/** Takes every WebSocket, and sends back what comes. */
let echoing: Listening
/** Answers with these bytes and ends the connection. */
let breaking: Listening
let brokenBytes = ''

beforeAll(async () => {
  echoing = await listenOn(originOf((socket, head) => accept(socket, head)))
  breaking = await listenOn(originOf(socket => socket.end(brokenBytes)))
  scene = await openServer(undefined, {
    upstreams: { echoing: [echoing.address], breaking: [breaking.address] },
    routes: [
      { match: { path: { kind: 'exact', path: '/tunnel' } }, to: 'echoing' },
      { match: { path: { kind: 'exact', path: '/broken' } }, to: 'breaking' },
      { to: 'origin' },
    ],
  })
})
afterEach(() => scene.tidy())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await echoing.close()
  await breaking.close()
})

function originOf(serve: (socket: Socket, head: string) => void) {
  return createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    socket.once('data', head => serve(socket, String(head)))
  })
}

function accept(socket: Socket, head: string): void {
  const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1]
  const token = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.pipe(socket)
  socket.write(`${UPGRADED}Sec-WebSocket-Accept: ${token}\r\n\r\n`)
}

const PSEUDO = { method: 'GET', scheme: 'http', path: '/', authority: 'example.com' }

/** The pseudo-fields of a request: `null` leaves one out. */
function fieldsOf(changes: Partial<Record<keyof typeof PSEUDO, string | null>>, ...more: Fields): Fields {
  const fields = Object.entries({ ...PSEUDO, ...changes }).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[`:${name}`, value]],
  )
  return [...fields, ...more]
}

const having = (...more: Fields) => fieldsOf({}, ...more)

const malformed: readonly (readonly [name: string, fields: Fields])[] = [
  ['8.2.1: a name in capitals', having(['X-Name', 'x'])],
  ['8.2.1: an empty name', having(['', 'x'])],
  ...[...'\0\r\n\t \x1f\x7f\x80é'].map((character): [string, Fields] => [
    `8.2.1: a name with ${JSON.stringify(character)} in it`,
    having([`x${character}y`, 'x']),
  ]),
  ['8.2.1: a name with a colon in it', having(['x:y', 'x'])],
  ...[...'\0\r\n'].map((character): [string, Fields] => [
    `8.2.1: a value with ${JSON.stringify(character)} in it`,
    having(['x-name', `a${character}b`]),
  ]),
  ...[' a', 'a ', '\ta', 'a\t', ' '].map((value): [string, Fields] => [
    `8.2.1: the value ${JSON.stringify(value)}`,
    having(['x-name', value]),
  ]),
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map((name): [string, Fields] => [
    `8.2.2: ${name}`,
    having([name, 'x']),
  ]),
  ['8.2.2: transfer-encoding: chunked', fieldsOf({ method: 'POST' }, ['transfer-encoding', 'chunked'])],
  ['8.2.2: te other than trailers', having(['te', 'gzip'])],
  ['8.2.2: te with more than trailers', having(['te', 'trailers, gzip'])],
  ['8.3: a pseudo-field that nobody knows', having([':nobody', 'x'])],
  ['8.3: a pseudo-field without a name', having([':', 'x'])],
  ['8.3: a pseudo-field of responses', having([':status', '200'])],
  ['8.3: a pseudo-field behind a field', [...having(['x-name', 'x']), [':path', '/']]],
  [
    '8.3: a pseudo-field behind all others',
    [...fieldsOf({ authority: null }, ['x-name', 'x']), [':authority', 'a.example']],
  ],
  ['8.3: :method twice', having([':method', 'GET'])],
  ['8.3: :scheme twice', having([':scheme', 'http'])],
  ['8.3: :path twice', having([':path', '/'])],
  ['8.3: :authority twice', having([':authority', 'example.com'])],
  ['8.3.1: no :method', fieldsOf({ method: null })],
  ['8.3.1: no :scheme', fieldsOf({ scheme: null })],
  ['8.3.1: no :path', fieldsOf({ path: null })],
  ['8.3.1: an empty :method', fieldsOf({ method: '' })],
  ['8.3.1: an empty :path', fieldsOf({ path: '' })],
  ['8.3.1: an empty :scheme', fieldsOf({ scheme: '' })],
  ['8.3.1: a :path that is no path', fieldsOf({ path: 'index.html' })],
  ['8.3.1: a :path in absolute form', fieldsOf({ path: 'http://example.com/' })],
  ['8.3.1: a :path that begins with a query', fieldsOf({ path: '?x' })],
  ['8.3.1: a :path of * for GET', fieldsOf({ path: '*' })],
  ['8.3.1: a :path with a fragment', fieldsOf({ path: '/#x' })],
  ['8.3.1: a :path with a space', fieldsOf({ path: '/a b' })],
  ['8.3.1: user information in :authority', fieldsOf({ authority: 'user:secret@example.com' })],
  ['8.3.1: a path in :authority', fieldsOf({ authority: 'example.com/x' })],
  ['8.3.1: neither :authority nor host', fieldsOf({ authority: null })],
  ['8.3.1: an empty :authority', fieldsOf({ authority: '' })],
  ['8.3.1: host other than :authority', having(['host', 'other.example'])],
  ['8.3.1: host at another port', having(['host', 'example.com:8080'])],
  ['8.3.1: host at the default port of the other scheme', having(['host', 'example.com:443'])],
  ['8.3.1: host twice', fieldsOf({ authority: null }, ['host', 'a.example'], ['host', 'b.example'])],
  ['8.5: CONNECT with :path', fieldsOf({ method: 'CONNECT', scheme: null })],
  ['8.5: CONNECT with :scheme', fieldsOf({ method: 'CONNECT', path: null })],
  ['8.5: CONNECT without :authority', fieldsOf({ method: 'CONNECT', scheme: null, path: null, authority: null })],
  ['RFC 8441, 4: :protocol with another method', [[':protocol', 'websocket'], ...having()]],
  [
    'RFC 8441, 4: extended CONNECT without :path',
    [[':protocol', 'websocket'], ...fieldsOf({ method: 'CONNECT', path: null })],
  ],
  [
    'RFC 8441, 4: extended CONNECT without :scheme',
    [[':protocol', 'websocket'], ...fieldsOf({ method: 'CONNECT', scheme: null })],
  ],
  ['8.1.1: content-length that is none', having(['content-length', '+0'])],
  ['8.1.1: content-length that is a list', having(['content-length', '0, 0'])],
  ['8.1.1: content-length twice', having(['content-length', '0'], ['content-length', '0'])],
  ['8.1.1: content-length and the end of the stream', having(['content-length', '1'])],
]

const tunnelTo = (path: string, ...more: Fields): Fields => [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'example.com'],
  ['sec-websocket-version', '13'],
  ...more,
]

/** A WebSocket that is there. */
async function openTunnel(peer: Http2Peer): Promise<void> {
  await peer.send(headersFrame(1, tunnelTo('/tunnel')))
  expect((await peer.section(1)).get(':status')).toBe('200')
}

const inTunnel = (...frames: Buffer[]) => {
  return async (peer: Http2Peer) => {
    await openTunnel(peer)
    await peer.send(...frames)
  }
}

const sum: Fields = [['x-sum', '1']]

describe('8: requests', () => {
  it.each(malformed)('%s', async (name, fields) => {
    await scene.check([name, [headersFrame(1, fields, true)], streamError(PROTOCOL_ERROR)])
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/still'])
  })

  const contents: readonly Rule[] = [
    ['8.1: trailers without the end of the stream', [post(1), headersFrame(1, sum)], streamError(PROTOCOL_ERROR)],
    [
      '8.1: trailers with a pseudo-field',
      [post(1), headersFrame(1, [[':path', '/']], true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1: trailers with a pseudo-field behind others',
      [post(1), headersFrame(1, [...sum, [':status', '200']], true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.2.1: trailers with a name in capitals',
      [post(1), headersFrame(1, [['X-Sum', '1']], true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.2.1: trailers with a line end in a value',
      [post(1), headersFrame(1, [['x-sum', '1\r\nx: y']], true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.2.2: trailers with a field of a connection',
      [post(1), headersFrame(1, [['transfer-encoding', 'chunked']], true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1: a second head for the request',
      [post(1), headersFrame(1, requestFields('GET', '/'), true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1.1: more content than content-length says',
      [post(1, ['content-length', '1']), dataFrame(1, 'xy')],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1.1: more content than content-length says, in parts',
      [post(1, ['content-length', '3']), dataFrame(1, 'xy'), dataFrame(1, 'zz', true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1.1: less content than content-length says',
      [post(1, ['content-length', '3']), dataFrame(1, 'xy', true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1.1: less content than content-length says, and trailers',
      [post(1, ['content-length', '3']), dataFrame(1, 'xy'), headersFrame(1, sum, true)],
      streamError(PROTOCOL_ERROR),
    ],
    [
      '8.1.1: no content where content-length has some',
      [post(1, ['content-length', '3']), dataFrame(1, '', true)],
      streamError(PROTOCOL_ERROR),
    ],
  ]
  it.each(contents)('%s', async (...rule) => {
    await scene.check(rule)
    await scene.origin.quiet()
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/still'])
  })

  const rules: readonly Rule[] = [
    ['8.1: trailers', [post(1), dataFrame(1, 'x'), headersFrame(1, sum, true)], goesOn],
    ['8.1: trailers without a field', [post(1), dataFrame(1, 'x'), headersFrame(1, [], true)], goesOn],
    ['8.1: trailers without content', [post(1), headersFrame(1, sum, true)], goesOn],
    [
      '8.1.1: as much content as content-length says, in parts',
      [
        post(1, ['content-length', '3']),
        dataFrame(1, 'x'),
        dataFrame(1, ''),
        dataFrame(1, 'yz'),
        dataFrame(1, '', true),
      ],
      goesOn,
    ],
    ['8.2.2: te: trailers', [headersFrame(1, having(['te', 'trailers']), true)], goesOn],
    ['8.3.1: host that says the same', [headersFrame(1, having(['host', 'EXAMPLE.com']), true)], goesOn],
    [
      '8.3.1: host that says the same with the default port',
      [headersFrame(1, having(['host', 'example.com:80']), true)],
      goesOn,
    ],
    [
      '8.3.1: host that says the same with an empty port',
      [headersFrame(1, having(['host', 'example.com:']), true)],
      goesOn,
    ],
    [
      '8.3.1: host that says the same without the default port',
      [headersFrame(1, fieldsOf({ scheme: 'https', authority: 'example.com:443' }, ['host', 'example.com']), true)],
      goesOn,
    ],
    ['8.3.1: OPTIONS for *', [headersFrame(1, fieldsOf({ method: 'OPTIONS', path: '*' }), true)], goesOn],
    [
      '8.5: CONNECT',
      [headersFrame(1, fieldsOf({ method: 'CONNECT', scheme: null, path: null, authority: 'example.com:443' }), true)],
      goesOn,
    ],
    ['8.5: DATA, WINDOW_UPDATE on a stream that is a tunnel', inTunnel(dataFrame(1, 'x'), windowFrame(1, 1)), goesOn],
    ['8.5: trailers on a stream that is a tunnel', inTunnel(headersFrame(1, sum, true)), streamError(PROTOCOL_ERROR)],
    ['8.5: HEADERS on a stream that is a tunnel', inTunnel(headersFrame(1, sum)), streamError(PROTOCOL_ERROR)],
    [
      '8.5: HEADERS on a stream that may become a tunnel',
      [headersFrame(1, tunnelTo(SILENT)), headersFrame(1, sum, true)],
      streamError(PROTOCOL_ERROR),
    ],
    ['8.4: a response of the client', [headersFrame(2, [[':status', '200']], true)], connectionError(PROTOCOL_ERROR)],
  ]
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  it('8.1.1: what is malformed may be answered, but the stream is reset behind it', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, having(['te', 'gzip'])))
    expect((await peer.section(1)).get(':status')).toBe('400')
    await peer.expect(DATA, 1)
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
  })

  it('8.5: CONNECT is not for a gateway', async () => {
    const peer = await scene.client()
    await peer.send(
      headersFrame(1, [
        [':method', 'CONNECT'],
        [':authority', 'example.com:443'],
      ]),
    )
    expect((await peer.message(1)).head.get(':status')).toBe('501')
    expect(await peer.resetOf(1)).toBe(NO_ERROR)
    expect(scene.origin.requests).toEqual([])
  })

  it('RFC 8441, 3 and 5: extended CONNECT is announced, and carries bytes both ways until both have ended', async () => {
    const peer = await scene.client()
    await openTunnel(peer)
    expect(peer.settings.get(ENABLE_CONNECT_PROTOCOL)).toBe(1)
    await peer.send(dataFrame(1, 'there'))
    expect((await peer.expect(DATA, 1)).payload.toString()).toBe('there')
    await peer.send(dataFrame(1, ' and back', true))
    expect((await peer.expect(DATA, 1)).payload.toString()).toBe(' and back')
    await peer.next(({ type, flags, stream }) => type === DATA && stream === 1 && (flags & END_STREAM) !== 0)
    await stillServes(peer)
    expect(framesOf(peer, 1).filter(([type]) => type === RST_STREAM)).toEqual([])
  })

  it('RFC 8441, 5: extended CONNECT whose client has nothing to say is half a tunnel', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, tunnelTo('/tunnel'), true))
    expect((await peer.section(1)).get(':status')).toBe('200')
    await peer.next(({ type, flags, stream }) => type === DATA && stream === 1 && (flags & END_STREAM) !== 0)
    await stillServes(peer)
    expect(framesOf(peer, 1).filter(([type]) => type === RST_STREAM)).toEqual([])
  })

  it('RFC 8441, 5: RST_STREAM of the client ends what it has asked for', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, tunnelTo(SILENT)), dataFrame(1, 'x'))
    await scene.origin.requestsReach(1)
    const [connection] = scene.origin.connections.filter(({ requests }) => requests.at(-1)?.target === SILENT)
    await peer.send(resetFrame(1, CANCEL))
    await stillServes(peer)
    await waitFor(() => connection?.open === false)
  })

  it('RFC 8441, 4: a :protocol that is not known is answered', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, [[':protocol', 'connect-udp'], ...fieldsOf({ method: 'CONNECT' })]))
    expect((await peer.message(1)).head.get(':status')).toBe('501')
  })
})

/** A response as the client has it. */
async function responseTo(answer: string, method = 'GET') {
  const peer = await scene.client()
  scene.answer = () => answer
  await peer.send(headersFrame(1, requestFields(method, '/'), true))
  return { peer, ...(await peer.message(1)) }
}

describe('8: responses', () => {
  it('8.2: names are in lower case, and values without whitespace around them', async () => {
    const { head } = await responseTo('HTTP/1.1 200 OK\r\nX-NAME:  \t a b \t \r\nX-EMPTY:\r\nContent-Length: 0\r\n\r\n')
    expect(head.get('x-name')).toBe('a b')
    expect(head.get('x-empty')).toBe('')
    for (const [name] of head.fields) expect(name).toBe(name.toLowerCase())
  })

  it('8.2.2: what belongs to the connection of the origin stays behind, nominated fields as well', async () => {
    const { head } = await responseTo(
      [
        'HTTP/1.1 200 OK',
        'Connection: keep-alive, X-Hop',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'Upgrade: h2c',
        'X-Hop: 1',
        'TE: trailers',
        'Transfer-Encoding: chunked',
        '',
        '1\r\nx\r\n0\r\n\r\n',
      ].join('\r\n'),
    )
    const hop = ['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'x-hop', 'te', 'transfer-encoding']
    for (const name of hop) expect(head.get(name)).toBeUndefined()
  })

  it('8.3.2: :status stands first, and no other pseudo-field anywhere', async () => {
    const { head, trailers } = await responseTo(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\nConnection: x\r\n\r\n',
    )
    expect(head.fields[0]).toEqual([':status', '200'])
    expect(head.fields.filter(([name]) => name.startsWith(':')).length).toBe(1)
    expect(trailers?.fields).toEqual([['x-sum', '1']])
    expect(trailers?.endStream).toBe(true)
  })

  it.each(['HEAD', 'GET'])('8.1: the response to %s ends with END_STREAM', async method => {
    const content = method === 'HEAD' ? '' : 'abc'
    const { peer } = await responseTo(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${content}`, method)
    const frames = framesOf(peer, 1)
    const expected = [[HEADERS, END_HEADERS | END_STREAM]]
    expect(frames).toEqual(
      method === 'HEAD'
        ? expected
        : [
            [HEADERS, END_HEADERS],
            [DATA, END_STREAM],
          ],
    )
  })

  it.each([204, 304])('8.1: %d has no content', async status => {
    const { peer, content } = await responseTo(`HTTP/1.1 ${status} Whatever\r\nETag: "x"\r\n\r\n`)
    expect(content.length).toBe(0)
    expect(framesOf(peer, 1)).toEqual([[HEADERS, END_HEADERS | END_STREAM]])
  })

  it('8.1: interim responses come before the final one, without END_STREAM', async () => {
    const { interim } = await responseTo(
      'HTTP/1.1 103 Early Hints\r\nLink: a\r\nConnection: x\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    )
    expect(interim.map(({ fields }) => fields)).toEqual([
      [
        [':status', '103'],
        ['link', 'a'],
      ],
      [
        [':status', '103'],
        ['link', 'b'],
      ],
    ])
    expect(interim.some(({ endStream }) => endStream)).toBe(false)
  })

  it('8.6: 101 of an origin is never passed on', async () => {
    const { head } = await responseTo(`${UPGRADED}\r\n`)
    expect(head.get(':status')).toBe('502')
  })

  it('8.1: a response that is whole before its request is followed by RST_STREAM with NO_ERROR', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, requestFields('BREW', '/')), dataFrame(1, 'half'))
    expect((await peer.message(1)).head.get(':status')).toBe('501')
    expect(await peer.resetOf(1)).toBe(NO_ERROR)
    await peer.send(dataFrame(1, 'the rest', true))
    await stillServes(peer)
  })

  const odd: readonly [name: string, head: string][] = [
    ['a pseudo-field', ':status: 500\r\n'],
    ['a pseudo-field that nobody knows', ':x: 1\r\n'],
    ['NUL in a value', 'X-Name: a\0b\r\n'],
    ['CR in a value', 'X-Name: a\rb\r\n'],
    ['a space in a name', 'X Name: a\r\n'],
    ['a folded value', 'X-Name: a\r\n b\r\n'],
    ['an empty name', ': a\r\n'],
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2\r\n'],
    ['a length beside chunks', 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n'],
  ]
  it.each(odd)('8.2.1, 8.3: a response of an origin with %s is not passed on', async (_name, line) => {
    const content = line.startsWith('Transfer') ? '3\r\nabc\r\n0\r\n\r\n' : 'abc'
    brokenBytes = `HTTP/1.1 200 OK\r\n${line}\r\n${content}`
    const peer = await scene.client()
    await peer.send(get(1, '/broken'))
    const { head } = await peer.message(1)
    expect(head.get(':status')).toBe('502')
    expect(head.fields.filter(([name]) => name.startsWith(':')).length).toBe(1)
  })

  it.each([':status: 500', 'x name: 1', 'x: a\0b'])(
    '8.1: trailers of an origin with %j are not passed on',
    async line => {
      brokenBytes = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${line}\r\n\r\n`
      const peer = await scene.client()
      await peer.send(get(1, '/broken'))
      expect((await peer.section(1)).get(':status')).toBe('200')
      expect(await peer.resetOf(1)).toBe(INTERNAL_ERROR)
    },
  )

  const broken: readonly [name: string, bytes: string][] = [
    ['less content than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n'],
    ['a content that does not end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ]
  it.each(broken)('8.1.1: a response of an origin with %s is not passed on as whole', async (_name, bytes) => {
    brokenBytes = bytes
    const peer = await scene.client()
    await peer.send(get(1, '/broken'))
    expect((await peer.section(1)).get(':status')).toBe('200')
    expect(await peer.resetOf(1)).toBe(INTERNAL_ERROR)
    expect(framesOf(peer, 1).filter(([type, flags]) => type === DATA && (flags & END_STREAM) !== 0)).toEqual([])
    await stillServes(peer)
  })

  it('8.7: what was refused or is over leaves nothing half done at the origin', async () => {
    const peer = await scene.client()
    await peer.send(post(1, ['content-length', '9']), dataFrame(1, 'half'), resetFrame(1, CANCEL), frame(0xfe, 0, 1))
    await stillServes(peer)
    await scene.origin.quiet()
    expect(scene.origin.requests.map(({ target }) => target)).toEqual(['/still'])
  })
})
