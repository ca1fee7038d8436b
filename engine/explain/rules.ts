/** What a route has in force while a request is under way. */
import type { Target } from '../exchange/target.ts'
import type { RequestFacts } from '../http/request-facts.ts'
import type { ErrorPageSnapshot, RouteSnapshot, Snapshot, StatusRange } from '../snapshot.ts'
import type { ExplainedErrorPage, ExplainedRules } from './explanation.ts'

/** `target` is the upstream as the route uses it; `null` for none. */
export function explainRules(
  snapshot: Snapshot,
  route: RouteSnapshot,
  target: Target | null,
  facts: RequestFacts,
): ExplainedRules {
  return {
    timeouts: target === null ? null : timeoutsOf(route, target),
    retry: target === null ? null : retryOf(target, facts),
    fallback: snapshot.routes[route.fallback]?.name ?? '',
    errorPages: [...route.errorPages, ...snapshot.errorPages].map(explainPage),
  }
}

function timeoutsOf({ timeouts: { totalMs } }: RouteSnapshot, { upstream, responseMs, idleMs }: Target) {
  return { connectMs: upstream.settings.timeouts.connectMs, responseMs, idleMs, totalMs }
}

function retryOf(target: Target, { method }: RequestFacts) {
  const { attempts, onConnect, onReset, onTimeout, statuses } = target.retry
  const reasons = [onConnect && 'connect', onReset && 'reset', onTimeout && 'timeout', ...statuses.map(String)]
  return {
    // Each goes to an endpoint that the request has not been to.
    attempts: Math.min(attempts, Math.max(0, target.upstream.endpoints.length - 1)),
    on: reasons.filter(reason => reason !== false),
    repeats: target.repeats(method),
  }
}

function explainPage({ statuses, intercepts, status }: ErrorPageSnapshot): ExplainedErrorPage {
  return { statuses: statuses.map(formatRange), intercepts, status }
}

function formatRange([first, last]: StatusRange): string {
  return first === last ? String(first) : `${first}-${last}`
}
