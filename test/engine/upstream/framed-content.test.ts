import { describe, expect, it } from 'vitest'
import { addChunk, lastChunk } from '../../../engine/http1/chunk.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { headEnd, isChunked, readChunks } from '../../../engine/upstream/framed-content.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

function bufferOf(text: string): ByteBuffer {
  const out = new ByteBuffer(8)
  out.text(text)
  return out
}

/** What the chunks behind a head bear, and how they end. */
function read(out: ByteBuffer): { content: string; end: readonly string[] | null | 'open' } {
  let content = ''
  let end: readonly string[] | null | 'open' = 'open'
  readChunks(out, headEnd(out, 0), {
    content: (bytes, from, to) => {
      content += bytes.latin1Slice(from, to)
    },
    contentEnd: trailers => {
      end = trailers
    },
  })
  return { content, end }
}

describe('content that is kept in the words of HTTP/1.1', () => {
  it.each([
    ['nothing', [], null, { content: '', end: 'open' }],
    ['some of it', ['ab', 'c'.repeat(300)], null, { content: `ab${'c'.repeat(300)}`, end: 'open' }],
    ['all of it', ['0\r\n\r\n'], lastChunk(null), { content: '0\r\n\r\n', end: null }],
    [
      'all of it, with trailers',
      ['x'],
      lastChunk(['a', '1', 'B-c', '2: 3']),
      { content: 'x', end: ['a', '1', 'B-c', '2: 3'] },
    ],
  ] as const)('is taken apart again: %s', (_, pieces, last, expected) => {
    const out = bufferOf(HEAD)
    for (const piece of pieces) addChunk(out, Buffer.from(piece, 'latin1'), 0, piece.length)
    if (last !== null) out.text(last)
    expect(read(out)).toEqual(expected)
  })

  it('is looked for behind the head that is meant', () => {
    const out = bufferOf('x: y\r\n\r\nGET / HTTP/1.1\r\nHost: Transfer-Encoding: chunked\r\n\r\nrest')
    const end = headEnd(out, 8)
    expect(out.bytes.latin1Slice(end, out.length)).toBe('rest')
    expect(isChunked(out, 8, end)).toBe(false)
    expect(isChunked(bufferOf(HEAD), 0, HEAD.length)).toBe(true)
  })

  it('does not begin where a head is not whole', () => {
    const out = bufferOf('GET / HTTP/1.1\r\nHost: a\r\n')
    expect(headEnd(out, 0)).toBe(out.length)
  })
})
