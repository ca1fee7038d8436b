import { describe, expect, it } from 'vitest'
import { CIRCUIT_STATE, CIRCUIT_TRIALS, WINDOW_CELLS } from '../../../../engine/shared/circuit-cells.ts'
import {
  ENDPOINT_CELLS,
  ENDPOINT_CIRCUIT,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
} from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import { EPOCH, RELEASES, UPSTREAM_CELLS } from '../../../../engine/shared/upstream-cells.ts'
import type { Endpoint } from '../../../../engine/upstream/endpoint.ts'
import { Circuit } from '../../../../engine/upstream/health/circuit.ts'
import { AS_PROBE, AS_TRIAL, EndpointHealth } from '../../../../engine/upstream/health/endpoint-health.ts'
import {
  BROKEN,
  GATEWAY_ERROR,
  GOOD,
  LATE,
  NOT_CONNECTED,
  type Outcome,
  outcomeOfStatus,
  SERVER_ERROR,
} from '../../../../engine/upstream/health/outcome.ts'
import { type TestUpstream, upstreamSnapshot } from '../../../support/snapshot.ts'

const START = 1_000_000
const EJECT_MS = 1_000
const OPEN_MS = 1_000
/** The place of the upstream in its snapshot: not the first, so that the wrong cells would show. */
const INDEX = 1

function scene(settings: Partial<TestUpstream> = {}) {
  const upstream = upstreamSnapshot('api', { endpoints: [], passive: { ejectMs: EJECT_MS }, ...settings })
  const page = StatePage.create(2, 3, 2)
  const windows = page.rows.map(row => row.windows)
  const { circuitBreaker } = upstream
  /** As the workers have them. */
  const endpointsOf = (worker: number) =>
    ['a', 'b', 'c'].map((name, column) => {
      const place = {
        cells: page.endpointCells,
        base: column * ENDPOINT_CELLS + ENDPOINT_CIRCUIT,
        windows,
        own: windows[worker]!,
        windowBase: column * WINDOW_CELLS,
      }
      const circuit = circuitBreaker === null ? null : new Circuit(circuitBreaker, place)
      return { name, column, cells: column * ENDPOINT_CELLS, circuit } as unknown as Endpoint
    })
  const told: string[] = []
  const workers = page.rows.map((row, worker) => {
    const health = new EndpointHealth(upstream, INDEX, page, row, (...what) => told.push(what.join(' | ')))
    const endpoints = endpointsOf(worker)
    health.setEndpoints(endpoints)
    return { health, endpoints, a: endpoints[0]! }
  })
  const cell = (index: number) => page.endpointCells[index]!
  const upstreamCell = (index: number) => page.upstreamCells[INDEX * UPSTREAM_CELLS + index]!
  return { page, workers, told, cell, upstreamCell, first: workers[0]!, second: workers[1]! }
}

type Worker = ReturnType<typeof scene>['first']

function observe({ health, a }: Worker, outcome: Outcome, stamp = START, entry = 0, counts = false): void {
  health.observe(a, outcome, entry, counts, outcome === GOOD ? 1_000 : -1, stamp)
}

describe('the outcome of a status', () => {
  it.each([
    [101, GOOD],
    [200, GOOD],
    [404, GOOD],
    [499, GOOD],
    [500, SERVER_ERROR],
    [501, SERVER_ERROR],
    [502, GATEWAY_ERROR],
    [504, GATEWAY_ERROR],
    [505, SERVER_ERROR],
    [599, SERVER_ERROR],
  ])('%i', (status, outcome) => {
    expect(outcomeOfStatus(status)).toBe(outcome)
  })
})

