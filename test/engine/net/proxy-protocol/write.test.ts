import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProxiedDetails, ProxyHeader } from '../../../../engine/net/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../../../engine/net/proxy-protocol/parse.ts'
import { writeVersion1, writeVersion2 } from '../../../../engine/net/proxy-protocol/write.ts'
import type { Address } from '../../../../engine/snapshot.ts'

const tcp = (host: string, port: number): Address => ({ kind: 'tcp', host, port })
const unix = (path: string): Address => ({ kind: 'unix', path })

const NOTHING: ProxiedDetails = {
  authority: '',
  alpn: '',
  uniqueId: null,
  tls: null,
  privateEndpoint: '',
  networkNamespace: '',
}

function header(source: Address | null, destination: Address | null, more: Partial<ProxyHeader> = {}): ProxyHeader {
  return { source, destination, isDatagram: false, details: null, ...more }
}

/** What is read from bytes that hold one header and something behind it. */
function read(bytes: Buffer): ProxyHeader {
  const parsed = parseProxyHeader(Buffer.concat([bytes, Buffer.from('behind')]))
  if (parsed.kind !== 'whole') throw new Error(JSON.stringify(parsed))
  expect(parsed.length).toBe(bytes.length)
  return parsed.header
}

const port = fc.integer({ min: 0, max: 65_535 })
const ipv4End = fc.tuple(fc.ipV4(), port).map(([host, number]) => tcp(host, number))
/** In the form in which they are read again. */
const ipv6End = fc
  .tuple(fc.ipV6(), port)
  .map(([host, number]) => tcp(host, number))
  .filter(end => end.kind === 'tcp' && !end.host.includes('.'))
const path = fc.oneof(
  fc.stringMatching(/^\/[a-z/]{0,100}$/),
  fc.stringMatching(/^@[a-z/]{1,100}$/),
  fc.constant(''),
  fc.constant(`/${'x'.repeat(107)}`),
)
const unixEnd = path.map(unix)
const ends = fc.oneof(
  fc.tuple(ipv4End, ipv4End),
  fc.tuple(ipv6End, ipv6End),
  fc.tuple(ipv4End, ipv6End),
  fc.tuple(ipv6End, ipv4End),
  fc.tuple(unixEnd, unixEnd),
)
const text = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 40 }))
const details: fc.Arbitrary<ProxiedDetails> = fc.record({
  authority: text,
  alpn: text,
  uniqueId: fc.option(fc.uint8Array({ minLength: 1, maxLength: 128 }).map(bytes => Buffer.from(bytes))),
  tls: fc.option(fc.record({ version: text, cipher: text, commonName: text, isVerified: fc.boolean() })),
  privateEndpoint: fc.constant(''),
  networkNamespace: fc.constant(''),
})

/** One address has many forms; what is read has one of them. */
function canonical(end: Address): Address {
  return end.kind === 'unix' ? end : (read(writeVersion2(header(end, end), false)).source as Address)
}

function isNothing({ authority, alpn, uniqueId, tls }: ProxiedDetails): boolean {
  return authority === '' && alpn === '' && uniqueId === null && tls === null
}

describe('a header of version 1', () => {
  it('is a line of text', () => {
    const line = (source: Address | null, destination: Address | null, isDatagram = false) =>
      writeVersion1(header(source, destination, { isDatagram })).toString('latin1')
    expect(line(tcp('192.0.2.1', 56324), tcp('192.0.2.2', 443))).toBe('PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n')
    expect(line(tcp('2001:db8::1', 1), tcp('::1', 2))).toBe('PROXY TCP6 2001:db8::1 ::1 1 2\r\n')
    expect(line(tcp('192.0.2.1', 1), tcp('::1', 2))).toBe('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n')
    expect(line(null, null)).toBe('PROXY UNKNOWN\r\n')
    expect(line(unix('/run/a'), unix('/run/b'))).toBe('PROXY UNKNOWN\r\n')
    expect(line(tcp('192.0.2.1', 1), tcp('192.0.2.2', 2), true)).toBe('PROXY UNKNOWN\r\n')
  })

  it('is read as it was written, and never longer than its 107 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(ipv4End, ipv4End), fc.tuple(ipv6End, ipv6End)), ([source, destination]) => {
        const bytes = writeVersion1(header(source, destination))
        expect(bytes.length).toBeLessThanOrEqual(107)
        expect(read(bytes)).toEqual(header(canonical(source), canonical(destination)))
      }),
    )
  })

  it('has room for the longest addresses, of both families beside each other', () => {
    const longest = tcp('2001:0db8:1111:2222:3333:4444:5555:6666', 65_535)
    for (const other of [longest, tcp('255.255.255.255', 65_535)]) {
      const bytes = writeVersion1(header(longest, other))
      expect(bytes.length).toBeLessThanOrEqual(107)
      expect(read(bytes).destination).toEqual(canonical(other))
    }
  })
})

