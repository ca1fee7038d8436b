import { afterEach, describe, expect, it } from 'vitest'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_HEALTHY,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  CONNECTIONS_USED,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
  UP_SINCE,
} from '../../../engine/shared/endpoint-cells.ts'
import { GOOD } from '../../../engine/upstream/health/outcome.ts'
import type { Http1ClientSession } from '../../../engine/upstream/http1-client-session.ts'
import type { Http1Pool } from '../../../engine/upstream/http1-pool.ts'
import type { TestEndpoint, TestUpstream } from '../../support/snapshot.ts'
import { Crew, endpointNamed } from './crew.ts'

const crews: Crew[] = []
function crewOf(endpoints: readonly TestEndpoint[], settings: Omit<TestUpstream, 'endpoints'> = {}, workers = 1): Crew {
  const crew = new Crew({ endpoints, ...settings }, workers)
  crews.push(crew)
  return crew
}
afterEach(() => {
  for (const crew of crews.splice(0)) for (const upstream of crew.workers) upstream.close()
})

const named = (names: string, more: Partial<TestEndpoint> = {}) => [...names].map(name => endpointNamed(name, more))

function eject(crew: Crew, name: string, forMs: number): void {
  crew.set(name, PASSIVE_UNTIL, (crew.stamp + forMs) | 0)
  crew.set(name, PASSIVE_STATE, PASSIVE_EJECTED)
}

describe('an endpoint may be chosen', () => {
  it.each([
    ['unless it is down', ADMIN_STATE, ADMIN_DOWN, ADMIN_UP],
    ['unless it is drained', ADMIN_STATE, ADMIN_DRAINING, ADMIN_UP],
    ['unless its checks fail', CHECK_STATE, CHECK_UNHEALTHY, CHECK_HEALTHY],
  ])('%s', (_, cell, bad, good) => {
    const crew = crewOf(named('ab'))
    crew.set('a', cell, bad)
    expect(crew.counts(10)).toEqual({ b: 10 })
    crew.set('a', cell, good)
    expect(crew.counts(10)).toEqual({ a: 5, b: 5 })
  })

  it('unless it is ejected, and once more when that is over: by one request that shows whether it is back', () => {
    const crew = crewOf(named('ab'), { passive: { ejectMs: 10_000 } })
    eject(crew, 'a', 10_000)
    expect(crew.counts(10)).toEqual({ b: 10 })
    crew.nowMs += 10_001
    expect(crew.counts(10)).toEqual({ a: 1, b: 9 })
  })

  it('by all workers, as soon as one of them has seen something', () => {
    const crew = crewOf(named('ab'), {}, 3)
    for (const worker of [0, 1, 2]) crew.choose([], '', worker)
    crew.set('a', CHECK_STATE, CHECK_UNHEALTHY)
    for (const worker of [0, 1, 2])
      expect([crew.choose([], '', worker), crew.choose([], '', worker)]).toEqual(['b', 'b'])
  })

  it('never again where the request has been there', () => {
    const crew = crewOf(named('abc'))
    expect(crew.choose(['a', 'b'])).toBe('c')
    expect(crew.choose(['a', 'b', 'c'])).toBe('-')
    expect(crew.upstream.lack).toBe('none')
  })

  it('by nobody where there is none', () => {
    const crew = crewOf([])
    expect(crew.choose()).toBe('-')
    expect(crew.upstream.hasOther(new Set(), crew.nowMs)).toBe(false)
  })
})

