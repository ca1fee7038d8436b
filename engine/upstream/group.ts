/**
 * The endpoints of an upstream that serve together: those of one priority, or the backups. Knows which of them may be
 * chosen now, and has a balancer of its own to choose.
 */
import { left, STALE_MS, until } from '../shared/clock.ts'
import {
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_HEALTHY,
  CHECK_STATE,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
  UP_SINCE,
} from '../shared/endpoint-cells.ts'
import type { UpstreamSnapshot } from '../snapshot.ts'
import type { Balancer } from './balancers/balancer.ts'
import { createBalancer } from './balancers/create.ts'
import type { Endpoint, SharedState } from './endpoint.ts'
import { BLOCKED, PASSES } from './health/circuit.ts'
import { MemberLoads } from './member-loads.ts'
import { Members } from './members.ts'

/** Steps in which a weight grows in slow start. */
const SLOW_START_STEPS = 20
/** Milliseconds of a step at least. */
const SLOW_START_STEP_MS_MIN = 50

/** The weight that an endpoint begins slow start with: a twentieth, as of one step. */
const SLOW_START_SHARE_MIN = 1 / SLOW_START_STEPS

/** Nothing changes by itself. */
export const NEVER_MS: number = Number.POSITIVE_INFINITY

export class Group {
  readonly endpoints: readonly Endpoint[]
  readonly isBackup: boolean
  readonly members: Members
  readonly balancer: Balancer
  readonly #cells: Int32Array
  readonly #slowStartMs: number
  readonly #panicThreshold: number
  /** Requests decide whether endpoints are ejected; else what an earlier configuration has found out means nothing. */
  readonly #isJudged: boolean
  /** The longest ejection there is. */
  readonly #ejectMaxMs: number
  readonly #available: Uint8Array
  readonly #effective: Float64Array
  /** Milliseconds until something changes by itself, as of the last `refresh`. */
  nextChangeMs = NEVER_MS

  constructor(endpoints: readonly Endpoint[], upstream: UpstreamSnapshot, { page }: SharedState) {
    this.endpoints = endpoints
    this.isBackup = endpoints[0]?.backup ?? false
    this.members = new Members(endpoints)
    const loads = new MemberLoads(
      this.members,
      page.rows.map(row => row.inFlight),
      page.endpointCells,
    )
    this.balancer = createBalancer(upstream.balance, upstream.measure, this.members, loads)
    this.#cells = page.endpointCells
    this.#slowStartMs = upstream.slowStartMs
    this.#panicThreshold = upstream.panicThreshold
    this.#isJudged = upstream.passive !== null
    this.#ejectMaxMs = upstream.passive?.ejectMaxMs ?? 0
    this.#available = new Uint8Array(endpoints.length)
    this.#effective = new Float64Array(endpoints.length)
  }

  get hasAvailable(): boolean {
    return this.members.availableCount > 0
  }

  /** The share of its endpoints that may be chosen. */
  get health(): number {
    return this.members.availableCount / this.members.count
  }

  /** Looks again at which endpoints may be chosen, and with which weight. */
  refresh(stamp: number): void {
    this.nextChangeMs = NEVER_MS
    let count = 0
    for (const [place, endpoint] of this.endpoints.entries()) {
      const may = this.#admits(endpoint, stamp)
      this.#available[place] = may ? 1 : 0
      this.#effective[place] = this.#weightOf(endpoint, stamp)
      if (may) count += 1
    }
    if (count < this.#panicThreshold * this.endpoints.length) this.#panic()
    this.members.update(this.#available, this.#effective)
  }

  #admits(endpoint: Endpoint, stamp: number): boolean {
    const cells = this.#cells
    const at = endpoint.cells
    endpoint.gated = false
    if (cells[at + ADMIN_STATE] !== ADMIN_UP || cells[at + CHECK_STATE] !== CHECK_HEALTHY) return false
    if (this.#isJudged && cells[at + PASSIVE_STATE] !== PASSIVE_UP) {
      const leftMs = left(cells[at + PASSIVE_UNTIL] as number, stamp, this.#ejectMaxMs)
      if (leftMs > 0) return this.#blockedFor(leftMs)
      endpoint.gated = true
    }
    const { circuit } = endpoint
    if (circuit === null) return true
    const passes = circuit.state(stamp)
    if (passes === BLOCKED) return this.#blockedFor(circuit.leftMs(stamp))
    if (passes !== PASSES) endpoint.gated = true
    return true
  }

  #blockedFor(leftMs: number): false {
    this.nextChangeMs = Math.min(this.nextChangeMs, leftMs)
    return false
  }

  #weightOf(endpoint: Endpoint, stamp: number): number {
    const at = endpoint.cells + UP_SINCE
    const since = this.#cells[at] as number
    if (this.#slowStartMs === 0 || since === 0) return endpoint.weight
    const upMs = until(stamp, since)
    // A request may have begun a little before the endpoint came up: that is no reason to take it for old.
    if (upMs < -STALE_MS || upMs >= this.#slowStartMs) {
      // Long ago: stamps wrap, and in some weeks it would seem to come up once more.
      Atomics.compareExchange(this.#cells, at, since, 0)
      return endpoint.weight
    }
    this.#blockedFor(Math.max(SLOW_START_STEP_MS_MIN, this.#slowStartMs / SLOW_START_STEPS))
    return endpoint.weight * Math.max(SLOW_START_SHARE_MIN, upMs / this.#slowStartMs)
  }

  /**
   * Too few are left to carry it: all serve but those that were taken out by hand. Those that are to show whether they are
   * back go on doing so: nothing else ends the panic.
   */
  #panic(): void {
    for (const [place, endpoint] of this.endpoints.entries()) {
      if (this.#available[place] === 1) continue
      endpoint.gated = false
      this.#available[place] = this.#cells[endpoint.cells + ADMIN_STATE] === ADMIN_UP ? 1 : 0
    }
  }
}
