import { randomUUID } from 'node:crypto'
import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import { type EngineEvent, type EngineOptions, startEngine } from '../../engine/index.ts'
import type { ReloadReport, UpstreamControl, WorkerStatus } from '../../engine/threads/api.ts'
import { workerOf } from '../../engine/threads/messages.ts'
import { within } from './bell.ts'
import type { TestProxy } from './proxy.ts'
import { type TestProxyOptions, testSnapshot } from './snapshot.ts'
import { waitFor } from './wait-for.ts'
import { workerModule } from './worker-module.ts'
import { WITHOUT_RECORDS } from './worker-question.ts'

export interface InstrumentedOwnerData {
  readonly channel: string
  readonly gate: Int32Array
  /** Unix sockets that each worker listens on: to be told from connections. */
  readonly unixListeners: readonly number[]
}

/** What a worker holds at the moment of asking. */
export interface WorkerReport {
  /** Of the asking that it answers. */
  readonly question: string
  readonly worker: number
  /** Open sockets, listening ones left out. */
  readonly sockets: number
  readonly parsers: number
  /** Buffer slots that somebody holds or a write refers to. */
  readonly slots: number
  readonly timers: number
  /** All exchanges that have ended, in order. */
  readonly records: readonly ExchangeRecord[]
}

export interface InstrumentedProxy extends TestProxy {
  readonly events: readonly EngineEvent[]
  /** Changes an upstream while it runs. */
  upstream(name: string): UpstreamControl
  readonly generation: number
  workers(): readonly WorkerStatus[]
  reload(options: TestProxyOptions): Promise<ReloadReport>
  /** Asks every worker what it holds. */
  reports(): Promise<readonly WorkerReport[]>
  /** The records of all workers, once there are at least `count`. */
  records(count: number): Promise<readonly ExchangeRecord[]>
  /** Resolves when no connection, exchange, socket, parser, slot or timer is left; says what is when that never comes. */
  nothingLeft(deadlineMs?: number): Promise<void>
  /** Lets a worker that stands still after a request for `/block` go on. */
  openGate(): void
  kill(): Promise<void>
}

export interface InstrumentedProxyOptions extends TestProxyOptions {
  readonly workers?: number
  readonly shutdownGraceMs?: number
}

/** A proxy in this process whose workers tell what they hold, and what happened to their exchanges. */
export async function startInstrumentedProxy(options: InstrumentedProxyOptions): Promise<InstrumentedProxy> {
  const { workers = 1, shutdownGraceMs = 1_000 } = options
  const snapshot = testSnapshot(options)
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const events: EngineEvent[] = []
  const channelName = randomUUID()
  const unixListeners = Array.from({ length: workers }, (_, worker) => {
    return snapshot.listeners.filter(({ address }, index) => workerOf(address, index, workers) === worker).length
  })
  const ownerData: InstrumentedOwnerData = { channel: channelName, gate, unixListeners }
  const engineOptions: EngineOptions = {
    snapshot,
    workers,
    shutdownGraceMs,
    workerModule: workerModule('instrumented-worker'),
    ownerData,
    onEvent: event => events.push(event),
  }
  const engine = await startEngine(engineOptions)

  const reports = () => ask('')

  async function ask(wish: string): Promise<readonly WorkerReport[]> {
    const channel = new BroadcastChannel(channelName)
    const question = wish + randomUUID()
    const found: WorkerReport[] = []
    const answered = new Promise<void>(resolve => {
      channel.onmessage = ({ data }: { data: WorkerReport | string }) => {
        if (typeof data === 'string' || data.question !== question) return
        found.push(data)
        if (found.length === workers) resolve()
      }
    })
    channel.postMessage(question)
    await within(answered, 5_000, () => `reports of ${workers} workers; ${found.length} so far`)
    channel.close()
    return found.sort((a, b) => a.worker - b.worker)
  }

  async function leftOver(): Promise<string> {
    const { connectionsOpen, exchangesActive, inFlight } = engine.stats()
    const requests = inFlight.map(endpoint => endpoint.requests)
    const held = (await ask(WITHOUT_RECORDS)).map(({ sockets, parsers, slots, timers }) => ({
      sockets,
      parsers,
      slots,
      timers,
    }))
    const numbers = [connectionsOpen, exchangesActive, ...requests, ...held.flatMap(Object.values)]
    return numbers.every(number => number === 0)
      ? ''
      : JSON.stringify({ connectionsOpen, exchangesActive, requests, held })
  }

  const portOf = (index: number) => {
    const address = engine.listeners[index]?.address
    return address?.kind === 'tcp' ? address.port : 0
  }
  return {
    snapshot,
    events,
    get listeners() {
      return engine.listeners
    },
    get port() {
      return portOf(0)
    },
    get generation() {
      return engine.generation
    },
    workers: () => engine.workers(),
    reload: next => engine.reload(testSnapshot(next)),
    portOf,
    stats: () => engine.stats(),
    upstream: name => engine.upstream(name),
    stop: () => engine.stop(),
    kill: () => engine.kill(),
    reports,
    async records(count) {
      await waitFor(() => engine.stats().exchangesTotal >= count, `${count} exchanges that have ended`)
      return (await reports()).flatMap(report => report.records)
    },
    async nothingLeft(deadlineMs = 5_000) {
      const end = performance.now() + deadlineMs
      let left = await leftOver()
      while (left !== '') {
        if (performance.now() > end) throw new Error(`still there after ${deadlineMs} ms: ${left}`)
        left = await leftOver()
      }
    },
    openGate() {
      Atomics.store(gate, 0, 1)
      Atomics.notify(gate, 0)
    },
    [Symbol.asyncDispose]: () => engine.stop(),
  }
}
