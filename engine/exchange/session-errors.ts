/** What the failure of a try means: to the client, to the endpoint's health, and to whether there is another try. */

import type { RetrySnapshot } from '../snapshot.ts'
import { BROKEN, LATE, MALFORMED, NOT_CONNECTED, type Outcome } from '../upstream/health/outcome.ts'
import type { SessionError } from '../upstream/response-receiver.ts'
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
  closed: { code: 'upstream_closed', outcome: BROKEN, retried: 'onReset' },
  response_timeout: { code: 'upstream_response_timeout', outcome: LATE, retried: 'onTimeout' },
  idle_timeout: { code: 'upstream_idle_timeout', outcome: LATE, retried: null },
  response_malformed: { code: 'upstream_response_malformed', outcome: MALFORMED, retried: null },
  no_parser: { code: 'out_of_memory', outcome: null, retried: null },
  fault: { code: 'internal', outcome: null, retried: null },
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
