import type { ExplainRequest, Explanation } from '../engine/explain/explanation.ts'
import type { FlowExplanation, FlowQuestion } from '../engine/explain/flow-explanation.ts'
import type { Snapshot } from '../engine/snapshot.ts'
import type {
  BoundListener,
  Engine,
  EngineEvent,
  EngineStats,
  ReloadReport,
  UpstreamControl,
  WorkerStatus,
} from '../engine/threads/api.ts'
import { startEngine } from '../engine/threads/supervisor.ts'
import type { CertificateReport, CertificateService, ServiceOwner } from './certificates/service.ts'
import type { Settings } from './config/compile.ts'
import type { Problem } from './config/errors.ts'
import type { Configuration } from './config/load.ts'
import { withoutSecrets } from './config/masking.ts'
import { type Log, openLog } from './telemetry/log.ts'
import { logEvent } from './telemetry/log-event.ts'
import { logGeneration, logReloaded, logReloadFailure } from './telemetry/log-reload.ts'

/** Glues a configuration, the engine and the log together: what the command line and the library both start. */

export interface StartOptions {
  /** Writes the log that the configuration asks for to stdout; without it nothing is written at all. */
  readonly logs: boolean
  /** Whether `log.format: pretty` may colour its lines on a terminal. Default: true. */
  readonly colours?: boolean
  /** Told of everything the engine tells, after it was logged. */
  readonly onEvent?: ((event: EngineEvent) => void) | undefined
}

/** What a reload has come to. */
export interface ReloadResult extends ReloadReport {
  /** Of the configuration that is in force now. */
  readonly hash: string
  readonly warnings: readonly Problem[]
  /** Keys whose new values count from the next start on, and not before. */
  readonly needsRestart: readonly string[]
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly listeners: readonly BoundListener[]
  /** `null` when it was started without logs. */
  readonly logger: Log['logger'] | null
  /** The number of the configuration in force; 1 at the start. */
  readonly generation: number
  /** The configuration in force. */
  readonly configuration: Configuration
  /** What running requests get at the end. */
  readonly shutdownGraceMs: number
  /**
   * Takes another configuration over while it runs; see `Engine.reload`. What came of it is in the log too.
   *
   * @throws {ListenError | ReloadError} and then the one in force stays.
   */
  reload(configuration: Configuration): Promise<ReloadResult>
  stats(): EngineStats
  workers(): readonly WorkerStatus[]
  /** See `Engine.explain`; secrets of the configuration are masked. */
  explain(request: ExplainRequest): Promise<Explanation>
  explainFlow(asked: FlowQuestion): Promise<FlowExplanation>
  explainAny(asked: ExplainRequest | FlowQuestion): Promise<Explanation | FlowExplanation>
  /** Log lines that were lost; 0 without logs. */
  droppedLines(): number
  /** Certificates that are in force, and what is the matter with those that are to be. */
  certificates(): CertificateReport
  /** @throws {RangeError} for an upstream that there is not. */
  upstream(name: string): UpstreamControl
  close(): Promise<void>
}

/** Milliseconds that a configuration has waited at most since its files were read: what is younger is looked at once more. */
const READING_MS_MAX = 60_000

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
  const { colours = true } = options
  const readAtMs = performance.timeOrigin
  const log = options.logs ? await openLog({ ...settings.log, colours, workers: settings.workers }) : null
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
  if (log !== null) logStart(log, engine, configuration)
  const proxy = new StartedProxy(configuration, engine, log)
  await proxy.keepCertificates(readAtMs)
  return proxy
}

function logStart(log: Log, engine: Engine, configuration: Configuration): void {
  for (const listener of engine.listeners) {
    const url = listenerUrl(listener, listenerScheme(listener.name, configuration.snapshot))
    log.logger.info({ listener: listener.name, url }, `listener ${listener.name}: ${url}`)
  }
  logGeneration(log.logger, engine.generation, configuration)
}

class StartedProxy implements RunningProxy {
  readonly #engine: Engine
  readonly #log: Log | null
  /** What it was started with, which some settings keep until the end. */
  readonly #started: Settings
  #configuration: Configuration
  /** `null` as long as no configuration has had any. */
  #certificates: CertificateService | null = null
  /** What has changed the configuration so far has ended. */
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(configuration: Configuration, engine: Engine, log: Log | null) {
    this.#engine = engine
    this.#log = log
    this.#started = configuration.settings
    this.#configuration = configuration
  }

  get listeners(): readonly BoundListener[] {
    return this.#engine.listeners
  }

  get logger(): Log['logger'] | null {
    return this.#log?.logger ?? null
  }

