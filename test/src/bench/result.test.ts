import { expect, test } from 'vitest'
import { decodeHistogram, isFlawless } from '../../../src/bench/result.ts'
import { madeResult } from './made-result.ts'

test('what threads have measured is added up', () => {
  const result = madeResult()
  expect(result).toMatchObject({
    elapsedMs: 2000,
    answered: 2000,
    requestsPerSecond: 1000,
    bytesReceived: 200_000,
    bytesPerSecond: 100_000,
    statuses: { 200: 1800, 503: 200 },
    non2xx: 200,
    errors: { connect: 0, reset: 2, timeout: 0, malformed: 0 },
    unsent: 0,
    uncorrectedLatency: null,
    answeredByThread: [1000, 1000],
    startedAt: '1970-01-01T00:00:00.000Z',
  })
  expect(isFlawless(result)).toBe(false)
})

test('percentiles are right to three digits, the ends exactly', () => {
  const { latency } = madeResult()
  expect(latency).toMatchObject({ count: 2000, minUs: 1000, maxUs: 1_000_000 })
  const expected = { 50: 500_000, 75: 750_000, 90: 900_000, 99: 990_000, 99.9: 999_000, 99.99: 1_000_000 }
  expect(Object.keys(latency.percentilesUs)).toEqual(Object.keys(expected))
  for (const [percentile, wanted] of Object.entries(expected)) {
    expect(Math.abs((latency.percentilesUs[percentile] ?? 0) / wanted - 1)).toBeLessThan(0.001)
  }
  expect(Math.abs(latency.meanUs / 500_500 - 1)).toBeLessThan(0.001)
  expect(Math.abs(latency.stdevUs / 288_675 - 1)).toBeLessThan(0.001)
  expect(decodeHistogram(latency.histogram).totalCount).toBe(2000)
})

test('with a rate the latency is from the intended time, and the other is beside it', () => {
  const { latency, uncorrectedLatency } = madeResult(250)
  expect(latency).toMatchObject({ minUs: 251_000, maxUs: 1_250_000 })
  expect(uncorrectedLatency).toMatchObject({ minUs: 1000, maxUs: 1_000_000 })
})

test('it is plain data, without the credentials of the URL', () => {
  const result = madeResult(null, 'http://user:secret@a.example/')
  expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  expect(result.url).toBe('http://a.example/')
})
