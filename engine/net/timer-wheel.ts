/**
 * One wheel of deadlines for all connections of a worker. Setting a later deadline on a running timer is one store:
 * the timer stays where it hangs and is hung further on when its old turn comes. A timer fires at its deadline or up to
 * two ticks (100 ms) later, never before, as long as whoever sets it after a stall has let the wheel `observe` the time.
 */

/** Milliseconds of a tick: the wheel's resolution. */
export const TICK_MS = 50

/** Slots of the wheel; a deadline further away than `WHEEL_SLOTS` ticks takes more than one turn. */
const WHEEL_SLOTS = 512

export interface TimerTarget {
  /** The deadline has passed. Called once; the timer is no longer set. */
  onDeadline(): void
}

export class Timer {
  readonly target: TimerTarget
  /** Tick at which it is due; 0 when it is not set. */
  dueTick = 0
  /** Tick at which the wheel will look at it; never past `dueTick`. */
  hungTick = 0
  /** Slot in which it hangs; -1 when it hangs nowhere. */
  slot = -1
  next: Timer | null = null
  previous: Timer | null = null

  constructor(target: TimerTarget) {
    this.target = target
  }
}

export class TimerWheel {
  readonly #slots: (Timer | null)[] = new Array<Timer | null>(WHEEL_SLOTS).fill(null)
  readonly #now: () => number
  #startedAtMs: number
  /** Ticks since the wheel began, as far as it knows: see `observe`. */
  #tick = 1
  /** The last tick whose slot was swept. */
  #swept = 1
  #hanging = 0
  /** `advance` is at work: some of the timers that are to be hung further on hang nowhere for that moment. */
  #isSweeping = false
  #interval: NodeJS.Timeout | null = null

  /** `now` gives milliseconds that never run backwards; a test may give its own and call `advance` itself. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#startedAtMs = now()
  }

  /** Timers that hang in the wheel, set or waiting to be swept. */
  get hanging(): number {
    return this.#hanging
  }

  /** Sets or moves the deadline to `milliseconds` from now. @hotpath */
  set(timer: Timer, milliseconds: number): void {
    if (this.#interval === null) this.#start()
    const due = this.#tick + 1 + Math.ceil(milliseconds / TICK_MS)
    timer.dueTick = due
    if (timer.slot >= 0) {
      if (due >= timer.hungTick) return
      this.#unhang(timer)
    }
    this.#hang(timer, due)
  }

  /** Forgets the deadline; the timer hangs on until its turn comes, ready to be set again for nothing. @hotpath */
  disarm(timer: Timer): void {
    timer.dueTick = 0
  }

  /** Forgets the deadline and lets go of the timer. */
  clear(timer: Timer): void {
    timer.dueTick = 0
    if (timer.slot >= 0) this.#unhang(timer)
    if (this.#hanging === 0 && !this.#isSweeping) this.#stop()
  }

  /**
   * Takes note of the time, for deadlines set before the wheel's own next turn: `nowMs` on its clock. To be called by
   * whoever has read the clock anyway: after a stall the wheel would count from the time before it. @hotpath
   */
  observe(nowMs: number): void {
    const tick = 1 + Math.floor((nowMs - this.#startedAtMs) / TICK_MS)
    if (tick > this.#tick) this.#tick = tick
  }

  /** The same, reading the clock. */
  refresh(): void {
    this.observe(this.#now())
  }

  /** Runs every deadline that has passed. The wheel's own interval calls it. */
  advance(): void {
    this.refresh()
    const target = this.#tick
    // After a long stall each slot needs to be looked at once, not once for every turn that was missed.
    let tick = Math.max(this.#swept, target - WHEEL_SLOTS)
    this.#swept = target
    this.#isSweeping = true
    try {
      while (tick < target) {
        tick += 1
        this.#sweep(tick % WHEEL_SLOTS, target)
      }
    } finally {
      this.#isSweeping = false
    }
    if (this.#hanging === 0) this.#stop()
  }

  #sweep(slot: number, now: number): void {
    let timer = this.#slots[slot] as Timer | null
    if (timer === null) return
    // The list is taken off first: what a callback sets or clears then touches the wheel, never the list being walked.
    const taken: Timer[] = []
    while (timer !== null) {
      const next: Timer | null = timer.next
      timer.next = null
      timer.previous = null
      timer.slot = -1
      taken.push(timer)
      timer = next
    }
    this.#slots[slot] = null
    this.#hanging -= taken.length
    for (const due of taken) {
      if (due.slot >= 0 || due.dueTick === 0) continue
      if (due.dueTick > now) {
        this.#hang(due, due.dueTick)
      } else {
        due.dueTick = 0
        due.target.onDeadline()
      }
    }
  }

  #hang(timer: Timer, due: number): void {
    const slot = due % WHEEL_SLOTS
    const first = this.#slots[slot] as Timer | null
    timer.slot = slot
    timer.hungTick = due
    timer.previous = null
    timer.next = first
    if (first !== null) first.previous = timer
    this.#slots[slot] = timer
    this.#hanging += 1
  }

  #unhang(timer: Timer): void {
    if (timer.previous !== null) timer.previous.next = timer.next
    else this.#slots[timer.slot] = timer.next
    if (timer.next !== null) timer.next.previous = timer.previous
    timer.next = null
    timer.previous = null
    timer.slot = -1
    this.#hanging -= 1
  }

  #start(): void {
    // The wheel stood still while nothing hung in it: take the time that has passed at once.
    this.refresh()
    this.#swept = this.#tick
    this.#interval = setInterval(() => this.advance(), TICK_MS)
    this.#interval.unref()
  }

  #stop(): void {
    if (this.#interval === null) return
    clearInterval(this.#interval)
    this.#interval = null
  }
}