  get generation(): number {
    return this.#engine.generation
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  get shutdownGraceMs(): number {
    return this.#started.shutdownGraceMs
  }

  stats(): EngineStats {
    return this.#engine.stats()
  }

  workers(): readonly WorkerStatus[] {
    return this.#engine.workers()
  }

  async explain(request: ExplainRequest): Promise<Explanation> {
    const { secrets } = this.#configuration
    return withoutSecrets(await this.#engine.explain(request), secrets)
  }

  async explainFlow(asked: FlowQuestion): Promise<FlowExplanation> {
    const { secrets } = this.#configuration
    return withoutSecrets(await this.#engine.explainFlow(asked), secrets)
  }

  async explainAny(asked: ExplainRequest | FlowQuestion): Promise<Explanation | FlowExplanation> {
    const { secrets } = this.#configuration
    return withoutSecrets(await this.#engine.explainAny(asked), secrets)
  }

  droppedLines(): number {
    return this.#log?.dropped() ?? 0
  }

  upstream(name: string): UpstreamControl {
    return this.#engine.upstream(name)
  }

  certificates(): CertificateReport {
    return this.#certificates?.report(this.#configuration) ?? { certificates: [], problems: [], acme: [] }
  }

  /** Whoever has none pays for nothing. `readAtMs`, since the epoch, is when their files were read at the earliest. */
  async keepCertificates(readAtMs: number): Promise<void> {
    const { tls } = this.#configuration
    if (this.#certificates === null && tls.listeners.length === 0 && tls.upstreams.length === 0) return
    if (this.#certificates === null) {
      const { CertificateService } = await import('./certificates/service.ts')
      const { FileWatch } = await import('./control/file-watch.ts')
      const owner = this.#certificateOwner()
      const onPolling = (reason: string) => owner.log('warn', { reason }, pollingText(reason))
      const watch = (onChange: () => void) => new FileWatch({ onChange, onPolling })
      this.#certificates = new CertificateService({ owner, watch })
    }
    this.#certificates.follow(this.#configuration, readAtMs)
  }

  #certificateOwner(): ServiceOwner {
    return {
      alone: change => this.#alone(() => change(this.#configuration)),
      takeOver: async ({ snapshot, certificates }) => {
        const { generation } = await this.#engine.reload(snapshot)
        this.#configuration = { ...this.#configuration, snapshot, certificates }
        return generation
      },
      challenge: challenges => this.#engine.challenge(challenges),
      log: (level, fields, sentence) => this.#log?.logger[level](fields, sentence),
    }
  }

  /** One change of the configuration after the other: each begins with what the one before has left. */
  #alone<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#turn.then(change)
    this.#turn = changed.catch(() => undefined)
    return changed
  }

  reload(configuration: Configuration): Promise<ReloadResult> {
    return this.#alone(() => this.#reload(configuration))
  }

  async #reload(configuration: Configuration): Promise<ReloadResult> {
    const readAtMs = Date.now() - READING_MS_MAX
    let report: ReloadReport
    try {
      report = await this.#engine.reload(configuration.snapshot)
    } catch (error) {
      if (this.#log !== null) logReloadFailure(this.#log.logger, error, this.generation)
      throw error
    }
    this.#configuration = configuration
    const needsRestart = this.#takeSettings(configuration.settings)
    const { hash, warnings } = configuration
    const result = { ...report, hash, warnings, needsRestart }
    if (this.#log !== null) logReloaded(this.#log.logger, result)
    await this.keepCertificates(readAtMs)
    return result
  }

  /** Takes over what can be changed while it runs; returns the keys of the rest, where they differ. */
  #takeSettings(settings: Settings): string[] {
    const started = this.#started
    const needsRestart: string[] = []
    if (settings.workers !== started.workers) needsRestart.push('runtime.workers')
    if (settings.shutdownGraceMs !== started.shutdownGraceMs) needsRestart.push('runtime.shutdown_grace')
    if (settings.controlSocket !== started.controlSocket) needsRestart.push('runtime.control_socket')
    if (this.#log === null) return needsRestart
    this.#log.logger.level = settings.log.level
    if (!this.#log.setAccess(settings.log.access)) needsRestart.push('log.access')
    if (settings.log.format !== started.log.format) needsRestart.push('log.format')
    return needsRestart
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The log outlives the engine, so that the last exchange gets its line. */
  async #close(): Promise<void> {
    this.#certificates?.close()
    try {
      await this.#engine.stop()
      this.#log?.logger.info('stopped')
    } finally {
      await this.#log?.close()
    }
  }
}

function pollingText(reason: string): string {
  return `the system does not tell of changes (${reason}): files of certificates are looked at every second`
}

/** What is spoken at a listener; `tls` is TCP whose encryption ends there. @internal */
export type ListenerScheme = 'http' | 'https' | 'tcp' | 'tls' | 'udp'

type Listeners = Pick<Snapshot, 'listeners' | 'tcpListeners' | 'udpListeners'>

/** @internal */
export function listenerScheme(name: string, { listeners, tcpListeners, udpListeners }: Listeners): ListenerScheme {
  if (udpListeners.some(one => one.name === name)) return 'udp'
  const tcp = tcpListeners.find(one => one.name === name)
  if (tcp !== undefined) return tcp.tls === null ? 'tcp' : 'tls'
  return listeners.some(one => one.name === name && one.tls !== null) ? 'https' : 'http'
}

/** Where a client on this machine reaches the listener; `unix:/path` for a socket file. @internal */
export function listenerUrl({ address }: BoundListener, scheme: ListenerScheme = 'http'): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `${scheme}://${urlHost(address.host)}:${address.port}`
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
