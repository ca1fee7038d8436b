import { randomUUID } from 'node:crypto'
import { type Engine, type EngineEvent, type ReloadReport, startEngine } from '../../../engine/index.ts'
import { within } from '../../support/bell.ts'
import { type TestProxyOptions, testSnapshot } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { workerModule } from '../../support/worker-module.ts'

/** Steps of a reload in a worker: before and after it makes the generation ready, before and after that is in force. */
export type Step = typeof PREPARE | typeof PREPARED | typeof COMMIT | typeof COMMITTED
export const PREPARE = 0
export const PREPARED = 2
export const COMMIT = 4
export const COMMITTED = 6

/** Each step has a cell for what is to happen there, and behind it one that counts how often it was reached. */
export const CELLS_OF_WORKER = 8

/** What happens at a step. A worker waits, and refuses, only before it has said that it is ready. */
export const PASS = 0
export const WAIT = 1
export const DIE = 2
export const REFUSE = 3

export interface StepData {
  readonly cells: Int32Array
  readonly channel: string
}

/** What a worker still has of generations, upstreams and routers of the past. */
export interface Past {
  readonly worker: number
  readonly past: number
  readonly alive: number
}

export interface SteppedEngine extends AsyncDisposable {
  readonly engine: Engine
  readonly events: readonly EngineEvent[]
  readonly port: number
  reload(options: TestProxyOptions): Promise<ReloadReport>
  /** From here on, for the worker that has the number now and those after it. */
  order(worker: number, step: Step, what: typeof PASS | typeof WAIT | typeof DIE | typeof REFUSE): void
  /** Resolves when the worker, and whoever had its number before, has been there so often. */
  reached(worker: number, step: Step, times?: number): Promise<void>
  count(kind: EngineEvent['kind']): number
  /** Of all workers, after everything that nobody holds has been collected. */
  past(): Promise<readonly Past[]>
}

export async function startStepped(
  options: TestProxyOptions & { readonly workers?: number; readonly shutdownGraceMs?: number },
): Promise<SteppedEngine> {
  const { workers = 2, shutdownGraceMs = 1_000 } = options
  const cells = new Int32Array(new SharedArrayBuffer(workers * CELLS_OF_WORKER * 4))
  const channelName = randomUUID()
  const events: EngineEvent[] = []
  const engine = await startEngine({
    snapshot: testSnapshot(options),
    workers,
    shutdownGraceMs,
    workerModule: workerModule('step-worker'),
    ownerData: { cells, channel: channelName } satisfies StepData,
    onEvent: event => events.push(event),
  })
  const cellOf = (worker: number, step: Step) => worker * CELLS_OF_WORKER + step
  return {
    engine,
    events,
    get port() {
      const address = engine.listeners[0]?.address
      return address?.kind === 'tcp' ? address.port : 0
    },
    reload: next => engine.reload(testSnapshot(next)),
    order(worker, step, what) {
      Atomics.store(cells, cellOf(worker, step), what)
      Atomics.notify(cells, cellOf(worker, step))
    },
    async reached(worker, step, times = 1) {
      await waitFor(() => Atomics.load(cells, cellOf(worker, step) + 1) >= times, `worker ${worker} at step ${step}`)
    },
    count: kind => events.filter(event => event.kind === kind).length,
    async past() {
      const channel = new BroadcastChannel(channelName)
      const found: Past[] = []
      const answered = new Promise<void>(resolve => {
        channel.onmessage = ({ data }: { data: Past | string }) => {
          if (typeof data === 'string') return
          found.push(data)
          if (found.length === workers) resolve()
        }
      })
      channel.postMessage('alive')
      await within(answered, 5_000, () => `answers of ${workers} workers`)
      channel.close()
      return found
    },
    [Symbol.asyncDispose]: () => engine.stop(),
  }
}

/** A configuration that answers everything with a text. */
export function saying(text: string, options: TestProxyOptions = {}): TestProxyOptions {
  return {
    ...options,
    routes: [{ to: { kind: 'respond', status: 200, fields: [], content: Buffer.from(text) } }],
  }
}
