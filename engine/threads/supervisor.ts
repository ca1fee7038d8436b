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
  HEDGES_TOTAL,
  LATENCY_MAX_US,
  RETRIES_TOTAL,
  STATUS_CLASSES,
  StatePage,
  type StateRow,
} from '../shared/state-page.ts'
import type { Address, Snapshot } from '../snapshot.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { BoundListener, Engine, EngineOptions, EngineStats, UpstreamControl } from './api.ts'
import { Directory } from './directory.ts'
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

/** Endpoints that may come while it runs, by names and by hand, beside those of the configuration. */
const SPARE_COLUMNS = 1024

/** Columns of the state page for a snapshot: its endpoints may have several addresses each, and others come. */
function columnsFor(snapshot: Snapshot): number {
  return 2 * snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0) + SPARE_COLUMNS
}

class Supervisor implements Engine {
  readonly #options: EngineOptions
  readonly #page: StatePage
  readonly #workers: (Worker | null)[]
  readonly #directory: Directory
  #snapshot: Snapshot
  #ending = false
  #stopped: Promise<void> | null = null
  readonly #restarts = new Set<NodeJS.Timeout>()
  /** Changes that some workers do not know of yet. */
  readonly #changes = new Map<number, { readonly waitsFor: Set<Worker>; readonly resolve: () => void }>()
  #lastChange = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.#snapshot = options.snapshot
    const { snapshot, workers } = options
    this.#page = StatePage.create(workers, columnsFor(snapshot), snapshot.upstreams.length)
    this.#directory = new Directory(snapshot, this.#page, {
      publish: (upstream, placements) => this.#publish(upstream, placements),
      onEvent: event => options.onEvent?.(event),
    })
    this.#workers = new Array<Worker | null>(options.workers).fill(null)
  }

  async start(): Promise<void> {
    try {
      await this.#assertAddressesFree()
      await this.#directory.open()
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
      placements: this.#directory.placements,
      page: this.#page.buffer,
      size: this.#page.size,
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
        for (const change of this.#changes.keys()) this.#acknowledge(change, worker)
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
        } else if (message.kind === 'placed') {
          this.#acknowledge(message.change, worker)
        } else {
          reject(new ListenError(message.listener, message.code, message.message))
        }
      })
    })
  }

  #onDeath(index: number, worker: Worker, error: Error, livedMs: number): void {
    if (this.#workers[index] !== worker) return
    this.#workers[index] = null
    this.#page.clearPresent(this.#page.rows[index] as StateRow)
    if (this.#ending) return
    this.#options.onEvent?.({ kind: 'worker_died', worker: index, error: error.message, stack: error.stack ?? '' })
    this.#replace(index, livedMs < SHORT_LIFE_MS ? PAUSE_AFTER_SHORT_LIFE_MS : 0)
  }

  /** Tells every worker where the endpoints of an upstream are; resolves when all know, or are gone. */
  #publish(upstream: number, placements: readonly EndpointPlacement[]): Promise<void> {
    if (this.#ending) return Promise.resolve()
    const change = ++this.#lastChange
    const message: ToWorker = { kind: 'place', change, upstream, placements }
    const told = new Set(this.#running())
    for (const worker of told) worker.postMessage(message)
    return new Promise(resolve => {
      this.#changes.set(change, { waitsFor: told, resolve })
      this.#settle(change)
    })
  }

  #acknowledge(change: number, worker: Worker): void {
    this.#changes.get(change)?.waitsFor.delete(worker)
    this.#settle(change)
  }

  #settle(change: number): void {
    const pending = this.#changes.get(change)
    if (pending === undefined || pending.waitsFor.size > 0) return
    this.#changes.delete(change)
    pending.resolve()
  }

  upstream(name: string): UpstreamControl {
    return this.#directory.upstream(name)
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
    return {
      connectionsOpen: page.counter(CONNECTIONS_OPEN),
      connectionsTotal: page.counter(CONNECTIONS_TOTAL),
      exchangesActive: page.counter(EXCHANGES_ACTIVE),
      exchangesTotal: page.counter(EXCHANGES_TOTAL),
      bytesIn: page.counter(BYTES_IN),
      bytesOut: page.counter(BYTES_OUT),
      statusClasses: Array.from({ length: 6 }, (_, index) => page.counter(STATUS_CLASSES + index)),
      inFlight: this.#directory
        .endpoints()
        .map(({ upstream, name, requests }) => ({ upstream, endpoint: name, requests })),
      retries: page.counter(RETRIES_TOTAL),
      hedges: page.counter(HEDGES_TOTAL),
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
    this.#directory.close()
    for (const { resolve } of this.#changes.values()) resolve()
    this.#changes.clear()
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
