import { describe, expect, it } from 'vitest'
import {
  CHUNKED_CONTENT,
  CLOSE_DELIMITED,
  LENGTH_CONTENT,
  NO_CONTENT,
  type ResponseFacts,
  readResponse,
  response,
} from '../../../engine/http/response-facts.ts'
import { RESPONSE } from '../../../engine/http1/llhttp.ts'
import { type Bytes, quote } from '../../support/bytes.ts'
import { feed } from '../http1/feed.ts'

interface Verdict {
  /** Neither the parser nor `readResponse` refused the head. */
  readonly passes: boolean
  readonly facts: ResponseFacts | null
}

function judge(pieces: readonly Bytes[], isHead = false): Verdict {
  let passes = false
  let facts: ResponseFacts | null = null
  const { messages } = feed(RESPONSE, pieces, {
    skipContent: () => isHead,
    onHead: (head, parser) => {
      if (facts !== null) return
      passes = readResponse(head, parser)
      facts = { ...response }
    },
  })
  return { passes: passes && messages[0]?.error === 0, facts }
}

/** The same verdict however the response is cut. */
function judgeEveryWay(text: string, isHead = false): Verdict {
  const whole = judge([text], isHead)
  for (let at = 1; at < text.length; at += 1) {
    const cut = judge([text.slice(0, at), text.slice(at)], isHead)
    expect(cut.passes, `${quote(text)} cut at ${at}`).toBe(whole.passes)
    if (whole.passes) expect(cut.facts).toEqual(whole.facts)
  }
  return whole
}

