import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRequest, encodeResponse, encodeTrailers, webSocketKeyOf } from '../../../engine/http2/head-encoder.ts'
import type { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { openHpack, readRequestBlock } from './decoded-head.ts'
import { decode, type Line, latin } from './wire.ts'

type Found = number | [string, string][]

/** One connection: an encoder, and a decoder at its other end. */
class Connection {
  readonly encoder = new HpackEncoder()
  readonly hpack: HpackDecoder = openHpack()

  #read(write: (out: ByteBuffer) => void): Found {
    const out = new ByteBuffer(8)
    out.text('abc')
    write(out)
    return decode(this.hpack, out.bytes.subarray(3, out.length))
  }

  request(words: string, scheme: 'http' | 'https' = 'https', extendedConnect = false): Found {
    const bytes = latin(`..${words}..`)
    return this.#read(out => encodeRequest(this.encoder, out, bytes, 2, scheme, extendedConnect))
  }

  response(words: string): Found {
    const bytes = latin(`..${words}..`)
    return this.#read(out => encodeResponse(this.encoder, out, bytes, 2))
  }

  trailers(pairs: readonly string[]): Found {
    return this.#read(out => encodeTrailers(this.encoder, out, pairs))
  }
}

const request = (words: string, scheme: 'http' | 'https' = 'https', extendedConnect = false): Found =>
  new Connection().request(words, scheme, extendedConnect)
const response = (words: string): Found => new Connection().response(words)

const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a.example\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
  'Connection: upgrade\r\nUpgrade: websocket\r\n\r\n'

describe('a request', () => {
  it('has its pseudo-fields first, wherever Host stands', () => {
    const pseudo = [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/a?b'],
      [':authority', 'a.example:8443'],
    ]
    expect(request('GET /a?b HTTP/1.1\r\nHost: a.example:8443\r\nAccept: */*\r\n\r\n')).toEqual([
      ...pseudo,
      ['accept', '*/*'],
    ])
    expect(request('GET /a?b HTTP/1.1\r\nAccept: */*\r\nX: y\r\nhOST:a.example:8443 \r\n\r\n')).toEqual([
      ...pseudo,
      ['accept', '*/*'],
      ['x', 'y'],
    ])
  })

  it.each(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'GETX', 'POSTAL'])(
    'of %s says so',
    method => {
      expect(request(`${method} / HTTP/1.1\r\n\r\n`, 'http')).toEqual([
        [':method', method],
        [':scheme', 'http'],
        [':path', '/'],
      ])
    },
  )

  it('is for the whole server where it is', () => {
    expect(request('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).toContainEqual([':path', '*'])
  })

  it('leaves out what is of a connection of HTTP/1.1 (RFC 9113, section 8.2.2)', () => {
    const lines =
      'Connection: TE\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n' +
      'HTTP2-Settings: AAAA\r\nX: y\r\n'
    expect(request(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      [':authority', 'a'],
      ['x', 'y'],
    ])
  })

  it('keeps of te that trailers are taken', () => {
    for (const te of ['TE: trailers', 'te: Trailers', 'Te: gzip, trailers;q=0.5']) {
      expect(request(`GET / HTTP/1.1\r\n${te}\r\n\r\n`)).toContainEqual(['te', 'trailers'])
    }
    expect(request('GET / HTTP/1.1\r\nTE: gzip\r\n\r\n')).toHaveLength(3)
  })

  it('has names in lower case, values without whitespace around them, and octets as they are', () => {
    const found = request('GET / HTTP/1.1\r\nX-A:  a b \t\r\nx-b:\r\nX-C:\tc\r\nX-\xe4: \xe4\xff\r\n\r\n')
    expect((found as Line[]).slice(3)).toEqual([
      ['x-a', 'a b'],
      ['x-b', ''],
      ['x-c', 'c'],
      ['x-\xe4', '\xe4\xff'],
    ])
  })

  it('that asks for a WebSocket becomes an extended CONNECT (RFC 8441, section 5)', () => {
    expect(request(UPGRADE, 'https', true)).toEqual([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':path', '/chat'],
      [':authority', 'a.example'],
      ['sec-websocket-version', '13'],
    ])
    expect(webSocketKeyOf(latin(UPGRADE), 0)).toBe('dGhlIHNhbXBsZSBub25jZQ==')
  })

  it('that asks for another protocol, or for none, does not', () => {
    expect(webSocketKeyOf(latin(UPGRADE.replace('Upgrade: websocket', 'Upgrade: h2c')), 0)).toBeNull()
    expect(webSocketKeyOf(latin(UPGRADE.replace('Upgrade: websocket\r\n', '')), 0)).toBeNull()
    expect(webSocketKeyOf(latin('GET / HTTP/1.1\r\n\r\n'), 0)).toBeNull()
    expect(request(UPGRADE)).toContainEqual(['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='])
  })
})

