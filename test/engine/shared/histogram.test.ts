import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketCeiling, bucketOf, HISTOGRAM_BUCKETS, percentile } from '../../../engine/shared/histogram.ts'

const LAST = HISTOGRAM_BUCKETS - 1

/** Where the last bucket ends: 19 hours in microseconds. */
const RANGE_END_US = 2 ** 36

function countsOf(values: readonly number[]): Uint32Array {
  const counts = new Uint32Array(HISTOGRAM_BUCKETS)
  for (const value of values) counts[bucketOf(value)]! += 1
  return counts
}

describe('the bucket of a value', () => {
  it('is exact below 64 µs', () => {
    for (let value = 0; value < 64; value += 1) {
      expect(bucketOf(value)).toBe(value)
      expect(bucketCeiling(value)).toBe(value)
    }
  })

  it('holds the value within 3.2 %, over the whole range', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.double({ min: 0, max: RANGE_END_US - 1, noNaN: true }),
      // As many in each doubling as in any other.
      fc.double({ min: 0, max: 35.99, noNaN: true }).map(exponent => 2 ** exponent),
    )
    fc.assert(
      fc.property(value, us => {
        const ceiling = bucketCeiling(bucketOf(us))
        expect(ceiling).toBeGreaterThanOrEqual(Math.floor(us))
        expect(ceiling - us).toBeLessThanOrEqual(us * 0.032)
      }),
      { numRuns: 1_000 },
    )
  })

  it('begins right behind the ceiling of the one before, from the first to the last', () => {
    for (let bucket = 0; bucket < LAST; bucket += 1) {
      expect(bucketOf(bucketCeiling(bucket))).toBe(bucket)
      expect(bucketOf(bucketCeiling(bucket) + 1)).toBe(bucket + 1)
    }
    expect(bucketOf(bucketCeiling(LAST))).toBe(LAST)
  })

  it('does not fall as values rise, fractions among them', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -10, max: 2 ** 40, noNaN: true }),
        fc.double({ min: 0, max: 2 ** 32, noNaN: true }),
        (value, more) => bucketOf(value) <= bucketOf(value + more),
      ),
      { numRuns: 1_000 },
    )
  })

  it('is the same on both sides of 2^31, where the arithmetic changes', () => {
    for (let value = 2 ** 31 - 40; value < 2 ** 31 + 40; value += 1) {
      expect(bucketCeiling(bucketOf(value))).toBeGreaterThanOrEqual(value)
      expect(bucketOf(value + 1) - bucketOf(value)).toBeLessThanOrEqual(1)
    }
  })

  it.each([
    ['before the clock (negative)', -5, 0],
    ['past the range', RANGE_END_US, LAST],
    ['of a year', 3.2e13, LAST],
  ])('of a duration %s is the nearest there is', (_, value, bucket) => {
    expect(bucketOf(value)).toBe(bucket)
  })
})

describe('a percentile', () => {
  it('is 0 where nothing was counted', () => {
    expect(percentile(new Uint32Array(HISTOGRAM_BUCKETS), 0.99)).toBe(0)
  })

  it('of one value is that value, whatever the share', () => {
    const counts = countsOf([42])
    expect([0, 0.5, 0.999, 1].map(share => percentile(counts, share))).toEqual([42, 42, 42, 42])
  })

  it('is the value at that rank: the median of 1 to 60 is 30, the maximum is 60', () => {
    const counts = countsOf(Array.from({ length: 60 }, (_, index) => index + 1))
    expect(percentile(counts, 0.5)).toBe(30)
    expect(percentile(counts, 0.9)).toBe(54)
    expect(percentile(counts, 1)).toBe(60)
  })

  it('comes from the bucket of the value that has that rank in the sorted list', () => {
    const values = fc.array(fc.integer({ min: 0, max: 100_000_000 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(values, fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1), (all, share) => {
        const ranked = all.toSorted((a, b) => a - b)
        const exact = ranked[Math.max(1, Math.ceil(all.length * share)) - 1]!
        expect(percentile(countsOf(all), share)).toBe(bucketCeiling(bucketOf(exact)))
      }),
    )
  })
})
