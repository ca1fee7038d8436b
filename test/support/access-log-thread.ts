/** A thread that logs like a worker: it writes `lines` access lines, tells it is done, and stays or falls silent. */
import { parentPort, workerData } from 'node:worker_threads'
import { openAccessLog, type WorkerLogData } from '../../src/telemetry/access-log.ts'
import { exchangeRecord } from './exchange-records.ts'

const { log, worker, lines, endless } = workerData as {
  log: WorkerLogData
  worker: number
  lines: number
  endless?: boolean
}
const accessLog = openAccessLog(log, worker)
for (let index = 0; index < lines || endless; index++) {
  accessLog?.onExchange(exchangeRecord({ listener: `worker ${worker}`, retries: index, target: '/é"x' }))
  if (index === lines - 1) parentPort?.postMessage('written')
}
