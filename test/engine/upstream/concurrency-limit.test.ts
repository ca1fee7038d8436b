import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConcurrencyLimit, HIGH, LOW, NORMAL } from '../../../engine/upstream/concurrency-limit.ts'
import { type Scenario, type Second, simulate } from './overload.ts'

const SETTINGS = { initial: 10, minimum: 2, maximum: 100, tolerance: 1.5 }

function mean(seconds: readonly Second[], key: keyof Second): number {
  return seconds.reduce((sum, second) => sum + second[key], 0) / seconds.length
}

function acquireAll(limit: ConcurrencyLimit, importance: number): number {
  let count = 0
  while (limit.tryAcquire(importance)) count += 1
  return count
}

describe('the limit on requests under way', () => {
  it('begins at the initial one, within its bounds', () => {
    expect(new ConcurrencyLimit(SETTINGS).limit).toBe(10)
    expect(new ConcurrencyLimit({ ...SETTINGS, initial: 1 }).limit).toBe(2)
    expect(new ConcurrencyLimit({ ...SETTINGS, initial: 1_000 }).limit).toBe(100)
  })

  it('refuses requests of low importance from 70 % of it, normal ones from 90 %, those of high importance at it', () => {
    const limit = new ConcurrencyLimit(SETTINGS)
    expect([LOW, NORMAL, HIGH].map(importance => acquireAll(limit, importance))).toEqual([7, 2, 1])
    expect(limit.inFlight).toBe(10)
    limit.release(-1, 0)
    expect([LOW, NORMAL, HIGH].map(importance => limit.tryAcquire(importance))).toEqual([false, false, true])
  })

  it('lets at least one request of each importance through, however small it is', () => {
    for (const importance of [LOW, NORMAL, HIGH]) {
      const limit = new ConcurrencyLimit({ ...SETTINGS, initial: 1, minimum: 1 })
      expect(acquireAll(limit, importance)).toBe(1)
    }
  })

  it('reads the clock itself where it is not told the time', () => {
    const limit = new ConcurrencyLimit(SETTINGS)
    limit.tryAcquire(HIGH)
    limit.release(1_000)
    expect(limit.inFlight).toBe(0)
  })

  it('stays whole and within its bounds, and so do the requests under way, whatever comes', () => {
    const step = fc.record({
      importance: fc.constantFrom(LOW, NORMAL, HIGH),
      acquires: fc.nat(30),
      releases: fc.nat(30),
      latencyUs: fc.oneof(fc.constant(-1), fc.double({ min: 0, max: 1e9, noNaN: true })),
      pauseMs: fc.nat(500),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 150 }), (steps, initial) => {
        const limit = new ConcurrencyLimit({ ...SETTINGS, initial })
        let nowMs = 0
        let held = 0
        for (const { importance, acquires, releases, latencyUs, pauseMs } of steps) {
          for (let count = 0; count < acquires; count += 1) {
            const before = limit.inFlight
            const may = limit.tryAcquire(importance)
            if (may) held += 1
            expect(may).toBe(limit.inFlight === before + 1)
            if (may) expect(before).toBeLessThan(limit.limit)
          }
          for (let count = Math.min(held, releases); count > 0; count -= 1) {
            nowMs += pauseMs / 10
            held -= 1
            limit.release(latencyUs, nowMs)
          }
          expect(limit.inFlight).toBe(held)
          expect(Number.isInteger(limit.limit)).toBe(true)
          expect(limit.limit).toBeGreaterThanOrEqual(2)
          expect(limit.limit).toBeLessThanOrEqual(100)
        }
      }),
    )
  })

  it('does not count below zero where one is given back too often', () => {
    const limit = new ConcurrencyLimit(SETTINGS)
    limit.release(-1, 0)
    expect(limit.inFlight).toBe(0)
  })

  it('learns nothing from requests that say nothing', () => {
    const limit = new ConcurrencyLimit(SETTINGS)
    const seen = new Set<number>()
    for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
      acquireAll(limit, HIGH)
      while (limit.inFlight > 0) limit.release(-1, nowMs)
      seen.add(limit.limit)
    }
    expect(limit.baselineUs).toBe(0)
    // 5 while it probes, in vain.
    expect(seen).toEqual(new Set([10, 5]))
  })
})

