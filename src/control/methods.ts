import { ExplainError } from '../../engine/explain/explain-error.ts'
import type { Explanation } from '../../engine/explain/explanation.ts'
import type { FlowExplanation } from '../../engine/explain/flow-explanation.ts'
import type { CircuitState, EndpointStatus, EngineStats, WorkerStatus } from '../../engine/threads/api.ts'
import type { CertificateReport } from '../certificates/service.ts'
import { ConfigurationError, type Problem } from '../config/errors.ts'
import { isFlowDescription, readFlowDescription } from '../explain/flow-spec.ts'
import { RequestSpecError, readUnknownDescription } from '../explain/request-spec.ts'
import type { ReloadResult, RunningProxy } from '../proxy.ts'
import type { LastReload, Reloader } from './reloader.ts'
import type { ControlMethods } from './server.ts'
import { type ListenerStatus, listenerStatus, type SpokenUpstream, spokenTo } from './spoken.ts'
import { ControlError } from './wire.ts'

/** What a running instance says and does when it is asked on its control socket. */

/** The instance, as far as its methods need it. */
export interface Instance {
  readonly version: string
  /** The configuration file, absolute. */
  readonly file: string
  readonly startedAtMs: number
  readonly proxy: RunningProxy
  readonly reloader: Reloader
  readonly isStopping: boolean
  /** Ends the instance in order; returns at once. */
  stop(): void
}

export interface UpstreamStatus extends SpokenUpstream {
  readonly name: string
  readonly circuit: CircuitState | null
  readonly endpoints: readonly EndpointStatus[]
}

export interface InstanceStatus extends CertificateReport {
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly state: 'running' | 'stopping'
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly uptimeMs: number
  /** Memory of the whole process in RAM. */
  readonly rssBytes: number
  readonly configuration: {
    readonly file: string
    readonly hash: string
    readonly generation: number
    readonly warnings: readonly Problem[]
    readonly lastReload: LastReload | null
  }
  readonly workers: readonly WorkerStatus[]
  readonly listeners: readonly ListenerStatus[]
  readonly upstreams: readonly UpstreamStatus[]
  readonly stats: Omit<EngineStats, 'inFlight'>
  /** Log lines that were lost. */
  readonly droppedLines: number
}

/** What `stop` answers, at once; the connection ends with the process. */
export interface StopAnswer {
  readonly pid: number
  /** Exchanges that it waits for, at most for `graceMs`. */
  readonly exchangesActive: number
  readonly graceMs: number
}

/** What `reload` answers; with a configuration that is wrong, the error's `data` has its `problems`. */
export type ReloadAnswer = ReloadResult

export function controlMethods(instance: Instance): ControlMethods {
  return {
    status: () => statusOf(instance),
    upstreams: params => upstreamsOf(instance.proxy, nameIn(params)),
    reload: () => reload(instance),
    stop: () => stop(instance),
    explain: params => explain(instance, params),
  }
}

export function statusOf(instance: Instance): InstanceStatus {
  const { proxy, reloader } = instance
  const { inFlight: _, ...stats } = proxy.stats()
  return {
    version: instance.version,
    node: process.version,
    pid: process.pid,
    state: instance.isStopping ? 'stopping' : 'running',
    startedAtMs: instance.startedAtMs,
    uptimeMs: Date.now() - instance.startedAtMs,
    rssBytes: process.memoryUsage.rss(),
    configuration: {
      file: instance.file,
      hash: proxy.configuration.hash,
      generation: proxy.generation,
      warnings: proxy.configuration.warnings,
      lastReload: reloader.last,
    },
    workers: proxy.workers(),
    listeners: proxy.listeners.map(one => listenerStatus(one, proxy.configuration.snapshot)),
    upstreams: upstreamsOf(proxy, null),
    ...proxy.certificates(),
    stats,
    droppedLines: proxy.droppedLines(),
  }
}

function upstreamsOf(proxy: RunningProxy, name: string | null): UpstreamStatus[] {
  const { upstreams } = proxy.configuration.snapshot
  const asked = name === null ? upstreams : upstreams.filter(upstream => upstream.name === name)
  if (name !== null && asked.length === 0) throw new ControlError('bad_params', `there is no upstream "${name}"`)
  return asked.map(settings => {
    const upstream = proxy.upstream(settings.name)
    return { name: settings.name, ...spokenTo(settings), circuit: upstream.circuit(), endpoints: upstream.endpoints() }
  })
}

function nameIn(params: unknown): string | null {
  const name = typeof params === 'object' && params !== null && 'name' in params ? params.name : undefined
  if (name === undefined || name === null) return null
  if (typeof name !== 'string') throw new ControlError('bad_params', '"name" must be the name of an upstream')
  return name
}

async function reload({ reloader }: Instance): Promise<ReloadAnswer> {
  try {
    return await reloader.reload('control socket')
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new ControlError('bad_configuration', 'the configuration was refused', { problems: error.problems })
  }
}

async function explain({ proxy }: Instance, params: unknown): Promise<Explanation | FlowExplanation> {
  try {
    return await proxy.explainAny(
      isFlowDescription(params) ? readFlowDescription(params) : readUnknownDescription(params),
    )
  } catch (error) {
    const isAboutParams = error instanceof RequestSpecError || error instanceof ExplainError
    throw isAboutParams ? new ControlError('bad_params', error.message) : error
  }
}

function stop(instance: Instance): StopAnswer {
  instance.stop()
  return {
    pid: process.pid,
    exchangesActive: instance.proxy.stats().exchangesActive,
    graceMs: instance.proxy.shutdownGraceMs,
  }
}
