import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeRequestHead } from '../../../engine/http/head-writer.ts'
import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { head } from '../../support/heads.ts'
import { feed } from '../http1/feed.ts'
import {
  CLAIMS,
  GET,
  HOST,
  linesOf,
  rewriteOf,
  rewriteRequest,
  rewriteResponse,
  untrustedLines,
} from './written-head.ts'

describe('the head of an upstream request', () => {
  it('keeps order, case, duplicates and whitespace of the lines that stay, and puts ours behind them', () => {
    const fields = [
      HOST,
      'X-One:1',
      'x-one:   2  ',
      'X-ONE:\t3',
      'Accept: */*',
      'Empty:',
      'Latin: \xe4\xff',
      'Cookie: a',
      'Cookie: b',
    ]
    expect(rewriteRequest(head(GET, ...fields))).toEqual([GET, ...fields, ...untrustedLines('a.example')])
  })

  it('has none of the lines that belong to the connection it came on', () => {
    const fields = [
      'Connection: keep-alive, X-Hop',
      HOST,
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'X-Hop: a',
      'X-Stay: b',
      'x-hop: c',
      'TE: gzip',
      'Upgrade: websocket',
      'HTTP2-Settings: AAA',
      'Proxy-Authorization: Basic eA==',
      'Proxy-Authenticate: Basic',
      'Last: d',
    ]
    const kept = [HOST, 'X-Stay: b', 'Last: d']
    expect(rewriteRequest(head(GET, ...fields))).toEqual([GET, ...kept, ...untrustedLines('a.example')])
  })

  it('loses the whole of a line that is dropped, whatever blanks it ends with', () => {
    const fields = ['Connection: keep-alive \t ', 'TE:', HOST, 'Keep-Alive:  ', 'X-Stay: a  ', 'Proxy-Connection:\t']
    expect(rewriteRequest(head(GET, ...fields))).toEqual([GET, HOST, 'X-Stay: a  ', ...untrustedLines('a.example')])
  })

  it('cannot lose what we add because the client nominates it', () => {
    const nominated = 'Connection: X-Forwarded-For, X-Forwarded-Host, Via, X-Request-Id, Host, Content-Length'
    const fields = [nominated, HOST, 'X-Forwarded-For: 1.1.1.1', 'Content-Length: 0']
    const kept = [HOST, 'Content-Length: 0']
    for (const trusted of [false, true]) {
      const lines = rewriteRequest(head(GET, ...fields), { trusted })
      expect(lines.toSorted()).toEqual([GET, ...kept, ...untrustedLines('a.example')].toSorted())
    }
  })

  it('frames chunked content as chunked, by our own line', () => {
    const lines = rewriteRequest(head('POST / HTTP/1.1', HOST, 'transfer-encoding: CHUNKED', 'X-Behind: a'))
    expect(lines).toEqual([
      'POST / HTTP/1.1',
      HOST,
      'X-Behind: a',
      'Transfer-Encoding: chunked',
      ...untrustedLines('a.example'),
    ])
  })

  it('passes on that the client takes trailers, and nothing else of TE', () => {
    const lines = rewriteRequest(head(GET, HOST, 'TE: gzip, trailers', 'Connection: TE'))
    expect(lines).toEqual([GET, HOST, 'TE: trailers', 'Connection: TE', ...untrustedLines('a.example')])
  })

  it('asks for the upgrade that the client asks for', () => {
    const fields = [
      HOST,
      'Connection: keep-alive, Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: x',
      'upgrade: other',
    ]
    expect(rewriteRequest(head(GET, ...fields))).toEqual([
      GET,
      HOST,
      'Sec-WebSocket-Key: x',
      'Connection: upgrade',
      'Upgrade: websocket',
      'upgrade: other',
      ...untrustedLines('a.example'),
    ])
  })

  it('does not begin with the empty line that a client may send before it', () => {
    expect(rewriteRequest(`\r\n${head(GET, HOST)}`)).toEqual([GET, HOST, ...untrustedLines('a.example')])
  })

  it('keeps Expect from HTTP/1.1', () => {
    const fields = [HOST, 'Content-Length: 3', 'Expect: 100-continue']
    expect(rewriteRequest(head('POST / HTTP/1.1', ...fields))).toContain('Expect: 100-continue')
  })

  it('adds to the Via that is there', () => {
    const lines = rewriteRequest(head(GET, HOST, 'Via: 1.0 other'))
    expect(lines.filter(line => line.startsWith('Via'))).toEqual(['Via: 1.0 other', 'Via: 1.1 sluice'])
  })

  it('is the same whether the head came whole or in pieces', () => {
    const text = head(GET, HOST, 'Connection: X-Hop', 'X-Hop: a', 'X-Forwarded-For: 1.1.1.1', 'X-Stay:  b ')
    const whole = rewriteRequest(text)
    for (let at = 1; at < text.length; at += 1) {
      const out = new ByteBuffer(16)
      feed(REQUEST, [text.slice(0, at), text.slice(at)], {
        onHead: (parsedHead, parser) => {
          readRequest(parsedHead, parser)
          writeRequestHead(out, parsedHead, request, rewriteOf({}))
        },
      })
      expect(linesOf(out.bytes.toString('latin1', 0, out.length))).toEqual(whole)
    }
  })
})

