import { describe, expect, it } from 'vitest'
import { type HashKey, keyedHash } from '../../../engine/shared/keyed-hash.ts'

const KEY: HashKey = [0x03020100, 0x07060504]

function hashOf(key: HashKey, text: string): string {
  const out = new Int32Array(2)
  keyedHash(key, text, out)
  return Buffer.from(out.buffer).toString('hex')
}

describe('the keyed hash', () => {
  // The reference's own vectors for 64 bits: the bytes 0, 1, 2 ... hashed by the key 0 to 7.
  it.each([
    ['', '218d1f59b9b83cc8'],
    ['\x00', 'be552412f8387315'],
  ])('is that of its authors: %j', (text, hash) => {
    expect(hashOf(KEY, text)).toBe(hash)
  })

  it('tells texts of all lengths apart, and keys', () => {
    const texts = Array.from({ length: 20 }, (_, length) => '0'.repeat(length))
    expect(new Set(texts.map(text => hashOf(KEY, text))).size).toBe(20)
    expect(hashOf([0, 0], '192.0.2.1')).not.toBe(hashOf([0, 1], '192.0.2.1'))
  })
})
