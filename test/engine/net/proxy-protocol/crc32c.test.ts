import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../../engine/net/proxy-protocol/crc32c.ts'

describe('the Castagnoli checksum', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of such checksums.
  it.each([
    ['digits', Buffer.from('123456789'), 0xe3069283],
    ['zeros', Buffer.alloc(32), 0x8a9136aa],
    ['ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['a rise', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    ['nothing', Buffer.alloc(0), 0],
  ])('is right for %s', (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum)
  })
})
