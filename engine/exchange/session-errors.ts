/** What the failure of a try means: to the client, to the endpoint's health, and to whether there is another try. */

import type { RetrySnapshot } from '../snapshot.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import { BROKEN, LATE, MALFORMED, NOT_CONNECTED, type Outcome } from '../upstream/health/outcome.ts'
import { type RequestFate, type SessionError, UNANSWERED } from '../upstream/response-receiver.ts'
import type { ErrorCode } from './errors.ts'

interface Meaning {
  readonly code: ErrorCode
  /** What the endpoint's health learns from it; `null` where it is our own doing. */
  readonly outcome: Outcome | null
  /** Which setting says whether it is tried again; `null` where it never is. */
  readonly retried: 'onConnect' | 'onReset' | 'onTimeout' | null
}

const MEANINGS: Readonly<Record<SessionError, Meaning>> = {
  connect_failed: { code: 'upstream_connect_failed', outcome: NOT_CONNECTED, retried: 'onConnect' },
  connect_timeout: { code: 'upstream_connect_timeout', outcome: NOT_CONNECTED, retried: 'onConnect' },
  connect_shortage: { code: 'upstream_connect_failed', outcome: null, retried: 'onConnect' },
  closed: { code: 'upstream_closed', outcome: BROKEN, retried: 'onReset' },
  response_timeout: { code: 'upstream_response_timeout', outcome: LATE, retried: 'onTimeout' },
  idle_timeout: { code: 'upstream_idle_timeout', outcome: LATE, retried: null },
  response_malformed: { code: 'upstream_response_malformed', outcome: MALFORMED, retried: null },
  stream_refused: { code: 'upstream_refused', outcome: BROKEN, retried: 'onReset' },
  protocol_changed: { code: 'upstream_closed', outcome: null, retried: 'onReset' },
  upgrade_unsupported: { code: 'upstream_upgrade_unsupported', outcome: null, retried: null },
  no_parser: { code: 'out_of_memory', outcome: null, retried: null },
  fault: { code: 'internal', outcome: null, retried: null },
}

/**
 * Whether it says nothing of the endpoint the first time: the keep-alive race, where the origin closed a connection that others had
 * used as we wrote to it, or GOAWAY and REFUSED_STREAM over HTTP/2, which are how it says that it has done nothing.
 */
export function isNobodysFault(error: SessionError, fate: RequestFate, { reused }: ClientSession): boolean {
  return error === 'stream_refused' || (error === 'closed' && fate <= UNANSWERED && reused)
}

export function codeOf(error: SessionError): ErrorCode {
  return MEANINGS[error].code
}

export function outcomeOf(error: SessionError): Outcome | null {
  return MEANINGS[error].outcome
}

export function isRetried(error: SessionError, settings: RetrySnapshot): boolean {
  const { retried } = MEANINGS[error]
  return retried !== null && settings[retried]
}
