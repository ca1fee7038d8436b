import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Head } from '../../../engine/http/head.ts'
import { memory, parserCount, REQUEST, RESPONSE, slots } from '../../../engine/http1/llhttp.ts'
import {
  HEAD_TOO_LARGE,
  isTokenByte,
  MALFORMED,
  MessageParser,
  parsed,
  TARGET_TOO_LONG,
  TRAILERS_TOO_LARGE,
  UNKNOWN_METHOD,
  UNKNOWN_VERSION,
} from '../../../engine/http1/message-parser.ts'
import { quote, toBuffer } from '../../support/bytes.ts'
import { type Fed, type FeedOptions, feed, LIMITS, type Message } from './feed.ts'

/** Feeds whole, byte by byte and cut in two everywhere: one outcome. */
function feedEveryWay(type: number, text: string, options: FeedOptions = {}): Fed {
  const whole = feed(type, [text], options)
  expect(feed(type, [...text], options), `${quote(text)} byte by byte`).toEqual(whole)
  for (let at = 1; at < text.length; at += 1) {
    expect(feed(type, [text.slice(0, at), text.slice(at)], options), `${quote(text)} cut at ${at}`).toEqual(whole)
  }
  return whole
}

function onlyMessage(fed: Fed): Message {
  expect(fed.messages.length).toBe(1)
  return fed.messages[0]!
}

/** The one message of a text, however it is cut. */
function messageOf(type: number, text: string, options: FeedOptions = {}): Message {
  return onlyMessage(feedEveryWay(type, text, options))
}

let parsersBefore = 0

beforeAll(() => {
  parsersBefore = parserCount()
})

afterAll(() => {
  expect(parserCount()).toBe(parsersBefore)
})