describe('a header of version 2', () => {
  it('has the bytes of the specification', () => {
    const bytes = writeVersion2(header(tcp('192.0.2.1', 56324), tcp('198.51.100.2', 443)), false)
    expect(bytes.toString('hex')).toBe('0d0a0d0a000d0a515549540a2111000cc0000201c6336402dc0401bb')
    const local = writeVersion2(header(null, null), false)
    expect(local.toString('hex')).toBe('0d0a0d0a000d0a515549540a20000000')
    const datagram = writeVersion2(header(tcp('::1', 1), tcp('::2', 2), { isDatagram: true }), false)
    expect(datagram.subarray(12, 16).toString('hex')).toBe('21220024')
    expect(
      writeVersion2(header(unix('/a'), unix('/b')), false)
        .subarray(12, 16)
        .toString('hex'),
    ).toBe('213100d8')
  })

  it('says that it is unknown where the two ends are of different kinds', () => {
    const bytes = writeVersion2(header(unix('/a'), tcp('192.0.2.1', 1)), false)
    expect(bytes.subarray(12, 16).toString('hex')).toBe('21000000')
    expect(read(bytes)).toEqual(header(null, null))
  })

  it('is read as it was written, with or without checksum', () => {
    fc.assert(
      fc.property(
        ends,
        fc.boolean(),
        fc.option(details),
        fc.boolean(),
        ([source, destination], isDatagram, all, hasChecksum) => {
          const written = header(source, destination, { isDatagram, details: all })
          const none = all === null || isNothing(all)
          const expected = none ? (hasChecksum ? NOTHING : null) : all
          expect(read(writeVersion2(written, hasChecksum))).toEqual(
            header(canonical(source), canonical(destination), { isDatagram, details: expected }),
          )
        },
      ),
    )
  })

  it('carries a checksum that tells when one bit of it is another', () => {
    const source = tcp('192.0.2.1', 56324)
    const bytes = writeVersion2(header(source, source, { details: { ...NOTHING, authority: 'a.example' } }), true)
    for (const at of [16, 20, 30, bytes.length - 1]) {
      const other = Buffer.from(bytes)
      other[at] = (other[at] as number) ^ 1
      expect(parseProxyHeader(other).kind).toBe('malformed')
    }
    expect(parseProxyHeader(bytes).kind).toBe('whole')
  })

  it('leaves out what is too long to be of use', () => {
    const all = { ...NOTHING, authority: 'x'.repeat(257), uniqueId: Buffer.alloc(129), alpn: 'h2' }
    const source = tcp('192.0.2.1', 1)
    expect(read(writeVersion2(header(source, source, { details: all }), false)).details).toEqual({
      ...NOTHING,
      alpn: 'h2',
    })
  })

  it('cuts a path that is longer than its place', () => {
    const long = unix(`/${'x'.repeat(200)}`)
    expect(read(writeVersion2(header(long, long), false)).source).toEqual(unix(`/${'x'.repeat(107)}`))
  })

  it('tells of a certificate that was shown and not found to be good', () => {
    const source = tcp('192.0.2.1', 1)
    const tls = { version: 'TLSv1.3', cipher: '', commonName: 'Alice', isVerified: false }
    expect(read(writeVersion2(header(source, source, { details: { ...NOTHING, tls } }), false)).details?.tls).toEqual(
      tls,
    )
  })
})
