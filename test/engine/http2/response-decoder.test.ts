import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHUNKED_CONTENT,
  LENGTH_CONTENT,
  NO_CONTENT,
  readResponse,
  response,
} from '../../../engine/http/response-facts.ts'
import { RESPONSE } from '../../../engine/http1/llhttp.ts'
import { feed } from '../http1/feed.ts'
import { type HeadText, type ReadResponse, type ResponseOptions, readResponseLines, textOf } from './decoded-head.ts'
import { type Line, latin } from './wire.ts'

const ok = (...fields: Line[]): Line[] => [[':status', '200'], ...fields]

function accepted(lines: readonly Line[], options: ResponseOptions = {}): ReadResponse & { readonly head: HeadText } {
  const found = readResponseLines(lines, options)
  expect(found.malformed).toBe('')
  return found as ReadResponse & { readonly head: HeadText }
}

describe('a response', () => {
  it('becomes the words of HTTP/1.1, with spans, identifiers and facts', () => {
    const { head, facts, contentLength } = accepted(
      ok(['server', 'x'], ['content-length', '5'], ['set-cookie', 'a'], ['set-cookie', 'b']),
    )
    expect(head.words).toBe(
      'HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 5\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n',
    )
    expect(head.ids).toEqual([0, 8, 0, 0])
    expect(facts).toMatchObject({ status: 200, versionMinor: 1, keepAlive: true, upgrade: false, keepAliveSeconds: -1 })
    expect(facts.framing).toBe(LENGTH_CONTENT)
    expect(contentLength).toBe(5)
  })

  it.each([
    ['100', '100 Continue'],
    ['103', '103 Early Hints'],
    ['204', '204 No Content'],
    ['299', '299 '],
    ['404', '404 Not Found'],
    ['599', '599 '],
  ])('of status %s begins with the words %s', (status, words) => {
    expect(accepted([[':status', status]]).head.words).toBe(`HTTP/1.1 ${words}\r\n\r\n`)
  })

  it('has as much content as it turns out to have where it says nothing', () => {
    const { facts, contentLength } = accepted(ok())
    expect(facts.framing).toBe(CHUNKED_CONTENT)
    expect(contentLength).toBe(-1)
  })

  it('that ends with its head says that it has no content', () => {
    const { head, facts, contentLength } = accepted(ok(['server', 'x']), { endStream: true })
    expect(head.lines).toEqual([
      ['server', 'x'],
      ['content-length', '0'],
    ])
    expect(head.ids).toEqual([0, 8])
    expect(facts.framing).toBe(LENGTH_CONTENT)
    expect(contentLength).toBe(0)
    expect(accepted(ok(['content-length', '0']), { endStream: true }).head.lines).toEqual([['content-length', '0']])
  })

  it.each([
    ['to HEAD', '200', { skipContent: true }],
    ['of 204', '204', {}],
    ['of 304', '304', {}],
    ['of 103', '103', {}],
  ] as const)('%s has no content, whatever it says of its length', (_, status, options) => {
    const endStream = status !== '103'
    const { facts, contentLength, head } = accepted(
      [
        [':status', status],
        ['content-length', '12'],
      ],
      { ...options, endStream },
    )
    expect(facts.framing).toBe(NO_CONTENT)
    expect(contentLength).toBe(0)
    expect(head.lines).toEqual([['content-length', '12']])
    expect(accepted([[':status', status]], { ...options, endStream }).head.lines).toEqual([])
  })
})

describe('the answer to an extended CONNECT (RFC 8441)', () => {
  // The example of RFC 6455, section 1.3.
  const webSocketKey = 'dGhlIHNhbXBsZSBub25jZQ=='

  it('becomes the words of a switch, with what the key asks for', () => {
    const { head, facts } = accepted(ok(['sec-websocket-protocol', 'chat'], ['content-length', '9']), { webSocketKey })
    expect(head.words).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
        'sec-websocket-protocol: chat\r\n\r\n',
    )
    expect(head.ids).toEqual([6, 0, 0])
    expect(facts).toMatchObject({ status: 101, upgrade: true, framing: NO_CONTENT })
  })

  it('stays as it is where it is refused', () => {
    const { head, facts } = accepted([[':status', '403']], { webSocketKey, endStream: true })
    expect(head.words).toBe('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    expect(facts).toMatchObject({ status: 403, upgrade: false })
  })
})