function responseOf(line: string, ...fields: string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`
}

const OK = 'HTTP/1.1 200 OK'

describe('the status line', () => {
  it.each([
    ['HTTP/1.1 200 OK', 200, 1],
    ['HTTP/1.0 404 Not Found', 404, 0],
    ['HTTP/1.1 599 ', 599, 1],
    ['HTTP/1.1 299', 299, 1],
    ['HTTP/1.1 200 caf\xe9\tau lait', 200, 1],
  ])('%j is taken', (line, status, versionMinor) => {
    const verdict = judgeEveryWay(responseOf(line, 'Content-Length: 0'))
    expect(verdict).toMatchObject({ passes: true, facts: { status, versionMinor } })
    // Where no field line follows, it ends the same.
    expect(judgeEveryWay(responseOf(line))).toMatchObject({ passes: true, facts: { status, framing: CLOSE_DELIMITED } })
  })

  it.each([
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 600 X',
    'HTTP/1.1 999 X',
    'HTTP/1.1 099 X',
    'HTTP/1.1 000 X',
    'HTTP/1.1 20 X',
    'HTTP/1.1 2000 X',
    'HTTP/1.1  200 OK',
    'http/1.1 200 OK',
    'RTSP/1.0 200 OK',
    'ICE/1.0 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'HTTP/1.1 200 a\x01b',
    'HTTP/1.1 200 a\x7fb',
    'HTTP/1.1 200 a\rb',
    'HTTP/1.1 200 a\0b',
  ])('%j is not passed on', line => {
    expect(judgeEveryWay(responseOf(line, 'Content-Length: 0')).passes).toBe(false)
  })
})

describe('framing', () => {
  it.each([
    ['a length', ['Content-Length: 3'], LENGTH_CONTENT],
    ['a length of nothing', ['Content-Length: 0'], LENGTH_CONTENT],
    ['chunks', ['Transfer-Encoding: chunked'], CHUNKED_CONTENT],
    ['chunks in capitals', ['Transfer-Encoding: CHUNKED'], CHUNKED_CONTENT],
    ['nothing, so that it runs until the close', [], CLOSE_DELIMITED],
  ])('by %s is taken', (_, fields, framing) => {
    expect(judgeEveryWay(responseOf(OK, ...fields))).toMatchObject({ passes: true, facts: { framing } })
  })

  it.each([204, 304, 100, 103])('of status %i is no content whatever the head says', status => {
    const verdict = judgeEveryWay(responseOf(`HTTP/1.1 ${status} X`, 'Content-Length: 3'))
    expect(verdict).toMatchObject({ passes: true, facts: { status, framing: NO_CONTENT } })
  })

  it.each([['Content-Length: 3'], ['Transfer-Encoding: chunked'], ['X-A: b']])(
    'of an answer to HEAD is no content whatever the head says (%s)',
    field => {
      const verdict = judgeEveryWay(responseOf(OK, field), true)
      expect(verdict).toMatchObject({ passes: true, facts: { framing: NO_CONTENT } })
    },
  )

  it.each([
    ['a coding that is not chunked', OK, ['Transfer-Encoding: gzip']],
    ['a coding and chunked', OK, ['Transfer-Encoding: gzip, chunked']],
    ['chunked twice', OK, ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['chunked, and something behind it', OK, ['Transfer-Encoding: chunked, gzip']],
    ['a coding that begins oddly', OK, ['Transfer-Encoding: \x0bchunked']],
    ['chunks and a length', OK, ['Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['two lengths', OK, ['Content-Length: 3', 'Content-Length: 3']],
    ['a list of lengths', OK, ['Content-Length: 3, 3']],
    ['a length of sixteen digits', OK, ['Content-Length: 1000000000000000']],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK', ['Transfer-Encoding: chunked']],
  ])('by %s is not passed on', (_, line, fields) => {
    expect(judgeEveryWay(responseOf(line, ...fields)).passes).toBe(false)
  })
})

describe('persistence', () => {
  it.each([
    [OK, [], true],
    [OK, ['Connection: close'], false],
    [OK, ['Connection: x-a, Close'], false],
    [OK, ['Connection: keep-alive, close'], false],
    ['HTTP/1.0 200 OK', [], false],
    ['HTTP/1.0 200 OK', ['Connection: keep-alive'], true],
    ['HTTP/1.0 200 OK', ['Connection: keep-alive, close'], false],
  ])('of %s with %j is %s', (line, fields, keepAlive) => {
    const verdict = judgeEveryWay(responseOf(line, 'Content-Length: 0', ...fields))
    expect(verdict).toMatchObject({ passes: true, facts: { keepAlive } })
  })

  it('is none of a response that runs until the close', () => {
    expect(judgeEveryWay(responseOf(OK, 'Connection: keep-alive')).facts?.keepAlive).toBe(false)
  })

  it.each([
    ['timeout=5, max=100', 5],
    ['max=100, timeout=15', 15],
    ['max=100 timeout=7', 7],
    ['Timeout = "3"', 3],
    ['timeout=0', 0],
    ['max=100', -1],
    ['xtimeout=5', -1],
    ['timeout=', -1],
    ['timeout=-5', -1],
    ['', -1],
  ])('lasts as long as Keep-Alive says: %j is %i seconds', (value, keepAliveSeconds) => {
    const verdict = judgeEveryWay(responseOf(OK, 'Content-Length: 0', `Keep-Alive: ${value}`))
    expect(verdict).toMatchObject({ passes: true, facts: { keepAliveSeconds } })
  })
})

describe('Connection', () => {
  it.each<[string[], string[] | null]>([
    [[], null],
    [['Connection: close'], null],
    [
      ['Connection: X-A, keep-alive', 'Connection: x-b'],
      ['x-a', 'x-b'],
    ],
    [['Connection: Upgrade, close'], null],
    [['Connection: Content-Length, Transfer-Encoding, X-A'], ['x-a']],
  ])('%j nominates %j', (fields, nominated) => {
    const verdict = judgeEveryWay(responseOf(OK, 'Content-Length: 0', ...fields))
    expect(verdict).toMatchObject({ passes: true, facts: { nominated } })
  })
})

describe('the facts of one response', () => {
  it('leave nothing behind for the next', () => {
    const plain = judge([responseOf(OK, 'Content-Length: 0')])
    judge([responseOf('HTTP/1.0 101 S', 'Connection: upgrade, X-A, close', 'Upgrade: x', 'Keep-Alive: timeout=9')])
    expect(judge([responseOf(OK, 'Content-Length: 0')])).toEqual(plain)
  })
})
