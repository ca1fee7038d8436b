import type { WriteStream } from 'node:tty'
import { formatCount, formatLatency, formatRate } from '../bench/format.ts'
import type { BenchProgress } from '../bench/options.ts'

/** How far a run is: one line that is drawn again on a terminal; elsewhere a line now and then, for logs. */

const LINE_EVERY_MS = 5000

/** A terminal that cannot erase a line says so. */
const DUMB = 'dumb'

type Stream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

export class ProgressLine {
  readonly #stream: Stream
  readonly #canRedraw: boolean
  #lastLineMs = performance.now()

  /** @param terminal What `TERM` says. */
  constructor(stream: Stream, terminal: string | undefined) {
    this.#stream = stream
    this.#canRedraw = stream.isTTY === true && terminal !== DUMB
  }

  /** @param prefix Which of several runs it is; empty for one. */
  show(prefix: string, progress: BenchProgress): void {
    const line = `${prefix}${describeProgress(progress)}`
    if (this.#canRedraw) {
      // A line that wraps could not be drawn over. Some terminals say that they have no columns.
      this.#stream.write(`\r\x1b[K${line.slice(0, (this.#stream.columns || 80) - 1)}`)
    } else if (performance.now() - this.#lastLineMs >= LINE_EVERY_MS) {
      this.#lastLineMs = performance.now()
      this.#stream.write(`${line}\n`)
    }
  }

  clear(): void {
    if (this.#canRedraw) this.#stream.write('\r\x1b[K')
  }
}

export function describeProgress(progress: BenchProgress): string {
  const { phase, elapsedMs, share, answered, requestsPerSecond, latencyUsP50, latencyUsP99, non2xx, failed } = progress
  const time = `${(elapsedMs / 1000).toFixed(1).padStart(5)} s`
  const place = `${time}  ${String(Math.floor(share * 100)).padStart(3)} %`
  if (phase === 'warm-up') return `${place}  warming up`
  const rate = `${formatRate(requestsPerSecond)} requests/s`
  const latencies =
    answered === 0 ? 'no answers yet' : `p50 ${formatLatency(latencyUsP50)}  p99 ${formatLatency(latencyUsP99)}`
  return `${place}  ${rate}  ${latencies}  ${formatCount(non2xx)} not 2xx  ${formatCount(failed)} failed`
}
