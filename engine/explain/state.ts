/** What an explanation goes by: a configuration, where its endpoints are, and how they do. */
import { WINDOW_CELLS } from '../shared/circuit-cells.ts'
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../shared/endpoint-cells.ts'
import { type PageSize, StatePage, type StateRow } from '../shared/state-page.ts'
import type { EndpointSnapshot, Snapshot } from '../snapshot.ts'
import { placementOf, type UpstreamPlacement } from '../upstream/placement.ts'

export interface ExplainState {
  readonly snapshot: Snapshot
  /** In the order of the snapshot. */
  readonly placements: readonly UpstreamPlacement[]
  /** Nobody else's: what is tried out on it harms nobody. */
  readonly page: StatePage
}

/** A configuration that does not run: all endpoints are well and idle, and a name stands for its addresses. */
export function stateAtRest(snapshot: Snapshot): ExplainState {
  let column = 0
  const placements = snapshot.upstreams.map((upstream, slot) => ({
    slot,
    since: snapshot.generation,
    endpoints: upstream.endpoints.map(endpoint => placementAtRest(endpoint, column++)),
  }))
  return { snapshot, placements, page: StatePage.create(1, Math.max(1, column), Math.max(1, placements.length)) }
}

function placementAtRest(endpoint: EndpointSnapshot, column: number) {
  const { address } = endpoint
  const dialled = address.kind === 'srv' ? ({ kind: 'tcp', host: address.service, port: 0 } as const) : address
  return placementOf(endpoint, column, dialled)
}

/**
 * A copy of the state of a proxy that runs, of what was ever `used` of it. Where an endpoint has a limit, only the connections
 * that a request is on are taken for used: idle ones give way to whoever needs one.
 */
export function copyOfPage(page: StatePage, used: PageSize): StatePage {
  const copy = StatePage.create(page.rows.length, Math.max(1, used.endpoints), Math.max(1, used.upstreams))
  copyStart(page.endpointCells, copy.endpointCells)
  copyStart(page.upstreamCells, copy.upstreamCells)
  for (const [index, row] of copy.rows.entries()) copyRow(page, page.rows[index] as StateRow, copy, row)
  for (let column = 0; column < used.endpoints; column += 1) {
    const cell = column * ENDPOINT_CELLS + CONNECTIONS_USED
    copy.endpointCells[cell] = Math.min(copy.endpointCells[cell] as number, copy.inFlight(column))
  }
  return copy
}

function copyRow(page: StatePage, from: StateRow, copy: StatePage, to: StateRow): void {
  for (const part of ['counters', 'inFlight', 'connections', 'queued', 'tries', 'goodTries', 'latency'] as const) {
    copyStart(from[part], to[part])
  }
  // Those of the upstreams lie behind those of all endpoints that there is room for.
  const endpoints = copy.size.endpoints * WINDOW_CELLS
  to.windows.set(from.windows.subarray(0, endpoints))
  const upstreams = page.size.endpoints * WINDOW_CELLS
  to.windows.set(from.windows.subarray(upstreams, upstreams + copy.size.upstreams * WINDOW_CELLS), endpoints)
}

/** As much of the one as the other has room for. */
function copyStart<T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): void {
  to.set(from.subarray(0, to.length))
}