describe('an endpoint of several workers', () => {
  it('with three failures is told of by the worker that saw the third, and every worker looks again', () => {
    const { first, second, told, upstreamCell } = scene()
    observe(first, BROKEN)
    observe(second, BROKEN)
    const before = [upstreamCell(EPOCH), upstreamCell(RELEASES)]
    observe(second, NOT_CONNECTED)
    observe(first, NOT_CONNECTED)
    expect(told).toEqual(['api | a | ejected | 3 failures in a row, the last: connection failed; for 1 s'])
    expect([upstreamCell(EPOCH), upstreamCell(RELEASES)]).toEqual(before.map(count => count + 1))
  })

  it('is back with one good response of its probe; told once', () => {
    const { first, second, told } = scene()
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    const stamp = START + EJECT_MS
    expect(second.health.enter(second.a, stamp)).toBe(true)
    expect(first.health.enter(first.a, stamp)).toBe(false)
    const { entry } = second.health
    expect(entry).toBe(AS_PROBE)
    observe(second, GOOD, stamp + 1, entry)
    expect(told.slice(1)).toEqual(['api | a | up | '])
  })

  it('lets another probe in when one has left, and every worker looks again', () => {
    const { first, second, upstreamCell } = scene()
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    const stamp = START + EJECT_MS
    expect(first.health.enter(first.a, stamp)).toBe(true)
    const before = upstreamCell(EPOCH)
    first.health.leave(first.a, first.health.entry, stamp + 10)
    expect(upstreamCell(EPOCH)).toBe(before + 1)
    expect(second.health.enter(second.a, stamp + 10)).toBe(true)
  })

  it('that was let in while it was up leaves without a trace', () => {
    const { first, upstreamCell } = scene()
    first.health.leave(first.a, 0, START)
    expect(upstreamCell(EPOCH)).toBe(0)
  })

  it('hears of statuses that a retry is made for only where failures in a window count', () => {
    const { first, told } = scene({ passive: { consecutive: 3, failures: 2 } })
    observe(first, GATEWAY_ERROR, START, 0, true)
    observe(first, GATEWAY_ERROR, START, 0, false)
    expect(told).toEqual([])
    observe(first, GATEWAY_ERROR, START, 0, true)
    expect(told.length).toBe(1)
    const off = scene({ passive: { consecutive: 3, failures: 0 } })
    for (let index = 0; index < 9; index += 1) observe(off.first, GATEWAY_ERROR, START, 0, true)
    expect(off.told).toEqual([])
  })

  it('hears nothing of tries that began before the last ejection was over', () => {
    const { first, told } = scene()
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    const stamp = START + EJECT_MS
    first.health.enter(first.a, stamp)
    observe(first, GOOD, stamp, first.health.entry)
    for (let failure = 0; failure < 9; failure += 1) {
      first.health.observe(first.a, LATE, 0, false, -1, stamp + 500, START - 1)
    }
    expect(told.length).toBe(2)
  })

  it('is not judged where passive health is off', () => {
    const { first, told } = scene({ passive: null })
    for (let failure = 0; failure < 50; failure += 1) observe(first, NOT_CONNECTED)
    expect(told).toEqual([])
    expect(first.health.enter(first.a, START)).toBe(true)
    expect(first.health.entry).toBe(0)
  })

  it('has its tries counted in the row of the worker: all of them, and the good ones', () => {
    const { first, second, page } = scene()
    for (const outcome of [GOOD, SERVER_ERROR, GOOD, LATE] as const) observe(first, outcome)
    observe(second, GOOD)
    expect(page.rows.map(({ tries, goodTries }) => [tries[0], goodTries[0], tries[1]])).toEqual([
      [4, 2, 0],
      [1, 1, 0],
    ])
  })
})

