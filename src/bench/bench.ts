import { Worker } from 'node:worker_threads'
import { percentile } from '../../engine/shared/histogram.ts'
import { Course } from './course.ts'
import { createLivePage, type LiveCounts, readLivePages } from './live-page.ts'
import { type BenchOptions, type BenchSettings, checkOptions } from './options.ts'
import type { FromLoadThread, LoadPlan, LoadThreadData, ThreadReport, ToLoadThread } from './plan.ts'
import { reachTarget, type TargetAddress, tlsPlan } from './reach.ts'
import { requestBytes } from './request-bytes.ts'
import { type BenchResult, summarise } from './result.ts'

/** One load run, seen from the main thread: the threads that make it, its progress, its result. */

const LOAD_THREAD = new URL(import.meta.url.endsWith('.ts') ? './load-thread.ts' : './load-thread.js', import.meta.url)
const LOOK_MS = 250

/**
 * Puts load on a target and measures what comes back.
 *
 * @throws {BenchError} for options that are wrong, and for a target that cannot be reached.
 */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  const settings = checkOptions(options)
  const address = await reachTarget(settings, options.signal)
  const run = new Run(settings, planFor(settings, address), options)
  return await run.result()
}

function planFor(settings: BenchSettings, address: TargetAddress): LoadPlan {
  const { keepAlive, pipelining, timeoutMs, connections, threads, rate, durationMs, requests, warmUpMs } = settings
  return {
    ...address,
    tls: tlsPlan(settings),
    requestBytes: requestBytes(settings),
    isHead: settings.method === 'HEAD',
    keepAlive,
    pipelining,
    timeoutMs,
    connections,
    threads,
    rate,
    durationMs,
    requests,
    warmUpMs,
  }
}

class Run {
  readonly #settings: BenchSettings
  readonly #options: BenchOptions
  readonly #threads: Worker[]
  readonly #pages: SharedArrayBuffer[]
  readonly #outcome = Promise.withResolvers<void>()
  readonly #reports: ThreadReport[] = []
  readonly #course = new Course()
  #ready = 0
  #unreachable = 0
  #whyUnreachable = ''
  #wentMs = 0
  #measuringSinceMs = 0
  #endedEarly: string | null = null
  #lastLook = { atMs: 0, answered: 0 }

  constructor(settings: BenchSettings, plan: LoadPlan, options: BenchOptions) {
    this.#settings = settings
    this.#options = options
    this.#pages = Array.from({ length: plan.threads }, createLivePage)
    const budget = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    new Int32Array(budget)[0] = plan.requests ?? 0
    this.#threads = this.#pages.map((livePage, index) => {
      const workerData: LoadThreadData = { plan, index, livePage, budget }
      const thread = new Worker(LOAD_THREAD, { workerData, name: `load ${index}` })
      thread.on('message', (message: FromLoadThread) => this.#onMessage(message))
      thread.on('error', error => this.#outcome.reject(error))
      thread.on('exit', () => this.#outcome.reject(new Error('a load thread ended on its own')))
      return thread
    })
  }

  async result(): Promise<BenchResult> {
    const startedAt = new Date()
    const { signal } = this.#options
    const onAbort = () => this.#stop('interrupted')
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    const looking = setInterval(() => this.#look(), LOOK_MS)
    try {
      await this.#outcome.promise
    } finally {
      clearInterval(looking)
      signal?.removeEventListener('abort', onAbort)
      await Promise.all(this.#threads.map(thread => thread.terminate()))
    }
    this.#look()
    const facts = { startedAt, endedEarly: this.#endedEarly, course: this.#course.points() }
    return summarise(this.#settings, this.#reports, facts)
  }

  #onMessage(message: FromLoadThread): void {
    if (message.kind === 'ready') this.#onReady()
    else if (message.kind === 'unreachable') this.#onUnreachable(message.message)
    else if (message.kind === 'reachable') this.#unreachable -= 1
    else {
      this.#reports.push(message.report)
      if (this.#reports.length === this.#threads.length) this.#outcome.resolve()
      else this.#stopIfUnreachable()
    }
  }

  #onReady(): void {
    this.#ready += 1
    if (this.#ready < this.#threads.length || this.#endedEarly !== null) return
    this.#wentMs = performance.now()
    this.#tellAll({ kind: 'go' })
  }

  #onUnreachable(message: string): void {
    this.#unreachable += 1
    this.#whyUnreachable = message
    this.#stopIfUnreachable()
  }

  /** Threads that are done cannot tell: the others may still wait for a target that is gone. */
  #stopIfUnreachable(): void {
    if (this.#unreachable === 0 || this.#unreachable + this.#reports.length < this.#threads.length) return
    this.#stop(`the target could not be reached any more: ${this.#whyUnreachable}`)
  }

  #stop(reason: string): void {
    this.#endedEarly ??= reason
    this.#tellAll({ kind: 'stop' })
  }

  #tellAll(message: ToLoadThread): void {
    for (const thread of this.#threads) thread.postMessage(message)
  }

  #look(): void {
    if (this.#wentMs === 0) return
    const nowMs = performance.now()
    const counts = readLivePages(this.#pages)
    if (counts.isMeasuring && this.#measuringSinceMs === 0)
      this.#measuringSinceMs = this.#wentMs + this.#settings.warmUpMs
    const elapsedMs = nowMs - (counts.isMeasuring ? this.#measuringSinceMs : this.#wentMs)
    if (counts.isMeasuring) this.#course.look(elapsedMs, counts)
    this.#tellProgress(nowMs, elapsedMs, counts)
  }

  #tellProgress(nowMs: number, elapsedMs: number, counts: LiveCounts): void {
    const { isMeasuring, answered, non2xx, failed, buckets } = counts
    const before = this.#lastLook.atMs === 0 ? { atMs: this.#wentMs, answered: 0 } : this.#lastLook
    this.#lastLook = { atMs: nowMs, answered }
    this.#options.onProgress?.({
      phase: isMeasuring ? 'measuring' : 'warm-up',
      elapsedMs,
      share: Math.min(1, this.#shareOf(isMeasuring, elapsedMs, answered + failed)),
      answered,
      non2xx,
      failed,
      requestsPerSecond: ((answered - before.answered) * 1000) / Math.max(1, nowMs - before.atMs),
      latencyUsP50: percentile(buckets, 0.5),
      latencyUsP99: percentile(buckets, 0.99),
    })
  }

  #shareOf(isMeasuring: boolean, elapsedMs: number, settled: number): number {
    const { warmUpMs, durationMs, requests } = this.#settings
    if (!isMeasuring) return elapsedMs / warmUpMs
    return durationMs === null ? settled / (requests ?? settled) : elapsedMs / durationMs
  }
}