describe('groups', () => {
  const groups = [...named('ab', { priority: 0 }), ...named('cd', { priority: 1 }), ...named('z', { backup: true })]

  it('serve in their order', () => {
    const crew = crewOf(groups)
    expect(crew.counts(10)).toEqual({ a: 5, b: 5 })
  })

  it('hand over to the next as much as their healthy part cannot bear: 1.4 times its share is trusted', () => {
    const crew = crewOf([...named('abcdefgh', { priority: 0 }), ...named('s', { priority: 1 })])
    for (const name of 'abc') crew.set(name, CHECK_STATE, CHECK_UNHEALTHY)
    // 5 of 8: 0.875 of the requests.
    const share = (crew.counts(20_000).s ?? 0) / 20_000
    expect(share).toBeGreaterThan(0.11)
    expect(share).toBeLessThan(0.14)
    crew.set('c', CHECK_STATE, CHECK_HEALTHY)
    // 6 of 8 bear all.
    expect(crew.counts(1_000).s).toBeUndefined()
  })

  it('keep the requests of one key together when they share them', () => {
    const endpoints = [...named('abcd', { priority: 0 }), ...named('stuv', { priority: 1 })]
    const crew = crewOf(endpoints, { balance: 'hash', hashOn: { kind: 'path' } })
    for (const name of 'ab') crew.set(name, CHECK_STATE, CHECK_UNHEALTHY)
    const keys = Array.from({ length: 400 }, (_, index) => `/key/${index}`)
    const first = keys.map(key => crew.choose([], key))
    for (let round = 0; round < 5; round += 1) expect(keys.map(key => crew.choose([], key))).toEqual(first)
    // 2 of 4 with 1.4 times their share bear 0.7 of the keys.
    const share = first.filter(name => 'cd'.includes(name)).length / keys.length
    expect(Math.abs(share - 0.7)).toBeLessThan(0.08)
    expect(new Set(first).size).toBe(6)
  })

  it('leave the rest to whoever is there when even all of them together are not healthy enough', () => {
    const crew = crewOf([...named('abcd', { priority: 0 }), ...named('stuv', { priority: 1 })])
    for (const name of 'abcstu') crew.set(name, CHECK_STATE, CHECK_UNHEALTHY)
    const counts = crew.counts(10_000)
    expect(counts['-']).toBeUndefined()
    expect(Object.keys(counts).toSorted()).toEqual(['d', 'v'])
    // 0.35 and 0.35: half each.
    expect(Math.abs(counts.d! - 5_000)).toBeLessThan(300)
  })

  it('leave backups alone as long as anybody else may be chosen', () => {
    const crew = crewOf(groups)
    for (const name of 'abc') crew.set(name, CHECK_STATE, CHECK_UNHEALTHY)
    expect(crew.counts(100)).toEqual({ d: 100 })
    crew.set('d', ADMIN_STATE, ADMIN_DOWN)
    expect(crew.counts(100)).toEqual({ z: 100 })
    crew.set('z', ADMIN_STATE, ADMIN_DOWN)
    expect(crew.counts(10)).toEqual({ '-': 10 })
  })

  it('are left by a request that has been to all of one', () => {
    const crew = crewOf(groups)
    expect('cd').toContain(crew.choose(['a', 'b']))
    expect(crew.choose(['a', 'b', 'c', 'd'])).toBe('z')
    expect(crew.upstream.hasOther(new Set([...'abcd'].map(name => crew.endpoint(name))), crew.nowMs)).toBe(true)
    expect(crew.upstream.hasOther(new Set([...'abcdz'].map(name => crew.endpoint(name))), crew.nowMs)).toBe(false)
  })

  it('are left where all of one are full, for the backups as well', () => {
    const crew = crewOf([...named('ab', { connectionsMax: 2 }), ...named('z', { backup: true, connectionsMax: 1 })])
    for (const name of 'ab') crew.set(name, CONNECTIONS_USED, 2)
    expect(crew.counts(10)).toEqual({ z: 10 })
    crew.set('z', CONNECTIONS_USED, 1)
    expect(crew.choose()).toBe('-')
    expect(crew.upstream.lack).toBe('full')
    crew.set('b', CONNECTIONS_USED, 1)
    expect(crew.counts(10)).toEqual({ b: 10 })
  })

  it('follow an endpoint whose priority changes', () => {
    const crew = crewOf([...named('a', { priority: 0 }), ...named('b', { priority: 1 })])
    expect(crew.counts(4)).toEqual({ a: 4 })
    const [a, b] = crew.placements
    crew.upstream.update([
      { ...a!, priority: 1 },
      { ...b!, priority: 0 },
    ])
    expect(crew.counts(4)).toEqual({ b: 4 })
  })
})

