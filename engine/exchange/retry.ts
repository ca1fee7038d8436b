/**
 * Another try of a request whose last one has come to nothing: whether it is safe and allowed, where it goes, and when.
 */
import { stampOf } from '../shared/clock.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { GONE, type RequestFate, type SessionError, UNSENT } from '../upstream/response-receiver.ts'
import { WAITS } from '../upstream/room.ts'
import type { Attempt } from './attempt.ts'
import type { ErrorCode } from './errors.ts'
import type { Forward } from './forward.ts'
import { HeldRequest } from './held-request.ts'
import { isNobodysFault, isRetried, outcomeOf } from './session-errors.ts'

/** So often an endpoint may change its mind about what it speaks while a request is on its way there. Past it the try has failed. */
const CHANGES_MAX = 3

export class Retry {
  readonly #forward: Forward
  /** Where the request has been in vain. */
  readonly tried = new Set<Endpoint>()
  /** A connection that others had used has failed it: the next one may be as stale. */
  wantsFresh = false
  /** Tries elsewhere, made or about to be. */
  #count = 0
  #pause: NodeJS.Timeout | null = null
  /** Times that an endpoint turned out to speak another version. */
  #changes = 0

  constructor(forward: Forward) {
    this.#forward = forward
  }

  /** A try has failed. True when the request is on its way once more, or will be. */
  afterError(attempt: Attempt, error: SessionError, fate: RequestFate): boolean {
    const forward = this.#forward
    const isSafe = forward.isRepeatable || fate === UNSENT
    const mayResend = isSafe && fate !== GONE && !forward.exchange.responseStarted
    if (mayResend && error === 'protocol_changed' && this.#inOtherProtocol(attempt)) return true
    if (mayResend && isNobodysFault(error, fate, attempt.session) && this.#again(attempt)) return true
    attempt.end(outcomeOf(error), performance.now())
    if (!mayResend || !isRetried(error, forward.target.retry)) return false
    return this.#elsewhere(attempt, forward.codeOf(error), false)
  }

  /** The response is one that another may be asked for. True when another try is on its way, or will be. */
  afterStatus(attempt: Attempt): boolean {
    if (!attempt.session.keepsRequest) return false
    return this.#elsewhere(attempt, 'no_endpoint', true)
  }

  /** The endpoint speaks another version than it was taken to: sends it there in that, as if nothing had been. */
  #inOtherProtocol(attempt: Attempt): boolean {
    if (this.#changes >= CHANGES_MAX) return false
    this.#changes += 1
    return this.#sendAgain(attempt)
  }

  /** Sends it once more on a fresh connection, which is nobody's failure; if that has happened before, not again. */
  #again(attempt: Attempt): boolean {
    if (this.wantsFresh) return false
    this.wantsFresh = true
    return this.#sendAgain(attempt)
  }

  /** To the same endpoint, if that still takes it. */
  #sendAgain(attempt: Attempt): boolean {
    const forward = this.#forward
    const { endpoint } = attempt
    forward.held = HeldRequest.of(attempt)
    attempt.end(null, performance.now())
    if (forward.upstream.keepsSession(endpoint) && forward.sendHeldTo(endpoint, performance.now())) return true
    return this.#send('upstream_closed', true)
  }

  /**
   * Sends it to an endpoint that it has not been to, after a pause where one is configured; where all of those are full,
   * it waits. False when there is none, or no more tries are allowed. `code` is for the client when that comes out later;
   * a request whose answer is at hand does not wait.
   */
  #elsewhere(attempt: Attempt, code: ErrorCode, hasAnswer: boolean): boolean {
    const forward = this.#forward
    const { retryBudget } = forward.upstream
    const nowMs = performance.now()
    this.tried.add(attempt.endpoint)
    if (this.#count >= forward.target.retry.attempts || !forward.upstream.hasOther(this.tried, nowMs)) return false
    if (!retryBudget.withdraw(stampOf(nowMs))) return false
    const pauseMs = this.#pauseMs()
    this.#count += 1
    forward.held = HeldRequest.of(attempt)
    if (pauseMs > 0) {
      this.#pause = setTimeout(() => forward.exchange.guard(() => this.#afterPause(code)), pauseMs)
      return true
    }
    if (this.#send(code, !hasAnswer)) return true
    retryBudget.giveBack()
    forward.held = null
    return false
  }

  #afterPause(code: ErrorCode): void {
    this.#pause = null
    if (this.#send(code, true)) return
    this.#forward.upstream.retryBudget.giveBack()
    this.#forward.failWithout(code)
  }

  #send(code: ErrorCode, mayWait: boolean): boolean {
    const forward = this.#forward
    const lack = forward.sendHeld()
    return lack === 'full' && mayWait ? forward.wait(code) === WAITS : lack === null
  }

  /** Twice as long each time, and at random between half and all of it, so that many do not come back at once. */
  #pauseMs(): number {
    const { backoffMs, backoffMaxMs } = this.#forward.target.retry
    const pauseMs = Math.min(backoffMaxMs, backoffMs * 2 ** this.#count)
    return pauseMs * (0.5 + Math.random() / 2)
  }

  end(): void {
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#pause = null
  }
}
