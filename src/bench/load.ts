import { createSecureContext, type SecureContext } from 'node:tls'
import autocannon from 'autocannon'
import { type ConnectionOwner, LoadConnection, type SentRequest } from './connection.ts'
import { ClosedLoop, type Demand, Schedule, scheduleTotal } from './demand.ts'
import { LivePage } from './live-page.ts'
import type { FromLoadThread, LoadThreadData, OnTheWay, ThreadReport } from './plan.ts'
import { type FailureKind, Recorder } from './recorder.ts'

/**
 * What a load thread does, from the first connection to the report.
 *
 * ```
 * connecting ── every connection tried, go ──▶ warm-up ──▶ measuring ── time is up, or all is answered ──▶ over
 * ```
 */

type Phase = 'connecting' | 'warm-up' | 'measuring' | 'over'

/**
 * Timers have milliseconds. A request that leaves this much after its time although a connection was free for it is
 * late by the tool's own doing, which is not the target's latency. Anything later counts from the intended time.
 */
const OWN_DELAY_MAX_MS = 2
const SWEEP_MS = 100

/** autocannon's own ends and deadlines are never used: about 23 days, which still fits a timer. */
const NEVER_S = 2_000_000

const NOTHING: OnTheWay = { count: 0, maxUs: 0 }

export class Load implements ConnectionOwner {
  readonly #data: LoadThreadData
  readonly #tell: (message: FromLoadThread) => void
  readonly #live: LivePage
  readonly #recorder: Recorder
  readonly #connections: LoadConnection[] = []
  /** Connections that can take a request now, the one that waits longest first. */
  readonly #free = new Set<LoadConnection>()
  #phase: Phase = 'connecting'
  #demand: Demand | null = null
  #measuringSinceMs = 0
  #lastOutcomeMs = 0
  /** Requests sent after the warm-up that nothing has come of yet. */
  #outstanding = 0
  /** The schedule's time is up: what is still due stays unsent. */
  #isClosed = false
  #attempts = 0
  #lastReachableMs = performance.now()
  #lastFailure = ''
  #isUnreachable = false
  #tickTimer: NodeJS.Timeout | null = null

  constructor(data: LoadThreadData, tell: (message: FromLoadThread) => void) {
    this.#data = data
    this.#tell = tell
    this.#live = new LivePage(data.livePage)
    this.#recorder = new Recorder(this.#live, data.plan.rate !== null)
  }

