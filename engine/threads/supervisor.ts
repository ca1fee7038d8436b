/**
 * The main thread's part: starts the workers, replaces those that die, sums up what they count, ends them. It is never
 * in a request's path.
 */
import { Worker } from 'node:worker_threads'
import { ListenError } from '../net/listen-error.ts'
import { assertFree } from '../net/listener.ts'
import { percentile } from '../shared/histogram.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  CONNECTIONS_OPEN,
  CONNECTIONS_TOTAL,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  LATENCY_MAX_US,
  STATUS_CLASSES,
  StatePage,
} from '../shared/state-page.ts'
import type { Address, Snapshot } from '../snapshot.ts'
import type { BoundListener, Engine, EngineOptions, EngineStats } from './api.ts'
import type { FromWorker, ToWorker, WorkerBirth } from './messages.ts'

/** A worker that lived less than this is replaced after a pause, so that one that cannot live does not spin. */
const SHORT_LIFE_MS = 1000
const PAUSE_AFTER_SHORT_LIFE_MS = 500

/** Milliseconds that a worker gets beyond the grace to end by itself. */
const STOP_MARGIN_MS = 2000

const ENGINE_WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './engine-worker.ts' : './engine-worker.js',
  import.meta.url,
)

/** Starts the workers; resolves when all of them accept. Rejects with `ListenError` when a listener cannot open. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const supervisor = new Supervisor(options)
  await supervisor.start()
  return supervisor
}

/** Columns of the state page that a snapshot needs: one per endpoint, in order. */
function countEndpoints(snapshot: Snapshot): number {
  return snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
}

class Supervisor implements Engine {
  readonly #options: EngineOptions
  readonly #page: StatePage
  readonly #workers: (Worker | null)[]
  #snapshot: Snapshot
  #ending = false
  #stopped: Promise<void> | null = null
  readonly #restarts = new Set<NodeJS.Timeout>()

  constructor(options: EngineOptions) {
    this.#options = options
    this.#snapshot = options.snapshot
    this.#page = StatePage.create(options.workers, countEndpoints(options.snapshot))
    this.#workers = new Array<Worker | null>(options.workers).fill(null)
  }

