import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addChunk, framedStart, frameInPlace, LAST_CHUNK, lastChunk } from '../../../engine/http1/chunk.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { SLOT_BYTES, SLOT_HEADROOM, SLOT_TAILROOM } from '../../../engine/net/slots.ts'
import { feed } from './feed.ts'

function decode(chunks: string): { content: string; trailers: string[] | null } {
  const [message] = feed(REQUEST, [`POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n`, chunks]).messages
  expect(message).toMatchObject({ complete: true, error: 0 })
  return message!
}

describe('a chunk that is added', () => {
  it('is its size in hexadecimal, its content and two line ends', () => {
    const out = new ByteBuffer(8)
    addChunk(out, Buffer.from('..hello, world..'), 2, 14)
    expect(out.bytes.toString('latin1', 0, out.length)).toBe('c\r\nhello, world\r\n')
  })
})

describe('content that is framed in place', () => {
  it.each([
    [1, '1\r\n'],
    [15, 'f\r\n'],
    [16, '10\r\n'],
    [0xabc, 'abc\r\n'],
    [SLOT_BYTES, '10000\r\n'],
  ])(
    'of %d bytes begins with the size line %j and ends in CRLF, the rest of the slot untouched',
    (length, sizeLine) => {
      const bytes = Buffer.alloc(SLOT_HEADROOM + SLOT_BYTES + SLOT_TAILROOM, '.')
      bytes.fill('c', SLOT_HEADROOM, SLOT_HEADROOM + length)
      const end = frameInPlace(bytes, SLOT_HEADROOM, SLOT_HEADROOM + length)
      expect(bytes.toString('latin1', framedStart, end)).toBe(`${sizeLine}${'c'.repeat(length)}\r\n`)
      expect(framedStart).toBeGreaterThanOrEqual(0)
      expect(end).toBeLessThanOrEqual(bytes.length)
      const around = Buffer.concat([bytes.subarray(0, framedStart), bytes.subarray(end)])
      expect(around.every(byte => byte === 0x2e)).toBe(true)
    },
  )

  it('finds room in what a slot leaves around it, whatever its size', () => {
    const sizeLineMax = `${SLOT_BYTES.toString(16)}\r\n`.length
    expect(SLOT_HEADROOM).toBeGreaterThanOrEqual(sizeLineMax)
    expect(SLOT_TAILROOM).toBeGreaterThanOrEqual('\r\n'.length)
  })

  it('is the same as what would have been added', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5_000, size: 'max' }), content => {
        const bytes = Buffer.concat([Buffer.alloc(32), content, Buffer.alloc(32)])
        const out = new ByteBuffer(16)
        addChunk(out, bytes, 32, 32 + content.length)
        const end = frameInPlace(bytes, 32, 32 + content.length)
        expect(bytes.subarray(framedStart, end)).toEqual(out.bytes.subarray(0, out.length))
      }),
    )
  })
})

describe('the last chunk', () => {
  it('without a trailer section is two line ends behind a zero', () => {
    expect(lastChunk(null)).toBe('0\r\n\r\n')
    expect(LAST_CHUNK).toBe(lastChunk(null))
  })

  it('has the trailer section, in order', () => {
    expect(lastChunk(['A', '1', 'b', '', 'a', '2'])).toBe('0\r\nA: 1\r\nb: \r\na: 2\r\n\r\n')
  })

  it('ends what a parser reads back as the same content and trailers', () => {
    const out = new ByteBuffer(16)
    const content = Buffer.from('hello, world')
    addChunk(out, content, 0, 5)
    addChunk(out, content, 5, content.length)
    out.text(lastChunk(['X-Sum', '1']))
    expect(decode(out.bytes.toString('latin1', 0, out.length))).toMatchObject({
      content: 'hello, world',
      trailers: ['X-Sum', '1'],
    })
  })
})