  /** Opens the connections; tells `ready` when each has been tried. */
  connect(): void {
    const { plan, index } = this.#data
    const secureContext = plan.tls === null ? null : createContext(plan.tls.ca)
    const own = Math.ceil((plan.connections - index) / plan.threads)
    autocannon({
      url: `http://${plan.host.includes(':') ? `[${plan.host}]` : plan.host}:${plan.port}`,
      connections: own,
      pipelining: plan.pipelining,
      duration: NEVER_S,
      timeout: NEVER_S,
      setupClient: client => this.#connections.push(new LoadConnection(plan, this, client, secureContext)),
    })
    setInterval(() => this.#sweep(), Math.min(SWEEP_MS, Math.max(1, plan.timeoutMs / 4)))
    if (!plan.keepAlive) this.#tell({ kind: 'ready' })
    for (const connection of this.#connections) connection.start()
  }

  /** Begins the load: with the warm-up where there is one. */
  go(): void {
    const { warmUpMs } = this.#data.plan
    if (warmUpMs === 0) {
      this.#measure()
      return
    }
    this.#phase = 'warm-up'
    this.#demand = this.#createDemand(Number.POSITIVE_INFINITY, null)
    setTimeout(() => this.#measure(), warmUpMs)
    this.#tick()
  }

  /** Ends the load now, with what there is. */
  stop(): void {
    this.#finish()
  }

  onSlot(connection: LoadConnection): void {
    const nowMs = performance.now()
    const intendedMs = this.#take(nowMs)
    if (intendedMs === null) this.#free.add(connection)
    // Nobody else was free: whatever time has passed since then, the target took.
    else this.#send(connection, nowMs, this.#free.size > 0 ? this.#forgiveOwnDelay(intendedMs, nowMs) : intendedMs)
  }

  onAnswer(request: SentRequest, status: number, latencyMs: number): void {
    this.#lastReachableMs = performance.now()
    if (!this.#counts(request)) return
    this.#recorder.answered(status, latencyMs * 1000, (request.sentMs - request.intendedMs) * 1000)
    this.#settle(request)
  }

  onFailure(kind: FailureKind, request: SentRequest | null, message: string): void {
    this.#lastFailure = message
    if (request === null ? this.#phase !== 'measuring' : !this.#counts(request)) return
    this.#recorder.failed(kind)
    if (request !== null) this.#settle(request)
  }

  onUnanswered(request: SentRequest): void {
    if (!request.isMeasured || this.#phase !== 'measuring') return
    this.#outstanding -= 1
    this.#demand?.giveBack(request.intendedMs)
    this.#tick()
    // Time is up: it stays unsent, and there may be nothing left to wait for.
    this.#finishIfDone()
  }

  onBytes(count: number): void {
    if (this.#phase === 'measuring') this.#recorder.received(count)
  }

  onAttempt(isOpen: boolean): void {
    if (isOpen) this.#lastReachableMs = performance.now()
    this.#attempts += 1
    if (this.#data.plan.keepAlive && this.#attempts === this.#connections.length) this.#tell({ kind: 'ready' })
  }

  /** Where time alone ends the run, what was on the way when measuring began counts, for what is on the way at the end. */
  #counts(request: SentRequest): boolean {
    const { durationMs, rate } = this.#data.plan
    return this.#phase === 'measuring' && (request.isMeasured || (durationMs !== null && rate === null))
  }

  #measure(): void {
    if (this.#phase === 'over') return
    const { plan, budget } = this.#data
    this.#phase = 'measuring'
    this.#live.beginMeasuring()
    this.#measuringSinceMs = performance.now()
    this.#lastOutcomeMs = this.#measuringSinceMs
    for (const connection of this.#connections) {
      if (connection.isRefused) this.#recorder.failed('connect')
    }
    const total = plan.rate === null ? 0 : scheduleTotal(plan.rate, plan.durationMs, plan.requests)
    this.#demand = this.#createDemand(total, plan.requests === null ? null : new Int32Array(budget))
    if (plan.durationMs !== null) setTimeout(() => this.#onTimeUp(), plan.durationMs)
    this.#tick()
    this.#finishIfDone()
  }

  #createDemand(total: number, budget: Int32Array | null): Demand {
    const { plan, index } = this.#data
    if (plan.rate === null) return new ClosedLoop(budget)
    const { rate, connections, threads } = plan
    return new Schedule({ startMs: performance.now(), rate, total, connections, threads, thread: index })
  }

  #onTimeUp(): void {
    if (this.#data.plan.rate === null) {
      this.#finish()
      return
    }
    // Whatever is due by now and has a connection still goes out; then only answers are waited for.
    this.#tick()
    this.#isClosed = true
    this.#finishIfDone()
  }

  #take(nowMs: number): number | null {
    if (this.#isClosed || this.#phase === 'connecting' || this.#phase === 'over') return null
    return this.#demand?.take(nowMs) ?? null
  }

  #send(connection: LoadConnection, sentMs: number, intendedMs: number): void {
    const isMeasured = this.#phase === 'measuring'
    if (isMeasured) this.#outstanding += 1
    connection.send({ intendedMs, sentMs, isMeasured })
  }

  /** Sends what is due on the connections that are free. */
  #tick(): void {
    for (const connection of this.#free) {
      this.#free.delete(connection)
      if (!connection.canSend) continue
      const nowMs = performance.now()
      const intendedMs = this.#take(nowMs)
      // A free connection has one slot or more; it goes to the end of the queue with those that are left.
      if (intendedMs !== null) this.#send(connection, nowMs, this.#forgiveOwnDelay(intendedMs, nowMs))
      if (connection.canSend) this.#free.add(connection)
      if (intendedMs === null) break
    }
    this.#scheduleTick()
  }

  #forgiveOwnDelay(intendedMs: number, nowMs: number): number {
    const lateMs = nowMs - intendedMs
    if (lateMs <= OWN_DELAY_MAX_MS) return nowMs
    if (this.#phase === 'measuring') this.#recorder.sentLate(lateMs * 1000)
    return intendedMs
  }

  #scheduleTick(): void {
    if (this.#tickTimer !== null) clearTimeout(this.#tickTimer)
    this.#tickTimer = null
    const dueMs = this.#demand?.nextDueMs() ?? Number.POSITIVE_INFINITY
    if (this.#isClosed || this.#phase === 'over' || dueMs === Number.POSITIVE_INFINITY) return
    this.#tickTimer = setTimeout(() => this.#tick(), Math.max(1, Math.ceil(dueMs - performance.now())))
  }

  #settle(request: SentRequest): void {
    this.#lastOutcomeMs = performance.now()
    if (!request.isMeasured) return
    this.#outstanding -= 1
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    const isOver = this.#isClosed || this.#demand?.isOver() === true
    if (this.#phase === 'measuring' && isOver && this.#outstanding === 0) this.#finish()
  }

  #finish(): void {
    if (this.#phase === 'over') return
    const report = this.#phase === 'measuring' ? this.#measured() : this.#recorder.report(0, NOTHING)
    this.#phase = 'over'
    if (this.#tickTimer !== null) clearTimeout(this.#tickTimer)
    for (const connection of this.#connections) connection.close()
    this.#tell({ kind: 'done', report })
  }

  #measured(): ThreadReport {
    const nowMs = performance.now()
    const { rate, durationMs, requests } = this.#data.plan
    if (rate !== null) this.#recordUnsent(nowMs)
    const isInTime = this.#demand?.isOver() === true || this.#isClosed
    // A schedule lasts as long as it says, though its last answer comes before that.
    const scheduledMs = rate === null ? 0 : (durationMs ?? ((requests ?? 0) / rate) * 1000)
    const endMs = isInTime ? Math.max(this.#lastOutcomeMs, this.#measuringSinceMs + scheduledMs) : nowMs
    return this.#recorder.report(endMs - this.#measuringSinceMs, this.#onTheWay(nowMs))
  }

  #onTheWay(nowMs: number): OnTheWay {
    const sentMs = this.#connections.flatMap(connection => connection.sent.map(request => request.sentMs))
    const oldestMs = sentMs.reduce((oldest, time) => Math.min(oldest, time), nowMs)
    return { count: sentMs.length, maxUs: Math.round((nowMs - oldestMs) * 1000) }
  }

  #recordUnsent(nowMs: number): void {
    for (let dueMs = this.#demand?.take(nowMs) ?? null; dueMs !== null; dueMs = this.#demand?.take(nowMs) ?? null) {
      this.#recorder.unsent((nowMs - dueMs) * 1000)
    }
  }

  #sweep(): void {
    if (this.#phase === 'over') return
    const nowMs = performance.now()
    for (const connection of this.#connections) connection.checkTimeout(nowMs)
    if (this.#connections.some(connection => connection.isOpen)) this.#lastReachableMs = nowMs
    const isUnreachable = nowMs - this.#lastReachableMs > this.#data.plan.timeoutMs && this.#lastFailure !== ''
    if (isUnreachable === this.#isUnreachable) return
    this.#isUnreachable = isUnreachable
    this.#tell(isUnreachable ? { kind: 'unreachable', message: this.#lastFailure } : { kind: 'reachable' })
  }
}

function createContext(ca: string | null): SecureContext {
  return createSecureContext(ca === null ? {} : { ca })
}
