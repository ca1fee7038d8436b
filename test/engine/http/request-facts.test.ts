import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ABSOLUTE_FORM,
  ASTERISK_FORM,
  CHUNKED_CONTENT,
  LENGTH_CONTENT,
  NO_CONTENT,
  ORIGIN_FORM,
  type RequestFacts,
  readRequest,
  request,
} from '../../../engine/http/request-facts.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { type Bytes, piecesAt, quote, toBuffer } from '../../support/bytes.ts'
import { feed } from '../http1/feed.ts'

interface Verdict {
  /** Empty where the request may be taken; `parser` where it did not come as far as its head, or broke off behind it. */
  readonly refusal: string
  readonly facts: RequestFacts
  readonly host: string
  readonly path: string
}

/** Judges the first request of what is fed. */
function judge(pieces: readonly Bytes[]): Verdict {
  let verdict: Verdict = { refusal: 'parser', facts: { ...request }, host: '', path: '' }
  let isFirst = true
  const { messages } = feed(REQUEST, pieces, {
    onHead: (head, parser) => {
      if (!isFirst) return
      isFirst = false
      const refusal = readRequest(head, parser)
      const host = head.text(request.hostStart, request.hostEnd)
      verdict = { refusal, facts: { ...request }, host, path: head.text(request.pathStart, request.pathEnd) }
    },
  })
  return verdict.refusal === '' && messages[0]?.error !== 0 ? { ...verdict, refusal: 'parser' } : verdict
}

/** The same verdict however the request is cut. */
function judgeEveryWay(text: string): Verdict {
  const whole = judge([text])
  const bytewise = judge([...text])
  if (whole.refusal === '') expect(bytewise).toEqual(whole)
  else expect(isMalformed(bytewise.refusal), quote(text)).toBe(isMalformed(whole.refusal))
  return whole
}

/** The parser's refusals of heads and ours of what it lets pass are one to the client: 400. */
function isMalformed(refusal: string): boolean {
  return refusal === 'parser' || refusal === 'request_malformed'
}

