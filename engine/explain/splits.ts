/** Why a route with several upstreams sends a request to one of them. */
import type { Split, SplitReason } from '../exchange/split.ts'
import type { Target } from '../exchange/target.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { HashKeySource, RouteSnapshot } from '../snapshot.ts'
import type { ExplainedSplit } from './explanation.ts'

/** Where a request goes, and why there. */
export interface Destination {
  readonly target: Target
  /** Empty where there is no other. */
  readonly reason: string
  /** Names of the upstreams that it may go to by chance. */
  readonly alternatives: readonly string[]
  readonly split: ExplainedSplit | null
}

export function explainSplit(split: Split<Target>, route: RouteSnapshot, request: RoutedRequest): Destination {
  const { target, place, reason } = split.choose(request)
  const by = route.action.kind === 'split' ? route.action.by : null
  return {
    target,
    reason: REASONS[reason](by),
    alternatives: reason === 'chance' ? split.byChance.map(({ upstream }) => upstream.name) : [],
    split: {
      by: by === null ? 'chance' : describeKeySource(by),
      targets: split.describe(request).map(({ target: { upstream }, share, when }, index) => ({
        upstream: upstream.name,
        share,
        when,
        chosen: index === place,
      })),
    },
  }
}

const REASONS: Readonly<Record<SplitReason, (by: HashKeySource | null) => string>> = {
  when: () => 'its conditions hold',
  key: by => `by the hash of ${by === null ? 'nothing' : describeKeySource(by)}`,
  chance: by => {
    const lacking = by === null ? '' : `, for lack of ${describeKeySource(by)}`
    return `by chance: another one the next time${lacking}`
  },
}

/** E.g. `the cookie group`. */
export function describeKeySource(source: HashKeySource): string {
  if ('name' in source) return `the ${source.kind === 'query' ? 'query field' : source.kind} ${source.name}`
  return source.kind === 'client_ip' ? "the client's address" : 'the path'
}
