import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { STATIC_ENTRIES } from '../../../engine/http2/hpack-static.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { decode, hex, indexed, integer, type Line, latin } from './wire.ts'

const SECTION_BYTES_MAX = 1024 * 1024

/** A block of these lines. Names and values lie in buffers of their own, with other bytes around them. */
function encode(encoder: HpackEncoder, lines: readonly Line[]): Buffer {
  const out = new ByteBuffer(16)
  encoder.begin(out)
  for (const [name, value] of lines) {
    const names = latin(`--${name}--`)
    const values = latin(`-${value}-`)
    encoder.field(out, names, 2, 2 + name.length, values, 1, 1 + value.length)
  }
  return Buffer.from(out.bytes.subarray(0, out.length))
}

describe('the encoder', () => {
  it('sends every line of the static table as one byte', () => {
    for (const [at, line] of STATIC_ENTRIES.entries()) {
      const [name] = line
      if (/^(?:authorization|proxy-authorization|set-cookie|cookie)$/.test(name)) continue
      expect(encode(new HpackEncoder(), [line])).toEqual(indexed(at + 1))
    }
  })

  it('sends a line in full once, and as one byte from then on', () => {
    const encoder = new HpackEncoder()
    const line: Line = ['x-custom', 'value']
    expect(encode(encoder, [line])).toHaveLength(1 + 1 + 6 + 1 + 4)
    expect(encode(encoder, [line, line])).toEqual(Buffer.concat([indexed(62), indexed(62)]))
  })

  it('sends a name that it has sent before by its index', () => {
    const encoder = new HpackEncoder()
    encode(encoder, [['x-custom', '1']])
    expect(encode(encoder, [['x-custom', '%']])).toEqual(hex('7e 01 25'))
    expect(encode(encoder, [['server', '%']])).toEqual(hex('76 01 25'))
  })

  it('sends names in lower case, and knows them in any', () => {
    const encoder = new HpackEncoder()
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    expect(decode(hpack, encode(encoder, [['X-Custom-NAME', 'Value']]))).toEqual([['x-custom-name', 'Value']])
    expect(encode(encoder, [['x-custom-name', 'Value']])).toEqual(indexed(62))
    expect(encode(encoder, [['X-CUSTOM-NAME', 'Value']])).toEqual(indexed(62))
    expect(encode(encoder, [['Content-Type', '']])).toEqual(indexed(31))
  })

  it('takes Huffman only where that is shorter', () => {
    expect(encode(new HpackEncoder(), [['server', 'aaaa']])).toEqual(hex('76 83 18c63f'))
    expect(encode(new HpackEncoder(), [['server', '<>']])).toEqual(hex('76 02 3c3e'))
    expect(encode(new HpackEncoder(), [['server', '\xff\xfe']])).toEqual(hex('76 02 fffe'))
  })

  it('never lets a secret into a table, nor anybody behind it (RFC 7541, section 7.1.3)', () => {
    const secrets: Line[] = [
      ['authorization', 'Basic dXNlcjpwYXNz'],
      ['Proxy-Authorization', 'Basic dXNlcjpwYXNz'],
      ['set-cookie', `sid=${'0'.repeat(100)}`],
      ['cookie', 'pin=1234'],
    ]
    for (const secret of secrets) {
      const encoder = new HpackEncoder()
      for (let round = 0; round < 4; round += 1) {
        const bytes = encode(encoder, [secret])
        expect(bytes[0]! & 0xf0).toBe(0x10)
        expect(encoder.tableBytes).toBe(0)
      }
    }
  })

  it('lets a long cookie into the table, which nobody guesses piece by piece', () => {
    const encoder = new HpackEncoder()
    const cookie: Line = ['cookie', `sid=${'0123456789abcdef'.repeat(2)}`]
    encode(encoder, [cookie])
    expect(encode(encoder, [cookie])).toEqual(indexed(62))
  })

  it('keeps what comes again, when the table is half full, from what comes once', () => {
    const encoder = new HpackEncoder()
    const steady: Line[] = Array.from({ length: 20 }, (_, index) => [`steady-${index}`, 'v'.repeat(60)])
    for (let round = 0; round < 3; round += 1) encode(encoder, steady)
    for (let round = 0; round < 200; round += 1) encode(encoder, [['x-request-id', `${round}`.padStart(32, '0')]])
    const bytes = encode(encoder, steady)
    expect(bytes).toHaveLength(20)
  })

  it('sends a line that is as large as half a table, or more, without letting it in', () => {
    const encoder = new HpackEncoder()
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    for (const length of [2048, 4096, 50_000]) {
      const line: Line = ['x-large', 'x'.repeat(length)]
      for (let round = 0; round < 3; round += 1) expect(decode(hpack, encode(encoder, [line]))).toEqual([line])
      expect(encoder.tableBytes).toBe(0)
    }
  })
})

