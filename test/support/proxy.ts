import type { FlowRecord } from '../../engine/l4/flow-record.ts'
import { createIntakeMemory } from '../../engine/shared/intake-page.ts'
import type { StatePage } from '../../engine/shared/state-page.ts'
import type { Address, Snapshot } from '../../engine/snapshot.ts'
import type { BoundListener, EngineEvent, EngineStats } from '../../engine/threads/api.ts'
import { DataPlane } from '../../engine/threads/data-plane.ts'
import { planSockets } from '../../engine/threads/sockets.ts'
import { startEngine } from '../../engine/threads/supervisor.ts'
import { copyOfFlow } from './flow-records.ts'
import { placeEndpoints } from './placements.ts'
import { type TestProxyOptions, testSnapshot } from './snapshot.ts'
import { workerModule } from './worker-module.ts'

export interface TestProxy extends AsyncDisposable {
  readonly snapshot: Snapshot
  readonly listeners: readonly BoundListener[]
  /** Port of the first listener. */
  readonly port: number
  /** Port of the listener with that index. */
  portOf(index: number): number
  stats(): EngineStats
  stop(): Promise<void>
}

/** Starts the engine with one worker thread. `await using` stops it. */
export async function startTestProxy(options: TestProxyOptions): Promise<TestProxy> {
  const snapshot = testSnapshot(options)
  const engine = await startEngine({
    snapshot,
    workers: 1,
    shutdownGraceMs: 1_000,
    workerModule: workerModule('engine-worker'),
  })
  const ports = engine.listeners.map(({ address }) => portOfAddress(address))
  return {
    snapshot,
    listeners: engine.listeners,
    port: ports[0] ?? 0,
    portOf: index => ports[index] ?? 0,
    stats: () => engine.stats(),
    stop: () => engine.stop(),
    [Symbol.asyncDispose]: () => engine.stop(),
  }
}

export interface SameThreadProxy extends AsyncDisposable {
  readonly port: number
  portOf(index: number): number
  /** What the data plane has told, e.g. exceptions within connections. */
  readonly events: readonly EngineEvent[]
  /** Those that have ended, in order. */
  readonly flows: readonly FlowRecord[]
  /** What it counts. */
  readonly page: StatePage
  stop(): Promise<void>
}

/**
 * Starts a data plane in this very thread: it shares the event loop with the test's peers, so that what they write has
 * been read by the proxy after some `turns()`. `await using` stops it.
 */
export async function startSameThreadProxy(options: TestProxyOptions, graceMs = 1_000): Promise<SameThreadProxy> {
  const snapshot = testSnapshot(options)
  const { page, placements } = await placeEndpoints(snapshot)
  const events: EngineEvent[] = []
  const flows: FlowRecord[] = []
  const plane = new DataPlane({
    worker: 0,
    page,
    hooks: { onExchange: null, onFlow: record => flows.push(copyOfFlow(record)), onStop: null },
    reusePort: false,
    onEvent: event => events.push(event),
  })
  let last = 0
  const sockets = planSockets(snapshot, null, 1, () => ({ socket: last++, limits: createIntakeMemory(1) }))
  const ports = (await plane.start({ snapshot, sockets, upstreams: placements, ticketSecrets: [] })).map(portOfAddress)
  const stop = () => plane.stop(graceMs)
  return {
    port: ports[0] ?? 0,
    portOf: index => ports[index] ?? 0,
    events,
    flows,
    page,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function portOfAddress(address: Address | null): number {
  return address?.kind === 'tcp' ? address.port : 0
}
