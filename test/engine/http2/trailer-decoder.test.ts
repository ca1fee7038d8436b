import { describe, expect, it } from 'vitest'
import { decodedTrailers, decodeTrailers } from '../../../engine/http2/trailer-decoder.ts'
import { HEAD_LIMITS, openHpack } from './decoded-head.ts'
import { block, indexed, type Line } from './wire.ts'

function read(
  lines: readonly Line[],
  limits = HEAD_LIMITS,
): { malformed: string; tooLarge: boolean; trailers: string[] | null } {
  const bytes = block(lines)
  expect(decodeTrailers(openHpack(), bytes, 0, bytes.length, limits)).toBe(0)
  const { malformed, tooLarge, trailers } = decodedTrailers
  return { malformed, tooLarge, trailers }
}

describe('a trailer section', () => {
  it('is given as names and values, in turn', () => {
    expect(
      read([
        ['grpc-status', '0'],
        ['grpc-message', ''],
        ['x', '\xe4'],
      ]),
    ).toEqual({
      malformed: '',
      tooLarge: false,
      trailers: ['grpc-status', '0', 'grpc-message', '', 'x', '\xe4'],
    })
  })

  it('is nothing where nothing is left of it', () => {
    expect(read([])).toEqual({ malformed: '', tooLarge: false, trailers: null })
    expect(
      read([
        ['content-length', '5'],
        ['host', 'a'],
        ['te', 'trailers'],
      ]),
    ).toEqual({ malformed: '', tooLarge: false, trailers: null })
  })

  it('is without what must not stand there (RFC 9110, section 6.5.1)', () => {
    expect(
      read([
        ['a', '1'],
        ['authorization', 'x'],
        ['set-cookie', 'x'],
        ['trailer', 'x'],
        ['b', '2'],
      ]).trailers,
    ).toEqual(['a', '1', 'b', '2'])
  })

  it.each([
    ['8.1', 'a pseudo-field', [[':status', '200']]],
    [
      '8.1',
      'a pseudo-field of requests',
      [
        ['a', 'b'],
        [':path', '/'],
      ],
    ],
    ['8.1', 'a pseudo-field of nobody', [[':x', '/']]],
    ['8.2', 'a capital in a name', [['Grpc-Status', '0']]],
    ['8.2.1', 'an empty name', [['', '0']]],
    ['8.2.1', 'a line end in a value', [['a', 'b\r\nc: d']]],
    ['8.2.1', 'a space behind a value', [['a', 'b ']]],
    ['8.2.2', 'connection', [['connection', 'close']]],
    ['8.2.2', 'transfer-encoding', [['transfer-encoding', 'chunked']]],
    ['8.2.2', 'upgrade', [['upgrade', 'a']]],
  ] as const)('is malformed (RFC 9113, section %s): %s', (_section, _what, lines) => {
    expect(read(lines).malformed).not.toBe('')
  })

  it('is too large where it is larger than a head may be, or has more lines', () => {
    expect(read([['a', 'b'.repeat(100)]], { ...HEAD_LIMITS, headBytesMax: 104 })).toMatchObject({
      tooLarge: true,
      malformed: '',
    })
    expect(read([['a', 'b'.repeat(100)]], { ...HEAD_LIMITS, headBytesMax: 105 }).tooLarge).toBe(false)
    expect(
      read(
        [
          ['a', ''],
          ['b', ''],
        ],
        { ...HEAD_LIMITS, fieldLinesMax: 1 },
      ).tooLarge,
    ).toBe(true)
    expect(
      read(
        [
          ['a', ''],
          ['b', ''],
        ],
        { ...HEAD_LIMITS, fieldLinesMax: 2 },
      ).tooLarge,
    ).toBe(false)
  })

  it('that cannot be read is an error of the connection', () => {
    const bytes = indexed(70)
    expect(decodeTrailers(openHpack(), bytes, 0, bytes.length, HEAD_LIMITS)).toBe(9)
  })
})
