/**
 * One data-plane thread, as the supervisor sees it.
 *
 *     starting ──its listeners accept──▶ running ──▶ ended
 *        └── cannot ────────────────────────────────▶ ended
 */
import { Worker } from 'node:worker_threads'
import { ListenError } from '../net/listen-error.ts'
import type { Address, Snapshot } from '../snapshot.ts'
import { allListeners } from './all-listeners.ts'
import type { EngineEvent } from './api.ts'
import type { Answer, FromWorker, Order, ToWorker, WorkerBirth } from './messages.ts'

/** Milliseconds that a worker gets beyond the grace to end by itself. */
const STOP_MARGIN_MS = 2000

/**
 * Megabytes of a worker's heap for what is young. V8 lets it grow to 48 with whatever survives in the long run, such as the
 * generations of many reloads, and hardly ever takes it back. What a request needs is gone within a few milliseconds: with a
 * quarter of that it costs the same time (`perf load`), and a worker that has served for long has 25 MB less.
 */
const YOUNG_MB_MAX = 12

/**
 * Megabytes of a worker's heap for what is old, at least. V8 lets garbage of old age pile up in proportion to how much there may
 * be: with its own limit, of gigabytes, 200 reloads under load cost 16 % more memory than 20 do, with this one 4 %. What
 * requests need is not among it. A worker that needs more ends, and is replaced.
 */
const OLD_MB_MIN = 512
/** Of heap for each connection that the listeners may have open, so that their limit is what counts. */
const KILOBYTES_PER_CONNECTION = 8

function oldMegabytes(snapshot: Snapshot): number {
  const connections = allListeners(snapshot).reduce((sum, { limits }) => sum + limits.connectionsMax, 0)
  return Math.max(OLD_MB_MIN, Math.ceil((connections * KILOBYTES_PER_CONNECTION) / 1024))
}

export interface ThreadOwner {
  onEvent(event: EngineEvent): void
  /** It has answered an order, or something more of an old generation has ended there. */
  onProgress(): void
  /** Its last word. `wasRunning` is false for one that could not start: that `born` tells. */
  onExit(thread: WorkerThread, error: Error, wasRunning: boolean): void
}

export class WorkerThread {
  readonly index: number
  state: 'starting' | 'running' | 'ended' = 'starting'
  /** The earliest generation that something runs on. */
  oldest: number
  /** Resolves with where its listeners are when they accept; `null` for those of other workers. */
  readonly born: Promise<readonly (Address | null)[]>
  readonly #worker: Worker
  readonly #owner: ThreadOwner
  readonly #bornAt = performance.now()
  readonly #pending = new Map<number, (answer: Answer | null) => void>()
  #lastQuestion = 0
  #failure: Error | null = null

  constructor(module: URL, birth: WorkerBirth, owner: ThreadOwner) {
    this.index = birth.worker
    this.oldest = birth.plan.snapshot.generation
    this.#owner = owner
    this.#worker = new Worker(module, {
      workerData: birth,
      name: `sluice-worker-${birth.worker}`,
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG_MB_MAX,
        maxOldGenerationSizeMb: oldMegabytes(birth.plan.snapshot),
      },
    })
    const { promise, resolve, reject } = Promise.withResolvers<readonly (Address | null)[]>()
    this.born = promise
    this.#worker.on('error', (error: Error) => {
      this.#failure = error
    })
    this.#worker.on('exit', code => {
      const error = this.#failure ?? new Error(`the worker ended with exit code ${code}`)
      reject(error)
      this.#ended(error)
    })
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind !== 'born') {
        this.#hear(message)
      } else if (message.outcome.kind === 'listening') {
        this.state = 'running'
        owner.onEvent({ kind: 'worker_started', worker: this.index })
        resolve(message.outcome.addresses)
      } else {
        const { listener, code, message: text } = message.outcome
        reject(new ListenError(listener, code, text))
      }
    })
  }

  /** Milliseconds since it was started. */
  get livedMs(): number {
    return performance.now() - this.#bornAt
  }

  #hear(message: Exclude<FromWorker, { kind: 'born' }>): void {
    switch (message.kind) {
      case 'event':
        this.#owner.onEvent(message.event)
        return
      case 'oldest':
        this.oldest = message.generation
        this.#owner.onProgress()
        return
      case 'answer': {
        const { question, answer } = message
        if (answer.kind === 'committed') this.oldest = answer.oldest
        const resolve = this.#pending.get(question)
        this.#pending.delete(question)
        resolve?.(answer)
        this.#owner.onProgress()
      }
    }
  }

  #ended(error: Error): void {
    const wasRunning = this.state === 'running'
    this.state = 'ended'
    this.forget()
    this.#owner.onExit(this, error, wasRunning)
  }

  /** Resolves with the answer; with `null` when it ends without one. */
  order(order: Order): Promise<Answer | null> {
    if (this.state === 'ended') return Promise.resolve(null)
    const question = ++this.#lastQuestion
    this.#tell({ kind: 'order', question, order })
    return new Promise(resolve => this.#pending.set(question, resolve))
  }

  /** Nobody waits for its answers any more. */
  forget(): void {
    for (const resolve of this.#pending.values()) resolve(null)
    this.#pending.clear()
  }

  abort(generation: number): void {
    this.#tell({ kind: 'abort', generation })
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  /** Asks it to end; ends it when it does not. */
  stop(graceMs: number): Promise<void> {
    if (this.state === 'ended') return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => void this.#worker.terminate(), graceMs + STOP_MARGIN_MS)
      this.#worker.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      this.#tell({ kind: 'stop', graceMs })
    })
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}
