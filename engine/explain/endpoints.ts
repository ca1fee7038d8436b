/** An upstream with how its endpoints do. */
import type { StatePage } from '../shared/state-page.ts'
import { endpointStatus } from '../upstream/endpoint-status.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { EndpointChoice } from './endpoint-choice.ts'
import type { ExplainedEndpoint, ExplainedUpstream } from './explanation.ts'
import type { Destination } from './splits.ts'

interface PlacedEndpoint {
  readonly column: number
  readonly status: Omit<ExplainedEndpoint, 'chosen'>
}

/** An upstream, and how what is explained has got there. */
type ReachedUpstream = Pick<Destination, 'reason' | 'alternatives'> & {
  readonly target: { readonly upstream: Upstream }
}

export function endpointsOf(page: StatePage, { placements, settings }: Upstream): PlacedEndpoint[] {
  return placements.map(placement => {
    const { name, state, weight, requests } = endpointStatus(page, settings, placement)
    return { column: placement.column, status: { name, state, weight, requests } }
  })
}

export function explainUpstream(
  { target: { upstream }, reason, alternatives }: ReachedUpstream,
  endpoints: readonly PlacedEndpoint[],
  choice: EndpointChoice,
): ExplainedUpstream {
  const chosen = choice.endpoint?.column
  return {
    name: upstream.name,
    reason,
    alternatives,
    protocol: upstream.settings.protocol,
    tls: upstream.settings.tls !== null,
    balance: upstream.settings.balance,
    endpoint: choice.endpoint?.name ?? '',
    endpointReason: choice.reason,
    endpoints: endpoints.map(({ column, status }) => ({ ...status, chosen: column === chosen })),
  }
}