describe('a response', () => {
  it.each([
    ['HTTP/1.1 200 OK', '200'],
    ['HTTP/1.1 204 ', '204'],
    ['HTTP/1.1 302', '302'],
    ['HTTP/1.1 599 Whatever: this is', '599'],
    ['HTTP/1.1 100 Continue', '100'],
    ['HTTP/1.1 103 Early Hints', '103'],
  ])('that begins with %s has the status %s', (line, status) => {
    expect(response(`${line}\r\nServer: x\r\n\r\n`)).toEqual([
      [':status', status],
      ['server', 'x'],
    ])
  })

  it('leaves out what is of a connection of HTTP/1.1', () => {
    const lines =
      'Connection: close\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nUpgrade: h2\r\nTE: trailers\r\nHost: a\r\n'
    expect(response(`HTTP/1.1 200 OK\r\n${lines}\r\n`)).toEqual([
      [':status', '200'],
      ['host', 'a'],
    ])
  })

  it('that switches to a WebSocket becomes the 200 of an extended CONNECT', () => {
    const lines =
      'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\nSec-WebSocket-Protocol: chat\r\n'
    expect(response(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`)).toEqual([
      [':status', '200'],
      ['sec-websocket-protocol', 'chat'],
    ])
  })

  it('keeps lines of one name apart', () => {
    expect(response('HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n')).toEqual([
      [':status', '200'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
  })
})

describe('a trailer section', () => {
  it('is sent in lower case', () => {
    expect(new Connection().trailers(['Grpc-Status', '0', 'grpc-message', ' \xe4 '])).toEqual([
      ['grpc-status', '0'],
      ['grpc-message', '\xe4'],
    ])
    expect(new Connection().trailers([])).toEqual([])
  })
})

describe('one head behind another', () => {
  it('is read as it was written, though most lines are known from the one before', () => {
    const name = fc.constantFrom(
      'Server',
      'X-A',
      'x-b',
      'Date',
      'Vary',
      'Cookie',
      'ETag',
      'Content-Type',
      'X-Request-Id',
    )
    const value = fc.oneof(
      fc.constantFrom('', 'a', 'b', 'gzip, deflate', 'x'.repeat(97), 'x'.repeat(200), `${'x'.repeat(200)}y`),
      fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/),
    )
    const blank = fc.constantFrom(': ', ':', ':  ', ':\t')
    const head = fc.array(fc.tuple(name, blank, value), { maxLength: 9 })
    fc.assert(
      fc.property(
        fc.array(head, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (heads, order) => {
          const line = new Connection()
          for (const number of order) {
            const lines = heads[number % heads.length]!
            const wanted = lines.map(([name, , value]) => [name.toLowerCase(), value])
            const words = lines.map(([name, colon, value]) => `${name}${colon}${value}\r\n`).join('')
            if (number % 3 === 0) {
              expect(line.response(`HTTP/1.1 200 OK\r\n${words}\r\n`)).toEqual([[':status', '200'], ...wanted])
            } else {
              const found = line.request(`GET /${number % 5} HTTP/1.1\r\nHost: a\r\n${words}\r\n`) as Line[]
              expect(found.slice(4)).toEqual(wanted)
            }
            expect(line.encoder.tableBytes).toBe(line.hpack.tableBytes)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('costs a byte a line where it is the same', () => {
    const encoder = new HpackEncoder()
    const words = latin(
      'GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Agent: curl/8\r\nAccept: text/html\r\nX-A: 1\r\n\r\n',
    )
    const out = new ByteBuffer(64)
    for (let round = 0; round < 3; round += 1) {
      out.length = 0
      encodeRequest(encoder, out, words, 0, 'http')
    }
    expect(out.length).toBe(7)
  })

  it('is not taken for the one before where it ends earlier, or says less', () => {
    const line = new Connection()
    line.response('HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\n\r\n')
    expect(line.response('HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n')).toEqual([
      [':status', '200'],
      ['x-a', '1'],
    ])
    expect(line.response('HTTP/1.1 200 OK\r\nX-A: 12\r\n\r\n')).toEqual([
      [':status', '200'],
      ['x-a', '12'],
    ])
    expect(line.response('HTTP/1.1 200 OK\r\n\r\n')).toEqual([[':status', '200']])
  })
})

describe('words that were read from HTTP/2', () => {
  it('are the same when they have been written and read once more', () => {
    const words =
      'POST /a HTTP/1.1\r\nhost: a.example\r\naccept: */*\r\nte: trailers\r\ncontent-length: 5\r\ncookie: a=b; c=d\r\n\r\n'
    const out = new ByteBuffer(64)
    encodeRequest(new HpackEncoder(), out, latin(words), 0, 'https')
    expect(readRequestBlock(out.bytes.subarray(0, out.length), { endStream: false }).head?.words).toBe(words)
  })
})
