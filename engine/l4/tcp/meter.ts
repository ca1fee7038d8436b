/**
 * A limit on the bytes per second of one direction. What passes is taken from an account that fills with time; below zero nothing
 * more is read until it has come up again. So what one read brought goes on in one piece, and the average is exact: the account
 * remembers by how much a timer was late.
 */
import { Timer, type TimerTarget, type TimerWheel } from '../../net/timer-wheel.ts'

/** What may have been saved up, in seconds of the rate: more than a timer is ever late, as long as the thread is not at a stand. */
const SAVED_SECONDS = 0.25

/** What one read may bring at most, in seconds of the rate: so that a slow limit does not come in lumps. */
const READ_SECONDS = 0.125

/** Bytes of a read below which a limit would cost more than it is worth. */
const READ_BYTES_MIN = 256

export interface MeterOwner {
  /** More may pass. */
  onMeter(meter: Meter): void
}

export class Meter implements TimerTarget {
  /** There is nothing to be had before `onMeter`. */
  isEmpty = false
  /** Bytes that one read is to bring at most. */
  readonly readBytesMax: number
  readonly #bytesPerMs: number
  readonly #savedMax: number
  readonly #wheel: TimerWheel
  readonly #owner: MeterOwner
  readonly #timer: Timer
  #balance: number
  #filledAtMs: number

  /** `bytesPerSecond` above 0; `nowMs` is `performance.now()`. */
  constructor(bytesPerSecond: number, wheel: TimerWheel, owner: MeterOwner, nowMs: number) {
    this.readBytesMax = Math.max(READ_BYTES_MIN, Math.ceil(bytesPerSecond * READ_SECONDS))
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#savedMax = bytesPerSecond * SAVED_SECONDS
    this.#wheel = wheel
    this.#owner = owner
    this.#timer = new Timer(this)
    this.#balance = this.#savedMax
    this.#filledAtMs = nowMs
  }

  /** Bytes pass. False where none may follow before `onMeter`. `nowMs` is `performance.now()`. */
  take(count: number, nowMs: number): boolean {
    this.#fill(nowMs)
    this.#balance -= count
    if (this.#balance > 0) return true
    this.isEmpty = true
    this.#wheel.observe(nowMs)
    this.#wheel.set(this.#timer, -this.#balance / this.#bytesPerMs)
    return false
  }

  #fill(nowMs: number): void {
    const filled = this.#balance + (nowMs - this.#filledAtMs) * this.#bytesPerMs
    this.#balance = Math.min(this.#savedMax, filled)
    this.#filledAtMs = nowMs
  }

  onDeadline(): void {
    this.isEmpty = false
    this.#owner.onMeter(this)
  }

  end(): void {
    this.#wheel.clear(this.#timer)
  }
}