describe('the panic threshold', () => {
  const panicky = { panicThreshold: 0.5, passive: { ejectMs: 10_000 } }

  it('lets all of a group serve when fewer are healthy, but for those that were taken out by hand', () => {
    const crew = crewOf(named('abcde'), panicky)
    crew.set('e', ADMIN_STATE, ADMIN_DOWN)
    crew.set('a', CHECK_STATE, CHECK_UNHEALTHY)
    // 3 of 5 are well.
    expect(Object.keys(crew.counts(40)).toSorted()).toEqual(['b', 'c', 'd'])
    crew.set('b', CHECK_STATE, CHECK_UNHEALTHY)
    expect(Object.keys(crew.counts(40)).toSorted()).toEqual(['a', 'b', 'c', 'd'])
    crew.set('a', CHECK_STATE, CHECK_HEALTHY)
    expect(Object.keys(crew.counts(40)).toSorted()).toEqual(['a', 'c', 'd'])
  })

  it('is not reached with exactly that share', () => {
    const crew = crewOf(named('abcd'), panicky)
    for (const name of 'ab') crew.set(name, CHECK_STATE, CHECK_UNHEALTHY)
    expect(Object.keys(crew.counts(40)).toSorted()).toEqual(['c', 'd'])
  })

  it('still has those that were ejected show whether they are back, and ends with them', () => {
    const crew = crewOf(named('abcd'), panicky)
    for (const name of 'abc') eject(crew, name, 10_000)
    expect(Object.keys(crew.counts(40)).toSorted()).toEqual(['a', 'b', 'c', 'd'])
    crew.nowMs += 10_001
    // One at a time is tried as a probe, and found to be good.
    for (let round = 0; round < 60; round += 1) {
      const endpoint = crew.upstream.choose('', null, crew.nowMs)!
      const { entry } = crew.upstream.health
      crew.upstream.health.entry = 0
      crew.upstream.health.observe(endpoint, GOOD, entry, false, 100, crew.stamp)
    }
    for (const name of 'abcd') expect(crew.cell(name, PASSIVE_STATE)).toBe(PASSIVE_UP)
    expect(crew.changes.toSorted()).toEqual(['a up', 'b up', 'c up'])
  })
})

describe('slow start', () => {
  const slow = { slowStartMs: 10_000 }

  it('lets the share of an endpoint that comes up grow with time', () => {
    const crew = crewOf(named('ab'), slow)
    crew.set('a', UP_SINCE, crew.stamp)
    const shares: number[] = []
    for (let step = 0; step <= 10; step += 1) {
      shares.push((crew.counts(1_000).a ?? 0) / 1_000)
      crew.nowMs += 1_000
    }
    for (const [step, share] of shares.entries()) {
      // Its weight over the sum of both.
      const weight = Math.max(0.05, step / 10)
      expect(Math.abs(share - weight / (1 + weight))).toBeLessThan(0.06)
    }
  })

  it('is not for endpoints that were there at the start', () => {
    const crew = crewOf(named('ab'), slow)
    expect(crew.counts(10)).toEqual({ a: 5, b: 5 })
  })

  it('does not keep the only endpoint from serving', () => {
    const crew = crewOf(named('a'), slow)
    crew.set('a', UP_SINCE, crew.stamp)
    expect(crew.counts(10)).toEqual({ a: 10 })
  })
})