describe('the size of the table (RFC 7541, section 4.2)', () => {
  it('is told at the beginning of the next block, once', () => {
    const encoder = new HpackEncoder()
    encoder.setTableBytesMax(100)
    expect(encode(encoder, [[':method', 'GET']])).toEqual(Buffer.concat([integer(0x20, 5, 100), indexed(2)]))
    expect(encode(encoder, [[':method', 'GET']])).toEqual(indexed(2))
  })

  it('is told with the smallest that it was in between, which empties the table', () => {
    const encoder = new HpackEncoder()
    encode(encoder, [['a', '1']])
    encoder.setTableBytesMax(300)
    encoder.setTableBytesMax(0)
    encoder.setTableBytesMax(200)
    const bytes = encode(encoder, [[':method', 'GET']])
    expect(bytes).toEqual(Buffer.concat([hex('20'), integer(0x20, 5, 200), indexed(2)]))
    expect(encoder.tableBytes).toBe(0)
  })

  it('is told when it comes to be as it was, having been smaller', () => {
    const encoder = new HpackEncoder()
    encoder.setTableBytesMax(0)
    encoder.setTableBytesMax(4096)
    expect(encode(encoder, [])).toEqual(Buffer.concat([hex('20'), integer(0x20, 5, 4096)]))
  })

  it('is not told where it does not change, and never grows past what a connection may cost', () => {
    const encoder = new HpackEncoder()
    encoder.setTableBytesMax(4096)
    encoder.setTableBytesMax(0xffffffff)
    expect(encode(encoder, [])).toHaveLength(0)
  })

  it('of 0 means that nothing is kept', () => {
    const encoder = new HpackEncoder()
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    encoder.setTableBytesMax(0)
    for (let round = 0; round < 3; round += 1) {
      expect(decode(hpack, encode(encoder, [['x-custom', 'value']]))).toEqual([['x-custom', 'value']])
      expect(encoder.tableBytes).toBe(0)
    }
  })
})

describe('encoder and decoder', () => {
  const octets = (max: number): fc.Arbitrary<string> =>
    fc.uint8Array({ maxLength: max }).map(bytes => Buffer.from(bytes).toString('latin1'))
  const name = fc.oneof(
    fc.constantFrom('server', 'date', ':path', 'cookie', 'set-cookie', 'x-a', 'x-b', 'x-c', 'accept', ''),
    fc.string({ maxLength: 20 }).map(text => Buffer.from(text).toString('latin1').toLowerCase()),
  )
  const value = fc.oneof(fc.constantFrom('', 'a', 'gzip, deflate', '/'), octets(40), octets(1500))
  const line = fc.tuple(name, value)
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.array(line, { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 6000 }) },
  )

  it('agree on every line and on the table, block by block, however its size is changed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), each => {
        const encoder = new HpackEncoder()
        const hpack = new HpackDecoder(SECTION_BYTES_MAX)
        for (const lines of [...each, ...each]) {
          if (typeof lines === 'number') {
            encoder.setTableBytesMax(lines)
            hpack.setTableBytesMax(lines)
          } else {
            expect(decode(hpack, encode(encoder, lines))).toEqual(lines)
            expect(encoder.tableBytes).toBe(hpack.tableBytes)
          }
        }
      }),
      { numRuns: 80 },
    )
  })

  it('are not led astray by lines whose hashes fall together', () => {
    const encoder = new HpackEncoder()
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    for (let round = 0; round < 1500; round += 1) {
      const lines: Line[] = [
        ['n', `${round % 700}`],
        [`n${round % 300}`, 'v'],
      ]
      expect(decode(hpack, encode(encoder, lines))).toEqual(lines)
    }
  })
})

describe('the decoder', () => {
  it('never throws, whatever comes: it gives lines or an error', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc
        .constantFrom('8286', 'be', 'bf', '4001610162', '20', '3fe11f', '7e0161', '0f2f0161', '44843a6ba0ab', 'ff80')
        .map(digits => new Uint8Array(hex(digits))),
    )
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 10 }), { maxLength: 10 }), blocks => {
        const hpack = new HpackDecoder(20_000)
        for (const pieces of blocks) {
          const found = decode(hpack, Buffer.concat(pieces))
          if (typeof found === 'number') expect([9, 11]).toContain(found)
          expect(hpack.tableBytes).toBeLessThanOrEqual(4096)
        }
      }),
      { numRuns: 300 },
    )
  })
})
