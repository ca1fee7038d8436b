/** What a data-plane thread of the product runs: the engine's worker, with the access log on its exchanges. */
import { ownerData, runWorker, workerIndex } from '../engine/threads/worker.ts'
import { isWorkerLogData, openAccessLog } from './telemetry/access-log.ts'

const data = ownerData()

await runWorker({
  onExchange: isWorkerLogData(data) ? openAccessLog(data, workerIndex()) : null,
  onFlow: null,
  onStop: null,
})
