import type { StatePage } from '../../shared/state-page.ts'
import { EPOCH, RELEASES, UPSTREAM_CELLS } from '../../shared/upstream-cells.ts'

/** Lets all workers look again at the endpoints of an upstream, those whose requests wait at once. */
export function announceChange({ upstreamCells }: StatePage, slot: number): void {
  const base = slot * UPSTREAM_CELLS
  Atomics.add(upstreamCells, base + EPOCH, 1)
  Atomics.add(upstreamCells, base + RELEASES, 1)
  Atomics.notify(upstreamCells, base + RELEASES)
}
