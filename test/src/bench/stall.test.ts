import { expect, test } from 'vitest'
import { bench } from '../../../src/bench/bench.ts'
import { httpOrigin } from './origin.ts'

const RATE = 400
const DURATION_MS = 3000
const STALL_FROM = 400
const STALL_MS = 1000

/** Answers at once, but for one second of its life, in which it answers nothing. */
function stallingOrigin() {
  let number = 0
  let stalled: Promise<void> | null = null
  return httpOrigin((_, response) => {
    number += 1
    if (number === STALL_FROM) {
      stalled = new Promise(over => {
        setTimeout(() => over(), STALL_MS)
      })
    }
    if (stalled === null) response.end()
    else void stalled.then(() => response.end())
  })
}

test('a stall of one second shows in the corrected percentiles, and hardly in what was sent late', async () => {
  await using origin = await stallingOrigin()
  const result = await bench({ url: origin.url, rate: RATE, durationMs: DURATION_MS, connections: 5, threads: 1 })
  expect(result.answered + result.unsent).toBe((RATE * DURATION_MS) / 1000)
  const { latency, uncorrectedLatency } = result
  // A third of all requests were due within the stall; those due at its beginning waited for nearly all of it.
  expect(latency.percentilesUs['99']).toBeGreaterThan(700_000)
  expect(latency.percentilesUs['90']).toBeGreaterThan(300_000)
  expect(latency.maxUs).toBeGreaterThan(950_000)
  // Only the five that were on the way saw it for themselves: 0.4 % of all.
  expect(uncorrectedLatency?.maxUs).toBeGreaterThan(950_000)
  expect(uncorrectedLatency?.percentilesUs['99']).toBeLessThan(300_000)
})

test('a closed loop hides the same stall: it asks for nothing while nothing is answered', async () => {
  await using origin = await stallingOrigin()
  const result = await bench({ url: origin.url, requests: 1200, connections: 5, threads: 1 })
  expect(result.latency.maxUs).toBeGreaterThan(950_000)
  expect(result.latency.percentilesUs['99']).toBeLessThan(300_000)
  expect(result.uncorrectedLatency).toBeNull()
})