const MALFORMED: readonly (readonly [
  section: string,
  what: string,
  lines: readonly Line[],
  options?: ResponseOptions,
])[] = [
  ['8.1', 'an interim response that ends the stream', [[':status', '100']], { endStream: true }],
  ['8.1.1', 'content-length with no content', ok(['content-length', '1']), { endStream: true }],
  ['8.1.1', 'content-length repeated', ok(['content-length', '1'], ['content-length', '1'])],
  ['8.1.1', 'content-length of two values', ok(['content-length', '1, 1'])],
  ['8.1.1', 'content-length of no number', ok(['content-length', 'a'])],
  ['8.1.1', 'content-length past what two can count alike', ok(['content-length', '1'.repeat(16)])],
  ['8.2', 'a capital in a name', ok(['Server', 'a'])],
  ['8.2.1', 'an empty name', ok(['', 'a'])],
  ['8.2.1', 'a space in a name', ok(['a b', 'a'])],
  ['8.2.1', 'a line end in a value', ok(['a', 'a\r\nset-cookie: b'])],
  ['8.2.1', 'NUL in a value', ok(['a', 'a\x00'])],
  ['8.2.1', 'a space before a value', ok(['a', ' a'])],
  ['8.2.1', 'a space behind a value', ok(['a', 'a '])],
  ['8.2.2', 'connection', ok(['connection', 'close'])],
  ['8.2.2', 'keep-alive', ok(['keep-alive', 'timeout=5'])],
  ['8.2.2', 'proxy-connection', ok(['proxy-connection', 'close'])],
  ['8.2.2', 'transfer-encoding', ok(['transfer-encoding', 'chunked'])],
  ['8.2.2', 'upgrade', ok(['upgrade', 'h2c'])],
  ['8.2.2', 'te', ok(['te', 'trailers'])],
  [
    '8.3',
    'a pseudo-field behind a field',
    [
      ['server', 'a'],
      [':status', '200'],
    ],
  ],
  ['8.3', 'a pseudo-field behind the status and a field', [...ok(['server', 'a']), [':status', '200']]],
  ['8.3', 'a pseudo-field of requests', [...ok(), [':path', '/']]],
  ['8.3', 'a pseudo-field of nobody', [...ok(), [':reason', 'fine']]],
  ['8.3.2', 'no :status', [['server', 'a']]],
  ['8.3.2', 'no line at all', []],
  [
    '8.3.2',
    ':status twice',
    [
      [':status', '200'],
      [':status', '200'],
    ],
  ],
  ['8.3.2', ':status with a reason', [[':status', '200 OK']]],
  ['8.3.2', ':status of two digits', [[':status', '20']]],
  ['8.3.2', ':status of four digits', [[':status', '2000']]],
  ['8.3.2', ':status below 100', [[':status', '099']]],
  ['8.3.2', ':status past 599', [[':status', '600']]],
  ['8.3.2', ':status of no number', [[':status', 'abc']]],
  ['8.6', ':status 101', [[':status', '101']]],
]

/** With their options, whatever they are. */
const MALFORMED_ROWS = MALFORMED.map(([section, what, lines, options = {}]) => ({ section, what, lines, options }))

describe('a malformed response (RFC 9113)', () => {
  it.each(MALFORMED_ROWS)('section $section: $what', ({ lines, options }) => {
    const { error, malformed } = readResponseLines(lines, options)
    expect(error).toBe(0)
    expect(malformed).not.toBe('')
  })

  it('is one whose head is larger than it may be, or has more lines', () => {
    const lines = ok(['x', 'a'], ['y', 'b'])
    const { length } = accepted(lines).head.words
    expect(accepted(lines, { limits: { headBytesMax: length } }).head.words).toHaveLength(length)
    expect(readResponseLines(lines, { limits: { headBytesMax: length - 1 } }).malformed).not.toBe('')
    expect(readResponseLines(lines, { limits: { fieldLinesMax: 1 } }).malformed).not.toBe('')
  })
})

describe('a response of as many lines as a head can hold', () => {
  it('is refused where it would need one more, to say that it has no content', () => {
    const lines = ok(...Array.from({ length: 1000 }, (): Line => ['x', '']))
    const limits = { fieldLinesMax: 5000 }
    expect(accepted(lines, { limits }).head.lines).toHaveLength(1000)
    expect(readResponseLines(lines, { limits, endStream: true }).malformed).not.toBe('')
    expect(readResponseLines([...lines, ['x', '']], { limits }).malformed).not.toBe('')
  })
})

describe('the words of a response that is taken', () => {
  it('are taken by HTTP/1.1, too, which finds the same in them', () => {
    const status = fc.constantFrom('200', '204', '304', '404', '100', '103', '299', '101', '99')
    const name = fc.constantFrom(
      'server',
      'content-length',
      'set-cookie',
      'x-a',
      'date',
      'via',
      'X',
      'connection',
      'te',
    )
    const value = fc.oneof(
      fc.constantFrom('', '0', '5', 'a', 'close'),
      fc.string({ unit: 'binary-ascii', maxLength: 6 }),
    )
    const fields = fc.array(fc.tuple(name, value), { maxLength: 4 })
    let taken = 0
    fc.assert(
      fc.property(status, fields, fc.boolean(), fc.boolean(), (code, lines, endStream, skipContent) => {
        const found = readResponseLines([[':status', code], ...lines], { endStream, skipContent })
        if (found.head === null) return
        taken += 1
        let words: HeadText | null = null
        let good = false
        feed(RESPONSE, [latin(found.head.words)], {
          skipContent: () => skipContent,
          onHead: (head, { statusCode, versionMinor }) => {
            good = readResponse(head, { statusCode, versionMinor, skipContent })
            words = textOf(head)
          },
        })
        expect(good).toBe(true)
        expect(words).toEqual(found.head)
        const { framing, keepAlive, ...facts } = found.facts
        expect(keepAlive).toBe(true)
        expect(response).toMatchObject(facts)
        if (framing !== CHUNKED_CONTENT) expect(response.framing).toBe(framing)
      }),
      { numRuns: 2000 },
    )
    expect(taken).toBeGreaterThan(50)
  })
})
