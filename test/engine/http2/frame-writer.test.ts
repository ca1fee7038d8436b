import { describe, expect, it } from 'vitest'
import {
  beginHeaders,
  endHeaders,
  writeDataHeader,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../../../engine/http2/frame-writer.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { readFrames } from './frame-events.ts'
import { frame, hex, latin, uint32 } from './wire.ts'

/** What is written behind other bytes, into a buffer that has to grow for it. */
function written(write: (out: ByteBuffer) => void): Buffer {
  const out = new ByteBuffer(4)
  out.text('abc')
  write(out)
  expect(out.bytes.latin1Slice(0, 3)).toBe('abc')
  return Buffer.from(out.bytes.subarray(3, out.length))
}

describe('the writer', () => {
  it.each([
    [
      'SETTINGS',
      (out: ByteBuffer) =>
        writeSettings(out, [
          [3, 100],
          [4, 0x7fffffff],
          [0x10, 0xffffffff],
        ]),
      frame(4, 0, 0, hex('0003 00000064 0004 7fffffff 0010 ffffffff')),
    ],
    ['SETTINGS without any', (out: ByteBuffer) => writeSettings(out, []), frame(4, 0, 0)],
    ['an acknowledgement', writeSettingsAck, frame(4, 1, 0)],
    ['PING', (out: ByteBuffer) => writePing(out, false, latin('0123456789'), 1), frame(6, 0, 0, latin('12345678'))],
    [
      'an answer to PING',
      (out: ByteBuffer) => writePing(out, true, latin('0123456789'), 1),
      frame(6, 1, 0, latin('12345678')),
    ],
    [
      'GOAWAY',
      (out: ByteBuffer) => writeGoaway(out, 0x7fffffff, 11, 'calm'),
      frame(7, 0, 0, Buffer.concat([hex('7fffffff 0000000b'), latin('calm')])),
    ],
    ['RST_STREAM', (out: ByteBuffer) => writeRstStream(out, 0x01020304, 8), frame(3, 0, 0x01020304, uint32(8))],
    ['WINDOW_UPDATE', (out: ByteBuffer) => writeWindowUpdate(out, 5, 0x7fffffff), frame(8, 0, 5, uint32(0x7fffffff))],
    [
      'the header of DATA',
      (out: ByteBuffer) => writeDataHeader(out, 5, 0x012345, false),
      frame(0, 0, 5, Buffer.alloc(0), 0x012345),
    ],
    ['the header of the last DATA', (out: ByteBuffer) => writeDataHeader(out, 5, 0, true), frame(0, 1, 5)],
  ] as const)('writes %s', (_, write, bytes) => {
    expect(written(write)).toEqual(bytes)
  })

  function headers(block: Buffer, endStream: boolean, frameBytesMax: number): Buffer {
    return written(out => {
      const at = beginHeaders(out)
      out.copy(block, 0, block.length)
      endHeaders(out, at, 7, endStream, frameBytesMax)
      out.text('behind')
    })
  }

  it('writes a field block as HEADERS', () => {
    expect(headers(hex('8286'), false, 16_384)).toEqual(Buffer.concat([frame(1, 4, 7, hex('8286')), latin('behind')]))
    expect(headers(hex('8286'), true, 16_384)).toEqual(Buffer.concat([frame(1, 5, 7, hex('8286')), latin('behind')]))
    expect(headers(Buffer.alloc(0), true, 16_384)).toEqual(Buffer.concat([frame(1, 5, 7), latin('behind')]))
  })

  it('cuts a field block that is longer than a frame may be into CONTINUATION', () => {
    const block = Buffer.from(Array.from({ length: 25 }, (_, index) => index))
    const pieces = [
      frame(1, 1, 7, block.subarray(0, 10)),
      frame(9, 0, 7, block.subarray(10, 20)),
      frame(9, 4, 7, block.subarray(20)),
      latin('behind'),
    ]
    expect(headers(block, true, 10)).toEqual(Buffer.concat(pieces))
    expect(headers(block.subarray(0, 20), false, 10)).toEqual(
      Buffer.concat([frame(1, 0, 7, block.subarray(0, 10)), frame(9, 4, 7, block.subarray(10, 20)), latin('behind')]),
    )
    expect(headers(block.subarray(0, 10), false, 10)).toEqual(
      Buffer.concat([frame(1, 4, 7, block.subarray(0, 10)), latin('behind')]),
    )
  })

  it('is understood by the reader', () => {
    const block = Buffer.alloc(35_000, 0x82)
    const bytes = written(out => {
      const at = beginHeaders(out)
      out.copy(block, 0, block.length)
      endHeaders(out, at, 7, true, 16_384)
    })
    expect(readFrames(bytes)).toEqual({ told: [['headers', 7, block.toString('hex'), true, false]], error: 0 })
  })
})
