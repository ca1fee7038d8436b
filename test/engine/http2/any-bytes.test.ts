import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Head } from '../../../engine/http/head.ts'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { decodedRequest, decodeRequest } from '../../../engine/http2/request-decoder.ts'
import { decodedResponse, decodeResponse } from '../../../engine/http2/response-decoder.ts'
import { decodedTrailers, decodeTrailers } from '../../../engine/http2/trailer-decoder.ts'
import { HEAD_LIMITS, textOf } from './decoded-head.ts'
import { hex, indexed, indexing, type Line, literal } from './wire.ts'

/** Blocks that come close to what peers send, with whatever else among them. */
const name = fc.constantFrom(
  ':method',
  ':path',
  ':scheme',
  ':authority',
  ':status',
  'te',
  'cookie',
  'x-a',
  'content-length',
  '',
)
const value = fc.oneof(
  fc.constantFrom('GET', '/', 'https', 'a', '200', '5', ''),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
)
const line: fc.Arbitrary<Line> = fc.tuple(name, value)
const piece = fc.oneof(
  { weight: 4, arbitrary: line.map(indexing) },
  { weight: 4, arbitrary: line.map(literal) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 70 }).map(indexed) },
  { weight: 3, arbitrary: fc.constantFrom('82', '87', '84', '88').map(hex) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes)) },
)
const blocks = fc.array(
  fc.array(piece, { maxLength: 12 }).map(pieces => Buffer.concat(pieces)),
  { maxLength: 12 },
)

const head = new Head(Buffer.alloc(0))
const limits = { ...HEAD_LIMITS, headBytesMax: 1500 }

/** Reads blocks until one ends the connection. */
function readAll(all: readonly Buffer[], read: (hpack: HpackDecoder, bytes: Buffer) => number): void {
  const hpack = new HpackDecoder(6000)
  for (const bytes of all) {
    const error = read(hpack, bytes)
    if (error === 0) continue
    expect([9, 11]).toContain(error)
    return
  }
}

/** What every head is: words whose lines its spans tell, as large as they may be. */
function expectWords(): void {
  const { words, lines } = textOf(head)
  expect(words.length).toBeLessThanOrEqual(limits.headBytesMax)
  const firstLine = words.slice(0, words.indexOf('\r\n') + 2)
  expect(words).toBe(`${firstLine}${lines.map(([field, text]) => `${field}: ${text}\r\n`).join('')}\r\n`)
}

describe('a field block of whatever bytes', () => {
  it('is a request, or refused, or an error of the connection', () => {
    fc.assert(
      fc.property(blocks, fc.boolean(), (all, endStream) => {
        readAll(all, (hpack, bytes) => {
          const error = decodeRequest(hpack, bytes, 0, bytes.length, endStream, head, limits, true)
          if (error === 0 && decodedRequest.refusal === '') expectWords()
          return error
        })
      }),
      { numRuns: 200 },
    )
  })

  it('is a response, or malformed, or an error of the connection', () => {
    fc.assert(
      fc.property(blocks, fc.boolean(), fc.boolean(), (all, endStream, skipContent) => {
        readAll(all, (hpack, bytes) => {
          const query = { skipContent, webSocketKey: null }
          const error = decodeResponse(hpack, bytes, 0, bytes.length, endStream, head, limits, query)
          if (error === 0 && decodedResponse.malformed === '') expectWords()
          return error
        })
      }),
      { numRuns: 200 },
    )
  })

  it('is a trailer section, or malformed, or an error of the connection', () => {
    fc.assert(
      fc.property(blocks, all => {
        readAll(all, (hpack, bytes) => {
          const error = decodeTrailers(hpack, bytes, 0, bytes.length, limits)
          const { trailers } = decodedTrailers
          if (trailers !== null) expect(trailers.length % 2).toBe(0)
          return error
        })
      }),
      { numRuns: 200 },
    )
  })
})
