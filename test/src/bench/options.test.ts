import { describe, expect, test } from 'vitest'
import { BenchError, type BenchOptions, checkOptions } from '../../../src/bench/options.ts'
import { requestBytes } from '../../../src/bench/request-bytes.ts'

const URL_OF_ALL = 'http://a.example:8080/x?y=1'

function requestOf(options: Partial<BenchOptions>): string {
  return Buffer.from(requestBytes(checkOptions({ url: URL_OF_ALL, ...options }))).toString('latin1')
}

describe('options', () => {
  test('have defaults', () => {
    expect(checkOptions({ url: URL_OF_ALL })).toMatchObject({
      connections: 50,
      durationMs: 10_000,
      requests: null,
      rate: null,
      warmUpMs: 0,
      method: 'GET',
      pipelining: 1,
      keepAlive: true,
      timeoutMs: 10_000,
    })
    expect(checkOptions({ url: URL_OF_ALL, requests: 5 })).toMatchObject({ durationMs: null, requests: 5 })
    expect(checkOptions({ url: URL_OF_ALL, connections: 1 }).threads).toBe(1)
  })

  test.each<[Partial<BenchOptions>, string]>([
    [{ url: 'nonsense url' }, '"nonsense url" is not a URL; it looks like http://127.0.0.1:8080/'],
    [{ url: '10.0.0.1' }, '"10.0.0.1" is not a URL; did you mean http://10.0.0.1/?'],
    [
      { url: 'localhost:80' },
      'the URL must begin with http:// or https://, not localhost:; did you mean http://localhost:80?',
    ],
    [{ url: 'ws://a.example/' }, 'the URL must begin with http:// or https://, not ws:'],
    [{ connections: 0 }, 'connections must be a whole number from 1 to 20,000, not 0'],
    [{ connections: 1.5 }, 'connections must be a whole number from 1 to 20,000, not 1.5'],
    [{ rate: -1 }, 'the rate must be a number from 0.001 to 1,000,000, not -1'],
    [{ rate: Number.NaN }, 'the rate must be a number from 0.001 to 1,000,000, not NaN'],
    [{ connections: 2, threads: 3 }, '3 threads need at least as many connections; there are 2'],
    [{ requests: 1, durationMs: 1 }, 'either a duration or a number of requests ends the run; both were given'],
    [{ keepAlive: false, pipelining: 2 }, 'pipelining needs connections that are kept alive'],
    [{ method: 'GE T' }, '"GE T" is not an HTTP method'],
    [{ method: 'CONNECT' }, 'the method CONNECT opens a tunnel, which cannot be measured'],
    [{ headers: [['a b', 'c']] }, '"a b" is not the name of a header field'],
    [{ headers: [['a', 'b\r\nc: d']] }, 'the value of the header a has a control character in it'],
    [
      { headers: [['Transfer-Encoding', 'chunked']] },
      'the header Transfer-Encoding is written by the tool itself, as the body needs it',
    ],
  ])('%j are refused', (options, message) => {
    expect(() => checkOptions({ url: URL_OF_ALL, ...options })).toThrow(new BenchError(message))
  })
})

describe('the request', () => {
  test('is the method, the target and the host, and nothing that was not asked for', () => {
    expect(requestOf({})).toBe('GET /x?y=1 HTTP/1.1\r\nHost: a.example:8080\r\n\r\n')
    expect(requestOf({ url: 'http://[::1]' })).toBe('GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n')
  })

  test('carries fields as they are given, the own host among them', () => {
    const headers = [
      ['Cookie', 'a'],
      ['Cookie', 'b'],
      ['host', 'b.example'],
    ] as const
    expect(requestOf({ headers })).toBe('GET /x?y=1 HTTP/1.1\r\nCookie: a\r\nCookie: b\r\nhost: b.example\r\n\r\n')
  })

  test('says how long its content is, also with GET, and that there is none where some is expected', () => {
    expect(requestOf({ body: 'ä' })).toMatch(/^GET .*\r\nContent-Length: 2\r\n\r\n/s)
    expect(requestOf({ method: 'POST', body: new Uint8Array([33, 10]) })).toMatch(
      /^POST .*Content-Length: 2\r\n\r\n!\n$/s,
    )
    expect(requestOf({ method: 'POST' })).toMatch(/Content-Length: 0\r\n\r\n$/)
  })

  test('says that it closes the connection where each request has its own', () => {
    expect(requestOf({ keepAlive: false })).toContain('\r\nConnection: close\r\n')
  })

  test('turns a user and a password of the URL into credentials', () => {
    const request = requestOf({ url: 'http://us%40er:p%3Aw@a.example/' })
    expect(request).toContain(`\r\nAuthorization: Basic ${Buffer.from('us@er:p:w').toString('base64')}\r\n`)
    expect(request).toContain('\r\nHost: a.example\r\n')
    const password = requestOf({ url: 'http://:pw@a.example/' })
    expect(password).toContain(`\r\nAuthorization: Basic ${Buffer.from(':pw').toString('base64')}\r\n`)
  })

  test.each(['1.2.3.4', '::1', '', 'a\nb', 'a b'])('does not ask for a server with the name %j', serverName => {
    expect(() => checkOptions({ url: 'https://a.example/', serverName })).toThrow(BenchError)
  })
})
