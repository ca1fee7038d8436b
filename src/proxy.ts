import type { BoundListener, Engine, EngineEvent, EngineStats, UpstreamControl } from '../engine/threads/api.ts'
import { startEngine } from '../engine/threads/supervisor.ts'
import type { Configuration } from './config/load.ts'
import { type Log, openLog } from './telemetry/log.ts'
import { logEvent } from './telemetry/log-event.ts'

/** Glues a configuration, the engine and the log together: what the command line and the library both start. */

export interface StartOptions {
  /** Writes the log that the configuration asks for to stdout; without it nothing is written at all. */
  readonly logs: boolean
  /** Told of everything the engine tells, after it was logged. */
  readonly onEvent?: ((event: EngineEvent) => void) | undefined
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly listeners: readonly BoundListener[]
  /** `null` when it was started without logs. */
  readonly logger: Log['logger'] | null
  stats(): EngineStats
  /** @throws {RangeError} for an upstream that there is not. */
  upstream(name: string): UpstreamControl
  close(): Promise<void>
}

/** The module that worker threads run when there is a log; built files end in `.js`, sources in `.ts`. */
const WORKER_MODULE = new URL(
  import.meta.url.endsWith('.ts') ? './data-plane-thread.ts' : './data-plane-thread.js',
  import.meta.url,
)

/**
 * Resolves when every listener accepts; when it rejects, nothing stays behind.
 *
 * @throws {ListenError}
 */
export async function startProxy(configuration: Configuration, options: StartOptions): Promise<RunningProxy> {
  const { settings, snapshot } = configuration
  const log = options.logs ? await openLog({ ...settings.log, workers: settings.workers }) : null
  let engine: Engine
  try {
    engine = await startEngine({
      snapshot,
      workers: settings.workers,
      shutdownGraceMs: settings.shutdownGraceMs,
      onEvent: event => {
        if (log !== null) logEvent(log.logger, event)
        options.onEvent?.(event)
      },
      ...(log === null ? {} : { workerModule: WORKER_MODULE, ownerData: log.workerData() }),
    })
  } catch (error) {
    await log?.close()
    throw error
  }
  for (const listener of engine.listeners) {
    const url = listenerUrl(listener)
    log?.logger.info({ listener: listener.name, url }, `listener ${listener.name}: ${url}`)
  }
  let closing: Promise<void> | null = null
  return {
    listeners: engine.listeners,
    logger: log?.logger ?? null,
    stats: () => engine.stats(),
    upstream: name => engine.upstream(name),
    close: () => {
      closing ??= close(engine, log)
      return closing
    },
  }
}

/** Where a client on this machine reaches the listener; `unix:/path` for a socket file. @internal */
export function listenerUrl({ address }: BoundListener): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `http://${urlHost(address.host)}:${address.port}`
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** The log outlives the engine, so that the last exchange gets its line. */
async function close(engine: Engine, log: Log | null): Promise<void> {
  try {
    await engine.stop()
    log?.logger.info('stopped')
  } finally {
    await log?.close()
  }
}
