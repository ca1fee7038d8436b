import { describe, expect, it } from 'vitest'
import { median, quantile, ROUNDS_MIN, ratioInterval, verdictOf } from '../../perf/statistics.ts'

/** Values around `centre`, spread by `share` of it, always the same ones. */
function around(centre: number, share: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => centre * (1 + share * Math.sin(index * 12.9898)))
}

describe('a median', () => {
  it('is the value in the middle, or halfway between the two that are', () => {
    expect(median([5])).toBe(5)
    expect(median([9, 1, 5])).toBe(5)
    expect(median([1, 2, 10, 100])).toBe(6)
  })

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN()
  })

  it('does not change the values it is of', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('a quantile', () => {
  it('lies between its neighbours in proportion', () => {
    const values = [0, 10, 20, 30, 40]
    expect([0, 0.25, 0.3, 0.975, 1].map(share => quantile(values, share))).toEqual([0, 10, 12, 39, 40])
  })
})

describe('the interval of a ratio', () => {
  it('holds the ratio of two sides that differ, and is narrow where they are steady', () => {
    const interval = ratioInterval(around(100, 0.01, 20), around(110, 0.01, 20))!
    expect(interval.low).toBeGreaterThan(1.08)
    expect(interval.low).toBeLessThanOrEqual(1.1)
    expect(interval.high).toBeGreaterThanOrEqual(1.1)
    expect(interval.high).toBeLessThan(1.12)
  })

  it('is wide where the measurements are noisy', () => {
    const interval = ratioInterval(around(100, 0.4, 11), around(110, 0.4, 11).toReversed())!
    expect(interval.low).toBeLessThan(1)
    expect(interval.high).toBeGreaterThan(1.2)
  })

  it('does not see noise that both sides of a round share', () => {
    const noise = around(100, 0.5, 15)
    const interval = ratioInterval(
      noise,
      noise.map(value => value * 1.2),
    )!
    expect(interval.low).toBeCloseTo(1.2, 10)
    expect(interval.high).toBeCloseTo(1.2, 10)
  })

  it('is the same for the same rounds', () => {
    const [before, after] = [around(100, 0.1, 10), around(103, 0.1, 10)]
    expect(ratioInterval(before, after)).toEqual(ratioInterval(before, after))
  })

  it('is not given for too few rounds', () => {
    expect(ratioInterval(around(1, 0, ROUNDS_MIN - 1), around(2, 0, ROUNDS_MIN - 1))).toBeNull()
    expect(ratioInterval(around(1, 0, ROUNDS_MIN), around(2, 0, ROUNDS_MIN))).toEqual({ low: 2, high: 2 })
  })

  it('holds the true ratio about as often as it says', () => {
    // A generator with a seed: two sides of the same distribution, 100 times.
    let state = 1
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const noisy = (): number => 100 * (1 + 0.1 * (random() + random() + random() - 1.5))
    const trials = Array.from({ length: 100 }, () => {
      const sides = [0, 1].map(() => Array.from({ length: 10 }, noisy)) as [number[], number[]]
      const { low, high } = ratioInterval(...sides)!
      return low <= 1 && 1 <= high
    })
    const share = trials.filter(Boolean).length / trials.length
    expect(share).toBeGreaterThan(0.9)
  })
})

describe('a verdict', () => {
  it('is given only where the whole interval lies more than 1 % from equal', () => {
    expect(verdictOf({ low: 1.02, high: 1.2 })).toBe('slower')
    expect(verdictOf({ low: 0.7, high: 0.98 })).toBe('faster')
    expect(verdictOf({ low: 1.005, high: 1.2 })).toBe('no difference seen')
    expect(verdictOf({ low: 0.95, high: 1.3 })).toBe('no difference seen')
    expect(verdictOf(null)).toBe('no difference seen')
  })
})
