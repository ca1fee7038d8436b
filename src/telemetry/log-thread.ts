/**
 * The log thread: takes lines out of every thread's ring and writes them to the output, with blocking calls of its own,
 * so that nobody else ever waits for a terminal, a pipe or a disk.
 *
 *     read rings -> (pretty) -> write -> lines gather 20 ms -> ...   and when there was nothing to read: sleep
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { openPretty } from './log-pretty.ts'
import { LogRingReader } from './log-ring.ts'
import { FILLING_BYTES, LogSignal, SLEEP_UNTIL_ANY_LINE, SLEEP_UNTIL_FILLING } from './log-signal.ts'
import { LogSink } from './log-sink.ts'

/** What the thread is started with. */
export interface LogThreadData {
  /** The supervisor's ring first, then one per worker. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly signal: SharedArrayBuffer
  readonly fd: number
  readonly format: 'json' | 'pretty'
  readonly isTerminal: boolean
  /** What an output that stalls gets after `stop()`; then the rest is given up and counted. */
  readonly drainTimeoutMs: number
}

/** Between two writes; what a line waits at most under load. */
const GATHER_MS = 20
/** Wakes by itself after this, should a wake-up ever be missed: a writer can die just before it notifies. */
const IDLE_WAIT_MS = 1000
/** Between two lines about dropped lines. */
const DROP_REPORT_INTERVAL_MS = 1000

type Pretty = ReturnType<typeof openPretty>

class LogThread {
  readonly #readers: readonly LogRingReader[]
  readonly #signal: LogSignal
  readonly #sink: LogSink
  readonly #pretty: Pretty | null
  readonly #drainTimeoutMs: number
  readonly #buffer: Buffer
  #deadlineMs = Number.POSITIVE_INFINITY
  #droppedReported = 0
  #reportedAtMs = Number.NEGATIVE_INFINITY

  constructor(data: LogThreadData, pretty: Pretty | null) {
    // The supervisor's last: what it says at the end ("stopped") comes after the workers' last exchanges.
    this.#readers = [...data.rings.slice(1), ...data.rings.slice(0, 1)].map(memory => new LogRingReader(memory))
    this.#signal = new LogSignal(data.signal)
    this.#sink = new LogSink(data.fd, {
      pause: timeoutMs => this.#signal.pause(timeoutMs),
      isOver: () => this.#isOver(),
    })
    this.#pretty = pretty
    this.#drainTimeoutMs = data.drainTimeoutMs
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(...this.#readers.map(reader => reader.capacityBytes)))
  }

  run(): void {
    for (;;) {
      // Asked before the rings are read: what was written before `stop()` is read after it.
      const isLast = this.#signal.stopAsked
      const moved = this.#writeOnce()
      this.#reportDrops(isLast)
      if (moved > 0 && !this.#isOver()) {
        if (!isLast) this.#signal.sleep(SLEEP_UNTIL_FILLING, GATHER_MS, () => this.#hasRoom())
      } else if (isLast) {
        break
      } else {
        this.#signal.sleep(SLEEP_UNTIL_ANY_LINE, IDLE_WAIT_MS, () => this.#isIdle())
      }
    }
    this.#giveUpRest()
    this.#signal.markEnded()
  }

  /** One pass over the rings; one write for all of them, unless they hold more than the buffer. */
  #writeOnce(): number {
    let moved = 0
    let filled = 0
    for (const reader of this.#readers) {
      let length = reader.read(this.#buffer, filled)
      if (length === 0 && reader.availableBytes > 0) {
        this.#write(filled)
        filled = 0
        length = reader.read(this.#buffer, 0)
      }
      filled += length
      moved += length
    }
    if (filled > 0) this.#write(filled)
    return moved
  }

  #write(length: number): void {
    if (this.#pretty === null) {
      this.#countLost(this.#sink.writeAll(this.#buffer, length))
      return
    }
    let text = ''
    for (const line of this.#buffer.toString('utf8', 0, length).split('\n')) if (line !== '') text += this.#pretty(line)
    const bytes = Buffer.from(text)
    this.#countLost(this.#sink.writeAll(bytes, bytes.length))
  }

  /** One line for all that were dropped since the last such line. Comes when lines can be written again. */
  #reportDrops(isLast: boolean): void {
    const dropped = this.#readers.reduce((sum, reader) => sum + reader.dropped, 0) + this.#signal.lost
    if (dropped === this.#droppedReported) return
    const now = Date.now()
    if (!isLast && now - this.#reportedAtMs < DROP_REPORT_INTERVAL_MS) return
    const lines = dropped - this.#droppedReported
    const line = `{"level":40,"time":${now},"msg":"log lines dropped: the log could not keep up","dropped":${lines}}\n`
    const bytes = Buffer.from(this.#pretty === null ? line : this.#pretty(line))
    this.#reportedAtMs = now
    // Not itself counted as lost if the output fails: said again next time instead.
    if (this.#sink.writeAll(bytes, bytes.length) === 0) this.#droppedReported = dropped
  }

  #countLost(lines: number): void {
    if (lines > 0) this.#signal.addLost(lines)
  }

  #hasRoom(): boolean {
    return this.#readers.every(reader => reader.availableBytes < FILLING_BYTES)
  }

  #isIdle(): boolean {
    return this.#readers.every(reader => reader.availableBytes === 0)
  }

  #isOver(): boolean {
    if (!this.#signal.stopAsked) return false
    if (this.#deadlineMs === Number.POSITIVE_INFINITY) this.#deadlineMs = performance.now() + this.#drainTimeoutMs
    return performance.now() >= this.#deadlineMs
  }

  /** After the deadline: what is still in the rings is taken out and counted, not written. */
  #giveUpRest(): void {
    for (const reader of this.#readers) {
      const length = reader.read(this.#buffer, 0)
      let lines = 0
      for (let index = 0; index < length; index++) if (this.#buffer[index] === 10) lines++
      this.#countLost(lines)
    }
  }
}

const data = workerData as LogThreadData
const pretty = data.format === 'pretty' ? (await import('./log-pretty.ts')).openPretty(data.isTerminal) : null
parentPort?.postMessage('ready')
new LogThread(data, pretty).run()