describe('a request', () => {
  it('is read into target, method, version and field lines, in order, with case and duplicates', () => {
    const text = 'GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nX-One:1\r\nx-one:  \t2 \t \r\nEmpty:\r\nBlank:   \r\n\r\n'
    expect(messageOf(REQUEST, text)).toMatchObject({
      head: text,
      target: '/a?b=c',
      method: 1,
      version: '1.1',
      fields: [
        ['Host', 'a.example'],
        ['X-One', '1'],
        ['x-one', '2'],
        ['Empty', ''],
        ['Blank', ''],
      ],
      keepAlive: true,
      upgrade: false,
      content: '',
      trailers: null,
      complete: true,
      error: 0,
    })
  })

  it('may have no field lines at all', () => {
    expect(messageOf(REQUEST, 'GET / HTTP/1.0\r\n\r\n')).toMatchObject({ fields: [], version: '1.0', complete: true })
  })

  it('keeps the octets of values that are not ASCII', () => {
    expect(messageOf(REQUEST, 'GET / HTTP/1.1\r\nX: \xe4\x80\xff\r\n\r\n').fields).toEqual([['X', '\xe4\x80\xff']])
  })

  it('has content of the length it says', () => {
    const text = 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello'
    expect(messageOf(REQUEST, text)).toMatchObject({ content: 'hello', complete: true })
  })

  it('has chunked content without its framing, and no extensions', () => {
    const text =
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c="d;e"\r\nhello\r\n00007\r\n, world\r\n0\r\n\r\n'
    expect(messageOf(REQUEST, text)).toMatchObject({ content: 'hello, world', trailers: null, complete: true })
  })

  it('has a trailer section, without what may not stand there', () => {
    const lines = 'X-Sum: 1 \r\nContent-Type: a/b\r\nX-Empty:\r\nHost: b\r\nx-sum:\t2\r\n'
    const text = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${lines}\r\n`
    expect(messageOf(REQUEST, text).trailers).toEqual(['X-Sum', '1', 'X-Empty', '', 'x-sum', '2'])
  })

  it('has no trailer section where nothing of it may stay', () => {
    const text = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n'
    expect(messageOf(REQUEST, text)).toMatchObject({ trailers: null, complete: true })
  })

  it('has no trailer that its Connection field nominates, in any case', () => {
    const text = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nX-Stay: 2\r\nx-hop: 3\r\n\r\n'
    const nominate: FeedOptions = {
      onHead: (_, parser) => {
        parser.nominated = ['x-hop']
      },
    }
    expect(messageOf(REQUEST, text, nominate).trailers).toEqual(['X-Stay', '2'])
    expect(messageOf(REQUEST, text).trailers).toEqual(['X-Hop', '1', 'X-Stay', '2', 'x-hop', '3'])
    const { messages } = feedEveryWay(REQUEST, text + text.replace('POST', 'PATCH'), {
      onHead: (head, parser) => {
        if (head.text(0, 4) === 'POST') parser.nominated = ['x-hop']
      },
    })
    expect(messages.map(({ trailers }) => trailers?.length)).toEqual([2, 6])
  })

  it('is incomplete until its last byte has come', () => {
    const texts = [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n',
    ]
    for (const text of texts) {
      for (let length = 1; length < text.length; length += 1) {
        expect(onlyMessage(feed(REQUEST, [text.slice(0, length)]))).toMatchObject({ complete: false, error: 0 })
      }
    }
  })

  it('keeps an empty line before it among the bytes of its head, for whoever judges the request line', () => {
    const text = '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'
    expect(messageOf(REQUEST, text)).toMatchObject({ head: text, target: '/' })
  })
})

describe('requests behind one another', () => {
  it('are read one at a time, none of them touched by the one before', () => {
    const texts = [
      'POST /1 HTTP/1.1\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n',
      'GET /2 HTTP/1.1\r\n\r\n',
      'PUT /3 HTTP/1.1\r\nContent-Length: 2\r\n\r\nok',
      'GET /4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      'GET /5 HTTP/1.1\r\nB: 2\r\n\r\n',
    ]
    const { messages } = feedEveryWay(REQUEST, texts.join(''))
    expect(messages).toEqual(texts.map(text => onlyMessage(feed(REQUEST, [text]))))
    expect(messages.map(({ target }) => target)).toEqual(['/1', '/2', '/3', '/4', '/5'])
  })
})

describe('a request for an upgrade', () => {
  const text = 'GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'

  it('leaves what follows to whoever takes the connection over', () => {
    const { messages, rest } = feedEveryWay(REQUEST, `${text}anything`)
    expect(messages).toMatchObject([{ upgrade: true, complete: true, error: 0 }])
    expect(rest).toBe('anything')
  })

  it('is followed by the next request where it was not taken up', () => {
    const parser = new MessageParser(REQUEST, LIMITS)
    const head = new Head(memory)
    const { start } = slots.landing
    const bytes = toBuffer(`${text}GET /next HTTP/1.1\r\n\r\n`)
    memory.set(bytes, start)
    parser.parse(start, start + bytes.length, head)
    expect(parsed).toMatchObject({ complete: true, consumed: text.length })
    parser.parse(start + parsed.consumed, start + bytes.length, head)
    expect(parsed).toMatchObject({ complete: true, error: 0 })
    expect(head.text(head.targetStart, head.targetEnd)).toBe('/next')
    expect(parser.upgrade).toBe(false)
    parser.close()
  })
})

describe('a response', () => {
  it('is read into status and field lines', () => {
    const text = 'HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 4\r\n\r\ngone'
    expect(messageOf(RESPONSE, text)).toMatchObject({
      head: text.slice(0, -4),
      statusCode: 404,
      fields: [
        ['Server', 'x'],
        ['Content-Length', '4'],
      ],
      content: 'gone',
      complete: true,
    })
  })

  it.each(['HTTP/1.1 200\r\n', 'HTTP/1.1 200 \r\n', 'HTTP/1.1 200 A b  c\r\n', 'HTTP/1.0 200 \xe4\r\n'])(
    'may begin with %j',
    line => {
      expect(messageOf(RESPONSE, `${line}Content-Length: 2\r\n\r\nok`)).toMatchObject({
        head: `${line}Content-Length: 2\r\n\r\n`,
        statusCode: 200,
        content: 'ok',
        complete: true,
      })
      expect(messageOf(RESPONSE, `${line}\r\nok`, { finish: true })).toMatchObject({
        head: `${line}\r\n`,
        content: 'ok',
      })
    },
  )

  it('without a length runs until the connection ends', () => {
    const text = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello'
    expect(messageOf(RESPONSE, text)).toMatchObject({ content: 'hello', complete: false, keepAlive: false })
    expect(messageOf(RESPONSE, text, { finish: true })).toMatchObject({ content: 'hello', complete: true })
  })

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['chunks and a trailer section', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n'],
    ['a head that is not whole', 'HTTP/1.1 200 OK\r\nA: b\r\n'],
    ['nothing but a part of its first line', 'HTTP/1.1 20'],
  ])('with %s is not whole when the connection ends early', (_, text) => {
    expect(messageOf(RESPONSE, text, { finish: true })).toMatchObject({ complete: false, error: 0 })
  })

  it('to HEAD has no content whatever its head says, and the next one follows it', () => {
    const heads = [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
    ]
    const { messages } = feedEveryWay(RESPONSE, `${heads.join('')}ok`, { skipContent: message => message < 2 })
    expect(messages.map(({ content, complete }) => ({ content, complete }))).toEqual([
      { content: '', complete: true },
      { content: '', complete: true },
      { content: 'ok', complete: true },
    ])
  })

  it.each([204, 304, 100, 103])('with status %i has no content whatever its head says', status => {
    const text = `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`
    const { messages } = feedEveryWay(RESPONSE, text)
    expect(messages.map(({ statusCode, content }) => [statusCode, content])).toEqual([
      [status, ''],
      [200, 'ok'],
    ])
  })

  it('that switches protocols leaves what follows to whoever takes the connection over', () => {
    const text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
    const { messages, rest } = feedEveryWay(RESPONSE, `${text}HTTP/1.1 200 OK\r\n\r\n`)
    expect(messages).toMatchObject([{ statusCode: 101, upgrade: true, complete: true }])
    expect(rest).toBe('HTTP/1.1 200 OK\r\n\r\n')
  })

  it('that is final follows an interim one which already says that the connection will be closed', () => {
    const text = 'HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    expect(feedEveryWay(RESPONSE, text).messages).toMatchObject([
      { statusCode: 100, complete: true },
      { statusCode: 200, complete: true },
    ])
  })
})

describe('a malformed message is refused, however it is cut:', () => {
  const requestHead = 'POST / HTTP/1.1\r\nHost: a\r\n'
  const chunkedHead = `${requestHead}Transfer-Encoding: chunked\r\n\r\n`
  const responseHead = 'HTTP/1.1 200 OK\r\n'

  it.each([
    ['whitespace before the colon', `${requestHead}X : y\r\n\r\n`],
    ['a folded line', `${requestHead}X: y\r\n z\r\n\r\n`],
    ['a first field line that begins with a space', 'GET / HTTP/1.1\r\n X: y\r\n\r\n'],
    ['a bare LF behind a field line', `${requestHead}X: y\nZ: z\r\n\r\n`],
    ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF at the end', `${requestHead}X: y\r\n\n`],
    ['a bare CR in a value', `${requestHead}X: y\rz\r\n\r\n`],
    ['NUL in a value', `${requestHead}X: \0\r\n\r\n`],
    ['a control character in a value', `${requestHead}X: a\x01b\r\n\r\n`],
    ['DEL in a value', `${requestHead}X: \x7f\r\n\r\n`],
    ['an empty field name', `${requestHead}: y\r\n\r\n`],
    ['a field line without a colon', `${requestHead}xy\r\n\r\n`],
    ['a name that is no token', `${requestHead}X(y): z\r\n\r\n`],
    ['a space within the target', 'GET /a b HTTP/1.1\r\n\r\n'],
    ['a tab within the target', 'GET /a\tb HTTP/1.1\r\n\r\n'],
    ['an octet past ASCII in the target', 'GET /\xe4 HTTP/1.1\r\n\r\n'],
    ['a control character in the target', 'GET /\x01 HTTP/1.1\r\n\r\n'],
    ['a space behind the version', 'GET / HTTP/1.1 \r\n\r\n'],
    ['a protocol in lower case', 'GET / http/1.1\r\n\r\n'],
    ['a version of two digits', 'GET / HTTP/1.10\r\n\r\n'],
    ['a version without its point', 'GET / HTTP/11\r\n\r\n'],
    ['both framings', `${requestHead}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['both framings, the other way round', `${requestHead}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`],
    ['two lengths', `${requestHead}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`],
    ['a list of lengths', `${requestHead}Content-Length: 1, 1\r\n\r\n`],
    ['a length with a sign', `${requestHead}Content-Length: +1\r\n\r\n`],
    ['a length in hexadecimal', `${requestHead}Content-Length: 0x1\r\n\r\n`],
    ['an empty length', `${requestHead}Content-Length:\r\n\r\n`],
    ['a length past 2^64', `${requestHead}Content-Length: 18446744073709551616\r\n\r\n`],
    ['a coding behind chunked', `${requestHead}Transfer-Encoding: chunked, gzip\r\n\r\n`],
    ['nothing but a colon', ':\r\n\r\n'],
    ['a TLS client hello', '\x16\x03\x01\x02\x00\x01'],
  ])('a request head with %s', (_, text) => {
    expect(messageOf(REQUEST, text)).toMatchObject({ complete: false, error: MALFORMED })
  })

  it.each([
    ['a bare LF behind its size', '3\nabc\r\n0\r\n\r\n'],
    ['a space before its size', ' 3\r\nabc\r\n0\r\n\r\n'],
    ['a space behind its size', '3 \r\nabc\r\n0\r\n\r\n'],
    ['a size in words', 'three\r\nabc\r\n0\r\n\r\n'],
    ['a size with a sign', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a size past 2^64', 'FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n'],
    ['no size', '\r\nabc\r\n0\r\n\r\n'],
    ['more content than its size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['less content than its size', '3\r\nab\r\n0\r\n\r\n'],
    ['a bare LF behind its content', '3\r\nabc\n0\r\n\r\n'],
    ['CRLF within a quoted extension', '3;x="a\r\nb"\r\nabc\r\n0\r\n\r\n'],
    ['whitespace before the colon of a trailer', '0\r\nX : y\r\n\r\n'],
    ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
    ['a bare LF in the trailer section', '0\r\nX: y\n\r\n'],
    ['a length in the trailer section', '0\r\nContent-Length: 3\r\n\r\n'],
  ])('a chunk with %s', (_, text) => {
    const message = messageOf(REQUEST, chunkedHead + text)
    expect(message).toMatchObject({ head: chunkedHead, complete: false, error: MALFORMED })
    expect(message.content.length).toBeLessThanOrEqual(3)
  })

  it.each([
    ['bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['two lengths', `${responseHead}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
    ['both framings', `${responseHead}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a folded line', `${responseHead}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
    ['whitespace before the colon', `${responseHead}A : b\r\nContent-Length: 0\r\n\r\n`],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status in words', 'HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n'],
    ['no space before its status', 'HTTP/1.1200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['another protocol', 'ICY 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['nothing but content', '<html></html>'],
  ])('a response head with %s', (_, text) => {
    expect(messageOf(RESPONSE, text)).toMatchObject({ head: null, complete: false, error: MALFORMED })
  })
})

describe('a request line', () => {
  it.each([
    'GETX / HTTP/1.1\r\n\r\n',
    'get / HTTP/1.1\r\n\r\n',
    'FOO /\r\n',
    'G / HTTP/1.1\r\n\r\n',
    'PLAY / HTTP/1.1\r\n\r\n',
    '\r\nFOO / HTTP/1.1\r\n\r\n',
    "!#$%&'*+-.^_`|~ / HTTP/1.1\r\n\r\n",
    `${'M'.repeat(200)} / HTTP/1.1\r\n\r\n`,
  ])('with a method that nobody knows is told apart from a malformed one: %j', text => {
    expect(messageOf(REQUEST, text)).toMatchObject({ head: null, error: UNKNOWN_METHOD })
  })

  it.each([
    'G@T / HTTP/1.1\r\n\r\n',
    'GET\t/ HTTP/1.1\r\n\r\n',
    'FOO\r\n',
    '(FOO) / HTTP/1.1\r\n\r\n',
    ' GET / HTTP/1.1\r\n\r\n',
  ])('whose method is no token is malformed: %j', text => {
    expect(messageOf(REQUEST, text)).toMatchObject({ head: null, error: MALFORMED })
  })

  it('whose method never ends is refused before much of it is kept', () => {
    const { messages } = feed(REQUEST, [...'x'.repeat(200)])
    expect(messages).toMatchObject([{ error: UNKNOWN_METHOD }])
  })

  it.each(['1.2', '1.9', '3.0', '0.1', '9.9'])('of HTTP/%s is of a version that nobody knows', version => {
    expect(messageOf(REQUEST, `GET / HTTP/${version}\r\nHost: a\r\n\r\n`)).toMatchObject({ error: UNKNOWN_VERSION })
  })

  it('with a method that is known and written as it is known is read, if it is one of HTTP', () => {
    const methods = [
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'PATCH',
      'PROPFIND',
      'M-SEARCH',
      'QUERY',
    ]
    for (const method of methods) {
      const text = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`
      expect(messageOf(REQUEST, text)).toMatchObject({ head: text, complete: true, error: 0 })
    }
  })
})

describe('a limit', () => {
  const limits = { headBytesMax: 120, fieldLinesMax: 3, targetBytesMax: 20 }

  /** A head of exactly so many bytes. */
  function headOf(length: number): string {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n'
    return text.replace('X: ', `X: ${'x'.repeat(length - text.length)}`)
  }

  it('on a head takes one of that size, and refuses one that is a byte longer', () => {
    expect(messageOf(REQUEST, headOf(120), { limits })).toMatchObject({ complete: true, error: 0 })
    const refused = headOf(121)
    for (const pieces of [[refused], [...refused], [refused.slice(0, 60), refused.slice(60)]]) {
      expect(onlyMessage(feed(REQUEST, pieces, { limits }))).toMatchObject({ error: HEAD_TOO_LARGE })
    }
  })

  it('on a head holds for one that never ends, without keeping more of it', () => {
    const endless = `GET / HTTP/1.1\r\nX: ${'x'.repeat(1_000)}`
    expect(messageOf(REQUEST, endless, { limits })).toMatchObject({ head: null, error: HEAD_TOO_LARGE })
  })

  it('on a head does not count content that came with it', () => {
    const text = `POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n${'c'.repeat(500)}`
    expect(messageOf(REQUEST, text, { limits })).toMatchObject({ complete: true, error: 0 })
  })

  it('on a head is that of each request, not of the connection', () => {
    const { messages } = feedEveryWay(REQUEST, headOf(120).repeat(3), { limits })
    expect(messages.map(({ error }) => error)).toEqual([0, 0, 0])
  })

  it('on field lines takes as many, and refuses one more', () => {
    const line = 'A: b\r\n'
    expect(messageOf(REQUEST, `GET / HTTP/1.1\r\n${line.repeat(3)}\r\n`, { limits })).toMatchObject({ error: 0 })
    expect(messageOf(REQUEST, `GET / HTTP/1.1\r\n${line.repeat(4)}\r\n`, { limits })).toMatchObject({
      head: null,
      error: HEAD_TOO_LARGE,
    })
  })

  it('on field lines is never higher than the span table is long', () => {
    const many = { headBytesMax: 65_535, fieldLinesMax: 5_000, targetBytesMax: 20 }
    const lines = (count: number) => [`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(count)}\r\n`]
    expect(onlyMessage(feed(REQUEST, lines(1_000), { limits: many })).fields.length).toBe(1_000)
    expect(onlyMessage(feed(REQUEST, lines(1_001), { limits: many })).error).toBe(HEAD_TOO_LARGE)
  })

  it('on the target takes one of that length, and refuses one that is a byte longer', () => {
    const text = (length: number) => `GET /${'t'.repeat(length - 1)} HTTP/1.1\r\n\r\n`
    expect(messageOf(REQUEST, text(20), { limits })).toMatchObject({ error: 0 })
    expect(messageOf(REQUEST, text(21), { limits })).toMatchObject({ head: null, error: TARGET_TOO_LONG })
  })

  it('on trailer sections is that of heads: lines and bytes', () => {
    const text = (lines: string) => `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`
    expect(messageOf(REQUEST, text('A: b\r\n'.repeat(3)), { limits })).toMatchObject({ complete: true, error: 0 })
    expect(messageOf(REQUEST, text('A: b\r\n'.repeat(4)), { limits })).toMatchObject({ error: TRAILERS_TOO_LARGE })
    expect(messageOf(REQUEST, text(`A: ${'b'.repeat(60)}\r\n`), { limits })).toMatchObject({ complete: true })
    expect(messageOf(REQUEST, text(`A: ${'b'.repeat(200)}\r\n`), { limits })).toMatchObject({
      error: TRAILERS_TOO_LARGE,
    })
  })

  it('is kept by chunk extensions that never end', () => {
    const endless = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(200_000)}`
    expect(onlyMessage(feed(REQUEST, [endless]))).toMatchObject({ complete: false, error: MALFORMED })
  })

  it('on framing lets any chunking pass that has content in it, down to a byte each with an extension', () => {
    const chunks = '1;a=b\r\nx\r\n'.repeat(20_000)
    const text = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
    expect(onlyMessage(feed(REQUEST, [text]))).toMatchObject({ content: 'x'.repeat(20_000), complete: true, error: 0 })
  })
})

describe('a parser', () => {
  it('gives its place back when it is closed, once', () => {
    const before = parserCount()
    const parser = new MessageParser(REQUEST, LIMITS)
    expect(parserCount()).toBe(before + 1)
    parser.close()
    parser.close()
    expect(parserCount()).toBe(before)
    expect(parser.open).toBe(false)
  })

  it('is idle before a message and behind one', () => {
    const parser = new MessageParser(REQUEST, LIMITS)
    const head = new Head(memory)
    const { start } = slots.landing
    const bytes = toBuffer('GET / HTTP/1.1\r\n\r\n')
    memory.set(bytes, start)
    expect(parser.idle).toBe(true)
    parser.parse(start, start + 5, head)
    expect(parser.idle).toBe(false)
    parser.parse(start + 5, start + bytes.length, head)
    expect(parser.idle).toBe(true)
    parser.close()
  })

  it('does not disturb another that is in the middle of a message', () => {
    const texts = [
      'GET /one HTTP/1.1\r\nA: first\r\n\r\n',
      'POST /two HTTP/1.1\r\nB: second\r\nContent-Length: 2\r\n\r\nok',
    ]
    const parsers = texts.map(() => new MessageParser(REQUEST, LIMITS))
    const head = new Head(memory)
    const seen: string[] = []
    const { start } = slots.landing
    const longest = Math.max(...texts.map(text => text.length))
    for (let at = 0; at < longest; at += 1) {
      for (const [index, text] of texts.entries()) {
        if (at >= text.length) continue
        memory[start] = text.charCodeAt(at)
        parsers[index]!.parse(start, start + 1, head)
        if (parsed.head) seen.push(head.text(0, head.length))
      }
    }
    expect(seen.toSorted()).toEqual(texts.map(text => text.slice(0, text.indexOf('\r\n\r\n') + 4)))
    for (const parser of parsers) parser.close()
  })
})

describe('a token', () => {
  it('is made of the characters of RFC 9110, section 5.6.2, and no other octet', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      expect(isTokenByte(byte)).toBe(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)))
    }
  })
})
