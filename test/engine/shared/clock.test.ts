import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { left, SKEW_MS, stampOf, until } from '../../../engine/shared/clock.ts'

const DAY_MS = 86_400_000

describe('a stamp', () => {
  it('is a whole number of 32 bits that counts milliseconds', () => {
    const now = performance.now()
    const stamp = stampOf(now)
    expect(stamp).toBe(stamp | 0)
    expect(until(stampOf(now + 1_000), stamp)).toBe(1_000)
    expect(until(stampOf(now + 30 * DAY_MS), stampOf(now + 29 * DAY_MS))).toBe(DAY_MS)
  })

  it('is the same in another thread, which was born later', async () => {
    const code = `
      import { parentPort } from 'node:worker_threads'
      import { stampOf } from '${new URL('../../../engine/shared/clock.ts', import.meta.url)}'
      parentPort.postMessage(stampOf(performance.now()))`
    const before = stampOf(performance.now())
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    const [told] = (await once(worker, 'message')) as [number]
    const after = stampOf(performance.now())
    expect(until(told, before)).toBeGreaterThan(-SKEW_MS / 10)
    expect(until(after, told)).toBeGreaterThan(-SKEW_MS / 10)
    await worker.terminate()
  })
})

describe('the time until a stamp', () => {
  it('is right across the edges, for up to 24 days', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -24 * DAY_MS, max: 24 * DAY_MS }), (stamp, ms) => {
        expect(until((stamp + ms) | 0, stamp)).toBe(ms)
      }),
    )
  })

  it('is over for ever once it is over, however long nobody looks', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 7 * DAY_MS }),
        fc.nat(49 * DAY_MS),
        (stamp, longestMs, laterMs) => {
          const ends = (stamp + longestMs) | 0
          fc.pre(laterMs < 2 ** 32 - longestMs - 120_000)
          expect(left(ends, (ends + laterMs) | 0, longestMs)).toBeLessThanOrEqual(0)
        },
      ),
    )
  })

  it('is what it is before that, for who looks a little early, too', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 7 * DAY_MS }),
        fc.nat(50_000),
        (stamp, longestMs, earlyMs) => {
          expect(left((stamp + longestMs) | 0, (stamp - earlyMs) | 0, longestMs)).toBe(longestMs + earlyMs)
          expect(left((stamp + longestMs) | 0, (stamp + longestMs - 1) | 0, longestMs)).toBe(1)
        },
      ),
    )
  })
})