describe('the version of an upstream request', () => {
  it('is ours whatever the client speaks: HTTP/1.0 with its lines becomes HTTP/1.1, without Expect', () => {
    const fields = [HOST, 'Content-Length: 3', 'Expect: 100-continue', 'Connection: keep-alive']
    expect(rewriteRequest(head('POST /a HTTP/1.0', ...fields))).toEqual([
      'POST /a HTTP/1.1',
      HOST,
      'Content-Length: 3',
      ...untrustedLines('a.example', '1.0'),
    ])
  })

  it('of a request without Host brings the Host that it is given', () => {
    const host = '10.0.0.1:3000'
    const lines = rewriteRequest(head('GET /a HTTP/1.0', 'X-A: b'), { host })
    expect(lines.slice(0, 3)).toEqual(['GET /a HTTP/1.1', `Host: ${host}`, 'X-A: b'])
    expect(rewriteRequest(head('GET /a HTTP/1.0'), { host }).slice(0, 2)).toEqual(['GET /a HTTP/1.1', `Host: ${host}`])
  })

  it('of a request without Host has no X-Forwarded-Host, which would be empty', () => {
    for (const trusted of [false, true]) {
      const lines = rewriteRequest(head('GET /a HTTP/1.0'), { trusted, host: '10.0.0.1:3000' })
      expect(lines).toEqual([
        'GET /a HTTP/1.1',
        'Host: 10.0.0.1:3000',
        ...untrustedLines('', '1.0').filter(line => !line.startsWith('X-Forwarded-Host')),
      ])
    }
  })
})

describe('the target of an upstream request', () => {
  it.each([
    ['GET http://b.example:81/x?y HTTP/1.1', 'GET /x?y HTTP/1.1', 'b.example:81'],
    ['GET HTTP://b.example HTTP/1.1', 'GET / HTTP/1.1', 'b.example'],
    ['GET http://b.example?y=z HTTP/1.1', 'GET /?y=z HTTP/1.1', 'b.example'],
    ['OPTIONS http://b.example HTTP/1.1', 'OPTIONS * HTTP/1.1', 'b.example'],
    ['OPTIONS http://b.example/ HTTP/1.1', 'OPTIONS / HTTP/1.1', 'b.example'],
  ])('in absolute form, %s, becomes %s with the Host of the target', (line, upstream, host) => {
    expect(rewriteRequest(head(line, 'X-A: b', HOST, 'X-C: d'))).toEqual([
      upstream,
      `Host: ${host}`,
      'X-A: b',
      'X-C: d',
      ...untrustedLines(host),
    ])
  })

  it.each(['OPTIONS * HTTP/1.1', 'GET /a/../%2e?b%zz//c HTTP/1.1', 'GET //x HTTP/1.1'])('%s stays as it came', line => {
    expect(rewriteRequest(head(line, HOST))[0]).toBe(line)
  })
})

