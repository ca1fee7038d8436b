import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodedBytesMax, decodeHuffman, encodeHuffman, huffmanBytes } from '../../../engine/http2/huffman.ts'
import { hex, latin } from './wire.ts'

function encode(text: Buffer): Buffer {
  const target = Buffer.alloc(huffmanBytes(text, 0, text.length))
  expect(encodeHuffman(text, 0, text.length, target, 0)).toBe(target.length)
  return target
}

/** `null` for what is no string of the code. */
function decode(coded: Buffer): Buffer | null {
  const target = Buffer.alloc(decodedBytesMax(coded.length))
  const end = decodeHuffman(coded, 0, coded.length, target, 0)
  return end < 0 ? null : target.subarray(0, end)
}

/** Bits, filled up with ones to whole bytes. */
function bits(digits: string): Buffer {
  const whole = digits.padEnd(Math.ceil(digits.length / 8) * 8, '1')
  return Buffer.from((whole.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2)))
}

describe('the Huffman code', () => {
  // RFC 7541, appendix B: some of each length.
  it.each([
    [0, '1111111111000'],
    [1, '11111111111111111011000'],
    [9, '111111111111111111101010'],
    [10, '111111111111111111111111111100'],
    [22, '111111111111111111111111111110'],
    [32, '010100'],
    [33, '1111111000'],
    [35, '111111111010'],
    [43, '11111111011'],
    [48, '00000'],
    [60, '111111111111100'],
    [88, '11111100'],
    [92, '1111111111111110000'],
    [97, '00011'],
    [122, '1111011'],
    [123, '111111111111110'],
    [128, '11111111111111100110'],
    [153, '111111111111111011100'],
    [199, '1111111111111111111101100'],
    [249, '1111111111111111111111111110'],
    [255, '11111111111111111111101110'],
  ])('has for octet %i the code %s', (octet, code) => {
    expect(encode(Buffer.from([octet]))).toEqual(bits(code))
  })

  it('gives back every octet, alone and beside every other', () => {
    for (let first = 0; first < 256; first += 1) {
      expect(decode(encode(Buffer.from([first])))).toEqual(Buffer.from([first]))
      const pairs = Buffer.from(Array.from({ length: 512 }, (_, index) => (index % 2 === 0 ? first : index >> 1)))
      expect(decode(encode(pairs))?.equals(pairs)).toBe(true)
    }
  })

  it('gives back whatever it was given, and says beforehand how long it will be', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), octets => {
        expect(decode(encode(Buffer.from(octets)))).toEqual(Buffer.from(octets))
      }),
    )
  })

  it('knows each string in one form only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), octets => {
        const text = decode(Buffer.from(octets))
        if (text !== null) expect(encode(text)).toEqual(Buffer.from(octets))
      }),
    )
  })

  it('writes and reads where it is told, and nowhere else', () => {
    const target = Buffer.alloc(20, 0xaa)
    const source = latin('--www.example.com--')
    expect(encodeHuffman(source, 2, 17, target, 3)).toBe(15)
    expect(target).toEqual(hex('aaaaaa f1e3c2e5f23a6ba0ab90f4ff aaaaaaaaaa'))
    const decoded = Buffer.alloc(30, 0xaa)
    expect(decodeHuffman(target, 3, 15, decoded, 5)).toBe(20)
    expect(decoded.latin1Slice(5, 20)).toBe('www.example.com')
    expect(decoded[20]).toBe(0xaa)
  })

  it('refuses the end of a string inside of one, whole or in pieces (RFC 7541, section 5.2)', () => {
    expect(decode(hex('3fffffff'))).toBeNull()
    expect(decode(hex('ffffffff'))).toBeNull()
    expect(decode(bits(`00011${'1'.repeat(30)}00011`))).toBeNull()
  })

  it('refuses padding of more than seven bits (RFC 7541, section 5.2)', () => {
    expect(decode(bits('00011'))).toEqual(latin('a'))
    expect(decode(hex('ff'))).toBeNull()
    expect(decode(hex('1fff'))).toBeNull()
    expect(decode(Buffer.concat([encode(latin('www.example.com')), hex('ff')]))).toBeNull()
  })

  it('refuses padding of other bits than ones (RFC 7541, section 5.2)', () => {
    expect(decode(hex('18'))).toBeNull()
    expect(decode(hex('1e'))).toBeNull()
    expect(decode(hex('00'))).toBeNull()
  })

  it('takes an empty string', () => {
    expect(decode(Buffer.alloc(0))).toEqual(Buffer.alloc(0))
    expect(encode(Buffer.alloc(0))).toEqual(Buffer.alloc(0))
  })
})