/** A server of so many slots and 20 ms to a request, with three times the requests that it can serve. */
function overloaded(slots: number, scenario: Partial<Scenario>): Partial<Scenario> {
  return { slots: () => slots, requestsPerSecond: () => slots * 50 * 3, ...scenario }
}

describe('in a simulation, the limit', () => {
  it.each<[number, Scenario['spread'], number]>([
    [5, 'exponential', 1],
    [20, 'none', 1],
    [20, 'exponential', 1],
    [100, 'exponential', 1],
    [20, 'exponential', 2],
    [40, 'none', 4],
    [40, 'exponential', 4],
  ])(
    'settles near a capacity of %i (service times: spread %s; workers: %i) under three times the load',
    (slots, spread, workers) => {
      const seconds = simulate(overloaded(slots, { spread, workers })).slice(15)
      // Probes included: nine tenths of what the server could do, with a queue that is no longer than the work itself.
      expect(mean(seconds, 'served')).toBeGreaterThan(0.9 * slots * 50)
      expect(mean(seconds, 'latencyMs')).toBeLessThan(2.2 * 20)
      expect(mean(seconds, 'limit')).toBeGreaterThan(0.9 * slots)
      expect(mean(seconds, 'limit')).toBeLessThan(2.2 * slots)
    },
  )

  it('does not drift while an overload lasts', () => {
    const seconds = simulate(overloaded(10, { workers: 2, durationMs: 300_000 }))
    for (let from = 20; from + 20 <= seconds.length; from += 20) {
      expect(mean(seconds.slice(from, from + 20), 'latencyMs')).toBeLessThan(2.5 * 20)
    }
  })

  it('comes down where it began far too high', () => {
    const seconds = simulate(overloaded(10, { settings: { initial: 400 }, durationMs: 40_000 }))
    expect(seconds[1]!.latencyMs).toBeGreaterThan(10 * 20)
    expect(mean(seconds.slice(20), 'latencyMs')).toBeLessThan(2.2 * 20)
    expect(mean(seconds.slice(20), 'served')).toBeGreaterThan(0.9 * 500)
  })

  it('grows when the server gets more room', () => {
    const slots = (atMs: number) => (atMs < 20_000 ? 10 : 50)
    const seconds = simulate({ slots, requestsPerSecond: () => 7_500 })
    expect(mean(seconds.slice(15, 20), 'limit')).toBeLessThan(22)
    expect(mean(seconds.slice(30), 'served')).toBeGreaterThan(0.9 * 2_500)
    expect(mean(seconds.slice(30), 'latencyMs')).toBeLessThan(2.2 * 20)
  })

  it('serves more at once when the server gets faster, and finds its new latency', () => {
    const serviceMs = (atMs: number) => (atMs < 20_000 ? 40 : 10)
    const seconds = simulate({ serviceMs, requestsPerSecond: () => 6_000 })
    expect(mean(seconds.slice(15, 20), 'served')).toBeGreaterThan(0.85 * 500)
    expect(mean(seconds.slice(22, 25), 'served')).toBeGreaterThan(0.9 * 2_000)
    expect(mean(seconds.slice(35), 'latencyMs')).toBeLessThan(2.2 * 10)
  })

  it('holds back when the server gets slower, and takes its new pace as given after the next probe', () => {
    const serviceMs = (atMs: number) => (atMs < 22_000 ? 20 : 60)
    const seconds = simulate({ serviceMs })
    expect(mean(seconds.slice(25, 30), 'limit')).toBeLessThan(20)
    expect(mean(seconds.slice(40), 'served')).toBeGreaterThan(0.85 * 333)
    expect(mean(seconds.slice(40), 'latencyMs')).toBeLessThan(2.2 * 60)
  })

  it('refuses nobody while the load is far below it', () => {
    const seconds = simulate({ requestsPerSecond: () => 100 })
    expect(mean(seconds, 'refused')).toBe(0)
    expect(Math.min(...seconds.map(({ limitMin }) => limitMin))).toBe(20)
  })

  it('never leaves its bounds', () => {
    const settings = { initial: 12, minimum: 12, maximum: 24 }
    for (const slots of [2, 100]) {
      const seconds = simulate(overloaded(slots, { settings, durationMs: 30_000 }))
      expect(Math.min(...seconds.map(({ limitMin }) => limitMin))).toBe(12)
      expect(Math.max(...seconds.map(({ limitMax }) => limitMax))).toBeLessThanOrEqual(24)
    }
  })
})
