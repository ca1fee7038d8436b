import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  EJECTIONS,
  ERRORS_5XX_IN_ROW,
  FAILURES_IN_ROW,
  GATEWAY_ERRORS_IN_ROW,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
  PASSIVE_UP,
  WINDOW_FAILURES,
} from '../../../../engine/shared/endpoint-cells.ts'
import {
  BROKEN,
  GATEWAY_ERROR,
  GOOD,
  isFailure,
  LATE,
  MALFORMED,
  NOT_CONNECTED,
  type Outcome,
  SERVER_ERROR,
} from '../../../../engine/upstream/health/outcome.ts'
import type { PassiveChange, PassiveHealth } from '../../../../engine/upstream/health/passive-health.ts'
import { EJECT_MS, type Endpoint, eject, type Scene, START, scene, tell, tellAll } from './passive-scene.ts'

describe('the bounds', () => {
  const ejectAll = ({ workers, endpoints }: Scene, outcome: Outcome) =>
    endpoints.map((endpoint, index) =>
      tellAll(workers[index % 2]!, endpoint, [outcome, outcome, outcome]) === 'ejected' ? 1 : 0,
    )

  it.each([
    [10, 0.5, 5],
    [10, 0.3, 3],
    [10, 0.05, 1],
    [100, 0.29, 29],
    [3, 0.5, 1],
    [2, 1, 1],
    [4, 1, 3],
  ])('of %i endpoints with a share of %f eject no more than %i for bad responses', (count, share, most) => {
    expect(ejectAll(scene({ ejectedMax: share }, count), LATE).filter(Boolean).length).toBe(most)
    expect(ejectAll(scene({ ejectedMax: share }, count), BROKEN).filter(Boolean).length).toBe(most)
  })

  it('do not hold for endpoints that take no connection: all of those go, but the last', () => {
    expect(ejectAll(scene({ ejectedMax: 0.1 }, 10), NOT_CONNECTED)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
  })

  it('never let a lone endpoint go, whatever it does', () => {
    const { workers, endpoints } = scene({ failures: 1, consecutive5xx: 1, consecutiveGatewayErrors: 1 }, 1)
    for (const outcome of [NOT_CONNECTED, BROKEN, LATE, MALFORMED, SERVER_ERROR, GATEWAY_ERROR] as const) {
      expect(tellAll(workers[0]!, endpoints[0]!, Array<Outcome>(20).fill(outcome))).toBe('')
    }
  })

  it('never let the last one go that can be chosen: others that are down, draining or ill are of no help', () => {
    for (const [cell, value] of [
      [ADMIN_STATE, ADMIN_DOWN],
      [ADMIN_STATE, ADMIN_DRAINING],
      [CHECK_STATE, CHECK_UNHEALTHY],
    ] as const) {
      const played = scene({ ejectedMax: 1 }, 3)
      const [a, b, c] = played.endpoints as [Endpoint, Endpoint, Endpoint]
      played.set(b, cell, value)
      eject(played, c)
      expect(tellAll(played.workers[0]!, a, Array<Outcome>(9).fill(NOT_CONNECTED))).toBe('')
      // It goes at the next failure once there is another again.
      played.set(b, cell, 0)
      expect(tell(played.workers[0]!, a, NOT_CONNECTED)).toBe('ejected')
    }
  })

  it('eject at the next failure what they had to keep, when another is back', () => {
    const played = scene({}, 3)
    const [a, b] = played.endpoints as [Endpoint, Endpoint]
    expect(tellAll(played.workers[0]!, a, [LATE, LATE, LATE])).toBe('ejected')
    expect(tellAll(played.workers[0]!, b, [LATE, LATE, LATE, LATE])).toBe('')
    const stamp = START + EJECT_MS
    played.workers[0]!.enter(a, stamp)
    tell(played.workers[0]!, a, GOOD, { probe: true, stamp })
    expect(tell(played.workers[0]!, b, LATE, { stamp })).toBe('ejected')
  })

  it('count a probe as out still', () => {
    const played = scene({}, 2)
    const [a, b] = played.endpoints as [Endpoint, Endpoint]
    eject(played, a)
    played.workers[0]!.enter(a, START + EJECT_MS)
    expect(tellAll(played.workers[1]!, b, Array<Outcome>(5).fill(NOT_CONNECTED), { stamp: START + EJECT_MS })).toBe('')
  })

  it('leave an endpoint alone that belongs to nobody any more', () => {
    const played = scene({}, 3)
    const [a, ...others] = played.endpoints as [Endpoint, ...Endpoint[]]
    played.workers[0]!.setEndpoints(others)
    expect(tellAll(played.workers[0]!, a, Array<Outcome>(5).fill(NOT_CONNECTED))).toBe('')
  })

  it('make two workers that have ejected one too many each take theirs back', () => {
    const played = scene({}, 3)
    const [a, b] = played.endpoints as [Endpoint, Endpoint]
    const [first, second] = played.workers as [PassiveHealth, PassiveHealth]
    tellAll(first, a, [LATE, LATE])
    tellAll(second, b, [LATE, LATE])
    // While the first is about to eject `a`, the second does so with `b`.
    const cells = played.page.endpointCells
    let isFirst = true
    const { compareExchange } = Atomics
    Atomics.compareExchange = ((array: Int32Array, index: number, before: number, after: number) => {
      if (isFirst && index === a.cells + PASSIVE_STATE && after === PASSIVE_EJECTED) {
        isFirst = false
        expect(tell(second, b, LATE)).toBe('ejected')
      }
      return compareExchange(array, index, before, after)
    }) as typeof Atomics.compareExchange
    try {
      expect(tell(first, a, LATE)).toBe('')
    } finally {
      Atomics.compareExchange = compareExchange
    }
    expect(isFirst).toBe(false)
    expect(cells[a.cells + PASSIVE_STATE]).toBe(PASSIVE_UP)
    expect(cells[b.cells + PASSIVE_STATE]).toBe(PASSIVE_EJECTED)
    expect(cells[a.cells + EJECTIONS]).toBe(0)
  })
})

describe('passive health of several workers, whatever happens', () => {
  const outcomes: readonly Outcome[] = [GOOD, SERVER_ERROR, GATEWAY_ERROR, NOT_CONNECTED, BROKEN, LATE, MALFORMED]
  const step = fc.record({
    kind: fc.constantFrom('begin', 'begin', 'begin', 'end', 'end', 'end', 'leave', 'lose', 'pass'),
    worker: fc.nat(2),
    endpoint: fc.nat(3),
    pick: fc.nat(99),
    outcome: fc.constantFrom(...outcomes),
    counts: fc.boolean(),
    ms: fc.constantFrom(1, 50, 400, 1_100),
  })
  const settings = fc.record({
    consecutive: fc.nat(3),
    failures: fc.nat(3),
    consecutive5xx: fc.nat(3),
    consecutiveGatewayErrors: fc.nat(3),
    ejectedMax: fc.constantFrom(0.01, 0.5, 1),
    windowMs: fc.constantFrom(1, 500),
    ejectMaxMs: fc.constantFrom(EJECT_MS, 3 * EJECT_MS),
  })

  it('each change is told once, one is always left, one probe runs at a time, no count is negative, all come back', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 250 }),
        settings,
        fc.constantFrom(START, 2 ** 31 - 2_000, 2 ** 32 - 2_000),
        fc.integer({ min: 1, max: 4 }),
        (steps, chosen, begin, count) => {
          const { workers, endpoints, cell } = scene(chosen, count, 3)
          let now = begin
          const told = endpoints.map((): PassiveChange => 'up')
          const running: { endpoint: Endpoint; index: number; isProbe: boolean; beganAt: number; until: number }[] = []
          const hear = (index: number, change: PassiveChange) => {
            if (change === '') return
            if (change === 'up') expect(told[index]).toBe('ejected')
            told[index] = change
            const expected = change === 'up' ? PASSIVE_UP : PASSIVE_EJECTED
            expect(cell(endpoints[index]!, PASSIVE_STATE)).toBe(expected)
          }
          for (const one of steps) {
            const index = one.endpoint % count
            const endpoint = endpoints[index]!
            const health = workers[one.worker]!
            if (one.kind === 'pass') now += one.ms
            if (one.kind === 'begin') {
              const isProbe = cell(endpoint, PASSIVE_STATE) !== PASSIVE_UP
              if (isProbe && !health.enter(endpoint, now | 0)) continue
              const alive = running.filter(other => other.isProbe && other.index === index && other.until > now)
              if (isProbe) expect(alive.length).toBe(0)
              running.push({ endpoint, index, isProbe, beganAt: now, until: now + EJECT_MS })
            } else if (running.length > 0 && one.kind !== 'pass') {
              const [ended] = running.splice(one.pick % running.length, 1)
              if (ended === undefined || one.kind === 'lose') continue
              if (one.kind === 'leave') {
                if (!ended.isProbe) continue
                // Of probes that have been replaced nobody knows which is which: the one that leaves makes room for one.
                if (ended.until <= now) continue
                health.leave(ended.endpoint, now | 0)
              } else {
                const counts = one.counts || isFailure(one.outcome)
                const { isProbe, beganAt } = ended
                hear(ended.index, health.observe(ended.endpoint, one.outcome, isProbe, counts, beganAt | 0, now | 0))
                // What other probes of it say from here on is not waited for.
                if (isProbe) for (const other of running) if (other.index === ended.index) other.until = 0
              }
            }
            expect(endpoints.filter(other => cell(other, PASSIVE_STATE) === PASSIVE_UP).length).toBeGreaterThan(0)
            for (const [place, other] of endpoints.entries()) {
              expect(told[place] === 'up').toBe(cell(other, PASSIVE_STATE) === PASSIVE_UP)
              for (const counted of [
                FAILURES_IN_ROW,
                ERRORS_5XX_IN_ROW,
                GATEWAY_ERRORS_IN_ROW,
                WINDOW_FAILURES,
                EJECTIONS,
              ]) {
                expect(cell(other, counted)).toBeGreaterThanOrEqual(0)
              }
            }
          }
          now += chosen.ejectMaxMs
          for (const [index, endpoint] of endpoints.entries()) {
            if (cell(endpoint, PASSIVE_STATE) === PASSIVE_UP) continue
            expect(workers[index % 3]!.enter(endpoint, now | 0)).toBe(true)
            hear(index, workers[index % 3]!.observe(endpoint, GOOD, true, false, now | 0, now | 0))
            expect(told[index]).toBe('up')
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
