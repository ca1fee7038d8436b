/** The life of a data-plane thread: born with a snapshot, told to stop, ended. */
import { parentPort, workerData } from 'node:worker_threads'
import { ListenError } from '../net/listen-error.ts'
import { StatePage } from '../shared/state-page.ts'
import type { WorkerHooks } from './api.ts'
import { DataPlane } from './data-plane.ts'
import { type FromWorker, servesListener, type ToWorker, type WorkerBirth } from './messages.ts'

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
  const { worker, workers, snapshot, placements, page, size } = birth()
  const port = parentPort as NonNullable<typeof parentPort>
  const tell = (message: FromWorker): void => port.postMessage(message)
  const plane = new DataPlane({
    snapshot,
    worker,
    placements,
    page: new StatePage(page, workers, size.endpoints, size.upstreams),
    hooks,
    reusePort: workers > 1,
    onEvent: event => tell({ kind: 'event', event }),
  })
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'place') {
      plane.place(message.upstream, message.placements)
      tell({ kind: 'placed', change: message.change })
      return
    }
    void plane.stop(message.graceMs).then(() => {
      hooks.onStop?.()
      process.exit(0)
    })
  })
  try {
    const addresses = await plane.listen(listener => servesListener(snapshot, listener, worker, workers))
    tell({ kind: 'listening', addresses })
  } catch (error) {
    if (!(error instanceof ListenError)) throw error
    tell({ kind: 'listen_failed', listener: error.listener, code: error.code, message: error.message })
  }
}
