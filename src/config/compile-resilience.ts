import { STATUS_NUMBERS } from '../../engine/exchange/grpc/status-names.ts'
import type {
  AdaptiveConcurrencySnapshot,
  CircuitBreakerSnapshot,
  CircuitFallback,
  HedgeSnapshot,
  QueueSnapshot,
  RetrySnapshot,
} from '../../engine/snapshot.ts'
import { compileResponse } from './compile-response.ts'
import { type NamePlaces, placeOf } from './name-places.ts'
import { RETRY_DEFAULTS } from './schema/resilience.ts'
import type { ConfigurationModel } from './schema.ts'

type UpstreamModel = ConfigurationModel['upstreams'][string]
type BreakerModel = NonNullable<UpstreamModel['circuit_breaker']>
type RetryModel = NonNullable<UpstreamModel['retry']>
type RouteRetryModel = ConfigurationModel['routes'][number]['retry']

/** As many as there can be endpoints that were not tried: no limit of its own. */
const ATTEMPTS_MAX = 127
const BACKOFF_GROWTH_MAX = 10

export function compileCircuitBreaker(
  breaker: BreakerModel | undefined,
  routes: NamePlaces,
): CircuitBreakerSnapshot | null {
  if (breaker === undefined) return null
  return {
    scope: breaker.scope,
    failureRatio: breaker.failure_ratio,
    slowRatio: breaker.slow_ratio ?? 0,
    slowMs: breaker.slow ?? 0,
    minimum: breaker.minimum,
    windowMs: breaker.window,
    openMs: breaker.open,
    halfOpen: breaker.half_open,
    fallback: breaker.fallback === undefined ? null : compileFallback(breaker.fallback, routes),
  }
}

function compileFallback(
  { route, respond }: NonNullable<BreakerModel['fallback']>,
  routes: NamePlaces,
): CircuitFallback | null {
  if (respond !== undefined) return compileResponse(respond)
  return route === undefined ? null : { kind: 'route', route: placeOf(route, routes) }
}

/** A route's: what it does not say is as in that of its upstream, or as the section has it where the upstream has none. */
export function compileRouteRetry(
  retry: RouteRetryModel,
  ofUpstream: RetryModel | null | undefined,
): RetrySnapshot | null {
  if (retry === undefined) return null
  if (retry === null) return NO_RETRY
  const written = Object.fromEntries(Object.entries(retry).filter(([, value]) => value !== undefined))
  const { max_backoff: longest, ...base } = ofUpstream ?? RETRY_DEFAULTS
  // A longer wait of the route's own makes the upstream's longest one longer.
  const longestKept = longest !== undefined && longest < (retry.backoff ?? 0) ? undefined : longest
  return compileRetry({ ...base, max_backoff: longestKept, ...written })
}

/** `retry: off` keeps what the engine needs to know anyway, with no attempt. */
export function compileRetry(retry: RetryModel | null): RetrySnapshot {
  if (retry === null) return NO_RETRY
  const causes = new Set(retry.on)
  const backoffMs = retry.backoff ?? 0
  return {
    attempts: retry.attempts ?? ATTEMPTS_MAX,
    onConnect: causes.has('connect'),
    onReset: causes.has('reset'),
    onTimeout: causes.has('timeout'),
    statuses: [...causes].filter(cause => typeof cause === 'number'),
    grpcStatuses: [...STATUS_NUMBERS].flatMap(([name, status]) => (causes.has(name) ? [status] : [])),
    budget: retry.budget,
    backoffMs,
    backoffMaxMs: retry.max_backoff ?? backoffMs * BACKOFF_GROWTH_MAX,
    methods: [...new Set(retry.methods)],
    nonIdempotent: retry.non_idempotent,
    perTryMs: retry.per_try_timeout ?? 0,
    contentBytesMax: retry.buffer,
  }
}

const NO_RETRY: RetrySnapshot = {
  attempts: 0,
  onConnect: false,
  onReset: false,
  onTimeout: false,
  statuses: [],
  grpcStatuses: [],
  budget: 0,
  backoffMs: 0,
  backoffMaxMs: 0,
  methods: [],
  nonIdempotent: false,
  perTryMs: 0,
  contentBytesMax: 0,
}

export function compileHedge(hedge: UpstreamModel['hedge']): HedgeSnapshot | null {
  if (hedge === undefined) return null
  return { afterMs: hedge.after === 'p95' ? 0 : hedge.after, budget: hedge.budget }
}

export function compileAdaptiveConcurrency(
  adaptive: UpstreamModel['adaptive_concurrency'],
): AdaptiveConcurrencySnapshot | null {
  if (adaptive === undefined) return null
  const { initial, minimum, maximum, tolerance } = adaptive
  return { initial, minimum, maximum, tolerance }
}

export function compileQueue(queue: UpstreamModel['queue']): QueueSnapshot | null {
  return queue === undefined ? null : { size: queue.size, timeoutMs: queue.timeout }
}
