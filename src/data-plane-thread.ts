/** What a data-plane thread of the product runs: the engine's worker, with the access log on its exchanges and flows. */
import { ownerData, runWorker, workerIndex } from '../engine/threads/worker.ts'
import { isWorkerLogData, openAccessLog } from './telemetry/access-log.ts'

const data = ownerData()
const log = isWorkerLogData(data) ? openAccessLog(data, workerIndex()) : null

await runWorker({ onExchange: log?.onExchange ?? null, onFlow: log?.onFlow ?? null, onStop: null })
