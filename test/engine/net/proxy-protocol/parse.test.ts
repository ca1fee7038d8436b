import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ParsedProxyHeader, ProxyHeader } from '../../../../engine/net/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../../../engine/net/proxy-protocol/parse.ts'
import {
  detail,
  ends6,
  LOCAL,
  TCP6,
  UDP4,
  UNIX_STREAM,
  unixEnds,
  version2,
  withChecksum,
} from '../../../support/proxy-headers.ts'

const BEHIND = Buffer.from('GET / HTTP/1.1\r\n\r\n')

/** What a whole header says, with something behind it. */
function headerIn(bytes: Buffer): ProxyHeader {
  const parsed = parseProxyHeader(Buffer.concat([bytes, BEHIND]))
  if (parsed.kind !== 'whole') throw new Error(JSON.stringify(parsed))
  expect(parsed.length).toBe(bytes.length)
  return parsed.header
}

function reasonOf(bytes: Buffer | string): string {
  const parsed = parseProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return parsed.kind === 'malformed' ? parsed.reason : `it is ${parsed.kind}`
}

const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port }) as const

describe('a header of version 1', () => {
  it.each([
    ['PROXY TCP4 192.0.2.1 192.0.2.2 56324 443', tcp('192.0.2.1', 56_324), tcp('192.0.2.2', 443)],
    [
      'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535',
      tcp('255.255.255.255', 65_535),
      tcp('255.255.255.255', 65_535),
    ],
    ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0', tcp('0.0.0.0', 0), tcp('0.0.0.0', 0)],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 1 2', tcp('2001:db8::1', 1), tcp('2001:db8::2', 2)],
    [
      'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535',
      tcp('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 65_535),
      tcp('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 65_535),
    ],
  ])('is read: %s', (line, source, destination) => {
    expect(headerIn(Buffer.from(`${line}\r\n`))).toEqual({ source, destination, isDatagram: false, details: null })
  })

  it('has each address in one form, however it is written, and IPv4 where it is mapped', () => {
    const header = headerIn(Buffer.from('PROXY TCP6 2001:0DB8:0:0::0001 ::ffff:192.0.2.9 1 2\r\n'))
    expect(header).toMatchObject({ source: { host: '2001:db8::1' }, destination: { host: '192.0.2.9' } })
  })

  it.each(['PROXY UNKNOWN', 'PROXY UNKNOWN ', 'PROXY UNKNOWN ffff:f...f:ffff whatever 1 65536', 'PROXY UNKNOWN \t\r'])(
    'may know nothing, and then whatever follows is passed over: %j',
    line => {
      const { source, destination } = headerIn(Buffer.from(`${line}\r\n`))
      expect([source, destination]).toEqual([null, null])
    },
  )

  it.each([
    ['two spaces', 'PROXY TCP4  192.0.2.1 192.0.2.2 1 2'],
    ['a space at its end', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 '],
    ['a tab', 'PROXY TCP4\t192.0.2.1 192.0.2.2 1 2'],
    ['no second port', 'PROXY TCP4 192.0.2.1 192.0.2.2 1'],
    ['something behind the ports', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3'],
    ['a port that is too high', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536'],
    ['a port with a leading zero', 'PROXY TCP4 192.0.2.1 192.0.2.2 01 2'],
    ['a port with a sign', 'PROXY TCP4 192.0.2.1 192.0.2.2 +1 2'],
    ['a leading zero in an address', 'PROXY TCP4 192.0.02.1 192.0.2.2 1 2'],
    ['an address that is too short', 'PROXY TCP4 192.0.2 192.0.2.2 1 2'],
    ['IPv6 where it says IPv4', 'PROXY TCP4 2001:db8::1 2001:db8::2 1 2'],
    ['IPv4 where it says IPv6', 'PROXY TCP6 192.0.2.1 192.0.2.2 1 2'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 fe80::2 1 2'],
    ['a name', 'PROXY TCP4 localhost localhost 1 2'],
    ['another protocol', 'PROXY UDP4 192.0.2.1 192.0.2.2 1 2'],
    ['small letters', 'PROXY tcp4 192.0.2.1 192.0.2.2 1 2'],
    ['nothing behind it', 'PROXY '],
    ['UNKNOWN with something right behind it', 'PROXY UNKNOWN4'],
    ['a NUL', 'PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2'],
  ])('is malformed with %s', (_, line) => {
    expect(reasonOf(`${line}\r\n`)).toMatch(/line/)
  })

  it('ends with CRLF, not with LF alone', () => {
    expect(reasonOf('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n')).toBe('its line does not end with CRLF')
  })

  it('has 107 bytes at most', () => {
    const longest = Buffer.from(`PROXY UNKNOWN ${'x'.repeat(107 - 16)}\r\n`)
    expect(longest.length).toBe(107)
    expect(headerIn(longest).source).toBeNull()
    expect(reasonOf(`PROXY UNKNOWN ${'x'.repeat(108 - 16)}\r\n`)).toBe('its line has more than 107 bytes')
    expect(reasonOf(`PROXY UNKNOWN ${'x'.repeat(107 - 14)}`)).toBe('its line has more than 107 bytes')
  })
})

const IPV6 = Buffer.from('20010db8000000000000000000000001', 'hex')
const MAPPED = Buffer.from('00000000000000000000ffffc0000209', 'hex')

describe('a header of version 2', () => {
  it('is read with IPv4, IPv6 and unix sockets', () => {
    expect(headerIn(version2())).toEqual({
      source: tcp('192.0.2.1', 56_324),
      destination: tcp('192.0.2.2', 443),
      isDatagram: false,
      details: null,
    })
    expect(headerIn(version2({ family: TCP6, addresses: ends6(IPV6, MAPPED, 1, 65_535) }))).toMatchObject({
      source: tcp('2001:db8::1', 1),
      destination: tcp('192.0.2.9', 65_535),
    })
    expect(headerIn(version2({ family: UNIX_STREAM, addresses: unixEnds('/run/a.sock', '\0name') }))).toMatchObject({
      source: { kind: 'unix', path: '/run/a.sock' },
      destination: { kind: 'unix', path: '@name' },
    })
    const longest = 'p'.repeat(108)
    expect(headerIn(version2({ family: 0x32, addresses: unixEnds('', longest) }))).toMatchObject({
      source: { kind: 'unix', path: '' },
      destination: { kind: 'unix', path: longest },
      isDatagram: true,
    })
  })

  it('may speak of datagrams', () => {
    expect(headerIn(version2({ family: UDP4 })).isDatagram).toBe(true)
  })

  it('is of a connection of the proxy’s own with LOCAL, whatever else it says', () => {
    const nobody = { source: null, destination: null, isDatagram: false, details: null }
    expect(headerIn(version2({ command: LOCAL, family: 0, addresses: Buffer.alloc(0) }))).toEqual(nobody)
    expect(headerIn(version2({ command: LOCAL, details: [detail(2, 'name')] }))).toEqual(nobody)
    expect(headerIn(version2({ command: LOCAL, family: 0xff, addresses: Buffer.from('anything') }))).toEqual(nobody)
  })

  it('may leave its addresses unspecified, and tell details all the same', () => {
    const header = headerIn(version2({ family: 0, addresses: Buffer.alloc(0), details: [detail(2, 'name')] }))
    expect(header).toMatchObject({ source: null, destination: null, details: { authority: 'name' } })
  })

  it.each([
    ['another version', version2({ command: 0x11 }), 'its version is 1, not 2'],
    ['another command', version2({ command: 0x22 }), 'its command is 2: neither LOCAL nor PROXY'],
    ['another family', version2({ family: 0x41 }), 'its family and protocol are 0x41'],
    ['another protocol', version2({ family: 0x13 }), 'its family and protocol are 0x13'],
    ['a family without a protocol', version2({ family: 0x10 }), 'its family and protocol are 0x10'],
    ['a protocol without a family', version2({ family: 0x01 }), 'its family and protocol are 0x01'],
    ['too little for IPv4', version2({ addresses: Buffer.alloc(11) }), 'it is too short for its addresses'],
    [
      'too little for IPv6',
      version2({ family: TCP6, addresses: Buffer.alloc(35) }),
      'it is too short for its addresses',
    ],
    [
      'too little for paths',
      version2({ family: UNIX_STREAM, addresses: Buffer.alloc(215) }),
      'it is too short for its addresses',
    ],
    ['more than the bound', version2({ length: 16 * 1024 - 15 }), 'it has 16385 bytes, more than 16384'],
  ])('is malformed with %s', (_, bytes, reason) => {
    expect(reasonOf(bytes)).toBe(reason)
  })

  it('may be as long as its bound', () => {
    const filling = detail(4, Buffer.alloc(16 * 1024 - 16 - 12 - 3))
    expect(headerIn(version2({ details: [filling] })).source).toEqual(tcp('192.0.2.1', 56_324))
  })
})

const TLS_VERSION = detail(0x21, 'TLSv1.3')
const CIPHER = detail(0x23, 'TLS_AES_128_GCM_SHA256')
const COMMON_NAME = detail(0x22, 'alice')

function tlsDetail(client: number, verify: number, parts: readonly Uint8Array[]): Buffer {
  return detail(0x20, Buffer.concat([Buffer.from([client, 0, 0, 0, verify]), ...parts]))
}

function detailsIn(...details: Buffer[]): ProxyHeader['details'] {
  return headerIn(version2({ details })).details
}

describe('the details of version 2', () => {
  it('are all told that are known, and what is not known is passed over', () => {
    const details = detailsIn(
      detail(0xf0, 'somebody’s own'),
      detail(1, 'h2'),
      detail(4, Buffer.alloc(7)),
      detail(2, 'name.example'),
      detail(5, Buffer.from([1, 2, 3])),
      tlsDetail(1, 1, [TLS_VERSION, detail(0x26, 'X25519'), CIPHER]),
      detail(0x30, 'blue'),
    )
    expect(details).toEqual({
      authority: 'name.example',
      alpn: 'h2',
      uniqueId: Buffer.from([1, 2, 3]),
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', commonName: '', isVerified: false },
      privateEndpoint: '',
      networkNamespace: 'blue',
    })
  })

  it('count once: the first of a kind', () => {
    expect(detailsIn(detail(2, 'first'), detail(2, 'second'))?.authority).toBe('first')
  })

  it.each([
    ['shown now and good', 1 | 2, 0, true],
    ['shown earlier and good', 1 | 4, 0, true],
    ['shown and not good', 1 | 2, 10, false],
    ['not shown', 1, 0, false],
  ])('tell of a certificate that was %s', (_, client, verify, isVerified) => {
    expect(detailsIn(tlsDetail(client, verify, [COMMON_NAME]))?.tls).toMatchObject({ commonName: 'alice', isVerified })
  })

  it('tell of no TLS where the client did not use it', () => {
    expect(detailsIn(tlsDetail(0, 0, [TLS_VERSION]))?.tls).toBeNull()
  })

  it.each([
    ['Amazon', detail(0xea, '\x01vpce-08d2bf15fac5001c9'), 'vpce-08d2bf15fac5001c9'],
    ['Microsoft', detail(0xee, Buffer.from([1, 0x78, 0x56, 0x34, 0x12])), String(0x12345678)],
    ['Google', detail(0xe0, Buffer.from('00ffffffffffffff', 'hex')), '72057594037927935'],
    ['Amazon in a form that is not known', detail(0xea, '\x02what'), ''],
    ['nobody', detail(0xea, ''), ''],
  ])('tell of private endpoints of %s', (_, bytes, endpoint) => {
    expect(detailsIn(bytes)?.privateEndpoint).toBe(endpoint)
  })

  it('may carry a checksum of the whole, which has to be right', () => {
    const good = withChecksum({ details: [detail(2, 'name')] })
    expect(headerIn(good).details?.authority).toBe('name')
    for (let at = 16; at < good.length - 7; at += 1) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] as number) ^ 0x10
      expect(parseProxyHeader(bad).kind).toBe('malformed')
    }
    expect(reasonOf(version2({ details: [detail(3, Buffer.alloc(4))] }))).toBe('its checksum is wrong')
    expect(reasonOf(version2({ details: [detail(3, Buffer.alloc(3))] }))).toBe('its checksum has 3 bytes, not 4')
  })

  it.each([
    ['a type without a length', Buffer.from([2])],
    ['half a length', Buffer.from([2, 0])],
    ['less than its length', Buffer.from([2, 0, 5, 1, 2, 3, 4])],
    ['TLS that is too short', detail(0x20, Buffer.alloc(4))],
    ['a part of TLS that is longer than that', tlsDetail(1, 0, [Buffer.from([0x21, 0, 9, 1])])],
    ['a unique id of 129 bytes', detail(5, Buffer.alloc(129))],
  ])('are malformed with %s', (_, bytes) => {
    expect(reasonOf(version2({ details: [bytes] }))).toMatch(/detail|TLS|unique id/)
  })
})

describe('what is no header', () => {
  it.each(['GET / HTTP/1.1\r\n', '\x16\x03\x01', 'proxy TCP4', 'PROXX', '\r\n\r\n\0\r\nQUIT\r', '\n', '\0'])(
    'is told as soon as it shows: %j',
    text => {
      expect(reasonOf(text)).toBe('the connection does not begin with a header of the PROXY protocol')
    },
  )
})

const SAMPLES: readonly Buffer[] = [
  Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n'),
  Buffer.from('PROXY UNKNOWN\r\n'),
  version2(),
  version2({ command: LOCAL, family: 0, addresses: Buffer.alloc(0) }),
  withChecksum({
    family: TCP6,
    addresses: ends6(IPV6, MAPPED, 1, 2),
    details: [detail(2, 'name'), tlsDetail(1, 0, [TLS_VERSION, CIPHER])],
  }),
]

/** Nothing, and from some byte on always the same. */
function expectOneAnswer(bytes: Buffer): ParsedProxyHeader {
  const whole = parseProxyHeader(bytes)
  let isKnown = false
  for (let end = 0; end <= bytes.length; end += 1) {
    const answer = parseProxyHeader(bytes.subarray(0, end))
    isKnown ||= answer.kind !== 'partial'
    expect(answer).toEqual(isKnown ? whole : { kind: 'partial' })
  }
  return whole
}

describe('bytes in pieces', () => {
  it('come to the same however they come', () => {
    for (const sample of SAMPLES) {
      expect(expectOneAnswer(Buffer.concat([sample, BEHIND]))).toMatchObject({ kind: 'whole', length: sample.length })
    }
  })

  it('come to something for any bytes there are', () => {
    const start = fc.constantFrom(...SAMPLES)
    const mutated = fc.tuple(start, fc.nat(), fc.uint8Array({ maxLength: 40 })).map(([sample, at, bytes]) => {
      const where = at % (sample.length + 1)
      return Buffer.concat([sample.subarray(0, where), bytes, sample.subarray(where + bytes.length)])
    })
    fc.assert(
      fc.property(mutated, bytes => {
        const parsed = expectOneAnswer(bytes)
        if (parsed.kind === 'whole') expect(parsed.length).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 500 },
    )
  })

  it('of any details come to something', () => {
    const details = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 30 })), { maxLength: 6 })
    fc.assert(
      fc.property(details, fc.boolean(), (some, hasChecksum) => {
        const bytes = some.filter(([type]) => type !== 3).map(([type, value]) => detail(type, value))
        const parsed = parseProxyHeader(hasChecksum ? withChecksum({ details: bytes }) : version2({ details: bytes }))
        if (parsed.kind === 'malformed') expect(parsed.reason).toMatch(/TLS/)
        else expect(parsed).toMatchObject({ kind: 'whole', header: { source: { host: '192.0.2.1' } } })
      }),
    )
  })
})