describe('a target that the route has changed', () => {
  it.each([
    ['GET /a?b HTTP/1.1', 'GET /x?y HTTP/1.1'],
    ['POST http://a.example/a HTTP/1.1', 'POST /x?y HTTP/1.1'],
    ['DELETE /a HTTP/1.0', 'DELETE /x?y HTTP/1.1'],
    ['\r\nGET /a?b HTTP/1.1', 'GET /x?y HTTP/1.1'],
  ])('goes on in place of the one in %j', (line, upstream) => {
    const lines = rewriteRequest(head(line, 'X-A: b', HOST, 'X-C: d'), { target: '/x?y' })
    const isAbsolute = line.includes('http:')
    const kept = isAbsolute ? ['Host: a.example', 'X-A: b', 'X-C: d'] : ['X-A: b', HOST, 'X-C: d']
    const version = line.endsWith('1.0') ? '1.0' : '1.1'
    expect(lines).toEqual([upstream, ...kept, ...untrustedLines('a.example', version)])
  })

  it('goes on beside another Host', () => {
    const lines = rewriteRequest(head(GET, 'X-A: b', HOST), { target: '/x', host: 'b.internal' })
    expect(lines).toEqual(['GET /x HTTP/1.1', 'Host: b.internal', 'X-A: b', ...untrustedLines('a.example')])
  })
})

describe('Host', () => {
  it('is replaced where the route says so, in the first place; X-Forwarded-Host has the one that the client sent', () => {
    const lines = rewriteRequest(head(GET, 'X-A: b', HOST), { host: 'internal:8000' })
    expect(lines).toEqual([GET, 'Host: internal:8000', 'X-A: b', ...untrustedLines('a.example')])
  })

  it('of an absolute-form target is replaced, too', () => {
    const lines = rewriteRequest(head('GET http://b.example/x HTTP/1.1', HOST), { host: 'internal' })
    expect(lines).toEqual(['GET /x HTTP/1.1', 'Host: internal', ...untrustedLines('b.example')])
  })
})

describe('what a client that is not trusted claims of others', () => {
  it('is replaced', () => {
    const [first = '', ...rest] = CLAIMS
    const lines = rewriteRequest(head(GET, first, HOST, ...rest, 'x-forwarded-for: 9.9.9.9', 'X-Behind: a'))
    expect(lines).toEqual([GET, HOST, 'X-Behind: a', ...untrustedLines('a.example')])
  })

  it('is replaced in Forwarded as well, where that is wanted', () => {
    const lines = rewriteRequest(head(GET, HOST, ...CLAIMS), { forwarded: true })
    expect(lines).toEqual([
      GET,
      HOST,
      ...untrustedLines('a.example'),
      'Forwarded: for=203.0.113.9;host=a.example;proto=http',
    ])
  })
})

describe('what a trusted proxy says', () => {
  it('is believed, and X-Forwarded-For extended', () => {
    const lines = rewriteRequest(head(GET, HOST, ...CLAIMS), { trusted: true })
    expect(lines).toEqual([
      GET,
      HOST,
      ...CLAIMS.slice(1),
      'X-Forwarded-For: 198.51.100.1, 198.51.100.2, 203.0.113.9',
      'Via: 1.1 sluice',
    ])
  })

  it('in several lines becomes one list, in order, without the empty ones', () => {
    const fields = ['X-Forwarded-For: a', 'X-Forwarded-For:', HOST, 'x-forwarded-for: b, c']
    const lines = rewriteRequest(head(GET, ...fields), { trusted: true })
    expect(lines.filter(line => /^x-forwarded-for/i.test(line))).toEqual(['X-Forwarded-For: a, b, c, 203.0.113.9'])
  })

  it('is completed where it is silent', () => {
    expect(rewriteRequest(head(GET, HOST), { trusted: true })).toEqual([GET, HOST, ...untrustedLines('a.example')])
  })

  it('in Forwarded is extended where that is wanted, and left alone where not', () => {
    const text = head(GET, HOST, 'Forwarded: for=a', 'forwarded: for=b;proto=https')
    const extended = 'Forwarded: for=a, for=b;proto=https, for=203.0.113.9;host=a.example;proto=http'
    expect(rewriteRequest(text, { trusted: true, forwarded: true })).toEqual([
      GET,
      HOST,
      ...untrustedLines('a.example'),
      extended,
    ])
    const left = rewriteRequest(text, { trusted: true })
    expect(left.slice(0, 4)).toEqual([GET, HOST, 'Forwarded: for=a', 'forwarded: for=b;proto=https'])
    expect(left).not.toContain(extended)
  })
})

