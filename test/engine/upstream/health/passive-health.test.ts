import { describe, expect, it } from 'vitest'
import {
  EJECTED_FOR_CONNECTION,
  EJECTIONS,
  ERRORS_5XX_IN_ROW,
  FAILURES_IN_ROW,
  GATEWAY_ERRORS_IN_ROW,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
  UP_SINCE,
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
import type { PassiveChange } from '../../../../engine/upstream/health/passive-health.ts'
import type { TestPassiveHealth } from '../../../support/snapshot.ts'
import { DAY_MS, EJECT_MS, type Endpoint, eject, type Scene, START, scene, tell, tellAll } from './passive-scene.ts'

describe('failures in a row', () => {
  it('take an endpoint out with the third, and say why and for how long', () => {
    const { workers, endpoints, cell } = scene()
    const [a] = endpoints as [Endpoint]
    expect(tellAll(workers[0]!, a, [NOT_CONNECTED, BROKEN])).toBe('')
    expect(tell(workers[0]!, a, LATE)).toBe('ejected')
    expect(workers[0]!.reason).toBe('3 failures in a row, the last: response too late; for 1 s')
    expect(cell(a, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
    expect(cell(a, PASSIVE_UNTIL)).toBe(START + EJECT_MS)
  })

  it('are counted over all workers', () => {
    const { workers, endpoints } = scene({}, 4, 3)
    const [a] = endpoints as [Endpoint]
    expect(workers.map(health => tell(health, a, BROKEN))).toEqual(['', '', 'ejected'])
  })

  it('begin anew with a good response, in whichever worker, and with a 5xx', () => {
    const { workers, endpoints } = scene()
    const [a] = endpoints as [Endpoint]
    for (const between of [GOOD, SERVER_ERROR, GATEWAY_ERROR] as const) {
      expect(tellAll(workers[0]!, a, [BROKEN, BROKEN])).toBe('')
      expect(tell(workers[1]!, a, between)).toBe('')
    }
    expect(tellAll(workers[0]!, a, [BROKEN, BROKEN, BROKEN])).toBe('ejected')
  })

  it('of one endpoint are not those of another', () => {
    const { workers, endpoints } = scene()
    for (const endpoint of endpoints) expect(tellAll(workers[0]!, endpoint, [BROKEN, BROKEN])).toBe('')
  })

  it('do nothing where they are off', () => {
    const { workers, endpoints } = scene({ consecutive: 0 })
    expect(tellAll(workers[0]!, endpoints[0]!, Array<Outcome>(50).fill(NOT_CONNECTED))).toBe('')
  })

  it('are no 5xx responses unless that is asked for', () => {
    const { workers, endpoints } = scene()
    expect(tellAll(workers[0]!, endpoints[0]!, Array<Outcome>(50).fill(SERVER_ERROR))).toBe('')
    expect(tellAll(workers[0]!, endpoints[0]!, Array<Outcome>(50).fill(GATEWAY_ERROR))).toBe('')
  })
})

describe('5xx responses and gateway errors in a row', () => {
  it('eject at their own limits, and failures count among both', () => {
    const { workers, endpoints } = scene({ consecutive: 0, consecutive5xx: 4 }, 10)
    const [a, b] = endpoints as [Endpoint, Endpoint]
    expect(tellAll(workers[0]!, a, [SERVER_ERROR, GATEWAY_ERROR, BROKEN])).toBe('')
    expect(tell(workers[1]!, a, SERVER_ERROR)).toBe('ejected')
    expect(workers[1]!.reason).toContain('4 5xx responses in a row')
    expect(tellAll(workers[0]!, b, [SERVER_ERROR, SERVER_ERROR, SERVER_ERROR, GOOD, SERVER_ERROR])).toBe('')
  })

  it('of a gateway are 502 to 504 and failures, and a plain 500 ends the row', () => {
    const { workers, endpoints } = scene({ consecutive: 0, consecutiveGatewayErrors: 3 }, 10)
    const [a] = endpoints as [Endpoint]
    expect(tellAll(workers[0]!, a, [GATEWAY_ERROR, BROKEN, SERVER_ERROR, GATEWAY_ERROR, NOT_CONNECTED])).toBe('')
    expect(tell(workers[0]!, a, GATEWAY_ERROR)).toBe('ejected')
    expect(workers[0]!.reason).toContain('3 gateway errors in a row')
  })
})

describe('failures in a window', () => {
  const settings = { consecutive: 0, failures: 3, windowMs: 1_000 }

  it('eject at their number, good responses between them or not', () => {
    const { workers, endpoints } = scene(settings)
    const [a] = endpoints as [Endpoint]
    expect(tellAll(workers[0]!, a, [BROKEN, GOOD, GOOD, BROKEN, GOOD])).toBe('')
    expect(tell(workers[1]!, a, BROKEN)).toBe('ejected')
    expect(workers[1]!.reason).toBe('3 failures, each within 1 s of the one before; for 1 s')
  })

  it('add up as long as none comes later than a window after the one before, as in nginx', () => {
    const { workers, endpoints } = scene(settings)
    const [a, b] = endpoints as [Endpoint, Endpoint]
    expect([0, 1_000, 2_000].map(ms => tell(workers[0]!, a, LATE, { stamp: START + ms })).at(-1)).toBe('ejected')
    expect([0, 900, 1_901, 2_801].map(ms => tell(workers[0]!, b, LATE, { stamp: START + ms })).join('')).toBe('')
    expect(tell(workers[0]!, b, LATE, { stamp: START + 2_801 })).toBe('ejected')
  })

  it('take in the statuses that a retry is made for, of whatever class', () => {
    const { workers, endpoints } = scene(settings)
    const [a] = endpoints as [Endpoint]
    expect(tell(workers[0]!, a, GATEWAY_ERROR, { counts: true })).toBe('')
    expect(tell(workers[0]!, a, GATEWAY_ERROR, { counts: false })).toBe('')
    expect(tell(workers[0]!, a, GOOD, { counts: true })).toBe('')
    expect(tell(workers[0]!, a, SERVER_ERROR, { counts: true })).toBe('ejected')
  })

  it('are not kept for weeks', () => {
    for (let days = 1; days < 55; days += 1) {
      const { workers, endpoints } = scene(settings)
      const [a] = endpoints as [Endpoint]
      expect(tellAll(workers[0]!, a, [BROKEN, BROKEN])).toBe('')
      expect(tell(workers[0]!, a, BROKEN, { stamp: (START + days * DAY_MS) | 0 }), `${days} days`).toBe('')
    }
  })

  it('are counted across the edges of the stamps, and whatever clock is a little ahead', () => {
    for (const edge of [2 ** 31, 2 ** 32]) {
      const { workers, endpoints } = scene(settings)
      const [a] = endpoints as [Endpoint]
      const told = [2, -1, 0, 1].map(ms => tell(workers[0]!, a, BROKEN, { stamp: (edge + ms) | 0 }))
      expect(told).toEqual(['', '', 'ejected', ''])
    }
  })
})

describe('an ejected endpoint', () => {
  it('is told of once: what else was under way changes nothing', () => {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    for (const outcome of [NOT_CONNECTED, BROKEN, LATE, MALFORMED, SERVER_ERROR, GOOD] as const) {
      for (const health of played.workers) expect(tellAll(health, a, Array<Outcome>(10).fill(outcome))).toBe('')
    }
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
    expect(played.cell(a, PASSIVE_UNTIL)).toBe(START + EJECT_MS)
    expect(played.cell(a, EJECTIONS)).toBe(1)
  })

  it('lets nobody in before its time is over, then one request over all workers', () => {
    const played = scene({}, 4, 3)
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    expect(played.workers.map(health => health.enter(a, START + EJECT_MS - 1))).toEqual([false, false, false])
    expect(played.workers.map(health => health.enter(a, START + EJECT_MS))).toEqual([true, false, false])
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_PROBING)
  })

  it('is back with a good probe: one tells of it, and slow start begins', () => {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const stamp = START + EJECT_MS
    played.workers[1]!.enter(a, stamp)
    expect(tell(played.workers[1]!, a, GOOD, { probe: true, stamp: stamp + 7 })).toBe('up')
    expect(tell(played.workers[0]!, a, GOOD, { probe: true, stamp: stamp + 7 })).toBe('')
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_UP)
    expect(played.cell(a, UP_SINCE)).toBe(stamp + 7)
  })

  it('begins with a clean slate', () => {
    const played = scene({ failures: 4, consecutive5xx: 4, consecutiveGatewayErrors: 4 })
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    played.workers[0]!.enter(a, START + EJECT_MS)
    tell(played.workers[0]!, a, GOOD, { probe: true, stamp: START + EJECT_MS })
    expect(tellAll(played.workers[0]!, a, [BROKEN, BROKEN], { stamp: START + EJECT_MS })).toBe('')
    for (const cell of [FAILURES_IN_ROW, ERRORS_5XX_IN_ROW, GATEWAY_ERRORS_IN_ROW, WINDOW_FAILURES]) {
      expect(played.cell(a, cell)).toBe(2)
    }
  })

  it('stays out longer each time that its probe fails, up to the most', () => {
    const played = scene({ ejectMaxMs: 3_500 })
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const lengths: number[] = []
    let stamp = START + EJECT_MS
    for (let round = 0; round < 5; round += 1) {
      expect(played.workers[round % 2]!.enter(a, stamp)).toBe(true)
      expect(tell(played.workers[round % 2]!, a, NOT_CONNECTED, { probe: true, stamp })).toBe('ejected')
      expect(played.workers[round % 2]!.reason).toMatch(/^connection failed when it was tried again; for/)
      lengths.push(played.cell(a, PASSIVE_UNTIL) - stamp)
      stamp = played.cell(a, PASSIVE_UNTIL)
    }
    expect(lengths).toEqual([2_000, 3_000, 3_500, 3_500, 3_500])
    expect(played.cell(a, EJECTIONS)).toBe(6)
  })

  it('begins with the shortest again when it has been up for the longest', () => {
    const lengthAfter = (upMs: number) => {
      const played = scene()
      const [a] = played.endpoints as [Endpoint]
      eject(played, a)
      const backAt = START + EJECT_MS
      played.workers[0]!.enter(a, backAt)
      tell(played.workers[0]!, a, GOOD, { probe: true, stamp: backAt })
      eject(played, a, backAt + upMs)
      return [(played.cell(a, PASSIVE_UNTIL) - backAt - upMs) | 0, played.cell(a, EJECTIONS)]
    }
    expect(lengthAfter(0)).toEqual([2 * EJECT_MS, 2])
    expect(lengthAfter(10 * EJECT_MS - 1)).toEqual([2 * EJECT_MS, 2])
    expect(lengthAfter(10 * EJECT_MS)).toEqual([EJECT_MS, 1])
    expect(lengthAfter(30 * DAY_MS)).toEqual([EJECT_MS, 1])
  })

  it('can be tried again at once when its probe came to nothing', () => {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const stamp = START + EJECT_MS
    expect(played.workers[0]!.enter(a, stamp)).toBe(true)
    played.workers[0]!.leave(a, stamp + 5)
    expect(played.workers.map(health => health.enter(a, stamp + 5))).toEqual([true, false])
  })

  it('is tried by another when its probe got lost', () => {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const stamp = START + EJECT_MS
    expect(played.workers[0]!.enter(a, stamp)).toBe(true)
    expect(played.workers[1]!.enter(a, stamp + EJECT_MS - 1)).toBe(false)
    expect(played.workers.map(health => health.enter(a, stamp + EJECT_MS))).toEqual([true, false])
    expect(tell(played.workers[0]!, a, GOOD, { probe: true, stamp: stamp + EJECT_MS })).toBe('up')
  })

  it('does not wait for weeks because nobody asked for it for weeks', () => {
    for (let days = 1; days < 50; days += 1) {
      const played = scene()
      const [a] = played.endpoints as [Endpoint]
      eject(played, a)
      const stamp = (START + days * DAY_MS) | 0
      expect(
        played.workers.map(health => health.enter(a, stamp)),
        `${days} days`,
      ).toEqual([true, false])
    }
  })

  it.each([2 ** 31, 2 ** 32])('comes back in time across the edge of the stamps at %i', edge => {
    for (const offset of [-EJECT_MS, -EJECT_MS + 1, -1, 0, 1]) {
      const played = scene()
      const [a] = played.endpoints as [Endpoint]
      const at = (ms: number) => (edge + offset + ms) | 0
      eject(played, a, at(0))
      expect(played.workers[0]!.enter(a, at(EJECT_MS - 1))).toBe(false)
      expect(played.workers[0]!.enter(a, at(EJECT_MS))).toBe(true)
      expect(tell(played.workers[0]!, a, GOOD, { probe: true, stamp: at(EJECT_MS) })).toBe('up')
    }
  })

  it.each([
    [NOT_CONNECTED, 1],
    [BROKEN, 1],
    [LATE, 0],
    [MALFORMED, 0],
  ] as const)('by outcome %i is known to be out for connections: %i', (outcome, forConnection) => {
    const { workers, endpoints, cell } = scene()
    const [a] = endpoints as [Endpoint]
    expect(tellAll(workers[0]!, a, [outcome, outcome, outcome])).toBe('ejected')
    expect(cell(a, EJECTED_FOR_CONNECTION)).toBe(forConnection)
  })
})

describe('what a probe has to be', () => {
  function probed(settings: TestPassiveHealth, outcome: Outcome, counts = isFailure(outcome)): PassiveChange {
    const played = scene(settings)
    const [a] = played.endpoints as [Endpoint]
    for (let index = 0; index < 3; index += 1) tell(played.workers[0]!, a, NOT_CONNECTED)
    const stamp = START + EJECT_MS
    expect(played.workers[0]!.enter(a, stamp)).toBe(true)
    return tell(played.workers[0]!, a, outcome, { probe: true, counts, stamp })
  }

  it('is no failure', () => {
    for (const outcome of [NOT_CONNECTED, BROKEN, LATE, MALFORMED] as const) expect(probed({}, outcome)).toBe('ejected')
    expect(probed({}, GOOD)).toBe('up')
  })

  it('is any response, where 5xx are nothing that ejects', () => {
    expect(probed({}, SERVER_ERROR)).toBe('up')
    expect(probed({}, GATEWAY_ERROR)).toBe('up')
    expect(probed({}, GATEWAY_ERROR, true)).toBe('up')
  })

  it('is nothing that ejects here', () => {
    expect(probed({ consecutive5xx: 5 }, SERVER_ERROR)).toBe('ejected')
    expect(probed({ consecutive5xx: 5 }, GATEWAY_ERROR)).toBe('ejected')
    expect(probed({ consecutiveGatewayErrors: 5 }, GATEWAY_ERROR)).toBe('ejected')
    expect(probed({ consecutiveGatewayErrors: 5 }, SERVER_ERROR)).toBe('up')
    expect(probed({ successRate: {} }, SERVER_ERROR)).toBe('ejected')
    expect(probed({ failures: 9 }, SERVER_ERROR, true)).toBe('ejected')
    expect(probed({ failures: 9 }, GOOD, true)).toBe('ejected')
    expect(probed({ failures: 9 }, SERVER_ERROR, false)).toBe('up')
  })
})

describe('what comes late', () => {
  function backAgain(): { played: Scene; a: Endpoint; backAt: number } {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const backAt = START + EJECT_MS
    played.workers[0]!.enter(a, backAt)
    expect(tell(played.workers[0]!, a, GOOD, { probe: true, stamp: backAt })).toBe('up')
    return { played, a, backAt }
  }

  it('failures of requests from before the ejection change nothing when it is over', () => {
    const { played, a, backAt } = backAgain()
    const late = { beganAt: START - 10, stamp: backAt + 500 }
    expect(tellAll(played.workers[1]!, a, Array<Outcome>(20).fill(LATE), late)).toBe('')
    expect(played.cell(a, FAILURES_IN_ROW)).toBe(0)
    const recent = { beganAt: backAt, stamp: backAt + 500 }
    expect(tellAll(played.workers[1]!, a, [LATE, LATE, LATE], recent)).toBe('ejected')
  })

  it('failures count as ever, weeks after an ejection', () => {
    for (let days = 1; days < 55; days += 1) {
      const { played, a, backAt } = backAgain()
      const stamp = (backAt + days * DAY_MS) | 0
      const told = { beganAt: (stamp - 30_000) | 0, stamp }
      expect(tellAll(played.workers[1]!, a, [LATE, LATE, LATE], told), `${days} days`).toBe('ejected')
    }
  })

  it('a bad probe that another has replaced does not take out again what is back', () => {
    const { played, a, backAt } = backAgain()
    const stamp = backAt + 2_000
    expect(tell(played.workers[0]!, a, LATE, { probe: true, beganAt: backAt - 5, stamp })).toBe('')
    expect(tell(played.workers[0]!, a, LATE, { probe: true, beganAt: backAt + 5, stamp })).toBe('')
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_UP)
    expect(played.cell(a, FAILURES_IN_ROW)).toBe(1)
  })

  it('a probe that leaves an endpoint which is back, or ejected again, changes nothing', () => {
    const { played, a, backAt } = backAgain()
    played.workers[1]!.leave(a, backAt + 10)
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_UP)
    eject(played, a, backAt + 20)
    const until = played.cell(a, PASSIVE_UNTIL)
    played.workers[1]!.leave(a, backAt + 30)
    expect(played.cell(a, PASSIVE_UNTIL)).toBe(until)
  })

  it('a request that wants in as a probe after it is back gets no part in it', () => {
    const { played, a, backAt } = backAgain()
    expect(played.workers[1]!.enter(a, backAt + 50_000)).toBe(false)
    expect(played.cell(a, PASSIVE_STATE)).toBe(PASSIVE_UP)
  })

  it('a good probe that had been given up brings it back all the same', () => {
    const played = scene()
    const [a] = played.endpoints as [Endpoint]
    eject(played, a)
    const stamp = START + EJECT_MS
    played.workers[0]!.enter(a, stamp)
    played.workers[1]!.enter(a, stamp + EJECT_MS)
    expect(tell(played.workers[1]!, a, LATE, { probe: true, stamp: stamp + EJECT_MS + 1 })).toBe('ejected')
    expect(tell(played.workers[0]!, a, GOOD, { probe: true, stamp: stamp + EJECT_MS + 2 })).toBe('up')
  })
})
