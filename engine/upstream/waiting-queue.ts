/**
 * Requests that wait because every endpoint is at its limit on connections. Each worker has a queue of its own, first come
 * first served; their sum is bounded by one shared count. Workers tell each other by two cells: a connection that was
 * given up wakes those who wait (`RELEASES`), somebody who begins to wait wakes those who keep connections idle.
 */
import { Timer, type TimerTarget, type TimerWheel } from '../net/timer-wheel.ts'
import type { StatePage, StateRow } from '../shared/state-page.ts'
import { QUEUED, RELEASES, UPSTREAM_CELLS } from '../shared/upstream-cells.ts'
import type { QueueSnapshot } from '../snapshot.ts'

/** Milliseconds after which a queue takes room that it has left to others, where they have not. */
const ABSTINENCE_MS = 10

export interface Waiter {
  /** Room at one endpoint may not be room for it: it has tried some in vain. Those behind it need not wait for it. */
  readonly isChoosy: boolean
  /** There may be room. True when it waits no more; false when it has to wait on, in its place. Must not throw. */
  onRoom(): boolean
  /** It has waited for too long, and waits no more. Must not throw. */
  onWaitTimeout(): void
}

class Place implements TimerTarget {
  readonly waiter: Waiter
  readonly timer: Timer
  readonly #queue: WaitingQueue

  constructor(queue: WaitingQueue, waiter: Waiter) {
    this.#queue = queue
    this.waiter = waiter
    this.timer = new Timer(this)
  }

  onDeadline(): void {
    this.#queue.leave(this.waiter)
    this.waiter.onWaitTimeout()
  }
}

export class WaitingQueue {
  readonly #settings: QueueSnapshot
  readonly #wheel: TimerWheel
  readonly #cells: Int32Array
  readonly #base: number
  readonly #row: StateRow
  readonly #slot: number
  readonly #places: Place[] = []
  /** A look at the queue is due, in this turn of the loop or with the next change of `RELEASES`. */
  #scheduled = false
  #listening = false
  /** The value of `RELEASES` that tells of room for others. */
  #left: number | null = null

  /** `slot` is the upstream's place in the page, `row` this worker's. */
  constructor(settings: QueueSnapshot, wheel: TimerWheel, page: StatePage, row: StateRow, slot: number) {
    this.#settings = settings
    this.#wheel = wheel
    this.#cells = page.upstreamCells
    this.#base = slot * UPSTREAM_CELLS
    this.#row = row
    this.#slot = slot
  }

  /** Those that wait in this worker. */
  get length(): number {
    return this.#places.length
  }

  /** Those that wait in other workers. */
  get elsewhere(): number {
    return Atomics.load(this.#cells, this.#base + QUEUED) - this.#places.length
  }

  /** Rises with whatever may make room, and with whoever begins to wait. */
  get releases(): number {
    return Atomics.load(this.#cells, this.#base + RELEASES)
  }

  /** Resolves when `releases` is no longer `seen`. */
  change(seen: number): Promise<unknown> {
    const { async, value } = Atomics.waitAsync(this.#cells, this.#base + RELEASES, seen)
    return async ? value : Promise.resolve(value)
  }

  /** False when the queue is full, over all workers. */
  enter(waiter: Waiter): boolean {
    const { size, timeoutMs } = this.#settings
    if (Atomics.add(this.#cells, this.#base + QUEUED, 1) >= size) {
      Atomics.sub(this.#cells, this.#base + QUEUED, 1)
      return false
    }
    this.#count(1)
    const place = new Place(this, waiter)
    this.#places.push(place)
    this.#wheel.refresh()
    this.#wheel.set(place.timer, timeoutMs)
    // Whoever keeps a connection idle in another worker is woken; and what was given up meanwhile is seen.
    announceRoom(this.#cells, this.#slot)
    this.schedule()
    return true
  }

  leave(waiter: Waiter): void {
    const at = this.#places.findIndex(place => place.waiter === waiter)
    if (at < 0) return
    const [place] = this.#places.splice(at, 1)
    if (place !== undefined) this.#wheel.clear(place.timer)
    Atomics.sub(this.#cells, this.#base + QUEUED, 1)
    this.#count(-1)
  }

  #count(change: number): void {
    const { queued } = this.#row
    queued[this.#slot] = (queued[this.#slot] as number) + change
  }

  /** There is room in this worker: serves who waits, once what runs has come to its end. */
  schedule(): void {
    if (this.#scheduled || this.#places.length === 0) return
    this.#scheduled = true
    setImmediate(serve, this)
  }

  /** Leaves to other workers the room that is announced next; looks again with the next change, or soon. */
  abstain(): void {
    if (this.#places.length === 0) return
    this.#left = (this.releases + 1) | 0
    setTimeout(endAbstinence, ABSTINENCE_MS, this)
  }

  /** @internal */
  endAbstinence(): void {
    this.#left = null
    this.schedule()
  }

  /** @internal */
  serve(): void {
    this.#scheduled = false
    const seen = this.releases
    if (seen !== this.#left) this.#serveAll()
    this.#listen(seen)
  }

  #serveAll(): void {
    let at = 0
    while (at < this.#places.length) {
      const { waiter } = this.#places[at] as Place
      if (waiter.onRoom()) this.leave(waiter)
      else if (waiter.isChoosy) at += 1
      else break
    }
  }

  /** Looks again when `RELEASES` is no longer `seen`. */
  #listen(seen: number): void {
    if (this.#listening || this.#places.length === 0) return
    this.#listening = true
    void this.change(seen).then(() => {
      this.#listening = false
      this.serve()
    })
  }
}

function serve(queue: WaitingQueue): void {
  queue.serve()
}

function endAbstinence(queue: WaitingQueue): void {
  queue.endAbstinence()
}

/** Wakes all workers that wait for something to change at the upstream. */
export function announceRoom(cells: Int32Array, slot: number): void {
  const cell = slot * UPSTREAM_CELLS + RELEASES
  Atomics.add(cells, cell, 1)
  Atomics.notify(cells, cell)
}
