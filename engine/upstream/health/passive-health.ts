/**
 * What requests tell of the endpoints of one upstream, shared by all workers: failures are counted in the endpoints'
 * cells, and an endpoint with too many of them is ejected for a while.
 *
 *     up ──too many failures──▶ ejected ──time over──▶ probing (one request)
 *     ▲                            ▲                      │
 *     │                            └──────── failed ──────┤
 *     └────────────────────────────────────── good ───────┘
 *
 * nginx's max_fails and fail_timeout work like that, Envoy's outlier detection adds the growing time and the bounds. Each
 * step is one compare-and-exchange, so that one worker makes it and tells of it. A probe that never ends (its worker died)
 * is followed by another when its time is over; one whose client has left, at once.
 */
import { left, SKEW_MS, until } from '../../shared/clock.ts'
import {
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_HEALTHY,
  CHECK_STATE,
  EJECTED_AT,
  EJECTED_FOR_CONNECTION,
  EJECTIONS,
  ERRORS_5XX_IN_ROW,
  FAILURES_IN_ROW,
  GATEWAY_ERRORS_IN_ROW,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
  RESTORED_AT,
  UP_SINCE,
  WINDOW_AT,
  WINDOW_FAILURES,
} from '../../shared/endpoint-cells.ts'
import type { PassiveHealthSnapshot } from '../../snapshot.ts'
import { BROKEN, GATEWAY_ERROR, GOOD, isFailure, NOT_CONNECTED, type Outcome, outcomeText } from './outcome.ts'

/** An endpoint, as far as this module needs it. */
export interface Ejectable {
  /** The first of its cells. */
  readonly cells: number
}

/** What has become of an endpoint: `''` for nothing new. */
export type PassiveChange = '' | 'ejected' | 'up'

/** A share of a count may come out a little below the whole number that it is. */
const ROUNDING = 1e-9

export class PassiveHealth {
  readonly #settings: PassiveHealthSnapshot
  readonly #cells: Int32Array
  /** All of the upstream: a share of them may be ejected. */
  #endpoints: readonly Ejectable[] = []
  /** Why the last change happened, in words. */
  reason = ''

  constructor(settings: PassiveHealthSnapshot, cells: Int32Array) {
    this.#settings = settings
    this.#cells = cells
  }

  setEndpoints(endpoints: readonly Ejectable[]): void {
    this.#endpoints = endpoints
  }