describe('an upstream', () => {
  it('is down when of several endpoints no more than one may be chosen, not counting those that are yet to be tried', () => {
    const crew = crewOf(named('abc'), { passive: { ejectMs: 10_000 } })
    const isDown = () => crew.upstream.isDown(crew.nowMs)
    expect(isDown()).toBe(false)
    eject(crew, 'a', 10_000)
    expect(isDown()).toBe(false)
    eject(crew, 'b', 10_000)
    expect(isDown()).toBe(true)
    crew.nowMs += 10_001
    expect(isDown()).toBe(true)
    crew.set('a', PASSIVE_STATE, PASSIVE_UP)
    expect(isDown()).toBe(false)
  })

  it('of one endpoint is never down', () => {
    const crew = crewOf(named('a'))
    expect(crew.upstream.isDown(crew.nowMs)).toBe(false)
  })

  it("says when the first of its endpoints' circuits lets something through", () => {
    const crew = crewOf(named('ab'), {
      circuitBreaker: { scope: 'endpoint', minimum: 1, openMs: 5_000 },
      passive: null,
    })
    const { upstream } = crew
    expect(upstream.circuitLeftMs(crew.nowMs)).toBe(-1)
    for (const name of 'ab') {
      upstream.health.observe(crew.endpoint(name), 1, 0, false, 100, crew.stamp)
      crew.nowMs += 1_000
    }
    expect(crew.choose()).toBe('-')
    expect(upstream.circuitLeftMs(crew.nowMs)).toBe(3_000)
    crew.set('a', CHECK_STATE, CHECK_UNHEALTHY)
    expect(upstream.circuitLeftMs(crew.nowMs)).toBe(4_000)
    crew.set('b', ADMIN_STATE, ADMIN_DRAINING)
    expect(upstream.circuitLeftMs(crew.nowMs)).toBe(-1)
  })

  it('takes back what it has let in as a probe, when that is not used', () => {
    const crew = crewOf(named('ab'), { passive: { ejectMs: 10_000 } })
    const { upstream } = crew
    eject(crew, 'a', 1_000)
    crew.nowMs += 1_001
    for (let round = 0; round < 5; round += 1) {
      const endpoint = upstream.choose('', new Set([crew.endpoint('b')]), crew.nowMs)
      expect([endpoint?.name, upstream.health.entry]).toEqual(['a', 1])
      upstream.unchoose(endpoint!)
      expect(upstream.health.entry).toBe(0)
    }
  })

  it('keeps what it knows of endpoints that stay when others come and go', () => {
    const crew = crewOf(named('abc'), { passive: { ejectMs: 10_000 } })
    const [a, b] = crew.placements
    const kept = crew.endpoint('a')
    eject(crew, 'b', 10_000)
    const added = crew.place(endpointNamed('d'), 7)
    crew.upstream.update([a!, { ...b!, weight: 3 }, added])
    expect(crew.endpoint('a')).toBe(kept)
    expect(crew.endpoint('b').weight).toBe(3)
    expect(crew.counts(10)).toEqual({ a: 5, d: 5 })
  })

  it('closes what is idle at an endpoint that is drained', () => {
    const crew = crewOf(named('ab'))
    const pool = crew.endpoint('a').pool as Http1Pool
    const session = pool.acquireNew(null) as Http1ClientSession
    pool.giveBack(session)
    crew.choose()
    expect(pool.idleCount).toBe(1)
    crew.set('a', ADMIN_STATE, ADMIN_DRAINING)
    crew.choose()
    expect([pool.idleCount, session.closed]).toEqual([0, true])
  })
})

describe('a session', () => {
  it('stays where it is while that endpoint is drained, and goes when it is down, ill, ejected, full or has its circuit open', () => {
    const crew = crewOf(named('ab', { connectionsMax: 1 }), { circuitBreaker: { scope: 'endpoint', minimum: 1 } })
    const { upstream } = crew
    const a = crew.endpoint('a')
    const keeps = () => upstream.keepsSession(a)
    expect(keeps()).toBe(true)
    for (const [cell, value, isKept] of [
      [ADMIN_STATE, ADMIN_DRAINING, true],
      [ADMIN_STATE, ADMIN_DOWN, false],
      [CHECK_STATE, CHECK_UNHEALTHY, false],
      [PASSIVE_STATE, PASSIVE_EJECTED, false],
      [CONNECTIONS_USED, 1, false],
    ] as const) {
      crew.set('a', cell, value)
      expect(keeps()).toBe(isKept)
      crew.set('a', cell, 0)
      expect(keeps()).toBe(true)
    }
    upstream.health.observe(a, 1, 0, false, 100, crew.stamp)
    expect(keeps()).toBe(false)
  })

  it('goes when its endpoint is removed, even if another one has the place of that in the page by now', () => {
    const crew = crewOf(named('ab'))
    const [, b] = crew.placements
    const gone = crew.endpoint('a')
    crew.upstream.update([b!])
    expect(crew.upstream.keepsSession(gone)).toBe(false)
    crew.upstream.update([b!, crew.place(endpointNamed('c'), gone.column)])
    expect([crew.upstream.keepsSession(gone), crew.upstream.keepsSession(crew.endpoint('c'))]).toEqual([false, true])
  })
})
