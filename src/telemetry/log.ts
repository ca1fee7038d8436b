import { Worker } from 'node:worker_threads'
import { type LevelWithSilent, type Logger, pino } from 'pino'
import { AccessShare, type WorkerLogData } from './access-log.ts'
import { allocateLogRing, droppedLines, LOG_RING_BYTES, LogRingWriter } from './log-ring.ts'
import { LogSignal } from './log-signal.ts'
import { closeDestination, type LogDestination, openDestination } from './log-sink.ts'
import type { LogThreadData } from './log-thread.ts'

export interface AccessOptions {
  readonly enabled: boolean
  /** Share of the exchanges that are logged, 0 to 1; thrown for each line. */
  readonly sample: number
}

export interface LogOptions {
  /** Of the logger. Access lines are not subject to it; `access.enabled` says whether there are any. */
  readonly level: LevelWithSilent
  readonly format: 'json' | 'pretty'
  readonly access: AccessOptions
  /** Data-plane threads that log. */
  readonly workers: number
  /** A file descriptor or a path, which is appended to. Default: 1, stdout. */
  readonly destination?: number | string
  /** Whether a terminal gets colours. Default: true. */
  readonly colours?: boolean
  /** Bytes of each thread's ring, a power of two. Default: 1 MiB. */
  readonly ringBytes?: number
}

export interface Log {
  /** For the calling thread. A line that finds its ring full is dropped and counted; nothing waits. */
  readonly logger: Logger
  /** From now on, in all threads. False where it cannot be: threads that were started without access lines have none. */
  setAccess(access: AccessOptions): boolean
  /** Structured-cloneable: what `openAccessLog` needs in the worker threads. */
  workerData(): unknown
  /** Lines that were lost so far: dropped because a ring was full, or not taken by the output. */
  dropped(): number
  /** Writes what there is, for a second at most if the output stalls, and ends the log's thread. Safe to call twice. */
  close(): Promise<void>
}

/** Built files end in `.js`, sources in `.ts`. */
const LOG_THREAD = new URL(import.meta.url.endsWith('.ts') ? './log-thread.ts' : './log-thread.js', import.meta.url)

/** What an output that has stopped taking bytes gets at the end. */
const DRAIN_TIMEOUT_MS = 1000
/** Past the drain timeout: for a thread that is inside a blocked write on an output that could not be made non-blocking. */
const END_TIMEOUT_MS = DRAIN_TIMEOUT_MS + 500

/**
 * Starts the log's thread. Rejects if the destination cannot be opened. The thread does not keep the process alive;
 * lines written before `process.exit()` are still written out.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const destination = openDestination(options.destination ?? 1)
  const ringBytes = options.ringBytes ?? LOG_RING_BYTES
  const rings = Array.from({ length: 1 + options.workers }, () => allocateLogRing(ringBytes))
  const signal = new LogSignal()
  const data: LogThreadData = {
    rings,
    signal: signal.memory,
    fd: destination.fd,
    format: options.format,
    isTerminal: destination.isTerminal && options.colours !== false,
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
  }
  const thread = await startThread(data, destination)
  return new OpenLog(options, rings, signal, thread, destination)
}

class OpenLog implements Log {
  readonly logger: Logger
  readonly #rings: readonly SharedArrayBuffer[]
  readonly #signal: LogSignal
  readonly #thread: Worker
  readonly #destination: LogDestination
  readonly #hasAccess: boolean
  readonly #share = new AccessShare()
  readonly #hasEnded: Promise<void>
  #closing: Promise<void> | null = null

  constructor(
    options: LogOptions,
    rings: readonly SharedArrayBuffer[],
    signal: LogSignal,
    thread: Worker,
    destination: LogDestination,
  ) {
    this.#rings = rings
    this.#signal = signal
    this.#thread = thread
    this.#destination = destination
    this.#hasAccess = options.access.enabled && options.access.sample > 0
    this.#share.set(this.#hasAccess ? options.access.sample : 0)
    this.logger = openLogger(options.level, new LogRingWriter(rings[0]!), signal)
    this.#hasEnded = new Promise(resolve => thread.once('exit', () => resolve()))
    thread.on('error', error => {
      process.stderr.write(`sluice: the log's thread failed, nothing more is logged: ${error}\n`)
      signal.markEnded()
    })
    thread.unref()
    process.on('exit', this.#onProcessExit)
  }

  setAccess({ enabled, sample }: AccessOptions): boolean {
    const share = enabled ? sample : 0
    this.#share.set(share)
    return this.#hasAccess || share === 0
  }

  workerData(): WorkerLogData {
    return {
      kind: 'sluice-log',
      rings: this.#rings.slice(1),
      signal: this.#signal.memory,
      isEnabled: this.#hasAccess,
      share: this.#share.memory,
    }
  }

  dropped(): number {
    return this.#rings.reduce((sum, ring) => sum + droppedLines(ring), this.#signal.lost)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#thread.ref()
    this.#signal.stop()
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<'timeout'>(resolve => {
      timer = setTimeout(() => resolve('timeout'), END_TIMEOUT_MS)
    })
    const outcome = await Promise.race([this.#hasEnded, timeout])
    clearTimeout(timer)
    process.off('exit', this.#onProcessExit)
    // Cannot end a thread within a blocked system call; its end must not be waited for, and its descriptor stays open.
    if (outcome === 'timeout') void this.#thread.terminate()
    else closeDestination(this.#destination)
  }

  readonly #onProcessExit = (): void => {
    this.#signal.stop()
    if (!this.#signal.ended) this.#signal.waitUntilEnded(END_TIMEOUT_MS)
  }
}

function openLogger(level: LevelWithSilent, writer: LogRingWriter, signal: LogSignal): Logger {
  return pino(
    { level, base: null },
    {
      write(line: string): void {
        writer.write(line)
        signal.lineWritten(writer.usedBytes)
      },
    },
  )
}

function startThread(data: LogThreadData, destination: LogDestination): Promise<Worker> {
  const thread = new Worker(LOG_THREAD, {
    name: 'sluice log',
    workerData: data,
    execArgv: [],
  })
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      closeDestination(destination)
      reject(error)
    }
    thread.once('error', fail)
    thread.once('message', () => {
      thread.off('error', fail)
      resolve(thread)
    })
  })
}
