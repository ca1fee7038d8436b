import { describe, expect, it } from 'vitest'
import { FrameReader, newMask, renderFrame, TEXT } from '../../../native-bench/frame/websocket-frame.ts'

describe('WebSocket frames', () => {
  it.each([0, 1, 125, 126, 65_535])('of %i bytes come out as they went in, whole or byte by byte', length => {
    const payload = Buffer.alloc(length, 'abc')
    const bytes = Buffer.concat([renderFrame(TEXT, payload, newMask()), renderFrame(TEXT, payload)])
    for (const size of [bytes.length, length > 1000 ? 997 : 1]) {
      const found: Buffer[] = []
      const reader = new FrameReader((opcode, content) => {
        expect(opcode).toBe(TEXT)
        found.push(content)
      })
      for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size))
      expect(found.map(content => content.equals(payload))).toEqual([true, true])
    }
  })

  it('are masked as RFC 6455 shows it', () => {
    const frame = renderFrame(TEXT, Buffer.from('Hello'), Buffer.from([0x37, 0xfa, 0x21, 0x3d]))
    expect(frame.toString('hex')).toBe('818537fa213d7f9f4d5158')
  })

  it('that are too long are refused', () => {
    const reader = new FrameReader(() => {})
    expect(() => reader.read(Buffer.from([0x82, 127, 0, 0]))).toThrow('more than')
  })
})