function requestOf(line: string, ...fields: string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`
}

const GET = 'GET / HTTP/1.1'
const HOST = 'Host: a.example'

describe('the request line', () => {
  it.each([
    ['no version (HTTP/0.9)', 'GET /'],
    ['no version, and a target that ends like one', 'GET /HTTP/1.1'],
    ['two spaces before the target', 'GET  / HTTP/1.1'],
    ['two spaces behind the target', 'GET /  HTTP/1.1'],
    ['the protocol of something else', 'GET / RTSP/1.0'],
    ['the protocol of a radio', 'SOURCE / ICE/1.0'],
    ['HTTP/2.0 in it', 'GET /HTTP/2.0'],
  ])('with %s is malformed', (_, line) => {
    expect(isMalformed(judgeEveryWay(requestOf(line, HOST)).refusal)).toBe(true)
  })

  it.each(['2.0', '0.9'])('of HTTP/%s is of a version that is not ours', version => {
    expect(judgeEveryWay(requestOf(`GET / HTTP/${version}`, HOST)).refusal).toBe('request_version')
  })

  it('may follow one empty line, and no more of them', () => {
    expect(judgeEveryWay(`\r\n${requestOf(GET, HOST)}`)).toMatchObject({ refusal: '', facts: { methodStart: 2 } })
    expect(judgeEveryWay(requestOf(GET, HOST)).facts.methodStart).toBe(0)
    for (const before of ['\r\n\r\n', '\n', '\r', '\n\r\n']) {
      expect(isMalformed(judgeEveryWay(before + requestOf(GET, HOST)).refusal), JSON.stringify(before)).toBe(true)
    }
  })

  it('of CONNECT is refused as a method that is not implemented', () => {
    expect(judgeEveryWay(requestOf('CONNECT a:443 HTTP/1.1', 'Host: a:443')).refusal).toBe('request_method_unknown')
  })

  it.each([
    ['GET', true],
    ['HEAD', true],
    ['OPTIONS', true],
    ['TRACE', true],
    ['PUT', true],
    ['DELETE', true],
    ['POST', false],
    ['PATCH', false],
    ['LOCK', false],
  ])('of %s says whether it may be sent twice: %s', (method, idempotent) => {
    expect(judgeEveryWay(requestOf(`${method} / HTTP/1.1`, HOST)).facts.idempotent).toBe(idempotent)
  })
})

describe('the target', () => {
  it.each([
    ['in origin form', '/a/b?c=d', ORIGIN_FORM, 'a.example', '/a/b?c=d'],
    ['in absolute form', 'http://b.example:8080/a?b', ABSOLUTE_FORM, 'b.example:8080', '/a?b'],
    ['in absolute form, in capitals', 'HTTP://B.example/a', ABSOLUTE_FORM, 'B.example', '/a'],
    ['in absolute form of https', 'https://b.example/', ABSOLUTE_FORM, 'b.example', '/'],
    ['in absolute form without a path', 'http://b.example', ABSOLUTE_FORM, 'b.example', ''],
    ['in absolute form with a query but no path', 'http://b.example?q', ABSOLUTE_FORM, 'b.example', '?q'],
    ['in absolute form of an IPv6 address', 'http://[::1]:80/', ABSOLUTE_FORM, '[::1]:80', '/'],
    ['that begins with two slashes', '//b.example/a', ORIGIN_FORM, 'a.example', '//b.example/a'],
  ])('%s says host and path', (_, target, form, host, path) => {
    const verdict = judgeEveryWay(requestOf(`GET ${target} HTTP/1.1`, HOST))
    expect(verdict).toMatchObject({ refusal: '', host, path, facts: { form } })
  })

  it('in asterisk form is for OPTIONS alone', () => {
    expect(judgeEveryWay(requestOf('OPTIONS * HTTP/1.1', HOST))).toMatchObject({
      refusal: '',
      host: 'a.example',
      facts: { form: ASTERISK_FORM },
    })
    expect(isMalformed(judgeEveryWay(requestOf('GET * HTTP/1.1', HOST)).refusal)).toBe(true)
    expect(isMalformed(judgeEveryWay(requestOf('OPTIONS *a HTTP/1.1', HOST)).refusal)).toBe(true)
  })

  it.each([
    'a',
    'a.example/',
    'a.example:443',
    '/a#b',
    '/#',
    'http://',
    'http:///a',
    'http:/a',
    'http://user@b.example/',
    'http://b.example:x/',
    'http://b.example:99999/',
    'http://:80/',
    'http://b example/',
    'ftp://b.example/',
    'http://b.example#f',
    'mailto:a',
    '?q',
  ])('cannot be %s', target => {
    expect(isMalformed(judgeEveryWay(requestOf(`GET ${target} HTTP/1.1`, HOST)).refusal)).toBe(true)
  })
})

describe('Host', () => {
  it('is wanted once from HTTP/1.1', () => {
    expect(judgeEveryWay(requestOf(GET)).refusal).toBe('request_malformed')
    expect(judgeEveryWay(requestOf(GET, HOST, HOST)).refusal).toBe('request_malformed')
    expect(judgeEveryWay(requestOf(GET, HOST, 'hOST: b')).refusal).toBe('request_malformed')
  })

  it('may be missing from HTTP/1.0, and is wanted once there, too', () => {
    expect(judgeEveryWay(requestOf('GET / HTTP/1.0'))).toMatchObject({ refusal: '', host: '' })
    expect(judgeEveryWay(requestOf('GET / HTTP/1.0', HOST))).toMatchObject({ refusal: '', host: 'a.example' })
    expect(judgeEveryWay(requestOf('GET / HTTP/1.0', HOST, HOST)).refusal).toBe('request_malformed')
  })

  it.each(['', 'a b', 'a/b', 'user@a', 'a,b', 'a:x', '[::1', 'a:80:80'])('cannot be %j', host => {
    expect(judgeEveryWay(requestOf(GET, `Host: ${host}`)).refusal).toBe('request_malformed')
  })

  it('is checked even where an absolute-form target overrides it', () => {
    expect(judgeEveryWay(requestOf('GET http://b/ HTTP/1.1', 'Host: a b')).refusal).toBe('request_malformed')
    expect(judgeEveryWay(requestOf('GET http://b/ HTTP/1.1')).refusal).toBe('request_malformed')
  })
})

describe('framing', () => {
  it.each([
    ['nothing', [], NO_CONTENT],
    ['a length', ['Content-Length: 3'], LENGTH_CONTENT],
    ['a length of nothing', ['Content-Length: 0'], LENGTH_CONTENT],
    ['chunks', ['Transfer-Encoding: chunked'], CHUNKED_CONTENT],
    ['chunks in capitals', ['TRANSFER-ENCODING: Chunked'], CHUNKED_CONTENT],
  ])('by %s is taken', (_, fields, framing) => {
    expect(judgeEveryWay(requestOf('POST / HTTP/1.1', HOST, ...fields))).toMatchObject({
      refusal: '',
      facts: { framing },
    })
  })

  it.each([
    ['a coding that a final chunked hides', ['Transfer-Encoding: gzip, chunked']],
    ['a coding that nobody knows, and chunked', ['Transfer-Encoding: x-mine , chunked']],
  ])('by %s is not implemented', (_, fields) => {
    const text = `${requestOf('POST / HTTP/1.1', HOST, ...fields)}0\r\n\r\n`
    expect(judgeEveryWay(text).refusal).toBe('request_coding_unknown')
  })

  it.each([
    ['a coding that is not chunked', ['Transfer-Encoding: gzip']],
    ['identity', ['Transfer-Encoding: identity']],
    ['chunked twice in a list', ['Transfer-Encoding: chunked, chunked']],
    ['chunked twice in lines', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['chunked that is not the last', ['Transfer-Encoding: chunked, gzip']],
    ['a coding in one line and chunked in the next', ['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked']],
    ['a coding with an odd character', ['Transfer-Encoding: \x0bchunked']],
    ['a quoted coding', ['Transfer-Encoding: "chunked"']],
    ['chunked with a parameter', ['Transfer-Encoding: chunked;a=b']],
    ['chunked behind a comma', ['Transfer-Encoding: ,chunked']],
    ['an empty coding', ['Transfer-Encoding:']],
  ])('by %s is malformed', (_, fields) => {
    expect(isMalformed(judgeEveryWay(requestOf('POST / HTTP/1.1', HOST, ...fields)).refusal)).toBe(true)
  })

  it('by a length of sixteen digits is too large to be counted alike by everybody', () => {
    const text = requestOf('POST / HTTP/1.1', HOST, 'Content-Length: 1000000000000000')
    expect(judgeEveryWay(text).refusal).toBe('request_content_too_large')
  })

  it('by chunks does not exist in HTTP/1.0', () => {
    const text = `${requestOf('POST / HTTP/1.0', HOST, 'Transfer-Encoding: chunked')}0\r\n\r\n`
    expect(isMalformed(judgeEveryWay(text).refusal)).toBe(true)
  })
})

describe('persistence', () => {
  it.each([
    ['1.1', [], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['Connection: CLOSE'], false],
    ['1.1', ['Connection: x-a, close'], false],
    ['1.1', ['Connection: keep-alive, close'], false],
    ['1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['1.1', ['Connection: keep-alive'], true],
    ['1.1', ['Connection: closed'], true],
    ['1.0', [], false],
    ['1.0', ['Connection: keep-alive'], true],
    ['1.0', ['Connection: Keep-Alive, x-a'], true],
    ['1.0', ['Connection: keep-alive, close'], false],
    ['1.0', ['Connection: close'], false],
    ['1.1', ['Connection: close\t'], false],
    ['1.1', ['Connection:\tClose \t'], false],
    ['1.0', ['Connection: keep-alive', 'Connection: close'], false],
    ['1.0', ['Connection: Close', 'Connection: Keep-Alive'], false],
  ])('of HTTP/%s with %j is %s', (version, fields, keepAlive) => {
    const verdict = judgeEveryWay(requestOf(`GET / HTTP/${version}`, HOST, ...fields))
    expect(verdict).toMatchObject({ refusal: '', facts: { keepAlive } })
  })
})

describe('Connection', () => {
  it.each<[string[], string[] | null]>([
    [[], null],
    [['Connection: keep-alive'], null],
    [['Connection: close'], null],
    [['Connection: X-A'], ['x-a']],
    [
      ['Connection: keep-alive, X-A ,x-b', 'Connection:\tX-C\t'],
      ['x-a', 'x-b', 'x-c'],
    ],
    [['Connection: ,, X-A,'], ['x-a']],
    [['Connection: TE, Upgrade, close, keep-alive'], null],
    [['Connection: Host, Content-Length, Transfer-Encoding'], null],
    [['Connection: X-Forwarded-For, Cookie'], ['x-forwarded-for', 'cookie']],
  ])('%j nominates %j', (fields, nominated) => {
    expect(judgeEveryWay(requestOf(GET, HOST, ...fields))).toMatchObject({ refusal: '', facts: { nominated } })
  })
})

describe('an upgrade', () => {
  it.each([
    ['is asked for by both fields', '1.1', ['Connection: upgrade', 'Upgrade: websocket'], true],
    ['is asked for in any case and order', '1.1', ['UPGRADE: WebSocket', 'CONNECTION: Keep-Alive, Upgrade'], true],
    ['is not asked for by Upgrade alone', '1.1', ['Upgrade: websocket'], false],
    ['is not asked for by Connection alone', '1.1', ['Connection: upgrade'], false],
    ['cannot be asked for in HTTP/1.0', '1.0', ['Connection: upgrade', 'Upgrade: websocket'], false],
    [
      'to HTTP/2 is not passed on',
      '1.1',
      ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA'],
      false,
    ],
    ['to HTTP/2 among others is not passed on', '1.1', ['Connection: upgrade', 'Upgrade: websocket, h2c'], false],
  ])('%s', (_, version, fields, upgrade) => {
    const verdict = judgeEveryWay(requestOf(`GET / HTTP/${version}`, HOST, ...fields))
    expect(verdict).toMatchObject({ refusal: '', facts: { upgrade } })
  })

  it.each([['Content-Length: 3'], ['Transfer-Encoding: chunked']])('with content (%s) is refused', framing => {
    const text = requestOf('POST / HTTP/1.1', HOST, 'Connection: upgrade', 'Upgrade: websocket', framing)
    expect(judgeEveryWay(text).refusal).toBe('request_malformed')
  })
})

describe('Expect', () => {
  it.each(['100-continue', '100-Continue'])('of %s is passed on', value => {
    const text = requestOf('POST / HTTP/1.1', HOST, 'Content-Length: 3', `Expect: ${value}`)
    expect(judgeEveryWay(text)).toMatchObject({ refusal: '', facts: { expectContinue: true } })
  })

  it.each(['a', '', '100-continue, a', '200-ok'])('of %j cannot be met', value => {
    expect(judgeEveryWay(requestOf('POST / HTTP/1.1', HOST, `Expect: ${value}`)).refusal).toBe('request_expectation')
  })

  it('is ignored in HTTP/1.0', () => {
    const verdict = judgeEveryWay(requestOf('POST / HTTP/1.0', HOST, 'Content-Length: 3', 'Expect: a'))
    expect(verdict).toMatchObject({ refusal: '', facts: { expectContinue: false } })
  })
})

describe('TE', () => {
  it.each([
    ['trailers', true],
    ['Trailers', true],
    ['gzip, trailers', true],
    ['trailers;q=0.5', true],
    ['gzip', false],
    ['trailersx', false],
    ['', false],
  ])('of %j says whether the client takes trailers: %s', (value, acceptsTrailers) => {
    const verdict = judgeEveryWay(requestOf(GET, HOST, `TE: ${value}`, 'Connection: TE'))
    expect(verdict.facts).toMatchObject({ acceptsTrailers, nominated: null })
  })
})

describe('the facts of one request', () => {
  it('leave nothing behind for the next', () => {
    const plain = judge([requestOf(GET, HOST)])
    judge([
      requestOf(
        'GET http://b/x HTTP/1.1',
        HOST,
        'Connection: upgrade, X-A',
        'Upgrade: x',
        'TE: trailers',
        'Expect: 100-continue',
      ),
    ])
    judge([requestOf('POST / HTTP/1.0', 'Content-Length: 0')])
    expect(judge([requestOf(GET, HOST)])).toEqual(plain)
  })
})

describe('whatever is damaged in a request', () => {
  const lines = [
    'POST /path?query HTTP/1.1',
    'Host: a.example',
    'Connection: keep-alive, X-A',
    'X-A: b',
    'Transfer-Encoding: chunked',
    '',
    '5;a="b"',
    'hello',
    '0',
    'X-Sum: 1',
    '',
    '',
  ]
  const text = lines.join('\r\n')
  const damage = fc.record({
    at: fc.nat(text.length - 1),
    bytes: fc.oneof(
      fc.nat(255).map(byte => String.fromCharCode(byte)),
      fc.constantFrom('', '\r', '\n', '\r\n', ' ', '\t', ':', ',', '0'),
    ),
    length: fc.nat(3),
  })

  it('is judged the same however it is cut, and what is taken is taken the same', () => {
    const offsets = fc.array(fc.nat(text.length), { maxLength: 10 })
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), offsets, (damages, cuts) => {
        let damaged = text
        for (const { at, bytes, length } of damages) damaged = damaged.slice(0, at) + bytes + damaged.slice(at + length)
        const whole = judge([damaged])
        const cut = judge(piecesAt(toBuffer(damaged), cuts))
        const bytewise = judge([...damaged])
        if (isMalformed(whole.refusal)) {
          expect([cut.refusal, bytewise.refusal].every(isMalformed)).toBe(true)
        } else {
          expect(cut).toEqual(whole)
          expect(bytewise).toEqual(whole)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
