/** What the state page says of endpoints and circuits, in words. */
import { CIRCUIT_CLOSED, CIRCUIT_HALF_OPEN, CIRCUIT_STATE } from '../shared/circuit-cells.ts'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  CHECK_HEALTHY,
  CHECK_STATE,
  CONNECTIONS_USED,
  EJECTIONS,
  ENDPOINT_CELLS,
  ENDPOINT_CIRCUIT,
  FIRST_BYTE_US,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  RESPONSE_US,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { CircuitState, EndpointState, EndpointStatus } from './api.ts'

export function endpointStatus(page: StatePage, upstream: string, placement: EndpointPlacement): EndpointStatus {
  const { column, name, address, weight, backup, priority, connectionsMax } = placement
  const cell = (index: number) => page.endpointCells[column * ENDPOINT_CELLS + index] as number
  const sum = (of: 'tries' | 'goodTries') => page.rows.reduce((total, row) => total + (row[of][column] as number), 0)
  return {
    upstream,
    name,
    address,
    state: stateOf(cell),
    weight,
    backup,
    priority,
    requests: page.inFlight(column),
    connections: connectionsMax === 0 ? -1 : cell(CONNECTIONS_USED),
    tries: sum('tries'),
    goodTries: sum('goodTries'),
    ejections: cell(EJECTIONS),
    firstByteUs: cell(FIRST_BYTE_US),
    responseUs: cell(RESPONSE_US),
  }
}

function stateOf(cell: (index: number) => number): EndpointState {
  const admin = cell(ADMIN_STATE)
  if (admin === ADMIN_DOWN) return 'down'
  if (admin === ADMIN_DRAINING) return 'draining'
  if (cell(CHECK_STATE) !== CHECK_HEALTHY) return 'unhealthy'
  const passive = cell(PASSIVE_STATE)
  if (passive === PASSIVE_EJECTED) return 'ejected'
  if (passive === PASSIVE_PROBING) return 'probing'
  const circuit = circuitState(cell(ENDPOINT_CIRCUIT + CIRCUIT_STATE))
  return circuit === 'closed' ? 'up' : `circuit_${circuit}`
}

/** What the first cell of a circuit says. */
export function circuitState(state: number): CircuitState {
  if (state === CIRCUIT_CLOSED) return 'closed'
  return state === CIRCUIT_HALF_OPEN ? 'half_open' : 'open'
}
