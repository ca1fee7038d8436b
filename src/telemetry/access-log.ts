import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import type { FlowRecord } from '../../engine/l4/flow-record.ts'
import { accessLine } from './access-line.ts'
import { flowLine } from './flow-line.ts'
import { LogRingWriter } from './log-ring.ts'
import { LogSignal } from './log-signal.ts'

/** What a data-plane thread is given, by structured clone, to log with. */
export interface WorkerLogData {
  readonly kind: 'sluice-log'
  /** By worker index. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly signal: SharedArrayBuffer
  /** Of the start: threads that begin without access lines never have any, and pay nothing for them. */
  readonly isEnabled: boolean
  /** One cell, see `AccessShare`. */
  readonly share: SharedArrayBuffer
}

/** Of `AccessShare`: every exchange and every flow gets a line. */
const SHARE_WHOLE = 2 ** 30

/** The share of the exchanges and flows that get a line, one for all threads, to be changed while they run. */
export class AccessShare {
  readonly memory: SharedArrayBuffer
  readonly #cell: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cell = new Int32Array(memory)
  }

  /** 0 to 1. A share that is not 0 is never rounded to it. */
  set(share: number): void {
    Atomics.store(this.#cell, 0, share <= 0 ? 0 : Math.max(1, Math.round(share * SHARE_WHOLE)))
  }

  /** Whether this one gets a line. */
  isDrawn(): boolean {
    const share = Atomics.load(this.#cell, 0)
    return share === SHARE_WHOLE || (share > 0 && Math.random() * SHARE_WHOLE < share)
  }
}

export function isWorkerLogData(data: unknown): data is WorkerLogData {
  return typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'sluice-log'
}

/** What one worker logs of what it has served. Neither waits and neither throws; a line that finds its ring full is dropped and counted. */
export interface AccessLog {
  /** Called at the end of each exchange. */
  onExchange(record: ExchangeRecord): void
  /** Called at the end of each flow. */
  onFlow(record: FlowRecord): void
}

/**
 * The access log of one worker, or `null` where nothing is to be written. A worker that replaces another of the same index
 * continues its ring; the one before must have ended.
 */
export function openAccessLog(data: WorkerLogData, workerIndex: number): AccessLog | null {
  const memory = data.rings[workerIndex]
  if (!data.isEnabled || memory === undefined) return null
  const share = new AccessShare(data.share)
  const writer = new LogRingWriter(memory)
  const signal = new LogSignal(data.signal)
  const write = (line: string): void => {
    writer.writeAscii(line)
    signal.lineWritten(writer.usedBytes)
  }
  return {
    onExchange: record => {
      if (share.isDrawn()) write(accessLine(record))
    },
    onFlow: record => {
      if (share.isDrawn()) write(flowLine(record))
    },
  }
}
