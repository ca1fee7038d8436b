import { describe, expect, it } from 'vitest'
import { CIRCUIT_HALF_OPEN, CIRCUIT_OPEN, CIRCUIT_STATE } from '../../../engine/shared/circuit-cells.ts'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  CONNECTIONS_USED,
  EJECTIONS,
  ENDPOINT_CELLS,
  ENDPOINT_CIRCUIT,
  FIRST_BYTE_US,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  RESPONSE_US,
} from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { endpointStatus } from '../../../engine/upstream/endpoint-status.ts'
import { placementOf } from '../../../engine/upstream/placement.ts'
import { endpointSnapshot, upstreamSnapshot } from '../../support/snapshot.ts'

const COLUMN = 2
const address = { kind: 'tcp', host: '10.0.0.1', port: 80 } as const

function statusOf(cells: readonly (readonly [index: number, value: number])[], connectionsMax = 0) {
  const page = StatePage.create(2, 4)
  for (const [index, value] of cells) page.endpointCells[COLUMN * ENDPOINT_CELLS + index] = value
  for (const [index, row] of page.rows.entries()) {
    row.inFlight[COLUMN] = index + 1
    row.tries[COLUMN] = 10
    row.goodTries[COLUMN] = 4
  }
  const endpoint = endpointSnapshot({ address, weight: 3, backup: true, priority: 1, connectionsMax })
  const upstream = upstreamSnapshot('api', { endpoints: [], circuitBreaker: {} })
  return endpointStatus(page, upstream, placementOf(endpoint, COLUMN, address))
}

describe('the status of an endpoint', () => {
  it('has what the configuration says of it, and what all workers have counted', () => {
    expect(
      statusOf([
        [EJECTIONS, 3],
        [FIRST_BYTE_US, 1_000],
        [RESPONSE_US, 2_000],
      ]),
    ).toEqual({
      upstream: 'api',
      name: '10.0.0.1:80',
      address,
      state: 'up',
      weight: 3,
      backup: true,
      priority: 1,
      requests: 3,
      connections: -1,
      tries: 20,
      goodTries: 8,
      ejections: 3,
      firstByteUs: 1_000,
      responseUs: 2_000,
    })
  })

  it('has its connections where there is a limit on them', () => {
    expect(statusOf([[CONNECTIONS_USED, 5]], 10).connections).toBe(5)
    expect(statusOf([], 10).connections).toBe(0)
  })

  it('has the first state that keeps requests away', () => {
    const reasons = [
      [[ADMIN_STATE, ADMIN_DOWN], 'down'],
      [[ADMIN_STATE, ADMIN_DRAINING], 'draining'],
      [[CHECK_STATE, CHECK_UNHEALTHY], 'unhealthy'],
      [[PASSIVE_STATE, PASSIVE_EJECTED], 'ejected'],
      [[PASSIVE_STATE, PASSIVE_PROBING], 'probing'],
      [[ENDPOINT_CIRCUIT + CIRCUIT_STATE, CIRCUIT_OPEN], 'circuit_open'],
      [[ENDPOINT_CIRCUIT + CIRCUIT_STATE, CIRCUIT_HALF_OPEN], 'circuit_half_open'],
    ] as const
    for (const [place, [cell, state]] of reasons.entries()) {
      expect(statusOf([cell]).state).toBe(state)
      const others = reasons.slice(place + 1).map(([other]) => other)
      expect(statusOf([...others.toReversed(), cell]).state).toBe(state)
    }
  })
})
