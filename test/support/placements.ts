import { StatePage } from '../../engine/shared/state-page.ts'
import type { Snapshot } from '../../engine/snapshot.ts'
import { Directory } from '../../engine/threads/directory.ts'
import type { UpstreamPlacement } from '../../engine/upstream/placement.ts'

/** A state page for one worker, and the places of a snapshot's endpoints in it, as a supervisor would give them. */
export async function placeEndpoints(snapshot: Snapshot): Promise<{
  readonly page: StatePage
  readonly placements: readonly UpstreamPlacement[]
}> {
  const endpoints = snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
  const page = StatePage.create(1, endpoints, snapshot.upstreams.length)
  const directory = new Directory(snapshot, page, { publish: () => Promise.resolve(), onEvent: () => undefined })
  await directory.open()
  const { placements } = directory
  directory.close()
  return { page, placements }
}
