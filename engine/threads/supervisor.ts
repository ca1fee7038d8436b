/**
 * The main thread's part: starts the workers, replaces those that die, has them take other configurations over, sums up what
 * they count, ends them. It is never in a request's path.
 */
import type { ExplainRequest, Explanation } from '../explain/explanation.ts'
import type { FlowExplanation, FlowQuestion } from '../explain/flow-explanation.ts'
import { ListenError } from '../net/listen-error.ts'
import { assertFree } from '../net/listener.ts'
import { createIntakeMemory, IntakePage } from '../shared/intake-page.ts'
import {
  CONNECTIONS_OPEN,
  EXCHANGES_ACTIVE,
  FLOWS_ACTIVE,
  type PageSize,
  StatePage,
  type StateRow,
} from '../shared/state-page.ts'
import type { ChallengesSnapshot, Snapshot } from '../snapshot.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import { allListeners } from './all-listeners.ts'
import type {
  BoundListener,
  Engine,
  EngineEvent,
  EngineOptions,
  EngineStats,
  ReloadReport,
  UpstreamControl,
  WorkerStatus,
} from './api.ts'
import { changesBetween } from './changes.ts'
import { Directory, type Leftovers } from './directory.ts'
import { statsOf } from './engine-stats.ts'
import { explainNow, type PresentState } from './explain-now.ts'
import type { GenerationPlan, SocketPlan } from './messages.ts'
import { ReloadError } from './reload-error.ts'
import { isSame } from './same.ts'
import { isOurs, type NewSocket, planSockets, withAddresses } from './sockets.ts'
import { TicketSecrets } from './ticket-secrets.ts'
import { commitAll, prepareAll } from './two-phases.ts'
import { WorkerThread } from './worker-thread.ts'

/** A worker that lived less than this is replaced after a pause, so that one that cannot live does not spin. */
const SHORT_LIFE_MS = 1000
const PAUSE_AFTER_SHORT_LIFE_MS = 500

/** Milliseconds that a reload waits for workers that are just being started, or replaced. */
const SETTLE_MS_MAX = 10_000

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

/**
 * Columns and upstreams of the state page: it cannot grow, and configurations can. What is never touched costs no memory, but
 * address space. Of each there are four times as many as the first configuration has, and at least these; an endpoint may
 * have several addresses, and what is gone keeps its column as long as something runs there. Past it: `ReloadError`.
 */
const COLUMNS_MIN = 32_768
const UPSTREAMS_MIN = 4096
const GROWTH = 4

function createPage({ upstreams }: Snapshot, workers: number): StatePage {
  const endpoints = upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
  const columns = Math.max(COLUMNS_MIN, GROWTH * endpoints)
  return StatePage.create(workers, columns, Math.max(UPSTREAMS_MIN, GROWTH * upstreams.length))
}

class Supervisor implements Engine {
  readonly #options: EngineOptions
  readonly #page: StatePage
  readonly #threads: (WorkerThread | null)[]
  /** By number: threads that had it before, and when the last one was started, in milliseconds since the epoch. */
  readonly #restarts: number[]
  readonly #startedAtMs: number[]
  readonly #directory: Directory
  readonly #ticketSecrets: TicketSecrets
  #snapshot: Snapshot
  #sockets: readonly SocketPlan[]
  /** Those of UDP that have gone: workers may have them open still, until the last flow there has ended. */
  #drained: readonly SocketPlan[] = []
  #lastSocket = 0
  #challenges: ChallengesSnapshot = { http: [], tls: [] }
  #ending = false
  #stopped: Promise<void> | null = null
  readonly #timers = new Set<NodeJS.Timeout>()
  /** While it is being decided what is in force, no worker is born: those that are to be, by number. `null` otherwise. */
  #unborn: number[] | null = null
  /** The reloads so far have ended. */
  #reloads: Promise<unknown> = Promise.resolve()
  /** What can be freed when nothing runs any more on generations before the number. */
  #leftovers: { readonly generation: number; readonly free: () => void }[] = []
  /** Called when a worker has started or ended. */
  readonly #onSettled = new Set<() => void>()