  #read(endpoint: Ejectable, cell: number): number {
    return this.#cells[endpoint.cells + cell] as number
  }

  #write(endpoint: Ejectable, cell: number, value: number): void {
    Atomics.store(this.#cells, endpoint.cells + cell, value)
  }

  /** Makes one request the probe of an endpoint whose ejection is over. False when another has become it. */
  enter(endpoint: Ejectable, stamp: number): boolean {
    const { ejectMs, ejectMaxMs } = this.#settings
    const cells = this.#cells
    const state = endpoint.cells + PASSIVE_STATE
    const at = endpoint.cells + PASSIVE_UNTIL
    const ends = Atomics.load(cells, at)
    if (Atomics.load(cells, state) === PASSIVE_UP || left(ends, stamp, ejectMaxMs) > 0) return false
    const next = (stamp + Math.ceil(ejectMs)) | 0
    if (Atomics.compareExchange(cells, at, ends, next) !== ends) return false
    return Atomics.compareExchange(cells, state, PASSIVE_EJECTED, PASSIVE_PROBING) !== PASSIVE_UP
  }

  /** A probe has come to nothing that says anything of the endpoint: the next request may be one. */
  leave(endpoint: Ejectable, stamp: number): void {
    const at = endpoint.cells + PASSIVE_UNTIL
    const ends = Atomics.load(this.#cells, at)
    if (Atomics.load(this.#cells, endpoint.cells + PASSIVE_STATE) !== PASSIVE_PROBING) return
    // Unless it has been ejected again in this very moment.
    Atomics.compareExchange(this.#cells, at, ends, stamp)
  }

  /**
   * A try has ended that began at `beganAt`. `counts` is set where it is one of the failures in a window: it has failed, or
   * has a status that a retry is made for. @hotpath
   */
  observe(
    endpoint: Ejectable,
    outcome: Outcome,
    isProbe: boolean,
    counts: boolean,
    beganAt: number,
    stamp: number,
  ): PassiveChange {
    if (outcome === GOOD && !counts) return this.#observeGood(endpoint, isProbe, stamp)
    if (Atomics.load(this.#cells, endpoint.cells + PASSIVE_STATE) === PASSIVE_UP) {
      return this.#isOld(endpoint, beganAt, stamp) ? '' : this.#observeBad(endpoint, outcome, counts, stamp)
    }
    // What was under way when it was ejected tells nothing new.
    if (!isProbe) return ''
    if (!this.#isJudged(outcome, counts)) return this.restore(endpoint, stamp)
    return this.eject(endpoint, `${outcomeText(outcome)} when it was tried again`, outcome, stamp)
  }

  /** @hotpath */
  #observeGood(endpoint: Ejectable, isProbe: boolean, stamp: number): PassiveChange {
    const { cells } = endpoint
    const all = this.#cells
    // Read before they are written: the line stays in every core's cache as long as nothing goes wrong.
    if (all[cells + FAILURES_IN_ROW] !== 0) all[cells + FAILURES_IN_ROW] = 0
    if (all[cells + ERRORS_5XX_IN_ROW] !== 0) all[cells + ERRORS_5XX_IN_ROW] = 0
    if (all[cells + GATEWAY_ERRORS_IN_ROW] !== 0) all[cells + GATEWAY_ERRORS_IN_ROW] = 0
    return isProbe ? this.restore(endpoint, stamp) : ''
  }

  /** A try that began before the end of the last ejection tells of the time before it. */
  #isOld(endpoint: Ejectable, beganAt: number, stamp: number): boolean {
    const restoredAt = this.#read(endpoint, RESTORED_AT)
    if (restoredAt === 0) return false
    const upMs = until(stamp, restoredAt)
    return upMs >= 0 && upMs < until(stamp, beganAt)
  }

  /** Whether such an end of a try is one of those that take an endpoint out here. */
  #isJudged(outcome: Outcome, counts: boolean): boolean {
    const { failures, consecutive5xx, consecutiveGatewayErrors, successRate } = this.#settings
    if (isFailure(outcome) || (counts && failures > 0)) return true
    if (outcome === GOOD) return false
    if (consecutive5xx > 0 || successRate !== null) return true
    return outcome === GATEWAY_ERROR && consecutiveGatewayErrors > 0
  }

  #observeBad(endpoint: Ejectable, outcome: Outcome, counts: boolean, stamp: number): PassiveChange {
    const failed = isFailure(outcome)
    const inRow = this.#countInRow(endpoint, FAILURES_IN_ROW, failed)
    const errors = this.#countInRow(endpoint, ERRORS_5XX_IN_ROW, outcome !== GOOD)
    const gateway = this.#countInRow(endpoint, GATEWAY_ERRORS_IN_ROW, failed || outcome === GATEWAY_ERROR)
    const inWindow = counts ? this.#countInWindow(endpoint, stamp) : 0
    const { consecutive, consecutive5xx, consecutiveGatewayErrors, failures, windowMs } = this.#settings
    let reason = ''
    if (consecutive > 0 && inRow >= consecutive)
      reason = `${inRow} failures in a row, the last: ${outcomeText(outcome)}`
    else if (failures > 0 && inWindow >= failures)
      reason = `${inWindow} failures, each within ${windowMs / 1000} s of the one before`
    else if (consecutive5xx > 0 && errors >= consecutive5xx) reason = `${errors} 5xx responses in a row`
    else if (consecutiveGatewayErrors > 0 && gateway >= consecutiveGatewayErrors)
      reason = `${gateway} gateway errors in a row`
    return reason === '' ? '' : this.eject(endpoint, reason, outcome, stamp)
  }

  /** Gives how many there are now. */
  #countInRow(endpoint: Ejectable, cell: number, isOne: boolean): number {
    if (isOne) return Atomics.add(this.#cells, endpoint.cells + cell, 1) + 1
    this.#write(endpoint, cell, 0)
    return 0
  }

  /** As nginx does: failures add up as long as none comes later than a window after the one before. */
  #countInWindow(endpoint: Ejectable, stamp: number): number {
    const cells = this.#cells
    const at = endpoint.cells + WINDOW_AT
    const last = Atomics.load(cells, at)
    const sinceMs = until(stamp, last)
    const isOver = last === 0 || sinceMs > this.#settings.windowMs || sinceMs < -SKEW_MS
    const isFirst = Atomics.compareExchange(cells, at, last, stamp || 1) === last && isOver
    if (!isFirst) return Atomics.add(cells, endpoint.cells + WINDOW_FAILURES, 1) + 1
    this.#write(endpoint, WINDOW_FAILURES, 1)
    return 1
  }

  /** Takes an endpoint out for a while, if the bounds allow it. */
  eject(endpoint: Ejectable, reason: string, outcome: Outcome, stamp: number): PassiveChange {
    const cells = this.#cells
    const state = endpoint.cells + PASSIVE_STATE
    const from = Atomics.load(cells, state)
    if (from === PASSIVE_EJECTED || (from === PASSIVE_UP && !this.#mayEject(endpoint, outcome))) return ''
    const { ejectMs, ejectMaxMs } = this.#settings
    const ejections = this.#ejectionsBefore(endpoint, from, stamp) + 1
    const forMs = Math.ceil(Math.min(ejectMaxMs, ejectMs * ejections))
    // Before the state: whoever sees it ejected must not see that as over.
    this.#write(endpoint, PASSIVE_UNTIL, (stamp + forMs) | 0)
    this.#write(endpoint, EJECTED_AT, stamp)
    this.#write(endpoint, EJECTED_FOR_CONNECTION, outcome === NOT_CONNECTED || outcome === BROKEN ? 1 : 0)
    if (Atomics.compareExchange(cells, state, from, PASSIVE_EJECTED) !== from) return ''
    // Two workers may have ejected two endpoints at once, each within the bounds: whoever sees too many takes it back.
    if (from === PASSIVE_UP && !this.#mayEject(endpoint, outcome)) {
      Atomics.compareExchange(cells, state, PASSIVE_EJECTED, PASSIVE_UP)
      return ''
    }
    this.#write(endpoint, EJECTIONS, ejections)
    this.#forgetFailures(endpoint)
    this.reason = `${reason}; for ${forMs / 1000} s`
    return 'ejected'
  }

  /** How many there were in a row: none where it has been up for long. */
  #ejectionsBefore(endpoint: Ejectable, from: number, stamp: number): number {
    const restoredAt = this.#read(endpoint, RESTORED_AT)
    const upMs = until(stamp, restoredAt)
    const isSoon = restoredAt !== 0 && upMs > -SKEW_MS && upMs < this.#settings.ejectMaxMs
    return from !== PASSIVE_UP || isSoon ? this.#read(endpoint, EJECTIONS) : 0
  }

  /**
   * Whether an endpoint may be ejected beside those that are. Those that take no connection are of no use to anybody: no
   * share protects them. But one has to be left that can be chosen.
   */
  #mayEject(endpoint: Ejectable, outcome: Outcome): boolean {
    let ejected = 1
    let others = 0
    let isOurs = false
    for (const other of this.#endpoints) {
      if (other.cells === endpoint.cells) isOurs = true
      else if (this.#read(other, PASSIVE_STATE) !== PASSIVE_UP) ejected += 1
      else if (this.#serves(other)) others += 1
    }
    if (!isOurs || others === 0) return false
    if (outcome === NOT_CONNECTED) return true
    return ejected <= Math.max(1, Math.floor(this.#endpoints.length * this.#settings.ejectedMax + ROUNDING))
  }

  #serves(endpoint: Ejectable): boolean {
    return this.#read(endpoint, ADMIN_STATE) === ADMIN_UP && this.#read(endpoint, CHECK_STATE) === CHECK_HEALTHY
  }

  #forgetFailures(endpoint: Ejectable): void {
    for (const cell of [FAILURES_IN_ROW, ERRORS_5XX_IN_ROW, GATEWAY_ERRORS_IN_ROW, WINDOW_FAILURES]) {
      this.#write(endpoint, cell, 0)
    }
  }

  /** Brings an ejected endpoint back. */
  restore(endpoint: Ejectable, stamp: number): PassiveChange {
    const cells = this.#cells
    const state = endpoint.cells + PASSIVE_STATE
    const from = Atomics.load(cells, state)
    if (from === PASSIVE_UP) return ''
    // Before the state: from then on others count.
    this.#forgetFailures(endpoint)
    this.#write(endpoint, RESTORED_AT, stamp || 1)
    this.#write(endpoint, UP_SINCE, stamp || 1)
    if (Atomics.compareExchange(cells, state, from, PASSIVE_UP) !== from) return ''
    this.reason = ''
    return 'up'
  }
}
