/** Whether another route takes a request that the upstream of its own cannot answer. */
import type { ErrorCode } from './errors.ts'
import type { KeptRequest } from './kept-request.ts'
import type { Route } from './route.ts'

/** Routes that fall back to each other: past it there is no answer but the error. */
export const FALLBACKS_MAX = 8

/** The upstream had no answer, and it is neither the client's doing nor the time of the whole that was over. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set([
  'no_endpoint',
  'upstream_unresolved',
  'upstream_full',
  'upstream_queue_full',
  'upstream_queue_timeout',
  'upstream_circuit_open',
  'upstream_overloaded',
  'upstream_connect_failed',
  'upstream_connect_timeout',
  'upstream_closed',
  'upstream_response_timeout',
  'upstream_idle_timeout',
])

/**
 * `isResendable`: nothing of it was received, or it may be received twice. A route that answers itself needs neither that nor
 * the content.
 */
export function mayTake(fallback: Route, code: ErrorCode, kept: KeptRequest, isResendable: boolean): boolean {
  if (!UNANSWERED.has(code)) return false
  const sends = fallback.target !== null || fallback.split !== null
  return !sends || (kept.hasAll && isResendable)
}