  constructor(options: EngineOptions) {
    this.#options = options
    const { snapshot, workers } = options
    this.#snapshot = snapshot
    this.#sockets = planSockets(snapshot, null, workers, () => this.#newSocket())
    this.#page = createPage(snapshot, workers)
    this.#directory = new Directory(snapshot, this.#page, {
      publish: (slot, placements) => this.#publish(slot, placements),
      onEvent: event => this.#tell(event),
    })
    this.#ticketSecrets = new TicketSecrets(secrets => this.#rotate(secrets), options.ticketRotationMs)
    this.#threads = new Array<WorkerThread | null>(workers).fill(null)
    this.#restarts = new Array<number>(workers).fill(0)
    this.#startedAtMs = new Array<number>(workers).fill(0)
  }

  #newSocket(): NewSocket {
    this.#lastSocket += 1
    return { socket: this.#lastSocket, limits: createIntakeMemory(this.#options.workers) }
  }

  #tell(event: EngineEvent): void {
    this.#options.onEvent?.(event)
  }

  async start(): Promise<void> {
    try {
      await this.#assertAddressesFree(this.#snapshot, this.#sockets, [])
      await this.#directory.open()
      await this.#ticketSecrets.prepare(this.#snapshot)
      // The first worker learns the ports that the system chooses; the others join it there.
      this.#sockets = withAddresses(this.#sockets, await this.#startWorker(0).born)
      const others = this.#threads.map((_, worker) => worker).slice(1)
      await Promise.all(others.map(worker => this.#startWorker(worker).born))
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** Those of `sockets` that are not among `ours`, where workers share them. */
  async #assertAddressesFree(
    snapshot: Snapshot,
    sockets: readonly SocketPlan[],
    ours: readonly SocketPlan[],
  ): Promise<void> {
    if (this.#options.workers === 1) return
    const listeners = allListeners(snapshot)
    for (const [index, plan] of sockets.entries()) {
      if (isOurs(plan, ours)) continue
      await assertFree(plan.address, plan.transport).catch((error: NodeJS.ErrnoException) => {
        throw ListenError.of(listeners[index]?.name ?? '', plan.address, error)
      })
    }
  }

  get #plan(): GenerationPlan {
    return {
      snapshot: this.#snapshot,
      sockets: this.#sockets,
      upstreams: this.#directory.placements,
      ticketSecrets: this.#ticketSecrets.all,
    }
  }

  /** One that is born meanwhile was born with them, or is told behind its birth. */
  #rotate(secrets: readonly Uint8Array[]): void {
    for (const thread of this.#running()) void thread.order({ kind: 'tickets', secrets })
  }

  #startWorker(index: number): WorkerThread {
    const { workers, ownerData, workerModule } = this.#options
    const { buffer: page, size } = this.#page
    const birth = { worker: index, workers, plan: this.#plan, challenges: this.#challenges, page, size, ownerData }
    const thread = new WorkerThread(workerModule ?? ENGINE_WORKER, birth, {
      onEvent: event => this.#tell(event),
      onProgress: () => this.#free(),
      onExit: (ended, error, wasRunning) => this.#onExit(ended, error, wasRunning),
    })
    this.#threads[index] = thread
    this.#startedAtMs[index] = Date.now()
    void thread.born.then(
      () => this.#settled(),
      () => this.#settled(),
    )
    return thread
  }

  #settled(): void {
    for (const call of this.#onSettled) call()
  }

  #onExit(thread: WorkerThread, error: Error, wasRunning: boolean): void {
    const { index } = thread
    if (this.#threads[index] !== thread) return
    this.#threads[index] = null
    this.#page.clearPresent(this.#page.rows[index] as StateRow, this.#used)
    for (const { limits } of this.#sockets) new IntakePage(limits).clear(index)
    this.#free()
    this.#settled()
    if (this.#ending || !wasRunning) return
    this.#onDeath(thread, error)
  }

  #onDeath({ index, livedMs }: WorkerThread, error: Error): void {
    this.#tell({ kind: 'worker_died', worker: index, error: error.message, stack: error.stack ?? '' })
    this.#replace(index, livedMs < SHORT_LIFE_MS ? PAUSE_AFTER_SHORT_LIFE_MS : 0)
  }

  #replace(index: number, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.#unborn === null) this.#bear(index)
      else this.#unborn.push(index)
    }, afterMs)
    this.#timers.add(timer)
  }

  #bear(index: number): void {
    if (this.#ending) return
    this.#restarts[index] = (this.#restarts[index] as number) + 1
    const thread = this.#startWorker(index)
    thread.born.catch((error: Error) => {
      void thread.terminate()
      if (this.#threads[index] === thread) this.#threads[index] = null
      if (this.#ending) return
      this.#tell({ kind: 'worker_died', worker: index, error: error.message, stack: error.stack ?? '' })
      this.#replace(index, PAUSE_AFTER_SHORT_LIFE_MS)
    })
  }

  /** Tells every worker where the endpoints of an upstream are; resolves when all know, or are gone. */
  async #publish(slot: number, placements: readonly EndpointPlacement[]): Promise<void> {
    if (this.#ending) return
    await Promise.all(this.#running().map(thread => thread.order({ kind: 'place', slot, placements })))
  }

  get generation(): number {
    return this.#snapshot.generation
  }

  reload(snapshot: Snapshot): Promise<ReloadReport> {
    const reloaded = this.#reloads.then(() => this.#reload(snapshot))
    this.#reloads = reloaded.catch(() => undefined)
    return reloaded
  }

  async #reload(given: Snapshot): Promise<ReloadReport> {
    const snapshot = { ...given, generation: this.generation + 1 }
    try {
      this.#assertRunning()
      const report = { generation: snapshot.generation, ...changesBetween(this.#snapshot, snapshot) }
      await this.#directory.prepare(snapshot)
      await this.#takeOver(snapshot)
      this.#tell({ kind: 'reloaded', ...report })
      return report
    } catch (error) {
      const failure = this.#failureOf(error)
      this.#tell({ kind: 'reload_failed', generation: this.generation, error: failure.message })
      throw failure
    }
  }

  #failureOf(error: unknown): Error {
    if (this.#ending) return new ReloadError('stopping', 'the proxy is stopping: no other configuration is taken over')
    if (error instanceof ReloadError || error instanceof ListenError) return error
    return new ReloadError('refused', error instanceof Error ? error.message : String(error))
  }

  #assertRunning(): void {
    if (this.#ending) throw new ReloadError('stopping', 'the proxy is stopping')
  }

  /** The upstreams are ready: now the workers. */
  async #takeOver(snapshot: Snapshot): Promise<void> {
    let threads: readonly WorkerThread[] = []
    let decided: { readonly plan: GenerationPlan; readonly leftovers: Leftovers } | null = null
    try {
      const sockets = await this.#planSockets(snapshot)
      await this.#ticketSecrets.prepare(snapshot)
      await this.#settle()
      this.#unborn = []
      threads = this.#running()
      const { generation } = snapshot
      const upstreams = this.#directory.nextPlacements(generation)
      const ticketSecrets = this.#ticketSecrets.all
      const plan = await prepareAll(threads, { snapshot, sockets, upstreams, ticketSecrets })
      this.#assertRunning()
      decided = { plan, leftovers: this.#decide(plan) }
    } finally {
      if (decided === null) this.#giveUp(threads, snapshot.generation)
      this.#bearUnborn()
    }
    await this.#commit(threads, decided.plan, decided.leftovers)
  }

  async #planSockets(snapshot: Snapshot): Promise<SocketPlan[]> {
    const before = { snapshot: this.#snapshot, sockets: this.#sockets }
    const sockets = planSockets(snapshot, before, this.#options.workers, () => this.#newSocket())
    const drained = this.#page.counter(FLOWS_ACTIVE) > 0 ? this.#drained : []
    await this.#assertAddressesFree(snapshot, sockets, [...this.#sockets, ...drained])
    return sockets
  }

  /** Waits until no worker is between death and life, as long as that may take. */
  async #settle(): Promise<void> {
    const isSettled = () => this.#ending || this.#threads.every(thread => thread?.state === 'running')
    if (!isSettled()) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(end, SETTLE_MS_MAX)
        const look = () => {
          if (isSettled()) end()
        }
        const onSettled = this.#onSettled
        onSettled.add(look)
        function end(): void {
          clearTimeout(timer)
          onSettled.delete(look)
          resolve()
        }
      })
    }
    this.#assertRunning()
    const starting = this.#threads.find(thread => thread?.state === 'starting') ?? null
    if (starting !== null) {
      throw new ReloadError('timeout', `worker ${starting.index} has not started yet: try again`, starting.index)
    }
    if (this.#running().length === 0) throw new ReloadError('died', 'no worker is alive that could take it over')
  }

  /** From here on it is in force: whoever is born now is born with it. */
  #decide(plan: GenerationPlan): Leftovers {
    const gone = this.#sockets.filter(socket => socket.transport === 'udp')
    this.#snapshot = plan.snapshot
    this.#sockets = plan.sockets
    this.#drained = [...this.#drained, ...gone].filter(socket => !isOurs(socket, plan.sockets))
    return this.#directory.adopt(plan.snapshot)
  }

  #giveUp(threads: readonly WorkerThread[], generation: number): void {
    for (const thread of threads) thread.abort(generation)
    this.#directory.abandon()
  }

  #bearUnborn(): void {
    const unborn = this.#unborn ?? []
    this.#unborn = null
    for (const index of unborn) this.#bear(index)
  }

  async #commit(threads: readonly WorkerThread[], plan: GenerationPlan, leftovers: Leftovers): Promise<void> {
    const { generation } = plan.snapshot
    const known = new Map(plan.upstreams.map(placement => [placement.slot, placement]))
    const moved = this.#directory.placements.filter(
      ({ slot, since, endpoints }) => since === generation && !isSame(known.get(slot)?.endpoints, endpoints),
    )
    await commitAll(threads, generation, moved, () => {
      leftovers.retire()
      this.#leftovers.push({ generation, free: () => leftovers.free() })
      this.#free()
    })
  }

  /** Gives back what only generations had on which nothing runs any more. */
  #free(): void {
    if (this.#leftovers.length === 0) return
    const oldest = Math.min(...this.#threads.map(thread => thread?.oldest ?? Number.POSITIVE_INFINITY))
    const free = this.#leftovers.filter(({ generation }) => generation <= oldest)
    this.#leftovers = this.#leftovers.filter(({ generation }) => generation > oldest)
    for (const leftover of free) leftover.free()
  }

  async challenge(challenges: ChallengesSnapshot): Promise<void> {
    this.#challenges = challenges
    if (this.#ending) return
    // One that is born meanwhile was born with them, or is told behind its birth.
    await Promise.all(this.#running().map(thread => thread.order({ kind: 'challenge', challenges })))
  }

  upstream(name: string): UpstreamControl {
    return this.#directory.upstream(name)
  }

  get listeners(): readonly BoundListener[] {
    return allListeners(this.#snapshot).map(({ name, address }, index) => ({
      name,
      address: this.#sockets[index]?.address ?? address,
    }))
  }

  workers(): readonly WorkerStatus[] {
    return this.#threads.map((thread, worker) => {
      const { counters } = this.#page.rows[worker] as StateRow
      return {
        worker,
        state: thread === null || thread.state === 'ended' ? 'dead' : thread.state,
        startedAtMs: this.#startedAtMs[worker] as number,
        restarts: this.#restarts[worker] as number,
        connectionsOpen: counters[CONNECTIONS_OPEN] as number,
        exchangesActive: counters[EXCHANGES_ACTIVE] as number,
      }
    })
  }

  stats(): EngineStats {
    return statsOf(this.#page, this.#directory.endpoints())
  }

  explain(request: ExplainRequest): Promise<Explanation> {
    return explainNow(
      () => this.#present(),
      explainer => explainer.explain(request),
    )
  }

  explainFlow(asked: FlowQuestion): Promise<FlowExplanation> {
    return explainNow(
      () => this.#present(),
      explainer => explainer.explainFlow(asked),
    )
  }

  explainAny(asked: ExplainRequest | FlowQuestion): Promise<Explanation | FlowExplanation> {
    return explainNow(
      () => this.#present(),
      explainer => explainer.explainAny(asked),
    )
  }

  #present(): PresentState {
    return {
      snapshot: this.#snapshot,
      listeners: this.listeners,
      placements: this.#directory.placements,
      page: this.#page,
      used: this.#used,
    }
  }

  /** How much of the state page ever was in use. */
  get #used(): PageSize {
    return { endpoints: this.#directory.columns.used, upstreams: this.#directory.slots.used }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopWorkers()
    return this.#stopped
  }

  async #stopWorkers(): Promise<void> {
    this.#end()
    const { shutdownGraceMs } = this.#options
    await Promise.all(this.#running().map(thread => thread.stop(shutdownGraceMs)))
  }

  async kill(): Promise<void> {
    this.#end()
    await Promise.all(this.#running().map(thread => thread.terminate()))
  }

  #end(): void {
    this.#ending = true
    this.#directory.close()
    this.#ticketSecrets.close()
    for (const thread of this.#running()) thread.forget()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#settled()
  }

  /** Those that are alive, or about to be. */
  #running(): WorkerThread[] {
    return this.#threads.filter(thread => thread !== null)
  }
}