describe('Forwarded', () => {
  it.each([
    ['an IPv4 address', { client: '192.0.2.1' }, HOST, 'for=192.0.2.1;host=a.example;proto=http'],
    [
      'an IPv6 address in quotes and brackets',
      { client: '2001:db8::1' },
      HOST,
      'for="[2001:db8::1]";host=a.example;proto=http',
    ],
    ['a unix socket as unknown', { client: 'unknown', port: 0 }, HOST, 'for=unknown;host=a.example;proto=http'],
    ['a host with a port in quotes', {}, 'Host: a.example:8080', 'for=203.0.113.9;host="a.example:8080";proto=http'],
    ['an IPv6 host in quotes', {}, 'Host: [::1]', 'for=203.0.113.9;host="[::1]";proto=http'],
    ['an odd host in quotes', {}, 'Host: a=b;(c)', 'for=203.0.113.9;host="a=b;(c)";proto=http'],
    ['the scheme', { scheme: 'https' }, HOST, 'for=203.0.113.9;host=a.example;proto=https'],
  ])('names %s', (_, setting, host, value) => {
    const lines = rewriteRequest(head(GET, host), { forwarded: true, ...setting })
    expect(lines.at(-1)).toBe(`Forwarded: ${value}`)
  })

  it('has no host where the request had none', () => {
    const lines = rewriteRequest(head('GET / HTTP/1.0'), { forwarded: true, host: '10.0.0.1:3000' })
    expect(lines.at(-1)).toBe('Forwarded: for=203.0.113.9;proto=http')
  })
})

describe('a client on a unix socket', () => {
  it('has no port that it reached us at', () => {
    const lines = rewriteRequest(head(GET, HOST), { client: 'unknown', port: 0 })
    expect(lines).toContain('X-Forwarded-For: unknown')
    expect(lines.filter(line => line.startsWith('X-Forwarded-Port'))).toEqual([])
  })
})

describe('the head of a response', () => {
  it('keeps order, case, duplicates and whitespace of the lines that stay', () => {
    const fields = ['Server: x', 'Set-Cookie: a', 'set-cookie:b', 'Content-Length: 3', 'X-Empty:', 'Latin: \xe4']
    expect(rewriteResponse(head('HTTP/1.1 200 OK', ...fields))).toEqual(['HTTP/1.1 200 OK', ...fields])
  })

  it('has none of the lines that belong to the connection it came on', () => {
    const fields = [
      'Connection: keep-alive, X-Hop',
      'Keep-Alive: timeout=5',
      'X-Hop: a',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Upgrade: h2c',
      'Content-Length: 0',
      'Proxy-Authenticate: Basic',
    ]
    expect(rewriteResponse(head('HTTP/1.1 200 OK', ...fields))).toEqual([
      'HTTP/1.1 200 OK',
      'Content-Length: 0',
      'Proxy-Authenticate: Basic',
    ])
  })

  it.each([
    ['HTTP/1.0 200 Fine', 'HTTP/1.1 200 Fine'],
    ['HTTP/1.1 200 ', 'HTTP/1.1 200 '],
    ['HTTP/1.1 200', 'HTTP/1.1 200 '],
    ['HTTP/1.1 299 caf\xe9 au  lait', 'HTTP/1.1 299 caf\xe9 au  lait'],
  ])('begins with our version and its status and reason: %j becomes %j', (line, written) => {
    expect(rewriteResponse(head(line, 'Content-Length: 0'))).toEqual([written, 'Content-Length: 0'])
    expect(rewriteResponse(head(line), { isHead: true })).toEqual([written])
  })

  it.each([['Transfer-Encoding: chunked'], ['X-None: of both']])(
    'frames what has no length in chunks of ours (%s)',
    field => {
      const kept = field.startsWith('X') ? [field] : []
      expect(rewriteResponse(head('HTTP/1.1 200 OK', field, 'Server: x'))).toEqual([
        'HTTP/1.1 200 OK',
        ...kept,
        'Server: x',
        'Transfer-Encoding: chunked',
      ])
    },
  )

  it('says what becomes of the connection, behind the fields of the origin', () => {
    const text = head('HTTP/1.1 200 OK', 'Connection: keep-alive', 'Content-Length: 0')
    expect(rewriteResponse(text, { connection: 'Connection: close\r\n' })).toEqual([
      'HTTP/1.1 200 OK',
      'Content-Length: 0',
      'Connection: close',
    ])
  })

  it('has no length where the status has no content, but for 304, whose length is that of the answer to GET', () => {
    expect(rewriteResponse(head('HTTP/1.1 204 No Content', 'Content-Length: 0', 'X-A: b'))).toEqual([
      'HTTP/1.1 204 No Content',
      'X-A: b',
    ])
    expect(rewriteResponse(head('HTTP/1.1 304 Not Modified', 'Content-Length: 5'))).toContain('Content-Length: 5')
  })

  it('of an answer to HEAD keeps the length that GET would have', () => {
    const text = head('HTTP/1.1 200 OK', 'Content-Length: 5')
    expect(rewriteResponse(text, { isHead: true })).toEqual(['HTTP/1.1 200 OK', 'Content-Length: 5'])
  })

  it('is changed as the route says', () => {
    const text = head('HTTP/1.1 200 OK', 'Server: x', 'x-powered-by: y', 'Content-Length: 0', 'SERVER: z')
    const edits = { set: [['Server', 'mine']], remove: ['x-powered-by'] } as const
    expect(rewriteResponse(text, { edits })).toEqual(['HTTP/1.1 200 OK', 'Content-Length: 0', 'Server: mine'])
  })
})

