import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'

function contentOf(buffer: ByteBuffer): string {
  return buffer.bytes.toString('latin1', 0, buffer.length)
}

describe('a byte buffer', () => {
  it('puts together text and pieces of other buffers, in order', () => {
    const buffer = new ByteBuffer(64)
    buffer.text('HTTP/1.1 ')
    buffer.copy(Buffer.from('..200 OK..'), 2, 8)
    buffer.text('\r\n')
    expect(contentOf(buffer)).toBe('HTTP/1.1 200 OK\r\n')
  })

  it('takes every octet of a Latin-1 text as it is', () => {
    const every = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join('')
    const buffer = new ByteBuffer(16)
    buffer.text(every)
    expect(buffer.bytes.subarray(0, buffer.length)).toEqual(Buffer.from(every, 'latin1'))
  })

  it('adds nothing for an empty or backward span', () => {
    const buffer = new ByteBuffer(4)
    buffer.copy(Buffer.from('abc'), 1, 1)
    buffer.copy(Buffer.from('abc'), 2, 1)
    expect(buffer.length).toBe(0)
  })

  it('keeps its bytes where they are as long as there is room', () => {
    const buffer = new ByteBuffer(8)
    const { bytes } = buffer
    buffer.text('12345678')
    expect(buffer.bytes).toBe(bytes)
  })

  it('grows into another place, so that a write that refers to the old one still finds its bytes', () => {
    const buffer = new ByteBuffer(8)
    buffer.text('12345678')
    const lent = buffer.bytes.subarray(0, 8)
    buffer.text('9')
    buffer.bytes.fill('x')
    expect(lent.toString('latin1')).toBe('12345678')
  })

  it('starts over in another place when its bytes are lent', () => {
    const buffer = new ByteBuffer(8)
    buffer.text('12345678')
    const lent = buffer.bytes.subarray(0, 8)
    buffer.replace(8)
    buffer.text('abcdefgh')
    expect(lent.toString('latin1')).toBe('12345678')
    expect(contentOf(buffer)).toBe('abcdefgh')
  })

  it('that has shrunk never again writes to the block it gave back, which the next one to grow gets', () => {
    const first = new ByteBuffer(16)
    first.text('a'.repeat(100_000))
    const block = first.bytes
    first.shrink()
    first.shrink()
    const second = new ByteBuffer(16)
    second.text('b'.repeat(100_000))
    expect(second.bytes).toBe(block)
    const third = new ByteBuffer(16)
    third.text('c'.repeat(100_000))
    first.text('d'.repeat(100_000))
    expect(new Set([first.bytes.buffer, second.bytes.buffer, third.bytes.buffer]).size).toBe(3)
    expect(contentOf(second)).toBe('b'.repeat(100_000))
    expect(contentOf(third)).toBe('c'.repeat(100_000))
    expect(contentOf(first)).toBe('d'.repeat(100_000))
  })

  it('gives no block back that it lent to a write, even when it shrinks later', () => {
    const buffer = new ByteBuffer(16)
    buffer.text('a'.repeat(100_000))
    const lent = buffer.bytes.subarray(0, buffer.length)
    buffer.replace(16)
    buffer.text('b'.repeat(100_000))
    buffer.shrink()
    const others = Array.from({ length: 40 }, () => new ByteBuffer(16))
    for (const other of others) other.text('c'.repeat(100_000))
    expect(lent.toString('latin1')).toBe('a'.repeat(100_000))
  })

  it('holds whatever is put in, whatever room it began with', () => {
    const piece = fc.uint8Array({ maxLength: 100, size: 'max' })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.array(piece, { maxLength: 20, size: 'max' }),
        (capacity, pieces) => {
          const buffer = new ByteBuffer(capacity)
          for (const [index, bytes] of pieces.entries()) {
            const source = Buffer.from(bytes)
            if (index % 2 === 0) buffer.copy(source, 0, source.length)
            else buffer.text(source.toString('latin1'))
          }
          expect(buffer.bytes.subarray(0, buffer.length)).toEqual(Buffer.concat(pieces))
        },
      ),
    )
  })
})
