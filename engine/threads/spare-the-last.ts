import { SKEW_MS, stampOf } from '../shared/clock.ts'
import {
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_HEALTHY,
  CHECK_STATE,
  ENDPOINT_CELLS,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'

/**
 * The last endpoint is never ejected, and one that has become the last by what happened to the others does not wait for the
 * end of its ejection: the next request tries it. To be called when others have gone, before the workers are told.
 */
export function spareTheLast({ endpointCells: cells }: StatePage, placements: readonly EndpointPlacement[]): void {
  const willing = placements
    .map(({ column }) => column * ENDPOINT_CELLS)
    .filter(at => cells[at + ADMIN_STATE] === ADMIN_UP && cells[at + CHECK_STATE] === CHECK_HEALTHY)
  if (willing.some(at => cells[at + PASSIVE_STATE] === PASSIVE_UP)) return
  for (const at of willing) {
    const isEjected = Atomics.load(cells, at + PASSIVE_STATE) === PASSIVE_EJECTED
    // Over for every worker, whatever its clock.
    if (isEjected) Atomics.store(cells, at + PASSIVE_UNTIL, (stampOf(performance.now()) - SKEW_MS) | 0)
  }
}
