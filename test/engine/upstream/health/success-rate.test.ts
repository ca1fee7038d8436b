import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeSuccessRates, type RequestCounts } from '../../../../engine/upstream/health/success-rate.ts'

const SETTINGS = { intervalMs: 10_000, endpointsMin: 5, requestsMin: 100, deviations: 1.9 }

function shares(...percents: number[]): RequestCounts[] {
  return percents.map(percent => [1_000, percent * 10])
}

const someCounts = fc.array(
  fc.nat(1_000).chain(requests => fc.tuple(fc.constant(requests), fc.nat(requests))),
  { maxLength: 30 },
)
const someSettings = fc.record({
  intervalMs: fc.constant(10_000),
  endpointsMin: fc.nat(8),
  requestsMin: fc.nat(300),
  deviations: fc.double({ min: 0, max: 4, noNaN: true }),
})

describe('judging success rates', () => {
  it('finds the endpoint that lies more than 1.9 standard deviations below the mean', () => {
    // Mean 0.88, population standard deviation 0.16.
    const judged = judgeSuccessRates(shares(96, 96, 56, 96, 96), SETTINGS)
    expect(judged.outliers).toEqual([2])
    expect(judged.mean).toBeCloseTo(0.88, 12)
    expect(judged.threshold).toBeCloseTo(0.88 - 1.9 * 0.16, 12)
  })

  it('judges nothing with fewer endpoints than it needs, those with few requests not counted', () => {
    const few: RequestCounts[] = [...shares(100, 100, 100, 100), [99, 0]]
    expect(judgeSuccessRates(few, SETTINGS)).toEqual({ outliers: [], mean: -1, threshold: -1 })
    expect(judgeSuccessRates([], { ...SETTINGS, endpointsMin: 0 })).toEqual({ outliers: [], mean: -1, threshold: -1 })
    const enough: RequestCounts[] = [...shares(100, 100, 100, 100), [100, 0]]
    expect(judgeSuccessRates(enough, SETTINGS).outliers).toEqual([4])
  })

  it('leaves endpoints without a request out, even where none are asked for', () => {
    const judged = judgeSuccessRates([[0, 0], ...shares(50, 50)], { ...SETTINGS, endpointsMin: 1, requestsMin: 0 })
    expect(judged).toEqual({ outliers: [], mean: 0.5, threshold: 0.5 })
  })

  it('finds nobody where all are alike, whatever floating point makes of the mean', () => {
    const alike = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 1_000 }), fc.nat(100))
    fc.assert(
      fc.property(alike, ([endpoints, requests, successes]) => {
        const counts = Array.from({ length: endpoints }, (): RequestCounts => [requests, successes])
        const { outliers } = judgeSuccessRates(counts, { ...SETTINGS, endpointsMin: 1, deviations: 0 })
        expect(outliers).toEqual([])
      }),
    )
  })

  it('finds exactly those that are below the threshold and had enough requests', () => {
    fc.assert(
      fc.property(someCounts, someSettings, (counts, settings) => {
        const { outliers, mean, threshold } = judgeSuccessRates(counts, settings)
        const eligible = counts.filter(([requests]) => requests > 0 && requests >= settings.requestsMin)
        if (eligible.length === 0 || eligible.length < settings.endpointsMin) {
          expect({ outliers, mean, threshold }).toEqual({ outliers: [], mean: -1, threshold: -1 })
          return
        }
        const rates = eligible.map(([requests, successes]) => successes / requests)
        const average = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
        const variance = rates.reduce((sum, rate) => sum + rate * rate, 0) / rates.length - average * average
        expect(mean).toBeCloseTo(average, 9)
        expect(threshold).toBeCloseTo(average - settings.deviations * Math.sqrt(Math.max(0, variance)), 5)
        for (const [index, [requests, successes]] of counts.entries()) {
          const isJudged = requests > 0 && requests >= settings.requestsMin
          expect(outliers.includes(index)).toBe(isJudged && successes / requests < threshold - 1e-9)
        }
        expect(outliers).toEqual(outliers.toSorted((a, b) => a - b))
      }),
    )
  })

  it('never finds all of those that were judged', () => {
    fc.assert(
      fc.property(someCounts, someSettings, (counts, settings) => {
        const { outliers } = judgeSuccessRates(counts, settings)
        expect(outliers.length).toBeLessThan(Math.max(1, counts.length))
      }),
    )
  })

  it('does not depend on the order of the endpoints', () => {
    fc.assert(
      fc.property(someCounts, someSettings, (counts, settings) => {
        const last = counts.length - 1
        const mirrored = judgeSuccessRates(counts.toReversed(), settings).outliers.map(index => last - index)
        expect(mirrored.toReversed()).toEqual([...judgeSuccessRates(counts, settings).outliers])
      }),
    )
  })

  it('can find nobody among n with as many deviations as the square root of n - 1', () => {
    const worst = shares(100, 100, 100, 100, 0)
    expect(judgeSuccessRates(worst, { ...SETTINGS, deviations: 1.99 }).outliers).toEqual([4])
    expect(judgeSuccessRates(worst, { ...SETTINGS, deviations: 2 }).outliers).toEqual([])
  })

  it('takes more successes than requests, as counters that are read one after the other may show, for all of them', () => {
    const { mean } = judgeSuccessRates([[100, 101], ...shares(100, 100, 100, 100)], SETTINGS)
    expect(mean).toBe(1)
  })
})
