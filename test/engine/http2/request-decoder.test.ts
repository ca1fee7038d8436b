import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ASTERISK_FORM,
  CHUNKED_CONTENT,
  LENGTH_CONTENT,
  NO_CONTENT,
  readRequest,
  request,
} from '../../../engine/http/request-facts.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { COOKIES_MAX } from '../../../engine/http2/request-decoder.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { feed } from '../http1/feed.ts'
import {
  type HeadText,
  openHpack,
  type ReadRequest,
  type RequestOptions,
  readRequestBlock,
  readRequestLines,
  textOf,
} from './decoded-head.ts'
import { block, indexed, indexing, type Line, latin, literal } from './wire.ts'

const GET: readonly Line[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.example'],
  [':path', '/'],
]

/** The pseudo-fields of GET, some of them other or left out, and these fields. */
function get(pseudo: Readonly<Record<string, string | null>> = {}, ...fields: Line[]): Line[] {
  const own = GET.flatMap(([name, value]): Line[] => {
    const other = pseudo[name]
    return other === null ? [] : [[name, other ?? value]]
  })
  const more = Object.entries(pseudo).flatMap(([name, value]): Line[] =>
    value === null || GET.some(([known]) => known === name) ? [] : [[name, value]],
  )
  return [...own, ...more, ...fields]
}

function accepted(lines: readonly Line[], options: RequestOptions = {}): ReadRequest & { readonly head: HeadText } {
  const found = readRequestLines(lines, options)
  expect(found.reason).toBe('')
  return found as ReadRequest & { readonly head: HeadText }
}

describe('a request', () => {
  it('becomes the words of HTTP/1.1, with spans, identifiers and facts', () => {
    const { head, facts, host, contentLength, priority, webSocket } = accepted(
      get({ ':path': '/a/b?c=d' }, ['user-agent', 'curl/8'], ['accept', '*/*'], ['x-empty', '']),
    )
    expect(head.words).toBe(
      'GET /a/b?c=d HTTP/1.1\r\nhost: a.example\r\nuser-agent: curl/8\r\naccept: */*\r\nx-empty: \r\n\r\n',
    )
    expect(head.target).toBe('/a/b?c=d')
    expect(host).toBe('a.example')
    expect(facts).toMatchObject({
      method: 1,
      methodStart: 0,
      versionMajor: 2,
      versionMinor: 1,
      framing: NO_CONTENT,
      keepAlive: true,
      idempotent: true,
      upgrade: false,
      expectContinue: false,
      acceptsTrailers: false,
      nominated: null,
    })
    expect({ contentLength, priority, webSocket }).toEqual({ contentLength: -1, priority: -1, webSocket: false })
  })

  it('takes its pseudo-fields in any order', () => {
    const lines = get({ ':path': '/x' })
    const words = accepted(lines).head.words
    for (const order of [
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ]) {
      expect(accepted(order.map(index => lines[index]!)).head.words).toBe(words)
    }
  })

  it.each([
    ['GET', 1, true],
    ['HEAD', 2, true],
    ['POST', 3, false],
    ['PUT', 4, true],
    ['DELETE', 0, true],
    ['OPTIONS', 6, true],
    ['PATCH', 28, false],
    ['PROPFIND', 12, false],
    ['M-SEARCH', 24, false],
    ['QUERY', 46, false],
  ])('of method %s has the number %i', (method, number, idempotent) => {
    const { head, facts } = accepted(get({ ':method': method }))
    expect(facts).toMatchObject({ method: number, idempotent })
    expect(head.words.startsWith(`${method} / HTTP/1.1\r\n`)).toBe(true)
  })

  it('of OPTIONS may be for the whole server', () => {
    const { head, facts } = accepted(get({ ':method': 'OPTIONS', ':path': '*' }))
    expect(facts.form).toBe(ASTERISK_FORM)
    expect(head.words.startsWith('OPTIONS * HTTP/1.1\r\n')).toBe(true)
  })

  it('tells its priority, and passes the field on', () => {
    const { priority, head } = accepted(get({}, ['priority', 'u=1, i']))
    expect(priority).toBe(1 | 8)
    expect(head.lines).toContainEqual(['priority', 'u=1, i'])
  })

  it('takes te: trailers and an expectation as they are meant', () => {
    const { facts, head } = accepted(get({ ':method': 'POST' }, ['te', 'trailers'], ['expect', '100-continue']), {
      endStream: false,
    })
    expect(facts).toMatchObject({ acceptsTrailers: true, expectContinue: true })
    expect(head.lines).toContainEqual(['te', 'trailers'])
  })
})