describe('the circuit of an endpoint', () => {
  const circuitBreaker = { minimum: 4, openMs: OPEN_MS, halfOpen: 2 }

  it('is told of when it opens, opens again and closes, with what was the last', () => {
    const { first, second, told } = scene({ circuitBreaker, passive: null })
    for (const outcome of [GOOD, GOOD, SERVER_ERROR, LATE] as const) observe(first, outcome)
    const stamp = START + OPEN_MS
    expect(second.health.enter(second.a, stamp)).toBe(true)
    expect(second.health.entry).toBe(AS_TRIAL)
    observe(second, GATEWAY_ERROR, stamp, AS_TRIAL)
    const later = stamp + OPEN_MS
    for (const worker of [first, second]) {
      expect(worker.health.enter(worker.a, later)).toBe(true)
      observe(worker, GOOD, later, worker.health.entry)
    }
    expect(told).toEqual([
      'api | a | circuit_open | the last: response too late; for 1 s',
      'api | a | circuit_open | the last: gateway error; for 1 s',
      'api | a | circuit_closed | ',
    ])
  })

  it('is told of as opened by slow responses', () => {
    const { first, told } = scene({ circuitBreaker: { ...circuitBreaker, slowRatio: 0.5, slowMs: 100 }, passive: null })
    for (let index = 0; index < 4; index += 1) first.health.observe(first.a, GOOD, 0, false, 200_000, START)
    expect(told).toEqual(['api | a | circuit_open | the last: response too slow; for 1 s'])
  })

  it('makes a probe a trial at the same time, and both are settled by its end', () => {
    const { first, told, cell } = scene({ circuitBreaker: { ...circuitBreaker, halfOpen: 1, minimum: 3 } })
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    expect(told.length).toBe(2)
    const stamp = START + OPEN_MS
    expect(first.health.enter(first.a, stamp)).toBe(true)
    expect(first.health.entry).toBe(AS_PROBE | AS_TRIAL)
    observe(first, GOOD, stamp, first.health.entry)
    expect(told.slice(2)).toEqual(['api | a | up | ', 'api | a | circuit_closed | '])
    expect(cell(PASSIVE_STATE)).toBe(0)
    expect(cell(ENDPOINT_CIRCUIT + CIRCUIT_STATE)).toBe(0)
  })

  it('that lets nobody in gives the probe back: it is not lost with the one who was refused', () => {
    const { first, second, cell } = scene({ circuitBreaker: { ...circuitBreaker, openMs: 5 * EJECT_MS, minimum: 3 } })
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    const stamp = START + EJECT_MS
    expect(first.health.enter(first.a, stamp)).toBe(false)
    expect(cell(PASSIVE_STATE)).toBe(PASSIVE_PROBING)
    expect(second.health.enter(second.a, START + 5 * EJECT_MS)).toBe(true)
    expect(second.health.entry).toBe(AS_PROBE | AS_TRIAL)
  })

  it('gets the place of a trial back that has left', () => {
    const { first, second, cell } = scene({ circuitBreaker: { ...circuitBreaker, halfOpen: 1 }, passive: null })
    for (let failure = 0; failure < 4; failure += 1) observe(first, BROKEN)
    const stamp = START + OPEN_MS
    expect(first.health.enter(first.a, stamp)).toBe(true)
    expect(second.health.enter(second.a, stamp)).toBe(false)
    first.health.leave(first.a, first.health.entry, stamp)
    expect(cell(ENDPOINT_CIRCUIT + CIRCUIT_TRIALS)).toBe(0)
    expect(second.health.enter(second.a, stamp)).toBe(true)
  })

  it('has no part in what becomes of another', () => {
    const { first, page } = scene({ circuitBreaker: { ...circuitBreaker, minimum: 3 } })
    for (let failure = 0; failure < 3; failure += 1) observe(first, BROKEN)
    expect(page.endpointCells[PASSIVE_STATE]).toBe(PASSIVE_EJECTED)
    expect(page.endpointCells.subarray(ENDPOINT_CELLS).every(value => value === 0)).toBe(true)
  })
})

it('the circuit of an upstream is told of without an endpoint', () => {
  const { first, told } = scene({ circuitBreaker: { scope: 'upstream', openMs: 2_500 } })
  first.health.circuitChanged('', 'open', NOT_CONNECTED)
  first.health.circuitChanged('', 'closed', GOOD)
  expect(told).toEqual(['api |  | circuit_open | the last: connection failed; for 2.5 s', 'api |  | circuit_closed | '])
})
