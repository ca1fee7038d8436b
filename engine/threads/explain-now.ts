/** Explains a request by the state of a proxy that runs. */
import type { Explainer } from '../explain/explain.ts'
import type { PageSize, StatePage } from '../shared/state-page.ts'
import type { Snapshot } from '../snapshot.ts'
import type { UpstreamPlacement } from '../upstream/placement.ts'
import type { AnyListener } from './all-listeners.ts'
import type { BoundListener } from './api.ts'

/** What is in force at one moment. */
export interface PresentState {
  readonly snapshot: Snapshot
  readonly listeners: readonly BoundListener[]
  readonly placements: readonly UpstreamPlacement[]
  readonly page: StatePage
  /** How much of the page ever was used. */
  readonly used: PageSize
}

/** On a copy: nothing of what runs is touched. What it takes is loaded by whoever asks first. */
export async function explainNow<Answer>(
  present: () => PresentState,
  explain: (explainer: Explainer) => Answer,
): Promise<Answer> {
  const [{ Explainer: Explainers }, { copyOfPage }] = await Promise.all([
    import('../explain/explain.ts'),
    import('../explain/state.ts'),
  ])
  const { snapshot, listeners, placements, page, used } = present()
  const explainer = await Explainers.open({
    snapshot: withPorts(snapshot, listeners),
    placements,
    page: copyOfPage(page, used),
  })
  try {
    return explain(explainer)
  } finally {
    explainer.close()
  }
}

/** A list of routes of its own, so that what is compiled of them is forgotten with it. */
function withPorts(snapshot: Snapshot, listeners: readonly BoundListener[]): Snapshot {
  const bound = new Map(listeners.map(({ name, address }) => [name, address]))
  const atItsPort = <Listener extends AnyListener>(listener: Listener): Listener => ({
    ...listener,
    address: bound.get(listener.name) ?? listener.address,
  })
  return {
    ...snapshot,
    listeners: snapshot.listeners.map(atItsPort),
    tcpListeners: snapshot.tcpListeners.map(atItsPort),
    udpListeners: snapshot.udpListeners.map(atItsPort),
    routes: [...snapshot.routes],
  }
}
