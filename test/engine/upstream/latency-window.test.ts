import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketCeiling, bucketOf } from '../../../engine/shared/histogram.ts'
import { LatencyWindow } from '../../../engine/upstream/latency-window.ts'

function observeMany(window: LatencyWindow, count: number, firstByteUs: number, nowMs: number): void {
  for (let index = 0; index < count; index += 1) window.observe(firstByteUs, nowMs)
}

/** What the histogram makes of a value. */
function rounded(valueUs: number): number {
  return bucketCeiling(bucketOf(valueUs))
}

describe('the 95th percentile of recent times to the first byte', () => {
  it('is -1 below 20 of them, and the second longest of 20', () => {
    const window = new LatencyWindow()
    expect(window.p95Us(0)).toBe(-1)
    for (let value = 1; value <= 19; value += 1) window.observe(value, 5)
    expect(window.p95Us(5)).toBe(-1)
    window.observe(20, 5)
    expect(window.p95Us(5)).toBe(19)
  })

  it('is that of the sorted list, to the bucket', () => {
    const values = fc.array(fc.double({ min: 0, max: 60_000_000, noNaN: true }), { minLength: 20, maxLength: 500 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1e9, noNaN: true }), (all, startMs) => {
        const window = new LatencyWindow()
        // Over ten seconds: all of them still count, wherever a turn falls.
        for (const [index, value] of all.entries()) window.observe(value, startMs + (index * 9_900) / all.length)
        const exact = all.toSorted((a, b) => a - b)[Math.ceil(all.length * 0.95) - 1]!
        const found = window.p95Us(startMs + 9_950)
        expect(found).toBe(rounded(exact))
        expect(found).toBeGreaterThanOrEqual(Math.floor(exact))
        expect(found).toBeLessThanOrEqual(exact * 1.032)
      }),
    )
  })

  it('is worked out anew after a second, no sooner', () => {
    const window = new LatencyWindow()
    observeMany(window, 50, 100, 0)
    expect(window.p95Us(10)).toBe(rounded(100))
    observeMany(window, 5_000, 9_000, 20)
    expect(window.p95Us(1_009)).toBe(rounded(100))
    expect(window.p95Us(1_010)).toBe(rounded(9_000))
  })

  it('counts a time for ten seconds at least, wherever in a turn it was taken', () => {
    for (let takenMs = 0; takenMs < 20_000; takenMs += 500) {
      const window = new LatencyWindow()
      window.observe(1, 0)
      observeMany(window, 100, 5_000, takenMs)
      expect(window.p95Us(takenMs + 9_999)).toBe(rounded(5_000))
    }
  })

  it('has forgotten a time after twenty seconds, whatever came since', () => {
    for (let takenMs = 0; takenMs < 20_000; takenMs += 500) {
      const window = new LatencyWindow()
      window.observe(1, 0)
      observeMany(window, 1_000, 5_000, takenMs)
      for (let atMs = takenMs + 100; atMs <= takenMs + 20_000; atMs += 100) observeMany(window, 2, 70, atMs)
      expect(window.p95Us(takenMs + 20_100)).toBe(rounded(70))
    }
  })

  it('is -1 again after a silence of twenty seconds', () => {
    const window = new LatencyWindow()
    observeMany(window, 100, 5_000, 0)
    expect(window.p95Us(9_000)).toBe(rounded(5_000))
    expect(window.p95Us(20_000)).toBe(-1)
    window.observe(5_000, 20_001)
    expect(window.p95Us(20_002)).toBe(-1)
  })

  it('takes times of hours and of nothing', () => {
    const window = new LatencyWindow()
    observeMany(window, 20, 0, 0)
    expect(window.p95Us(0)).toBe(0)
    observeMany(window, 1_000, 3.6e12, 1)
    expect(window.p95Us(2_000)).toBeGreaterThan(6e10)
  })
})