describe('the content of a request', () => {
  it('is none where its stream ends with the head', () => {
    expect(accepted(get()).facts.framing).toBe(NO_CONTENT)
    expect(accepted(get({}, ['content-length', '0'])).facts.framing).toBe(NO_CONTENT)
  })

  it.each(['POST', 'PUT', 'PATCH'])('is none that is told, where a %s ends with the head', method => {
    const { head, facts, contentLength } = accepted(get({ ':method': method }))
    expect(head.lines).toEqual([
      ['host', 'a.example'],
      ['content-length', '0'],
    ])
    expect(head.ids).toEqual([7, 8])
    expect(facts.framing).toBe(NO_CONTENT)
    expect(contentLength).toBe(-1)
    expect(accepted(get({ ':method': method }, ['content-length', '0'])).head.words).toBe(head.words)
  })

  it('is as long as content-length says', () => {
    const { facts, contentLength, head } = accepted(get({ ':method': 'POST' }, ['content-length', '123456789012345']), {
      endStream: false,
    })
    expect(facts.framing).toBe(LENGTH_CONTENT)
    expect(contentLength).toBe(123_456_789_012_345)
    expect(head.lines.at(-1)).toEqual(['content-length', '123456789012345'])
  })

  it('is as long as it turns out to be where nothing is said', () => {
    expect(accepted(get({ ':method': 'POST' }), { endStream: false }).facts.framing).toBe(CHUNKED_CONTENT)
    expect(accepted(get(), { endStream: false }).facts.framing).toBe(CHUNKED_CONTENT)
  })
})

describe('the host of a request', () => {
  it('is :authority, and stands as Host at the front', () => {
    const { head, host } = accepted(get({ ':authority': 'B.example:8443' }, ['accept', '*/*']))
    expect(head.lines[0]).toEqual(['host', 'B.example:8443'])
    expect(host).toBe('B.example:8443')
  })

  it('is Host where there is no :authority, wherever that stands', () => {
    const { head, host } = accepted(get({ ':authority': null }, ['accept', '*/*'], ['host', 'c.example']))
    expect(head.lines).toEqual([
      ['accept', '*/*'],
      ['host', 'c.example'],
    ])
    expect(host).toBe('c.example')
  })

  it('is told once where both say the same, in whatever case', () => {
    const { head } = accepted(get({}, ['host', 'A.EXAMPLE'], ['accept', '*/*']))
    expect(head.lines).toEqual([
      ['host', 'a.example'],
      ['accept', '*/*'],
    ])
  })

  it.each([
    ['http', 'a.example', 'a.example:80'],
    ['http', 'a.example:80', 'A.example'],
    ['https', 'a.example:443', 'a.example:'],
  ])('is told once where both say the same for %s: %s and %s', (scheme, authority, host) => {
    const { head } = accepted(get({ ':scheme': scheme, ':authority': authority }, ['host', host]))
    expect(head.lines).toEqual([['host', authority]])
  })
})

