/**
 * The supervisor's part in the health of one upstream: active checks of its endpoints, and the comparison of their success
 * rates. Both write into the state page, where the workers see it with their next request.
 */
import { stampOf, until } from '../shared/clock.ts'
import {
  CHECK_HEALTHY,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  EJECTED_AT,
  EJECTED_FOR_CONNECTION,
  EJECTIONS,
  ENDPOINT_CELLS,
  PASSIVE_STATE,
  PASSIVE_UP,
  RESTORED_AT,
  UP_SINCE,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { ActiveCheckSnapshot, SuccessRateSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import { ActiveCheck, type CheckResult } from '../upstream/health/active-check.ts'
import { announceChange } from '../upstream/health/announce.ts'
import { SERVER_ERROR } from '../upstream/health/outcome.ts'
import { type Ejectable, PassiveHealth } from '../upstream/health/passive-health.ts'
import { judgeSuccessRates, type RequestCounts } from '../upstream/health/success-rate.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { EngineEvent } from './api.ts'
import { isSame } from './same.ts'
import { spareTheLast } from './spare-the-last.ts'

interface Watched extends Ejectable {
  placement: EndpointPlacement
  check: ActiveCheck | null
  /** A check has failed since the last one after which all was well. */
  hasFailed: boolean
  /** When checks brought it up, as a stamp; 0 if they never did. */
  healthyAt: number
  /** A check of it has ended. */
  readonly checked: PromiseWithResolvers<void>
  /** Tries and good ones as of the last comparison. */
  counts: RequestCounts
}

export class HealthWatch {
  #upstream: UpstreamSnapshot
  readonly #slot: number
  readonly #page: StatePage
  readonly #onEvent: (event: EngineEvent) => void
  /** By column. */
  readonly #watched = new Map<number, Watched>()
  #passive: PassiveHealth | null = null
  #timer: NodeJS.Timeout | null = null
  /** When success rates were compared last. */
  #comparedAt = stampOf(performance.now())

  constructor(upstream: UpstreamSnapshot, slot: number, page: StatePage, onEvent: (event: EngineEvent) => void) {
    this.#upstream = upstream
    this.#slot = slot
    this.#page = page
    this.#onEvent = onEvent
    this.#judge()
  }

  /** Begins to compare, where success rates count. */
  #judge(): void {
    const { passive } = this.#upstream
    this.#passive = passive === null ? null : new PassiveHealth(passive, this.#page.endpointCells)
    this.#passive?.setEndpoints([...this.#watched.values()])
    if (this.#timer !== null) clearInterval(this.#timer)
    const rate = passive?.successRate ?? null
    this.#timer = rate === null ? null : setInterval(() => this.#compare(rate), rate.intervalMs).unref()
  }

  /**
   * The upstream is configured anew. What is as it was goes on undisturbed; checks that are different begin anew with what is
   * known. Followed by `follow`.
   */
  configure(upstream: UpstreamSnapshot): void {
    const before = this.#upstream
    this.#upstream = upstream
    if (!isSame(before.passive, upstream.passive)) this.#judge()
    const isAsBefore = isSame(before.tls, upstream.tls) && isSame(before.proxyProtocol, upstream.proxyProtocol)
    if (isSame(before.active, upstream.active) && isAsBefore) return
    for (const watched of this.#watched.values()) this.#checkAnew(watched)
  }

  #checkAnew(watched: Watched): void {
    watched.check?.stop()
    const { active } = this.#upstream
    watched.check = active === null ? null : this.#check(active, watched.placement)
    // Nobody else would ever bring it up.
    if (active === null) Atomics.store(this.#page.endpointCells, watched.cells + CHECK_STATE, CHECK_HEALTHY)
    watched.check?.start()
  }

  /** Watches these endpoints from now on, and no others. */
  follow(placements: readonly EndpointPlacement[]): void {
    const gone = new Map(this.#watched)
    for (const placement of placements) {
      gone.delete(placement.column)
      const watched = this.#watched.get(placement.column)
      if (watched === undefined) this.#watch(placement)
      else this.#take(watched, placement)
    }
    for (const [column, { check }] of gone) {
      check?.stop()
      this.#watched.delete(column)
    }
    this.#passive?.setEndpoints([...this.#watched.values()])
  }

  #take(watched: Watched, placement: EndpointPlacement): void {
    const { host, name } = watched.placement
    watched.placement = placement
    if (host !== placement.host || name !== placement.name) this.#checkAnew(watched)
  }

  #watch(placement: EndpointPlacement): void {
    const { active } = this.#upstream
    const check = active === null ? null : this.#check(active, placement)
    this.#watched.set(placement.column, {
      placement,
      check,
      hasFailed: false,
      healthyAt: 0,
      checked: Promise.withResolvers<void>(),
      cells: placement.column * ENDPOINT_CELLS,
      counts: this.#countsOf(placement.column),
    })
    check?.start()
  }

  /** Resolves when each of them has been checked once, at the latest after `deadlineMs`. */
  async checkedOnce(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, deadlineMs)
    const all = [...this.#watched.values()].map(({ checked }) => checked.promise)
    await Promise.race([Promise.all(all), promise])
    clearTimeout(timer)
  }

  #check(settings: ActiveCheckSnapshot, placement: EndpointPlacement): ActiveCheck {
    const state = this.#page.endpointCells[placement.column * ENDPOINT_CELLS + CHECK_STATE]
    const start = state === CHECK_UNHEALTHY ? 'unhealthy' : 'healthy'
    const onChange = (healthy: boolean, reason: string) => this.#checked(placement, healthy, reason)
    const { address, host } = placement
    const check = new ActiveCheck({ ...settings, start }, address, host, onChange, this.#upstream)
    check.onResult = result => this.#onResult(placement, result)
    return check
  }

  #checked(placement: EndpointPlacement, healthy: boolean, reason: string): void {
    const { endpointCells } = this.#page
    const at = placement.column * ENDPOINT_CELLS
    const watched = this.#watched.get(placement.column)
    const stamp = stampOf(performance.now()) || 1
    if (healthy && watched !== undefined) watched.healthyAt = stamp
    // Before the state: it is to begin with slow start at once.
    if (healthy) Atomics.store(endpointCells, at + UP_SINCE, stamp)
    Atomics.store(endpointCells, at + CHECK_STATE, healthy ? CHECK_HEALTHY : CHECK_UNHEALTHY)
    if (!healthy) spareTheLast(this.#page, this.#placements())
    announceChange(this.#page, this.#slot)
    const { name: upstream } = this.#upstream
    this.#onEvent({ kind: 'endpoint_checked', upstream, endpoint: placement.name, healthy, reason })
  }

  #placements(): EndpointPlacement[] {
    return [...this.#watched.values()].map(({ placement }) => placement)
  }

  /**
   * An ejected endpoint that passes a check need not wait for its time, where the check tells something new: after checks
   * that have failed, or where connections could not be opened or broke. Not the second time in a row: then requests meet
   * with something that checks do not see, as with responses that are bad while all checks pass.
   */
  #onResult(placement: EndpointPlacement, { passed, durationUs }: CheckResult): void {
    const watched = this.#watched.get(placement.column)
    if (watched === undefined) return
    watched.checked.resolve()
    watched.hasFailed ||= !passed
    if (watched.check?.healthy !== true || !passed) return
    const { hasFailed } = watched
    watched.hasFailed = false
    const stamp = stampOf(performance.now())
    if (this.#passive === null || this.#read(watched, PASSIVE_STATE) === PASSIVE_UP) return
    if (!hasFailed && !this.#isRefuted(watched, stamp - Math.ceil(durationUs / 1000))) return
    if (this.#passive.restore(watched, stamp) === 'up') this.#changed(placement.name, 'up', 'it passes active checks')
  }

  /** A check that began at `beganAt` and has passed shows that the cause of the ejection is gone. */
  #isRefuted(watched: Watched, beganAt: number): boolean {
    if (this.#read(watched, EJECTED_FOR_CONNECTION) !== 1 || this.#read(watched, EJECTIONS) > 1) return false
    return until(beganAt, this.#read(watched, EJECTED_AT)) >= 0
  }

  #read(watched: Watched, cell: number): number {
    return Atomics.load(this.#page.endpointCells, watched.cells + cell)
  }

  #changed(endpoint: string, change: 'ejected' | 'up', reason: string): void {
    announceChange(this.#page, this.#slot)
    this.#onEvent({ kind: 'endpoint_health', upstream: this.#upstream.name, endpoint, change, reason })
  }

  #countsOf(column: number): RequestCounts {
    const sum = (of: 'tries' | 'goodTries') =>
      this.#page.rows.reduce((total, row) => total + (row[of][column] as number), 0)
    return [sum('tries'), sum('goodTries')]
  }

  /** Ejects those whose share of good responses in the last interval is far below the others'. */
  #compare(settings: SuccessRateSnapshot): void {
    const all = [...this.#watched.values()]
    const stamp = stampOf(performance.now())
    const intervalMs = until(stamp, this.#comparedAt)
    this.#comparedAt = stamp
    const recent = all.map((watched): RequestCounts => {
      const [tries, good] = this.#countsOf(watched.placement.column)
      const [triesBefore, goodBefore] = watched.counts
      watched.counts = [tries, good]
      if (!this.#wasUp(watched, stamp, intervalMs)) return [0, 0]
      return [(tries - triesBefore) >>> 0, (good - goodBefore) >>> 0]
    })
    const { outliers, mean, threshold } = judgeSuccessRates(recent, settings)
    for (const index of outliers) {
      const watched = all[index] as Watched
      const [tries, good] = recent[index] as RequestCounts
      const reason = `${percent(good / tries)} good responses, where ${percent(mean)} are usual and ${percent(threshold)} the least`
      this.#eject(watched, reason)
    }
  }

  /** All of the interval: what requests met with before it was ejected, or ill, is not to count once more. */
  #wasUp(watched: Watched, stamp: number, intervalMs: number): boolean {
    if (this.#read(watched, PASSIVE_STATE) !== PASSIVE_UP) return false
    return [this.#read(watched, RESTORED_AT), watched.healthyAt].every(since => {
      const upMs = until(stamp, since)
      return since === 0 || upMs < 0 || upMs >= intervalMs
    })
  }

  #eject(watched: Watched, reason: string): void {
    const stamp = stampOf(performance.now())
    if (this.#passive === null || this.#passive.eject(watched, reason, SERVER_ERROR, stamp) === '') return
    this.#changed(watched.placement.name, 'ejected', this.#passive.reason)
  }

  /** Nobody watches them any more: none of them stays down for what a check has found. */
  release(): void {
    for (const { cells } of this.#watched.values()) {
      Atomics.store(this.#page.endpointCells, cells + CHECK_STATE, CHECK_HEALTHY)
    }
    this.close()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    for (const { check } of this.#watched.values()) check?.stop()
    this.#watched.clear()
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