  async start(): Promise<void> {
    try {
      await this.#assertAddressesFree()
      // The first worker learns the ports that the system chooses; the others join it there.
      this.#adopt(await this.#startWorker(0))
      const others = this.#workers.map((_, worker) => worker).slice(1)
      for (const addresses of await Promise.all(others.map(worker => this.#startWorker(worker)))) this.#adopt(addresses)
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  async #assertAddressesFree(): Promise<void> {
    if (this.#options.workers === 1) return
    for (const { name, address } of this.#snapshot.listeners) {
      await assertFree(address).catch((error: NodeJS.ErrnoException) => {
        throw ListenError.of(name, address, error)
      })
    }
  }

  #adopt(addresses: readonly (Address | null)[]): void {
    const listeners = this.#snapshot.listeners.map((listener, index) => {
      const bound = addresses[index]
      if (bound?.kind !== 'tcp' || listener.address.kind !== 'tcp') return listener
      return { ...listener, address: { ...listener.address, port: bound.port } }
    })
    this.#snapshot = { ...this.#snapshot, listeners }
  }

  /** Resolves with the addresses when the worker accepts. */
  #startWorker(index: number): Promise<readonly (Address | null)[]> {
    const birth: WorkerBirth = {
      worker: index,
      workers: this.#options.workers,
      snapshot: this.#snapshot,
      page: this.#page.buffer,
      endpoints: this.#page.endpoints,
      ownerData: this.#options.ownerData,
    }
    const worker = new Worker(this.#options.workerModule ?? ENGINE_WORKER, {
      workerData: birth,
      name: `sluice-worker-${index}`,
    })
    this.#workers[index] = worker
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      let failure: Error | null = null
      let accepts = false
      worker.on('error', (error: Error) => {
        failure = error
      })
      worker.on('exit', code => {
        const error = failure ?? new Error(`the worker ended with exit code ${code}`)
        if (accepts) this.#onDeath(index, worker, error, performance.now() - startedAt)
        else reject(error)
      })
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'event') {
          this.#options.onEvent?.(message.event)
        } else if (message.kind === 'listening') {
          accepts = true
          this.#options.onEvent?.({ kind: 'worker_started', worker: index })
          resolve(message.addresses)
        } else {
          reject(new ListenError(message.listener, message.code, message.message))
        }
      })
    })
  }

  #onDeath(index: number, worker: Worker, error: Error, livedMs: number): void {
    if (this.#workers[index] !== worker) return
    this.#workers[index] = null
    this.#page.rows[index]?.clearPresent()
    if (this.#ending) return
    this.#options.onEvent?.({ kind: 'worker_died', worker: index, error: error.message, stack: error.stack ?? '' })
    this.#replace(index, livedMs < SHORT_LIFE_MS ? PAUSE_AFTER_SHORT_LIFE_MS : 0)
  }

  #replace(index: number, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      if (this.#ending) return
      this.#startWorker(index).catch((error: Error) => {
        void this.#workers[index]?.terminate()
        this.#workers[index] = null
        if (this.#ending) return
        this.#options.onEvent?.({ kind: 'worker_died', worker: index, error: error.message, stack: error.stack ?? '' })
        this.#replace(index, PAUSE_AFTER_SHORT_LIFE_MS)
      })
    }, afterMs)
    this.#restarts.add(timer)
  }

  get listeners(): readonly BoundListener[] {
    return this.#snapshot.listeners.map(({ name, address }) => ({ name, address }))
  }

  stats(): EngineStats {
    const page = this.#page
    const latency = page.latency()
    const endpoints = this.#snapshot.upstreams.flatMap(upstream =>
      upstream.endpoints.map(endpoint => ({ upstream: upstream.name, endpoint: endpoint.name })),
    )
    return {
      connectionsOpen: page.counter(CONNECTIONS_OPEN),
      connectionsTotal: page.counter(CONNECTIONS_TOTAL),
      exchangesActive: page.counter(EXCHANGES_ACTIVE),
      exchangesTotal: page.counter(EXCHANGES_TOTAL),
      bytesIn: page.counter(BYTES_IN),
      bytesOut: page.counter(BYTES_OUT),
      statusClasses: Array.from({ length: 6 }, (_, index) => page.counter(STATUS_CLASSES + index)),
      inFlight: endpoints.map((endpoint, column) => ({ ...endpoint, requests: page.inFlight(column) })),
      latencyUs: {
        count: latency.reduce((sum, count) => sum + count, 0),
        p50: percentile(latency, 0.5),
        p90: percentile(latency, 0.9),
        p99: percentile(latency, 0.99),
        p999: percentile(latency, 0.999),
        max: Math.max(...page.rows.map(row => row.counters[LATENCY_MAX_US] as number)),
      },
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopWorkers()
    return this.#stopped
  }

  async #stopWorkers(): Promise<void> {
    this.#end()
    const { shutdownGraceMs } = this.#options
    await Promise.all(this.#running().map(worker => stopWorker(worker, shutdownGraceMs)))
  }

  async kill(): Promise<void> {
    this.#end()
    await Promise.all(this.#running().map(worker => worker.terminate()))
  }

  #end(): void {
    this.#ending = true
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#restarts.clear()
  }

  #running(): Worker[] {
    return this.#workers.filter(worker => worker !== null)
  }
}

/** Asks the worker to end; ends it when it does not. */
function stopWorker(worker: Worker, graceMs: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => void worker.terminate(), graceMs + STOP_MARGIN_MS)
    worker.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    const message: ToWorker = { kind: 'stop', graceMs }
    worker.postMessage(message)
  })
}
