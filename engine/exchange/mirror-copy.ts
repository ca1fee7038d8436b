/**
 * The copy of one request on its way to a mirror, and the response that nobody gets.
 *
 *     sending ──request whole──▶ waiting ──response whole──▶ ended
 *        │                          │
 *        └──────────────────────────┴── too much waits to be sent, too late, too long, broken, client gone: cut
 *
 * Content is copied into buffers of the copy's own: the client's slots are not lent, and its reading is never paused.
 */
import { CHUNKED_CONTENT, NO_CONTENT } from '../http/framing.ts'
import { METHOD_HEAD } from '../http/request-facts.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import { Timer, type TimerTarget } from '../net/timer-wheel.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { LATE, type Outcome, outcomeOfStatus } from '../upstream/health/outcome.ts'
import type { RequestFate, ResponseReceiver, SessionError } from '../upstream/response-receiver.ts'
import type { Mirror } from './mirror.ts'
import { isNobodysFault, outcomeOf } from './session-errors.ts'
import { SessionTry } from './session-try.ts'
import type { WorkerContext } from './worker-context.ts'

/** Content of a response that is read away; past it its connection is closed: a new one costs less than reading on. */
const RESPONSE_BYTES_MAX = 1024 * 1024

/** Milliseconds for the content of a response, beside the upstream's own deadlines; past it its connection is closed. */
const RESPONSE_MS_MAX = 30_000

export interface CopyParts {
  readonly mirror: Mirror
  readonly worker: WorkerContext
  readonly endpoint: Endpoint
  readonly session: ClientSession
  readonly isTrial: boolean
  /** What `Admission.enter` gave, without `TRIAL`. */
  readonly admission: number
  /** `performance.now()`. */
  readonly nowMs: number
}

export class MirrorCopy extends SessionTry implements ResponseReceiver, TimerTarget {
  readonly #mirror: Mirror
  readonly #framing: number
  readonly isHead: boolean
  readonly wantsUpgrade = false
  readonly replayBytesMax = 0
  readonly takesBulk = false
  requestStart = 0
  requestEnd = 0
  /** All of it has come from the client. */
  isRequestWhole: boolean
  #admission: number
  #isOver = false
  /** Of the request, as far as it lay in the session before its content came; -1 as long as none has. */
  #headBytes = -1
  #responseBytes = 0
  readonly #timer: Timer

  constructor(parts: CopyParts, { facts }: RoutedRequest) {
    const { mirror, worker, endpoint, session, isTrial, admission, nowMs } = parts
    super(worker, mirror.upstream, endpoint, session, isTrial, nowMs)
    this.#mirror = mirror
    this.#framing = facts.framing
    this.isHead = facts.method === METHOD_HEAD
    this.isRequestWhole = facts.framing === NO_CONTENT
    this.#admission = admission
    this.#timer = new Timer(this)
    if (this.isRequestWhole) this.#limitWhole()
  }

  get responseTimeoutMs(): number {
    return this.upstream.settings.timeouts.responseMs
  }

  get idleMs(): number {
    return this.upstream.settings.timeouts.idleMs
  }

  /** From here on it depends on the mirror alone how long it takes: it could also take the request in drops. */
  #limitWhole(): void {
    const { connectMs, responseMs } = this.upstream.settings.timeouts
    this.#limit(connectMs + responseMs + RESPONSE_MS_MAX)
  }

  #limit(milliseconds: number): void {
    const { wheel } = this.worker.net
    wheel.refresh()
    wheel.set(this.#timer, milliseconds)
  }

  // The request's side. An exception in it is a defect of ours that costs the copy, and not the request.

  content(start: number, end: number): void {
    if (!this.#isOver) this.#guard(() => this.#write(start, end))
  }

  #write(start: number, end: number): void {
    if (this.#headBytes < 0) this.#headBytes = this.session.out.length
    this.session.writeContent(start, end, null, this.#framing === CHUNKED_CONTENT)
    this.#checkWaiting()
  }

  #checkWaiting(): void {
    const { session } = this
    const waiting = session.open ? session.waitingBytes : session.out.length - this.#headBytes
    if (waiting <= this.#mirror.contentBytesMax) return
    this.#mirror.dropped(this.worker.row)
    this.#cut(null)
  }

  requestDone(trailers: readonly string[] | null): void {
    if (this.isRequestWhole) return
    this.isRequestWhole = true
    if (!this.#isOver) this.#guard(() => this.#endContent(trailers))
  }

  #endContent(trailers: readonly string[] | null): void {
    this.session.endContent(trailers, this.#framing === CHUNKED_CONTENT)
    this.requestEnded()
    this.#limitWhole()
  }

  /** All that one read of the client's brought has been handed over. */
  flush(): void {
    if (!this.#isOver) this.#guard(() => this.#flush())
  }

  #flush(): void {
    this.session.flush()
    if (this.#headBytes >= 0) this.#checkWaiting()
  }

  /** The exchange has ended. The copy goes on by itself, unless what is missing of it will never come. */
  exchangeEnded(): void {
    if (this.isRequestWhole) this.flush()
    else this.cancel()
  }

  /** Stops it. */
  cancel(): void {
    if (!this.#isOver) this.#guard(() => this.#cut(this.status === 0 ? null : outcomeOfStatus(this.status)))
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.worker.net.onFault(error)
      this.abandon()
    }
  }

  /** An exception has stopped it, nobody knows where. */
  abandon(): void {
    this.#over(null)
    this.session.close()
  }

  // The mirror's side.

  onConnected(): void {}
  onInterim(): void {}
  onRequestDrain(): void {}
  onResponseFlush(): void {}
  onSwitch(): void {}

  onResponseHead(_session: ClientSession, _head: unknown, { status }: ResponseFacts): void {
    const now = performance.now()
    this.responded(status, now)
    this.#limit(RESPONSE_MS_MAX)
    // An error may come much sooner than the work would: it teaches nothing of how busy the endpoints are.
    this.#admission = this.upstream.admission.answered(this.#admission, status < 500 ? this.firstByteUs : -1, now)
  }

  onResponseContent(_session: ClientSession, start: number, end: number): void {
    this.#responseBytes += end - start
    if (this.#responseBytes > RESPONSE_BYTES_MAX) this.#cut(outcomeOfStatus(this.status))
  }

  onResponseEnd(): void {
    this.responseEnded(outcomeOfStatus(this.status), performance.now())
    this.#over(null)
  }

  onSessionError(session: ClientSession, error: SessionError, fate: RequestFate): void {
    // A request would be sent again; a copy is not.
    this.#over(isNobodysFault(error, fate, session) ? null : outcomeOf(error))
  }

  /** The copy has had its time. */
  onDeadline(): void {
    if (!this.#isOver) this.#guard(() => this.#cut(this.status === 0 ? LATE : outcomeOfStatus(this.status)))
  }

  #cut(outcome: Outcome | null): void {
    this.#over(outcome)
    this.session.cancel(this)
  }

  /** `outcome` as in `settle`. Only the first call counts. */
  #over(outcome: Outcome | null): void {
    if (this.#isOver) return
    this.#isOver = true
    const now = performance.now()
    this.end(outcome, now)
    this.worker.net.wheel.clear(this.#timer)
    // How long it was waited for in vain teaches how busy the endpoint is.
    this.upstream.admission.leave(this.#admission, outcome === LATE ? this.elapsedUs(now) : -1)
    this.#mirror.copyEnded()
  }
}
