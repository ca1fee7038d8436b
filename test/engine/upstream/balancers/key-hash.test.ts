import { describe, expect, it } from 'vitest'
import { hashOf } from '../../../../engine/upstream/balancers/key-hash.ts'
import { chiSquareMax, chiSquareOf } from './scene.ts'

describe('the hash of a key', () => {
  it('is a whole number of 32 bits, the same for the same key and seed', () => {
    for (const key of ['', 'a', '10.0.0.1', 'ÿ'.repeat(1000)]) {
      const hash = hashOf(key, 1)
      expect(hash).toBe(hash | 0)
      expect(hashOf(key, 1)).toBe(hash)
      expect(hashOf(key, 2)).not.toBe(hash)
    }
  })

  it.each([
    { of: 'numbers', keyAt: (index: number) => `${index}` },
    { of: 'addresses', keyAt: (index: number) => `10.0.${index >> 8}.${index & 255}` },
    { of: 'paths', keyAt: (index: number) => `/articles/${index}/images/large.webp` },
  ])('spreads keys that resemble each other alike over as many values as one likes: $of', ({ keyAt }) => {
    for (const values of [10, 101, 256]) {
      const counts = new Array<number>(values).fill(0)
      for (let index = 0; index < 50_000; index += 1) counts[(hashOf(keyAt(index), 0) >>> 0) % values]! += 1
      expect(chiSquareOf(counts, new Array(values).fill(1))).toBeLessThan(chiSquareMax(values))
    }
  })
})