describe('cookies', () => {
  it('that came in crumbs become one line again (RFC 9113, section 8.2.3)', () => {
    const { head } = accepted(get({}, ['cookie', 'a=b'], ['accept', '*/*'], ['cookie', 'c=d'], ['cookie', 'e=f; g=h']))
    expect(head.lines).toEqual([
      ['host', 'a.example'],
      ['accept', '*/*'],
      ['cookie', 'a=b; c=d; e=f; g=h'],
    ])
  })

  it('that came whole stay as they are', () => {
    expect(accepted(get({}, ['cookie', 'a=b; c=d'])).head.lines.at(-1)).toEqual(['cookie', 'a=b; c=d'])
    expect(accepted(get({}, ['cookie', ''])).head.lines.at(-1)).toEqual(['cookie', ''])
  })

  it('count as one line, however many crumbs there are; past a thousand the head is too large', () => {
    const crumbs = (count: number): Line[] => Array.from({ length: count }, () => ['cookie', 'a'])
    expect(accepted(get({}, ...crumbs(COOKIES_MAX)), { limits: { fieldLinesMax: 2 } }).head.lines).toHaveLength(2)
    expect(readRequestLines(get({}, ...crumbs(COOKIES_MAX + 1))).refusal).toBe('request_head_too_large')
  })
})

