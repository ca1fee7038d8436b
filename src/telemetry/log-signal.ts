/**
 * How threads that write log lines wake the log thread, and how the log is told to end: a few words of shared memory.
 *
 * The log thread goes to sleep in one of two moods. When it has been idle, any line wakes it. When it has just written,
 * it lets lines gather for some milliseconds, and only a ring that fills wakes it before: under load that is one
 * wake-up and one write for hundreds of lines, not for each. Whoever wakes it takes the mood back first, so that of
 * many writers one makes the system call.
 */

const MOOD = 0
const STOP = 1
const LOST = 2
const ENDED = 3

const AWAKE = 0
const ANY_LINE = 1
const FILLING = 2

/** Bytes in one ring past which the log thread is woken while it lets lines gather. */
export const FILLING_BYTES = 256 * 1024

export type SleepMood = typeof ANY_LINE | typeof FILLING
export const SLEEP_UNTIL_ANY_LINE: SleepMood = ANY_LINE
export const SLEEP_UNTIL_FILLING: SleepMood = FILLING

export class LogSignal {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(64)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  /**
   * A line has been published. Must come after the publishing store: the sleeper announces its mood, then looks at the
   * rings once more, so one of the two sees the other.
   *
   * @hotpath
   */
  lineWritten(usedBytes: number): void {
    const mood = Atomics.load(this.#words, MOOD)
    if (mood === AWAKE || (mood === FILLING && usedBytes < FILLING_BYTES)) return
    if (Atomics.compareExchange(this.#words, MOOD, mood, AWAKE) === mood) Atomics.notify(this.#words, MOOD)
  }

  /** The log thread's sleep. `mayStay` is asked after the mood is announced; false cancels the sleep. */
  sleep(mood: SleepMood, timeoutMs: number, mayStay: () => boolean): void {
    Atomics.store(this.#words, MOOD, mood)
    if (mayStay() && !this.stopAsked) Atomics.wait(this.#words, MOOD, mood, timeoutMs)
    Atomics.store(this.#words, MOOD, AWAKE)
  }

  /** A pause that only `stop()` ends early: the output takes nothing at the moment. */
  pause(timeoutMs: number): void {
    Atomics.wait(this.#words, STOP, this.stopAsked ? 1 : 0, timeoutMs)
  }

  get stopAsked(): boolean {
    return Atomics.load(this.#words, STOP) !== 0
  }

  /** Asks the log thread to write what there is and to end. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1)
    Atomics.notify(this.#words, STOP)
    Atomics.store(this.#words, MOOD, AWAKE)
    Atomics.notify(this.#words, MOOD)
  }

  /** Lines that left their ring and were not written, because the output failed or stalled to the end. */
  get lost(): number {
    return Atomics.load(this.#words, LOST) >>> 0
  }

  addLost(lines: number): void {
    Atomics.add(this.#words, LOST, lines)
  }

  /** The log thread has written its last byte. */
  markEnded(): void {
    Atomics.store(this.#words, ENDED, 1)
    Atomics.notify(this.#words, ENDED)
  }

  get ended(): boolean {
    return Atomics.load(this.#words, ENDED) !== 0
  }

  /** Blocks the calling thread until the log thread has ended; for a process that is exiting. */
  waitUntilEnded(timeoutMs: number): void {
    Atomics.wait(this.#words, ENDED, 0, timeoutMs)
  }
}
