import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import { accessLine } from './access-line.ts'
import { LogRingWriter } from './log-ring.ts'
import { LogSignal } from './log-signal.ts'

/** What a data-plane thread is given, by structured clone, to log with. */
export interface WorkerLogData {
  readonly kind: 'sluice-log'
  /** By worker index. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly signal: SharedArrayBuffer
  readonly access: { readonly enabled: boolean; readonly sample: number }
}

export function isWorkerLogData(data: unknown): data is WorkerLogData {
  return typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'sluice-log'
}

/**
 * The access log of one worker: a function to call at the end of each exchange, or `null` where nothing is to be
 * written. The function never waits and never throws; a line that finds its ring full is dropped and counted.
 *
 * A worker that replaces another of the same index continues its ring; the one before must have ended.
 */
export function openAccessLog(data: WorkerLogData, workerIndex: number): ((record: ExchangeRecord) => void) | null {
  const memory = data.rings[workerIndex]
  const sample = data.access.sample
  if (!data.access.enabled || sample <= 0 || memory === undefined) return null
  const writer = new LogRingWriter(memory)
  const signal = new LogSignal(data.signal)
  if (sample >= 1) {
    return record => {
      writer.writeAscii(accessLine(record))
      signal.lineWritten(writer.usedBytes)
    }
  }
  return record => {
    if (Math.random() >= sample) return
    writer.writeAscii(accessLine(record))
    signal.lineWritten(writer.usedBytes)
  }
}