describe('extended CONNECT for a WebSocket (RFC 8441)', () => {
  const connect = (...fields: Line[]): Line[] =>
    get({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' }, ...fields)

  it('becomes the words of an upgrade, with a key', () => {
    const { head, facts, webSocket, host } = accepted(
      connect(['sec-websocket-version', '13'], ['sec-websocket-key', 'mine'], ['origin', 'https://a.example']),
      { endStream: false },
    )
    expect(head.words.startsWith('GET /chat HTTP/1.1\r\nhost: a.example\r\nupgrade: websocket\r\n')).toBe(true)
    const key = head.lines[2]!
    expect(key[0]).toBe('sec-websocket-key')
    expect(Buffer.from(key[1], 'base64')).toHaveLength(16)
    expect(head.lines.slice(3)).toEqual([
      ['sec-websocket-version', '13'],
      ['origin', 'https://a.example'],
    ])
    expect(head.ids[1]).toBe(6)
    expect(facts).toMatchObject({ method: 1, upgrade: true, framing: NO_CONTENT, idempotent: true })
    expect({ webSocket, host }).toEqual({ webSocket: true, host: 'a.example' })
  })

  it('has another key each time', () => {
    const key = (): string => accepted(connect(), { endStream: false }).head.lines[2]![1]
    expect(key()).not.toBe(key())
  })

  it.each([
    ['where our SETTINGS do not allow it', connect(), { extendedConnect: false }, 'request_malformed'],
    ['of another protocol', get({ ':method': 'CONNECT', ':protocol': 'connect-udp' }), {}, 'request_method_unknown'],
    ['of another method', get({ ':protocol': 'websocket' }), {}, 'request_malformed'],
    ['for no resource', get({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '*' }), {}, 'request_malformed'],
    [
      'without :scheme',
      get({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': null }),
      {},
      'request_malformed',
    ],
    ['without :path', get({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': null }), {}, 'request_malformed'],
    [
      'without :authority',
      get({ ':method': 'CONNECT', ':protocol': 'websocket', ':authority': null }),
      {},
      'request_malformed',
    ],
    ['with a length', connect(['content-length', '5']), {}, 'request_malformed'],
  ] as const)('is refused %s', (_, lines, options, refusal) => {
    expect(readRequestLines(lines, { endStream: false, ...options }).refusal).toBe(refusal)
  })
})

const with8 = (...fields: Line[]): Line[] => get({}, ...fields)

/** What RFC 9113 has no request do: each makes it malformed. */
const MALFORMED: readonly (readonly [
  section: string,
  what: string,
  lines: readonly Line[],
  options?: RequestOptions,
])[] = [
  ['8.1.1', 'content-length with no content', with8(['content-length', '1'])],
  ['8.1.1', 'content-length repeated', with8(['content-length', '0'], ['content-length', '0'])],
  ['8.1.1', 'content-length of two values', with8(['content-length', '3, 3']), { endStream: false }],
  [
    '8.1.1',
    'content-length that differs',
    with8(['content-length', '3'], ['content-length', '4']),
    { endStream: false },
  ],
  ['8.1.1', 'content-length below zero', with8(['content-length', '-1']), { endStream: false }],
  ['8.1.1', 'content-length with a sign', with8(['content-length', '+1']), { endStream: false }],
  ['8.1.1', 'content-length without a digit', with8(['content-length', '']), { endStream: false }],
  ['8.1.1', 'content-length in hexadecimal', with8(['content-length', '0x10']), { endStream: false }],
  ['8.2', 'a capital in a name', with8(['X-Custom', 'a'])],
  ['8.2', 'a capital in a name that is known', with8(['Content-Length', '0'])],
  ['8.2', 'a capital in a pseudo-field', get({ ':method': null, ':Method': 'GET' })],
  ['8.2.1', 'an empty name', with8(['', 'a'])],
  ['8.2.1', 'a space in a name', with8(['x custom', 'a'])],
  ['8.2.1', 'a space behind a name', with8(['transfer-encoding ', 'chunked'])],
  ['8.2.1', 'a colon in a name', with8(['x:custom', 'a'])],
  ['8.2.1', 'a line end in a name', with8(['x\r\ny', 'a'])],
  ['8.2.1', 'a control character in a name', with8(['x\x00', 'a'])],
  ['8.2.1', 'DEL in a name', with8(['x\x7f', 'a'])],
  ['8.2.1', 'an octet past ASCII in a name', with8(['x\x80', 'a'])],
  ['8.2.1', 'NUL in a value', with8(['x', 'a\x00b'])],
  ['8.2.1', 'CR in a value', with8(['x', 'a\rb'])],
  ['8.2.1', 'LF in a value', with8(['x', 'a\nb'])],
  ['8.2.1', 'a line of its own in a value', with8(['x', 'a\r\ntransfer-encoding: chunked'])],
  ['8.2.1', 'another control character in a value', with8(['x', 'a\x1bb'])],
  ['8.2.1', 'DEL in a value', with8(['x', 'a\x7fb'])],
  ['8.2.1', 'a space before a value', with8(['x', ' a'])],
  ['8.2.1', 'a space behind a value', with8(['x', 'a '])],
  ['8.2.1', 'a tab before a value', with8(['x', '\ta'])],
  ['8.2.1', 'a tab behind a value', with8(['x', 'a\t'])],
  ['8.2.1', 'a value of a space', with8(['x', ' '])],
  ['8.2.1', 'a line end in :path', get({ ':path': '/ HTTP/1.1\r\nx: y' })],
  ['8.2.1', 'a line end in :authority', get({ ':authority': 'a\r\nx: y' })],
  ['8.2.1', 'a line end in a cookie', with8(['cookie', 'a=b\r\nx: y'])],
  ['8.2.2', 'connection', with8(['connection', 'close'])],
  ['8.2.2', 'keep-alive', with8(['keep-alive', 'timeout=5'])],
  ['8.2.2', 'proxy-connection', with8(['proxy-connection', 'keep-alive'])],
  ['8.2.2', 'transfer-encoding', with8(['transfer-encoding', 'chunked']), { endStream: false }],
  ['8.2.2', 'transfer-encoding: identity', with8(['transfer-encoding', 'identity'])],
  ['8.2.2', 'upgrade', with8(['upgrade', 'websocket'])],
  ['8.2.2', 'te other than trailers', with8(['te', 'gzip'])],
  ['8.2.2', 'te with more than trailers', with8(['te', 'trailers, gzip'])],
  ['8.3', 'a pseudo-field behind a field', [...GET.slice(0, 3), ['accept', '*/*'], [':path', '/']]],
  ['8.3', 'a pseudo-field of responses', get({ ':status': '200' })],
  ['8.3', 'a pseudo-field of nobody', get({ ':version': 'HTTP/1.1' })],
  ['8.3', 'a pseudo-field without a name', get({ ':': 'a' })],
  ['8.3', ':method twice', [...GET, [':method', 'GET']]],
  ['8.3', ':path twice', [...GET, [':path', '/admin']]],
  ['8.3', ':scheme twice', [...GET, [':scheme', 'https']]],
  ['8.3', ':authority twice', [...GET, [':authority', 'a.example']]],
  ['8.3.1', 'no :method', get({ ':method': null })],
  ['8.3.1', 'no :scheme', get({ ':scheme': null })],
  ['8.3.1', 'no :path', get({ ':path': null })],
  ['8.3.1', 'no pseudo-field at all', [['host', 'a.example']]],
  ['8.3.1', 'no line at all', []],
  ['8.3.1', 'an empty :method', get({ ':method': '' })],
  ['8.3.1', 'a :method that is no token', get({ ':method': 'GET / HTTP/1.1' })],
  ['8.3.1', 'an empty :scheme', get({ ':scheme': '' })],
  ['8.3.1', 'a :scheme that is not spoken here', get({ ':scheme': 'ftp' })],
  ['8.3.1', 'an empty :path', get({ ':path': '' })],
  ['8.3.1', 'a :path that does not begin with a slash', get({ ':path': 'a' })],
  ['8.3.1', 'a :path in absolute form', get({ ':path': 'https://b.example/' })],
  ['8.3.1', 'a :path of a query alone', get({ ':path': '?a=b' })],
  ['8.3.1', 'a space in :path', get({ ':path': '/a b' })],
  ['8.3.1', 'a fragment in :path', get({ ':path': '/a#b' })],
  ['8.3.1', ':path * of another method than OPTIONS', get({ ':path': '*' })],
  ['8.3.1', ':path * with more behind it', get({ ':method': 'OPTIONS', ':path': '*/' })],
  ['8.3.1', 'neither :authority nor host', get({ ':authority': null })],
  ['8.3.1', 'an empty :authority', get({ ':authority': '' })],
  ['8.3.1', 'an empty host', get({ ':authority': null }, ['host', ''])],
  ['8.3.1', 'user information in :authority', get({ ':authority': 'user@a.example' })],
  ['8.3.1', 'user information in host', get({ ':authority': null }, ['host', 'user@a.example'])],
  ['8.3.1', 'a path in :authority', get({ ':authority': 'a.example/x' })],
  ['8.3.1', 'a list in :authority', get({ ':authority': 'a.example, b.example' })],
  ['8.3.1', 'host other than :authority', with8(['host', 'b.example'])],
  ['8.3.1', 'host twice', get({ ':authority': null }, ['host', 'a.example'], ['host', 'a.example'])],
  ['8.3.1', 'host twice beside :authority', with8(['host', 'a.example'], ['host', 'a.example'])],
  ['8.5', 'CONNECT with :path', get({ ':method': 'CONNECT', ':scheme': null })],
  ['8.5', 'CONNECT with :scheme', get({ ':method': 'CONNECT', ':path': null })],
  [
    '8.5',
    'CONNECT without :authority',
    get({ ':method': 'CONNECT', ':scheme': null, ':path': null, ':authority': null }),
  ],
]

/** With their options, whatever they are. */
const MALFORMED_ROWS = MALFORMED.map(([section, what, lines, options = {}]) => ({ section, what, lines, options }))

describe('a malformed request (RFC 9113)', () => {
  it.each(MALFORMED_ROWS)('section $section: $what', ({ lines, options }) => {
    expect(readRequestLines(lines, options)).toMatchObject({ error: 0, refusal: 'request_malformed' })
    expect(readRequestLines(lines, options).reason).not.toBe('')
  })

  it.each(MALFORMED_ROWS)(
    'section $section: $what, out of the dynamic table, which stays right',
    ({ lines, options }) => {
      const hpack = openHpack()
      const more = { ...options, hpack }
      expect(readRequestBlock(Buffer.concat(lines.map(indexing)), more).refusal).toBe('request_malformed')
      const again = Buffer.concat(lines.map((_line, index) => indexed(61 + lines.length - index)))
      expect(readRequestBlock(again, more)).toMatchObject({ error: 0, refusal: 'request_malformed' })
      const good = [...GET, ['x-later', 'value'] as const]
      expect(readRequestBlock(Buffer.concat(good.map(indexing)), { hpack }).reason).toBe('')
      const goodAgain = Buffer.concat(good.map((_line, index) => indexed(61 + good.length - index)))
      expect(readRequestBlock(goodAgain, { hpack }).head?.lines).toEqual([
        ['host', 'a.example'],
        ['x-later', 'value'],
      ])
    },
  )
})

describe('a request that is refused for something else', () => {
  it.each([
    ['a method that nobody knows', get({ ':method': 'BREW' }), {}, 'request_method_unknown'],
    ['a method in lower case', get({ ':method': 'get' }), {}, 'request_method_unknown'],
    ['CONNECT', get({ ':method': 'CONNECT', ':scheme': null, ':path': null }), {}, 'request_method_unknown'],
    ['an expectation that nobody knows', with8(['expect', 'more']), {}, 'request_expectation'],
    [
      'a length past what two can count alike',
      with8(['content-length', '1'.repeat(16)]),
      { endStream: false },
      'request_content_too_large',
    ],
    ['a target that is too long', get({ ':path': `/${'a'.repeat(8192)}` }), {}, 'request_target_too_long'],
    ['a value that is too large', with8(['x', 'a'.repeat(32_768)]), {}, 'request_head_too_large'],
    [
      'cookies that are too large',
      with8(['cookie', 'a'.repeat(20_000)], ['cookie', 'a'.repeat(20_000)]),
      {},
      'request_head_too_large',
    ],
    [
      'too many lines',
      with8(...Array.from({ length: 100 }, (_, at): Line => [`x${at}`, ''])),
      {},
      'request_head_too_large',
    ],
  ] as const)('is so for %s', (_, lines, options, refusal) => {
    expect(readRequestLines(lines, options)).toMatchObject({ error: 0, refusal })
  })

  it('has a head of just as many bytes as it may, and not one more', () => {
    const lines = with8(['x', 'a'], ['cookie', 'b'])
    const { length } = accepted(lines).head.words
    expect(accepted(lines, { limits: { headBytesMax: length } }).head.words).toHaveLength(length)
    expect(readRequestLines(lines, { limits: { headBytesMax: length - 1 } }).refusal).toBe('request_head_too_large')
  })

  it('has just as many lines as it may, and not one more', () => {
    const lines = with8(['x', 'a'], ['cookie', 'b'])
    expect(accepted(lines, { limits: { fieldLinesMax: 3 } }).head.lines).toHaveLength(3)
    expect(readRequestLines(lines, { limits: { fieldLinesMax: 2 } }).refusal).toBe('request_head_too_large')
  })
})

/** What HTTP/1.1 reads from the words. */
function readWords(words: string): { refusal: string; head: HeadText | null; facts: Record<string, unknown> } {
  let refusal = 'parser'
  let head: HeadText | null = null
  const { messages } = feed(REQUEST, [latin(words)], {
    onHead: (found, parser) => {
      refusal = readRequest(found, parser)
      head = textOf(found)
    },
  })
  if (messages[0]?.error !== 0) refusal ||= 'parser'
  return { refusal, head, facts: { ...request } }
}

describe('the words of a request that is taken', () => {
  const token = fc.constantFrom(
    'x-a',
    'accept',
    'te',
    'cookie',
    'host',
    'content-length',
    'expect',
    'priority',
    'via',
    'x-b',
    'range',
  )
  const odd = fc.constantFrom(
    'X',
    'connection',
    'transfer-encoding',
    'upgrade',
    ':path',
    ':x',
    '',
    'a b',
    'keep-alive',
    'http2-settings',
  )
  const value = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom('', 'a', 'trailers', 'a.example', '0', '5', '100-continue', 'u=2', 'a, b', 'chunked'),
    },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 20 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map(bytes => Buffer.from(bytes).toString('latin1')) },
  )
  const fields = fc.array(fc.tuple(fc.oneof({ weight: 30, arbitrary: token }, { weight: 1, arbitrary: odd }), value), {
    maxLength: 6,
  })
  /** Mostly the first. */
  const mostly = (usual: fc.Arbitrary<string | null>, odd: fc.Arbitrary<string | null>): fc.Arbitrary<string | null> =>
    fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd })
  const pseudo = fc.record({
    ':method': mostly(fc.constantFrom('GET', 'POST', 'OPTIONS', 'HEAD'), fc.constantFrom('BREW', 'G T', null)),
    ':scheme': mostly(fc.constantFrom('https', 'http', 'HTTP'), fc.constantFrom('x', null)),
    ':authority': mostly(
      fc.constantFrom('a.example', 'A.example:80', '[::1]:8080'),
      fc.constantFrom('a@b', 'a b', null),
    ),
    ':path': mostly(
      fc.constantFrom('/', '/a?b'),
      fc.oneof(
        fc.constantFrom('*', 'a', '', null, '/a b'),
        fc.string({ unit: 'binary-ascii', maxLength: 8 }).map(text => `/${text}`),
      ),
    ),
  })

  it('are taken by HTTP/1.1, too, which finds the same in them', () => {
    let taken = 0
    fc.assert(
      fc.property(pseudo, fields, fc.boolean(), (first, rest, endStream) => {
        const found = readRequestLines(get(first, ...rest), { endStream })
        expect(found.error).toBe(0)
        if (found.head === null) return
        taken += 1
        const words = readWords(found.head.words)
        expect(words.refusal).toBe('')
        expect(words.head).toEqual(found.head)
        const { versionMajor, framing, ...facts } = found.facts
        expect(versionMajor).toBe(2)
        expect(words.facts).toMatchObject({ ...facts, versionMajor: 1 })
        if (framing === LENGTH_CONTENT) expect(words.facts.framing).toBe(LENGTH_CONTENT)
        else expect(words.facts.framing).toBe(found.head.lines.some(([name]) => name === 'content-length') ? 1 : 0)
      }),
      { numRuns: 700 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it('have every octet in their target that HTTP/1.1 takes there, and no other', () => {
    for (const start of ['/', '/?', '/a?b=']) {
      for (let octet = 0; octet < 256; octet += 1) {
        const path = start + String.fromCharCode(octet)
        const { refusal } = readRequestLines(get({ ':path': path }))
        expect([octet, refusal]).toEqual([
          octet,
          readWords(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).refusal === '' ? '' : 'request_malformed',
        ])
      }
    }
  })

  it('have every octet in their values that HTTP/1.1 takes there, and no other', () => {
    for (let octet = 0; octet < 256; octet += 1) {
      const value = `a${String.fromCharCode(octet)}b`
      const { refusal } = readRequestLines(with8(['x', value]))
      const words = `GET / HTTP/1.1\r\nhost: a\r\nx: ${value}\r\n\r\n`
      expect([octet, refusal]).toEqual([octet, readWords(words).refusal === '' ? '' : 'request_malformed'])
    }
  })

  it('are those that went in, block after block, whatever the tables hold', () => {
    const name = fc
      .stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
      .filter(text => !/^(?:te|cookie|host|expect|upgrade|connection|keep-alive)$/.test(text))
    const plain = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,60}[!-~])?)?$/)
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(name, plain), { maxLength: 10 }), { maxLength: 12 }), heads => {
        const encoder = new HpackEncoder()
        const hpack = openHpack()
        for (const lines of [...heads, ...heads]) {
          const out = new ByteBuffer(64)
          for (const [name, value] of [...GET, ...lines]) {
            const [names, values] = [latin(name), latin(value)]
            encoder.field(out, names, 0, names.length, values, 0, values.length)
          }
          const found = readRequestBlock(out.bytes.subarray(0, out.length), { hpack })
          expect(found.head?.lines.slice(1)).toEqual(lines)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('are right where a block pushes its own lines out of the table', () => {
    const lines = Array.from({ length: 60 }, (_, at): Line => [`x-${at}`, `${at % 10}`.repeat(400)])
    const found = readRequestBlock(Buffer.concat([block(GET), ...lines.map(indexing)]))
    expect(found.head?.lines.slice(1)).toEqual(lines)
    const mixed = lines.map((line, at) => (at % 3 === 0 ? literal(line) : indexing(line)))
    expect(readRequestBlock(Buffer.concat([block(GET), ...mixed])).head?.lines.slice(1)).toEqual(lines)
  })
})
