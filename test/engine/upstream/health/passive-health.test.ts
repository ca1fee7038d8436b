import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  EJECTED_FOR_CONNECTION,
  EJECTIONS,
  ENDPOINT_CELLS,
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
import { StatePage } from '../../../../engine/shared/state-page.ts'
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
import { type PassiveChange, PassiveHealth } from '../../../../engine/upstream/health/passive-health.ts'
import { type TestPassiveHealth, upstreamSnapshot } from '../../../support/snapshot.ts'

const EJECT_MS = 1_000
const START = 1_000_000
const DAY_MS = 86_400_000

interface Endpoint {
  readonly cells: number
}

interface Scene {
  readonly endpoints: readonly Endpoint[]
  /** One for each worker. */
  readonly workers: readonly PassiveHealth[]
  readonly page: StatePage
  cell(endpoint: Endpoint, index: number): number
  set(endpoint: Endpoint, index: number, value: number): void
}

function scene(settings: TestPassiveHealth = {}, count = 4, workers = 2): Scene {
  const { passive } = upstreamSnapshot('a', {
    endpoints: [],
    passive: { ejectMs: EJECT_MS, ejectMaxMs: 10 * EJECT_MS, ...settings },
  })
  const page = StatePage.create(workers, count)
  const endpoints = Array.from({ length: count }, (_, column) => ({ cells: column * ENDPOINT_CELLS }))
  return {
    endpoints,
    page,
    workers: page.rows.map(() => {
      const health = new PassiveHealth(passive!, page.endpointCells)
      health.setEndpoints(endpoints)
      return health
    }),
    cell: ({ cells }, index) => page.endpointCells[cells + index]!,
    set: ({ cells }, index, value) => {
      page.endpointCells[cells + index] = value
    },
  }
}

interface Told {
  readonly probe?: boolean
  readonly counts?: boolean
  readonly beganAt?: number
  readonly stamp?: number
}

function tell(health: PassiveHealth, endpoint: Endpoint, outcome: Outcome, told: Told = {}): PassiveChange {
  const { probe = false, counts = isFailure(outcome), stamp = START, beganAt = stamp } = told
  return health.observe(endpoint, outcome, probe, counts, beganAt, stamp)
}

function tellAll(health: PassiveHealth, endpoint: Endpoint, outcomes: readonly Outcome[], told: Told = {}): string {
  return outcomes
    .map(outcome => tell(health, endpoint, outcome, told))
    .join(' ')
    .trim()
}

/** Ejects an endpoint by what no share bounds. */
function eject({ workers: [health] }: Scene, endpoint: Endpoint, stamp = START): void {
  expect(tellAll(health!, endpoint, Array<Outcome>(3).fill(NOT_CONNECTED), { stamp })).toBe('ejected')
}

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