describe('the head of an interim response', () => {
  it('passes as it came, but for what belongs to its connection', () => {
    const fields = ['Link: </a.css>; rel=preload', 'Connection: close, X-Hop', 'X-Hop: a', 'link: </b.css>']
    expect(rewriteResponse(head('HTTP/1.1 103 Early Hints', ...fields))).toEqual([
      'HTTP/1.1 103 Early Hints',
      'Link: </a.css>; rel=preload',
      'link: </b.css>',
    ])
    expect(rewriteResponse(head('HTTP/1.1 100 Continue'))).toEqual(['HTTP/1.1 100 Continue'])
  })

  it('that switches protocols says to which', () => {
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x']
    expect(rewriteResponse(head('HTTP/1.1 101 Switching Protocols', ...fields))).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Sec-WebSocket-Accept: x',
      'Connection: upgrade',
      'Upgrade: websocket',
    ])
  })
})

describe('whatever fields a request has', () => {
  const name = fc.constantFrom(
    'X-A',
    'x-a',
    'X-B',
    'Cookie',
    'Accept',
    'Keep-Alive',
    'TE',
    'X-Forwarded-For',
    'Proxy-Connection',
  )
  const value = fc.stringMatching(/^[!-~]{1,10}$/)
  const DROPPED = /^(?:keep-alive|te|proxy-connection|x-forwarded-for)$/i

  it('those that are not to be dropped come out as they went in, in order, before ours', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value), { maxLength: 20, size: 'max' }),
        fc.boolean(),
        (fields, nominates) => {
          const lines = fields.map(([fieldName, fieldValue]) => `${fieldName}: ${fieldValue}`)
          const connection = nominates ? ['Connection: x-a'] : []
          const written = rewriteRequest(head(GET, HOST, ...connection, ...lines))
          const stays = (fieldName: string) => !DROPPED.test(fieldName) && !(nominates && /^x-a$/i.test(fieldName))
          const kept = lines.filter((_, index) => stays(fields[index]![0]))
          expect(written.slice(0, 2 + kept.length)).toEqual([GET, HOST, ...kept])
          const ours = written.slice(2 + kept.length).filter(line => !/^(?:TE|Connection): /.test(line))
          expect(ours).toEqual(untrustedLines('a.example'))
        },
      ),
    )
  })
})
