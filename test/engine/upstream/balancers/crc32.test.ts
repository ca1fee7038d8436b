import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CRC32_START, crc32Byte, crc32End, crc32Text } from '../../../../engine/upstream/balancers/crc32.ts'

describe('CRC-32', () => {
  it('is what zlib has for the bytes of a latin1 text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        const text = Buffer.from(bytes).toString('latin1')
        expect(crc32End(crc32Text(CRC32_START, text))).toBe(crc32(bytes))
      }),
    )
  })

  it('goes on byte by byte', () => {
    const state = crc32Byte(crc32Text(CRC32_START, 'host'), 0)
    expect(crc32End(crc32Text(state, '80'))).toBe(crc32('host\0' + '80'))
  })
})
