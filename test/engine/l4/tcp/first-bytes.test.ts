import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIRST_BYTES_MAX, type FirstBytesKind, kindOf } from '../../../../engine/l4/tcp/first-bytes.ts'
import { CHROMIUM_HELLO } from '../../../support/chromium-hello.ts'
import { clientHello, serverName } from '../../../support/client-hello.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'

/** The kind, and how many bytes it takes to know it. */
function decision(bytes: Buffer): { kind: FirstBytesKind | null; at: number } {
  const kind = kindOf(bytes)
  let at = 0
  while (at < bytes.length && kindOf(bytes.subarray(0, at)) === null) {
    // The same with whatever more has come since somebody looked.
    for (const more of [1, 2, 5]) {
      const later = bytes.subarray(0, at + more)
      expect(kindOf(later, at)).toBe(kindOf(later))
    }
    at += 1
  }
  for (let end = at; end < bytes.length; end += 1) expect(kindOf(bytes.subarray(0, end))).toBe(kind)
  return { kind, at }
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

describe('the first bytes', () => {
  it.each<[FirstBytesKind, string, number]>([
    ['http', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 13],
    ['http', 'OPTIONS * HTTP/1.0\r\n\r\n', 17],
    ['http', 'CONNECT a.example:443 HTTP/1.1\r\n', 29],
    ['http', 'M-SEARCH * HTTP/1.1\r\n', 18],
    ['http', "any!#$%&'*+-.^_`|~0method http://a/ HTTP/1.1\r\n", 43],
    ['http', 'GET /\xe4?q="<>" HTTP/1.1\r\n', 21],
    ['http', '\r\nGET / HTTP/1.1\r\n', 15],
    ['http', '\r\n\r\nGET / HTTP/1.1\r\n', 17],
    ['http', '\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n', 21],
    ['http', 'PROXY /x HTTP/1.1\r\n', 16],
    ['http', 'PROXY TCP4/ HTTP/1.1\r\n', 19],
    ['http', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 14],
    ['http', 'PRI * HTTP/1.1\r\n', 13],
    ['proxy', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 11],
    ['proxy', 'PROXY TCP6 ::1 ::1 1 2\r\n', 11],
    ['proxy', 'PROXY UNKNOWN\r\n', 13],
    ['proxy', `${SIGNATURE}\x21\x11\0\x0c`, 12],
    ['tls', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 6],
    ['tls', '\x16\x03\x04\0\x01\x01', 6],
  ])('are %s in %j, which is certain after %i', (kind, text, at) => {
    expect(decision(latin1(text))).toEqual({ kind, at })
  })

  it.each([
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 20],
    ['SSH with a comment', 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', 31],
    ['Redis', '*1\r\n$4\r\nPING\r\n', 3],
    ['Redis by hand', 'PING\r\n', 5],
    ['PostgreSQL, which asks for encryption', '\0\0\0\x08\x04\xd2\x16\x2f', 1],
    ['PostgreSQL', '\0\0\0\x54\0\x03\0\0user\0me\0', 1],
    ['SMTP', 'EHLO client.example\r\n', 20],
    ['MQTT', '\x10\x0e\0\x04MQTT\x04\x02', 1],
    ['RTSP', 'DESCRIBE rtsp://a/b RTSP/1.0\r\n', 21],
    ['SIP', 'REGISTER sip:a.example SIP/2.0\r\n', 24],
    ['HTTP/0.9', 'GET /\r\n', 6],
    ['HTTP/3.0, which nobody writes so', 'GET / HTTP/3.0\r\n', 12],
    ['two spaces', 'GET  / HTTP/1.1\r\n', 5],
    ['a space first', ' GET / HTTP/1.1\r\n', 1],
    ['a target of no bytes', 'GET \r\n', 5],
    ['a line feed alone', '\nGET / HTTP/1.1\r\n', 1],
    ['too many empty lines', '\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n', 9],
    ['a CR alone', '\rGET / HTTP/1.1\r\n', 2],
    ['a method that is none', 'G\xc4T / HTTP/1.1\r\n', 2],
    ['half a signature', '\r\n\r\n\0\r\nQUIX\n', 11],
    ['a preface that is none', 'PRI * HTTP/3.0\r\n', 12],
    ['version 1 of the PROXY protocol in small letters', 'proxy tcp4 192.0.2.1 ', 12],
    ['SSL 2.0', '\x80\x2e\x01\x03\x01', 1],
    ['TLS that does not begin with a ClientHello', '\x16\x03\x01\0\x04\x02', 6],
    ['an alert', '\x15\x03\x01\0\x02\x01\0', 1],
    ['a record of no bytes', '\x16\x03\x01\0\0', 5],
    ['a record of a version that never was', '\x16\x02\x01', 2],
  ])('are none of those that are looked for in %s: %j, after %i', (_, text, at) => {
    expect(decision(latin1(text))).toEqual({ kind: 'other', at })
  })

  it('are not certain as long as there are none, or too few', () => {
    for (const text of ['', 'G', 'GET /', 'PROXY', '\r', '\r\n\r\n', '\x16\x03\x01\x02', 'PRI * HTTP/']) {
      expect(kindOf(latin1(text))).toBe(null)
    }
  })

  it('are a handshake long before its ClientHello is whole', () => {
    for (const hello of [CHROMIUM_HELLO, clientHello([serverName('a.example')], { recordBytes: 1 })]) {
      expect(decision(hello)).toEqual({ kind: 'tls', at: 6 })
    }
  })

  it.each([
    ['a target', `GET /${'a'.repeat(FIRST_BYTES_MAX)}`],
    ['a method', 'A'.repeat(FIRST_BYTES_MAX)],
  ])('are something else when %s does not end within the bound, however much comes at once', (_, text) => {
    expect(kindOf(latin1(text.slice(0, FIRST_BYTES_MAX - 1)))).toBe(null)
    expect(kindOf(latin1(text.slice(0, FIRST_BYTES_MAX)))).toBe('other')
    expect(kindOf(latin1(`${text} HTTP/1.1\r\n`))).toBe('other')
  })

  it.each(['GET /', 'A'])('are not looked at again by whoever has seen them: %s', start => {
    const bytes = latin1(start + 'a'.repeat(1000))
    bytes[500] = 0
    expect(kindOf(bytes)).toBe('other')
    expect(kindOf(bytes, 501)).toBe(null)
    bytes[700] = 0
    expect(kindOf(bytes, 501)).toBe('other')
  })

  it('are told without an exception, and with more of them never otherwise, whatever they are', () => {
    const begun = fc.constantFrom(
      '',
      '\x16\x03\x01\0\x10',
      'GET /',
      'PROXY ',
      'PROXY TCP',
      SIGNATURE.slice(0, 9),
      'PRI * ',
      '\r\n',
    )
    const letters = fc.string({ unit: fc.constantFrom(...'AGETPROXY4 /*.:HTTP12\r\n\0\x01\x16\xff'), maxLength: 40 })
    fc.assert(
      fc.property(begun, letters, fc.uint8Array({ maxLength: 20 }), (start, middle, end) => {
        decision(Buffer.concat([latin1(start + middle), end]))
      }),
      { numRuns: 2_000 },
    )
  })
})
