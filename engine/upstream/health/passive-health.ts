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
 * step is one compare-and-exchange, so that one worker makes it and tells of it. A probe that never ends (its worker died,
 * its client left) is followed by another when its time is over.
 */
import { until } from '../../shared/clock.ts'
import {
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
  UP_SINCE,
  WINDOW_AT,
  WINDOW_FAILURES,
} from '../../shared/endpoint-cells.ts'
import type { PassiveHealthSnapshot } from '../../snapshot.ts'
import { GATEWAY_ERROR, GOOD, isFailure, NOT_CONNECTED, type Outcome, outcomeText, SERVER_ERROR } from './outcome.ts'

/** An endpoint, as far as this module needs it. */
export interface Ejectable {
  /** The first of its cells. */
  readonly cells: number
}

/** What has become of an endpoint: `''` for nothing new. */
export type PassiveChange = '' | 'ejected' | 'up'

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

  /** Makes one request the probe of an endpoint whose ejection is over. False when another has become it. */
  enter(endpoint: Ejectable, stamp: number): boolean {
    const cells = this.#cells
    const at = endpoint.cells + PASSIVE_UNTIL
    const ends = Atomics.load(cells, at)
    if (until(ends, stamp) > 0) return false
    const next = (stamp + Math.ceil(this.#settings.ejectMs)) | 0
    if (Atomics.compareExchange(cells, at, ends, next) !== ends) return false
    return (
      Atomics.compareExchange(cells, endpoint.cells + PASSIVE_STATE, PASSIVE_EJECTED, PASSIVE_PROBING) !== PASSIVE_UP
    )
  }

  /** A probe has come to nothing that says anything of the endpoint: the next request may be one. */
  leave(endpoint: Ejectable, stamp: number): void {
    if (this.#read(endpoint, PASSIVE_STATE) === PASSIVE_PROBING) {
      Atomics.store(this.#cells, endpoint.cells + PASSIVE_UNTIL, stamp)
    }
  }

  #read(endpoint: Ejectable, cell: number): number {
    return this.#cells[endpoint.cells + cell] as number
  }

  /** A try has ended. @hotpath */
  observe(endpoint: Ejectable, outcome: Outcome, isProbe: boolean, counts: boolean, stamp: number): PassiveChange {
    if (outcome === GOOD && !counts) return this.#observeGood(endpoint, isProbe, stamp)
    return this.#observeBad(endpoint, outcome, isProbe, counts, stamp)
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

  #observeBad(endpoint: Ejectable, outcome: Outcome, isProbe: boolean, counts: boolean, stamp: number): PassiveChange {
    // What was under way when it was ejected tells nothing new.
    if (!isProbe && this.#read(endpoint, PASSIVE_STATE) !== PASSIVE_UP) return ''
    const failed = isFailure(outcome)
    const inRow = this.#countInRow(endpoint, FAILURES_IN_ROW, failed)
    const errors = this.#countInRow(endpoint, ERRORS_5XX_IN_ROW, outcome !== GOOD)
    const gateway = this.#countInRow(endpoint, GATEWAY_ERRORS_IN_ROW, failed || outcome === GATEWAY_ERROR)
    const inWindow = counts ? this.#countInWindow(endpoint, stamp) : 0
    const { consecutive, consecutive5xx, consecutiveGatewayErrors, failures, windowMs } = this.#settings
    let reason = ''
    if (isProbe && (failed || counts)) reason = `${outcomeText(outcome)} when it was tried again`
    else if (consecutive > 0 && inRow >= consecutive)
      reason = `${inRow} failures in a row, the last: ${outcomeText(outcome)}`
    else if (failures > 0 && inWindow >= failures) reason = `${inWindow} failures within ${windowMs / 1000} s`
    else if (consecutive5xx > 0 && errors >= consecutive5xx) reason = `${errors} 5xx responses in a row`
    else if (consecutiveGatewayErrors > 0 && gateway >= consecutiveGatewayErrors)
      reason = `${gateway} gateway errors in a row`
    if (reason !== '') return this.eject(endpoint, reason, outcome, stamp)
    return isProbe && outcome === SERVER_ERROR ? this.restore(endpoint, stamp) : ''
  }

  /** Gives how many there are now. */
  #countInRow(endpoint: Ejectable, cell: number, isOne: boolean): number {
    const at = endpoint.cells + cell
    if (isOne) return Atomics.add(this.#cells, at, 1) + 1
    Atomics.store(this.#cells, at, 0)
    return 0
  }

  #countInWindow(endpoint: Ejectable, stamp: number): number {
    const cells = this.#cells
    const at = endpoint.cells + WINDOW_AT
    const began = Atomics.load(cells, at)
    const isOver = until(stamp, began) > this.#settings.windowMs || began === 0
    if (isOver && Atomics.compareExchange(cells, at, began, stamp || 1) === began) {
      Atomics.store(cells, endpoint.cells + WINDOW_FAILURES, 1)
      return 1
    }
    return Atomics.add(cells, endpoint.cells + WINDOW_FAILURES, 1) + 1
  }

  /** Takes an endpoint out for a while, if the bounds allow it. */
  eject(endpoint: Ejectable, reason: string, outcome: Outcome, stamp: number): PassiveChange {
    const cells = this.#cells
    const state = endpoint.cells + PASSIVE_STATE
    const from = Atomics.load(cells, state)
    if (from === PASSIVE_EJECTED || (from === PASSIVE_UP && !this.#mayEject(outcome, 1))) return ''
    const forMs = this.#ejectionMs(endpoint, from, stamp)
    Atomics.store(cells, endpoint.cells + PASSIVE_UNTIL, (stamp + forMs) | 0)
    Atomics.store(cells, endpoint.cells + EJECTED_FOR_CONNECTION, isFailure(outcome) ? 1 : 0)
    if (Atomics.compareExchange(cells, state, from, PASSIVE_EJECTED) !== from) return ''
    // Two workers may have ejected two endpoints at once, each within the bounds: whoever sees too many takes it back.
    if (from === PASSIVE_UP && !this.#mayEject(outcome, 0)) {
      Atomics.compareExchange(cells, state, PASSIVE_EJECTED, PASSIVE_UP)
      return ''
    }
    Atomics.add(cells, endpoint.cells + EJECTIONS, 1)
    this.#forgetFailures(endpoint)
    this.reason = `${reason}; for ${forMs / 1000} s`
    return 'ejected'
  }

  /** Longer with each ejection that follows soon. */
  #ejectionMs(endpoint: Ejectable, from: number, stamp: number): number {
    const { ejectMs, ejectMaxMs } = this.#settings
    // Of one that is up, this is since when it is.
    const upSince = this.#read(endpoint, PASSIVE_UNTIL)
    const isSoon = from !== PASSIVE_UP || (upSince !== 0 && until(stamp, upSince) < ejectMaxMs)
    if (!isSoon) Atomics.store(this.#cells, endpoint.cells + EJECTIONS, 0)
    return Math.ceil(Math.min(ejectMaxMs, ejectMs * (this.#read(endpoint, EJECTIONS) + 1)))
  }

  /** Whether `more` may be ejected. Those that take no connection are of no use to anybody: no share protects them. */
  #mayEject(outcome: Outcome, more: number): boolean {
    const all = this.#endpoints.length
    let ejected = more
    for (const other of this.#endpoints) {
      if (this.#read(other, PASSIVE_STATE) !== PASSIVE_UP) ejected += 1
    }
    if (ejected >= all) return false
    return outcome === NOT_CONNECTED || ejected <= Math.max(1, Math.floor(all * this.#settings.ejectedMax))
  }

  #forgetFailures(endpoint: Ejectable): void {
    for (const cell of [FAILURES_IN_ROW, ERRORS_5XX_IN_ROW, GATEWAY_ERRORS_IN_ROW, WINDOW_FAILURES]) {
      Atomics.store(this.#cells, endpoint.cells + cell, 0)
    }
  }

  /** Brings an ejected endpoint back. */
  restore(endpoint: Ejectable, stamp: number): PassiveChange {
    const cells = this.#cells
    const state = endpoint.cells + PASSIVE_STATE
    const from = Atomics.load(cells, state)
    if (from === PASSIVE_UP || Atomics.compareExchange(cells, state, from, PASSIVE_UP) !== from) return ''
    this.#forgetFailures(endpoint)
    Atomics.store(cells, endpoint.cells + PASSIVE_UNTIL, stamp || 1)
    Atomics.store(cells, endpoint.cells + UP_SINCE, stamp || 1)
    this.reason = ''
    return 'up'
  }
}
