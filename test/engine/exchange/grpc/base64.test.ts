import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Base64Decoder, MALFORMED_TEXT } from '../../../../engine/exchange/grpc/base64-decoder.ts'
import { Base64Encoder } from '../../../../engine/exchange/grpc/base64-encoder.ts'
import { MessageScanner } from '../../../../engine/exchange/grpc/message-scanner.ts'

/** Decodes a text that comes in pieces of the given lengths, in turns. */
function decode(text: string, lengths: readonly number[]): Buffer | null {
  const bytes = Buffer.from(text, 'latin1')
  const decoder = new Base64Decoder()
  const decoded: Buffer[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const end = Math.min(bytes.length, at + (lengths[turn % lengths.length] as number))
    const to = decoder.decode(bytes, at, end)
    if (to === MALFORMED_TEXT) return null
    expect(to).toBeLessThanOrEqual(end)
    decoded.push(Buffer.from(bytes.subarray(at, to)))
    at = end
  }
  return decoder.isWhole ? Buffer.concat(decoded) : null
}

const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
const content = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes))

describe('content in base64', () => {
  it('is the same however it is split, and wherever it is padded', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), lengths, (pieces, splits) => {
        const text = pieces.map(piece => piece.toString('base64')).join('')
        expect(decode(text, splits)?.equals(Buffer.concat(pieces))).toBe(true)
      }),
    )
  })

  it.each(['A', 'AB', 'ABC', 'A===', '=', '==AB', 'AB=C', 'ABC==', 'AB-C', 'AB C', 'ABC=='])(
    'is refused where it is none: %s',
    text => {
      expect(decode(text, [1])).toBe(null)
      expect(decode(text, [100])).toBe(null)
    },
  )
})

function message(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

describe('messages', () => {
  it('end where their lengths say, however they are split', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 5 }), lengths, (contents, splits) => {
        const messages = contents.map(message)
        const bytes = Buffer.concat(messages)
        const ends = new Set<number>()
        let end = 0
        for (const { length } of messages) {
          end += length
          ends.add(end)
        }
        const scanner = new MessageScanner()
        let at = 0
        for (let turn = 0; at < bytes.length; turn += 1) {
          const stop = Math.min(bytes.length, at + (splits[turn % splits.length] as number))
          const last = [...ends].filter(one => one > at && one <= stop).at(-1) ?? at
          expect(scanner.lastEnd(bytes, at, stop)).toBe(last)
          at = stop
        }
      }),
    )
  })

  it('in text are whole as soon as their last byte has come', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 5 }), lengths, (contents, splits) => {
        const encoder = new Base64Encoder()
        let text = ''
        const sent: Buffer[] = []
        for (const bytes of contents.map(message)) {
          sent.push(bytes)
          let at = 0
          for (let turn = 0; at < bytes.length; turn += 1) {
            const end = Math.min(bytes.length, at + (splits[turn % splits.length] as number))
            text += encoder.encode(bytes, at, end).toString('latin1')
            at = end
          }
          expect(decode(text, [100])?.equals(Buffer.concat(sent))).toBe(true)
        }
        const last = Buffer.from('trailers')
        text += encoder.encodeLast(last).toString('latin1')
        expect(decode(text, [100])?.equals(Buffer.concat([...sent, last]))).toBe(true)
      }),
    )
  })

  it('that break off still leave room for what follows', () => {
    const encoder = new Base64Encoder()
    const bytes = Buffer.from([0, 0, 0, 0, 9, 1, 2])
    const text = encoder.encode(bytes, 0, bytes.length).toString('latin1')
    const rest = encoder.encodeLast(Buffer.from('end')).toString('latin1')
    expect(decode(text + rest, [100])?.equals(Buffer.concat([bytes, Buffer.from('end')]))).toBe(true)
  })
})
