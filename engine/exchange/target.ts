/** An upstream as one route uses it: what the route says of tries and times stands in place of what the upstream says. */
import { methodNumber } from '../http/methods.ts'
import type { CircuitBreakerSnapshot, RetrySnapshot, RouteTimeouts, UpstreamSnapshot } from '../snapshot.ts'
import { depositOf } from '../upstream/budget.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Route } from './route.ts'

export interface TargetOptions {
  readonly upstream: Upstream
  readonly settings: UpstreamSnapshot
  /** Of the route; `null` for the upstream's. */
  readonly retry: RetrySnapshot | null
  readonly timeouts: RouteTimeouts
}

export class Target {
  readonly upstream: Upstream
  readonly retry: RetrySnapshot
  /** What each of its requests puts into the upstream's budget for more tries. */
  readonly retryDeposit: number
  /** Milliseconds from the end of the request to the first byte of its response. */
  readonly responseMs: number
  /** Milliseconds between two reads of response content. */
  readonly idleMs: number
  readonly circuitBreaker: CircuitBreakerSnapshot | null
  /** What happens instead when the circuit of the upstream is open; `null` for an error. */
  circuitFallback: Route | null = null
  readonly #repeated: ReadonlySet<number>
  readonly #repeatsAll: boolean

  constructor({ upstream, settings, retry, timeouts }: TargetOptions) {
    this.upstream = upstream
    this.retry = retry ?? settings.retry
    this.retryDeposit = depositOf(this.retry.budget)
    this.responseMs = timeouts.responseMs === 0 ? settings.timeouts.responseMs : timeouts.responseMs
    this.idleMs = timeouts.idleMs === 0 ? settings.timeouts.idleMs : timeouts.idleMs
    this.circuitBreaker = settings.circuitBreaker
    this.#repeated = methodsOf(this.retry)
    this.#repeatsAll = this.retry.nonIdempotent
  }

  /** Whether requests of a method (llhttp's number) may be sent again although they may have been received. @hotpath */
  repeats(method: number): boolean {
    return this.#repeatsAll || this.#repeated.has(method)
  }
}

/** Most routes have the tries of their upstream. */
const methodSets = new WeakMap<RetrySnapshot, ReadonlySet<number>>()

function methodsOf(retry: RetrySnapshot): ReadonlySet<number> {
  const known = methodSets.get(retry)
  if (known !== undefined) return known
  const methods = new Set(retry.methods.map(methodNumber))
  methodSets.set(retry, methods)
  return methods
}
