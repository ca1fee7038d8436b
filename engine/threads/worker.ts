/** The life of a data-plane thread: born with a generation, told of others, told to stop, ended. */
import { parentPort, workerData } from 'node:worker_threads'
import { ListenError } from '../net/listen-error.ts'
import { StatePage } from '../shared/state-page.ts'
import type { WorkerHooks } from './api.ts'
import { DataPlane } from './data-plane.ts'
import type {
  Answer,
  FromWorker,
  GenerationPlan,
  Listening,
  Order,
  Refusal,
  ToWorker,
  WorkerBirth,
} from './messages.ts'

function birth(): WorkerBirth {
  if (parentPort === null) throw new Error('this module runs in a worker thread that an engine has started')
  return workerData as WorkerBirth
}

/** This worker's number, from 0; a worker that replaces a dead one has the dead one's. */
export function workerIndex(): number {
  return birth().worker
}

/** What the engine's owner gave as `EngineOptions.ownerData`. */
export function ownerData(): unknown {
  return birth().ownerData
}

/** Runs the data plane in this thread until the supervisor ends it. To be called once, by the worker module. */
export async function runWorker(hooks: WorkerHooks): Promise<void> {
  const { worker, workers, plan, challenges, page, size } = birth()
  const port = parentPort as NonNullable<typeof parentPort>
  const tell = (message: FromWorker): void => port.postMessage(message)
  const plane = new DataPlane({
    worker,
    page: new StatePage(page, workers, size.endpoints, size.upstreams),
    hooks,
    reusePort: workers > 1,
    onEvent: event => tell({ kind: 'event', event }),
    onOldest: generation => tell({ kind: 'oldest', generation }),
  })
  plane.challenge(challenges)
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'stop':
        void stop(plane, hooks, message.graceMs)
        return
      case 'abort':
        plane.abort(message.generation)
        return
      case 'order': {
        const { question, order } = message
        void follow(plane, order).then(answer => tell({ kind: 'answer', question, answer }))
      }
    }
  })
  tell({ kind: 'born', outcome: await start(plane, plan) })
}

async function start(plane: DataPlane, plan: GenerationPlan): Promise<Listening | Refusal> {
  try {
    return { kind: 'listening', addresses: await plane.start(plan) }
  } catch (error) {
    if (error instanceof ListenError) return refusalOf(error)
    throw error
  }
}

async function stop(plane: DataPlane, hooks: WorkerHooks, graceMs: number): Promise<void> {
  await plane.stop(graceMs)
  hooks.onStop?.()
  process.exit(0)
}

async function follow(plane: DataPlane, order: Order): Promise<Answer> {
  switch (order.kind) {
    case 'place':
      plane.place(order.slot, order.placements)
      return { kind: 'done' }
    case 'routes':
      plane.receiveRoutes(order.routes)
      return { kind: 'done' }
    case 'upstreams':
      plane.receiveUpstreams(order.upstreams, order.placements)
      return { kind: 'done' }
    case 'tickets':
      plane.setTicketSecrets(order.secrets)
      return { kind: 'done' }
    case 'prepare':
      return await prepare(plane, order.plan)
    case 'challenge':
      plane.challenge(order.challenges)
      return { kind: 'done' }
    case 'commit':
      return { kind: 'committed', oldest: plane.commit(order.generation, order.moved) }
  }
}

async function prepare(plane: DataPlane, plan: GenerationPlan): Promise<Listening | Refusal> {
  try {
    return { kind: 'listening', addresses: await plane.prepare(plan) }
  } catch (error) {
    return refusalOf(error as Error)
  }
}

function refusalOf(error: Error): Refusal {
  const { message } = error
  if (error instanceof ListenError) return { kind: 'refused', listener: error.listener, code: error.code, message }
  return { kind: 'refused', listener: '', code: '', message }
}
