import { describe, expect, it } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import { copyOfPage, stateAtRest } from '../../../engine/explain/state.ts'
import { CIRCUIT_OPEN, CIRCUIT_STATE, WINDOW_CELLS } from '../../../engine/shared/circuit-cells.ts'
import {
  ADMIN_DOWN,
  ADMIN_STATE,
  CONNECTIONS_USED,
  ENDPOINT_CELLS,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
} from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { UPSTREAM_CELLS, UPSTREAM_CIRCUIT } from '../../../engine/shared/upstream-cells.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { asking, tcp } from './explaining.ts'

const bytesOf = ({ buffer }: StatePage) => Buffer.from(new Uint8Array(buffer))

describe('the copy of a state page', () => {
  it('says what the page says of the endpoints and upstreams that were ever used, in less room', () => {
    const page = StatePage.create(2, 100, 50)
    page.endpointCells[2 * ENDPOINT_CELLS + PASSIVE_STATE] = PASSIVE_EJECTED
    page.upstreamCells[UPSTREAM_CELLS + UPSTREAM_CIRCUIT + CIRCUIT_STATE] = CIRCUIT_OPEN
    page.rows[1]!.inFlight[2] = 7
    page.rows[1]!.tries[0] = 9
    page.rows[0]!.windows[2 * WINDOW_CELLS] = 11
    page.rows[0]!.windows[(100 + 1) * WINDOW_CELLS + 1] = 13
    const copy = copyOfPage(page, { endpoints: 3, upstreams: 2 })
    expect(copy.size).toEqual({ endpoints: 3, upstreams: 2 })
    expect(copy.endpointCells[2 * ENDPOINT_CELLS + PASSIVE_STATE]).toBe(PASSIVE_EJECTED)
    expect(copy.upstreamCells[UPSTREAM_CELLS + UPSTREAM_CIRCUIT + CIRCUIT_STATE]).toBe(CIRCUIT_OPEN)
    expect(copy.inFlight(2)).toBe(7)
    expect(copy.rows[1]!.tries[0]).toBe(9)
    expect(copy.rows[0]!.windows[2 * WINDOW_CELLS]).toBe(11)
    expect(copy.rows[0]!.windows[(3 + 1) * WINDOW_CELLS + 1]).toBe(13)
  })

  it('takes idle connections for room', () => {
    const page = StatePage.create(1, 2, 1)
    page.endpointCells[CONNECTIONS_USED] = 5
    page.rows[0]!.inFlight[0] = 2
    expect(copyOfPage(page, page.size).endpointCells[CONNECTIONS_USED]).toBe(2)
  })

  it('of nothing is there all the same', () => {
    expect(copyOfPage(StatePage.create(1, 10, 10), { endpoints: 0, upstreams: 0 }).rows).toHaveLength(1)
  })
})

describe('explaining', () => {
  it('gives back what it has taken: the probe of an endpoint can be explained as often as one likes', async () => {
    const state = stateAtRest(testSnapshot({ upstreams: { api: { endpoints: [tcp(1), tcp(2)] } } }))
    // Ejected, and its time is over: the next request is its probe.
    state.page.endpointCells[PASSIVE_STATE] = PASSIVE_EJECTED
    state.page.endpointCells[ENDPOINT_CELLS + ADMIN_STATE] = ADMIN_DOWN
    const explainer = await Explainer.open(state)
    const chosen = [1, 2, 3, 4].map(() => explainer.explain(asking()).upstream?.endpoint)
    explainer.close()
    expect(chosen).toEqual(Array.from({ length: 4 }, () => '10.0.0.1:1'))
  })

  it('touches nothing but its copy', async () => {
    const snapshot = testSnapshot({ upstreams: { api: [tcp(1), tcp(2)] } })
    const { page, placements } = stateAtRest(snapshot)
    page.endpointCells[PASSIVE_STATE] = PASSIVE_EJECTED
    const before = bytesOf(page)
    const explainer = await Explainer.open({ snapshot, placements, page: copyOfPage(page, page.size) })
    for (let count = 0; count < 5; count += 1) explainer.explain(asking())
    explainer.close()
    expect(bytesOf(page)).toEqual(before)
  })
})
