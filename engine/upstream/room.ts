/**
 * Room at the endpoints with a limit on connections, between the requests that wait for it and the connections that are
 * kept idle, in this worker and in others.
 *
 * Without a `queue` in the configuration requests do not wait, with one exception: where the limit is reached only because
 * other workers keep connections that nobody uses. Those are given up for whoever waits, which takes a moment.
 */
import type { NetContext } from '../net/connection.ts'
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import { QUEUED, UPSTREAM_CELLS } from '../shared/upstream-cells.ts'
import type { QueueSnapshot } from '../snapshot.ts'
import type { Endpoint, SharedState } from './endpoint.ts'
import type { PoolOwner } from './pool.ts'
import { announceRoom, type Waiter, WaitingQueue } from './waiting-queue.ts'

/** For connections that other workers keep idle. Past the time, or the number: 503. */
const BRIEF_WAIT: QueueSnapshot = { size: 1000, timeoutMs: 500 }

/** Of connections that are wanted here and elsewhere, this share changes hands with each request: it costs a new one. */
const HANDED_OVER = 0.25

/** What `enter` has to say. */
export type Entry = typeof WAITS | typeof FULL | typeof QUEUE_FULL
export const WAITS = 0
/** Requests do not wait here. */
export const FULL = 1
/** As many wait as may. */
export const QUEUE_FULL = 2

export class Room implements PoolOwner {
  /** Requests may wait until there is room, not just for what nobody uses. */
  readonly isPatient: boolean
  readonly #queue: WaitingQueue
  readonly #page: StatePage
  readonly #queuedCell: number
  readonly #slot: number
  #endpoints: readonly Endpoint[] = []
  #isWatchingIdle = false
  /** The connection that is about to be closed is given up for those who wait in other workers. */
  #isGivingUp = false

  /** `slot` is the upstream's place in the page. */
  constructor(settings: QueueSnapshot | null, slot: number, { page, row }: SharedState, { wheel }: NetContext) {
    this.isPatient = settings !== null
    this.#queue = new WaitingQueue(settings ?? BRIEF_WAIT, wheel, page, row, slot)
    this.#page = page
    this.#queuedCell = slot * UPSTREAM_CELLS + QUEUED
    this.#slot = slot
  }

  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints
    this.#queue.schedule()
  }

  /** Requests of this worker wait: those that come now have to wait behind them. */
  get isAwaited(): boolean {
    return this.isPatient && this.#queue.length > 0
  }

  /** A request that has found all endpoints full wants to wait. */
  enter(waiter: Waiter): Entry {
    if (!this.isWorthWaiting) return FULL
    if (this.#queue.enter(waiter)) return WAITS
    return this.isPatient ? QUEUE_FULL : FULL
  }

  /** Requests do wait, or there are connections that nobody uses. */
  get isWorthWaiting(): boolean {
    return this.isPatient || this.#endpoints.some(endpoint => this.#isHoarded(endpoint))
  }

  /** It has more connections than requests: some are idle, with another worker, who is about to hear of those who wait. */
  #isHoarded({ permits, column }: Endpoint): boolean {
    if (permits.max === 0) return false
    const used = this.#page.endpointCells[column * ENDPOINT_CELLS + CONNECTIONS_USED] as number
    return used > this.#page.inFlight(column)
  }

  leave(waiter: Waiter): void {
    this.#queue.leave(waiter)
  }

  onIdle(): boolean {
    this.#isGivingUp = this.#isForOthers()
    if (this.#isGivingUp) return false
    this.#queue.schedule()
    this.#watchIdle()
    return true
  }

  get isWantedElsewhere(): boolean {
    return this.#isForOthers()
  }

  /** Whatever waits for a change here looks, and waits on only where there is something to wait for. */
  wake(): void {
    announceRoom(this.#page.upstreamCells, this.#slot)
  }

  onRoom(): void {
    const { upstreamCells } = this.#page
    if (Atomics.load(upstreamCells, this.#queuedCell) === 0) return
    // Whoever is told by a cell comes later than whoever is here.
    if (this.#isGivingUp || this.#isForOthers()) this.#queue.abstain()
    else this.#queue.schedule()
    this.#isGivingUp = false
    announceRoom(upstreamCells, this.#slot)
  }

  /**
   * Whether a connection that becomes free is for those who wait elsewhere. Where some wait here, too, all get their shares by
   * chance: workers have as many connections, on average, as they have waiting.
   */
  #isForOthers(): boolean {
    const { elsewhere, length } = this.#queue
    if (elsewhere <= 0 || length === 0) return elsewhere > 0
    return Math.random() * (elsewhere + length) < elsewhere * HANDED_OVER
  }

  /** What this worker keeps idle at an endpoint with a limit is closed when somebody in another one waits for it. */
  #watchIdle(): void {
    if (this.#isWatchingIdle) return
    const queue = this.#queue
    const seen = queue.releases
    const idle = this.#endpoints.filter(({ pool, permits }) => permits.max > 0 && pool.idleCount > 0)
    if (idle.length === 0) return
    let wanted = queue.length === 0 ? queue.elsewhere : 0
    for (const { pool, permits } of idle) {
      if (wanted > 0 && permits.isFull) wanted -= pool.closeIdle(wanted)
    }
    if (idle.every(({ pool }) => pool.idleCount === 0)) return
    this.#isWatchingIdle = true
    void queue.change(seen).then(() => {
      this.#isWatchingIdle = false
      this.#watchIdle()
    })
  }
}
