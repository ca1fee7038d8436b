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
  PASSIVE_UP,
  RESPONSE_US,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { Address, UpstreamSnapshot } from '../snapshot.ts'
import type { EndpointPlacement } from './placement.ts'

/** Why an endpoint is chosen or not: the first of these that holds. */
export type EndpointState =
  /** Taken out by hand. */
  | 'down'
  /** Running and sticky work stays, new work goes elsewhere. */
  | 'draining'
  /** Active checks fail. */
  | 'unhealthy'
  | 'ejected'
  /** Its ejection is over, and one request is to show whether it is back. */
  | 'probing'
  | 'circuit_open'
  | 'circuit_half_open'
  | 'up'

export type CircuitState = 'closed' | 'open' | 'half_open'

export interface EndpointStatus {
  readonly upstream: string
  readonly name: string
  readonly address: Address
  readonly state: EndpointState
  readonly weight: number
  readonly backup: boolean
  readonly priority: number
  /** Requests under way, over all workers. */
  readonly requests: number
  /** Connections open or being opened; -1 where there is no limit on them, and they are not counted. */
  readonly connections: number
  /** Tries that have ended, and those of them that were neither failures nor 5xx. */
  readonly tries: number
  readonly goodTries: number
  /** Ejections in a row. */
  readonly ejections: number
  /** Moving averages in microseconds; 0 where the balancer does not measure them. */
  readonly firstByteUs: number
  readonly responseUs: number
}

export function endpointStatus(
  page: StatePage,
  upstream: UpstreamSnapshot,
  placement: EndpointPlacement,
): EndpointStatus {
  const { column, name, address, weight, backup, priority, connectionsMax } = placement
  const cell = (index: number) => page.endpointCells[column * ENDPOINT_CELLS + index] as number
  const sum = (of: 'tries' | 'goodTries') => page.rows.reduce((total, row) => total + (row[of][column] as number), 0)
  return {
    upstream: upstream.name,
    name,
    address,
    state: stateOf(cell, upstream),
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

/** What no part of the configuration looks at may stand in its cells from an earlier one, and means nothing. */
function stateOf(
  cell: (index: number) => number,
  { passive: isJudged, circuitBreaker }: UpstreamSnapshot,
): EndpointState {
  const admin = cell(ADMIN_STATE)
  if (admin === ADMIN_DOWN) return 'down'
  if (admin === ADMIN_DRAINING) return 'draining'
  if (cell(CHECK_STATE) !== CHECK_HEALTHY) return 'unhealthy'
  const passive = isJudged === null ? PASSIVE_UP : cell(PASSIVE_STATE)
  if (passive === PASSIVE_EJECTED) return 'ejected'
  if (passive === PASSIVE_PROBING) return 'probing'
  if (circuitBreaker === null || circuitBreaker.scope === 'upstream') return 'up'
  const circuit = circuitState(cell(ENDPOINT_CIRCUIT + CIRCUIT_STATE))
  return circuit === 'closed' ? 'up' : `circuit_${circuit}`
}

/** What the first cell of a circuit says. */
export function circuitState(state: number): CircuitState {
  if (state === CIRCUIT_CLOSED) return 'closed'
  return state === CIRCUIT_HALF_OPEN ? 'half_open' : 'open'
}
