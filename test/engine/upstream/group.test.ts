import { describe, expect, it } from 'vitest'
import {
  ENDPOINT_CELLS,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  UP_SINCE,
} from '../../../engine/shared/endpoint-cells.ts'
import { StatePage, type StateRow } from '../../../engine/shared/state-page.ts'
import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { Group } from '../../../engine/upstream/group.ts'
import { type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'

const START = 1_000_000
const DAY_MS = 86_400_000
const SLOW_START_MS = 10_000

/** Two endpoints of weight 100, of which the first has a past. */
function open(settings: Partial<TestUpstream>) {
  const page = StatePage.create(2, 2, 1)
  const endpoints = [0, 1].map(column => {
    const fields = {
      column,
      cells: column * ENDPOINT_CELLS,
      weight: 100,
      server: `${column}`,
      circuit: null,
      gated: false,
    }
    return fields as unknown as Endpoint
  })
  const upstream = upstreamSnapshot('a', { endpoints: [], ...settings })
  const group = new Group(endpoints, upstream, { page, row: page.rows[0] as StateRow })
  return { page, group, first: endpoints[0] as Endpoint, cells: page.endpointCells }
}

describe('slow start', () => {
  const settings = { slowStartMs: SLOW_START_MS }

  it('begins with a twentieth of the weight, grows with time, and ends', () => {
    const { group, cells } = open(settings)
    cells[UP_SINCE] = START
    const weightAfter = (ms: number) => {
      group.refresh((START + ms) | 0)
      return group.members.effective[0]
    }
    expect([0, 100, 500, 5_000, 9_999].map(weightAfter)).toEqual([5, 5, 5, 50, 99.99])
    expect(weightAfter(SLOW_START_MS)).toBe(100)
    expect(group.members.effective[1]).toBe(100)
  })

  it('is not over before it has begun for a request that began a little earlier, or by a clock that is behind', () => {
    const { group, cells } = open(settings)
    cells[UP_SINCE] = START
    for (const ms of [-1, -500, -30_000]) {
      group.refresh(START + ms)
      expect(group.members.effective[0]).toBe(5)
    }
    group.refresh(START + 1_000)
    expect(group.members.effective[0]).toBe(10)
  })

  it('does not come back by itself, however many weeks go by', () => {
    const { group, cells } = open(settings)
    cells[UP_SINCE] = START
    for (let hours = 1; hours < 60 * 24; hours += 1) {
      group.refresh((START + hours * 3_600_000) | 0)
      expect(group.members.effective[0]).toBe(100)
    }
  })
})

describe('an ejected endpoint', () => {
  it('may be tried when its time is over, however many weeks later', () => {
    for (let days = 0; days < 49; days += 1) {
      const { group, cells, first } = open({ passive: { ejectMs: 1_000 } })
      cells[PASSIVE_STATE] = PASSIVE_EJECTED
      cells[PASSIVE_UNTIL] = START
      group.refresh(START - 1)
      expect([group.members.available[0], group.nextChangeMs]).toEqual([0, 1])
      group.refresh((START + days * DAY_MS) | 0)
      expect([group.members.available[0], first.gated]).toEqual([1, true])
    }
  })
})
