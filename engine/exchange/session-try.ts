/** A try of a request, or of a copy of one, that a session of the endpoint has. */

import type { ClientSession } from '../upstream/client-session.ts'
import { CountedTry } from '../upstream/counted-try.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Outcome } from '../upstream/health/outcome.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { WorkerContext } from './worker-context.ts'

const TOO_MANY_REQUESTS = 429

export class SessionTry extends CountedTry {
  readonly worker: WorkerContext
  readonly session: ClientSession
  /** Of the response; 0 before it has come. */
  status = 0

  /** As `CountedTry` has it. */
  constructor(
    worker: WorkerContext,
    upstream: Upstream,
    endpoint: Endpoint,
    session: ClientSession,
    isTrial: boolean,
    startedAt: number,
  ) {
    super(worker.shared, upstream, endpoint, isTrial, startedAt)
    this.worker = worker
    this.session = session
  }

  /** Statuses that are failures of the endpoint because another one is asked for them. */
  get retriedStatuses(): readonly number[] {
    return this.upstream.settings.retry.statuses
  }

  /** The response is one that another endpoint is asked for: a failure of this one, if it is any. */
  protected override get isAskedElsewhere(): boolean {
    const { retriedStatuses, status } = this
    // That something is forbidden, or not there, is no failure of the endpoint, whoever is asked next (as in nginx).
    const mayCount = status >= 500 || status === TOO_MANY_REQUESTS
    return retriedStatuses.length > 0 && mayCount && retriedStatuses.includes(status)
  }

  /** All of the request has come from the client, later than the try began. */
  requestEnded(): void {
    if (this.upstream.isMeasured && this.session.open) this.restartClock(performance.now())
  }

  /** The head of the response has come. */
  responded(status: number, nowMs: number): void {
    this.firstByteUs = this.elapsedUs(nowMs)
    this.status = status
  }

  /** The response is whole. */
  responseEnded(outcome: Outcome, nowMs: number): void {
    this.end(outcome, nowMs)
    if (this.status < 500) this.observeWhole(nowMs)
  }

  protected override ended(): void {
    // A session does so itself, unless a tunnel had its connection.
    if (this.session.closed) this.session.givePermitBack()
  }
}
