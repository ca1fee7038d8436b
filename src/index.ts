import type { Explanation } from '../engine/explain/explanation.ts'
import type { FlowExplanation } from '../engine/explain/flow-explanation.ts'
import type { BoundListener, EngineEvent, EngineStats, UpstreamControl } from '../engine/threads/api.ts'
import type { BenchOptions } from './bench/options.ts'
import type { BenchResult } from './bench/result.ts'
import type { CertificateReport } from './certificates/service.ts'
import { type Configuration, checkConfiguration, loadConfiguration } from './config/load.ts'
import type { ConfigurationInput } from './config/schema.ts'
import { type FlowDescription, readFlowDescription } from './explain/flow-spec.ts'
import { parseRequestLine, type RequestDescription, readDescription } from './explain/request-spec.ts'
import { type ReloadResult, type RunningProxy, startProxy } from './proxy.ts'

/** Sluice as a library: the same proxy that the command starts, inside an application. */

export { ExplainError } from '../engine/explain/explain-error.ts'
export type {
  Candidate,
  ExplainedAnswer,
  ExplainedEndpoint,
  ExplainedErrorPage,
  ExplainedFallback,
  ExplainedFiles,
  ExplainedRules,
  ExplainedShare,
  ExplainedSplit,
  ExplainedUpstream,
  Explanation,
} from '../engine/explain/explanation.ts'
export type { FlowExplanation, FlowRule } from '../engine/explain/flow-explanation.ts'
export { ListenError } from '../engine/net/listen-error.ts'
export type {
  BoundListener,
  Changes,
  CircuitState,
  EndpointState,
  EndpointStatus,
  EngineEvent,
  EngineStats,
  NewEndpoint,
  ReloadReport,
  UpstreamControl,
} from '../engine/threads/api.ts'
export { ReloadError, type ReloadFailure } from '../engine/threads/reload-error.ts'
export { BenchError, type BenchOptions, type BenchProgress } from './bench/options.ts'
export type { BenchResult, CoursePoint, LatencySummary, LoadDescription } from './bench/result.ts'
export type { AcmeStatus } from './certificates/acme/issuer.ts'
export type { CertificateReport, CertificateStatus } from './certificates/service.ts'
export { type ConfigurationFunction, defineConfig } from './config/define-config.ts'
export { ConfigurationError, type Problem } from './config/errors.ts'
export type { ConfigurationInput } from './config/schema.ts'
export type { CertificateDescription } from './explain/certificate-spec.ts'
export type { FlowDescription } from './explain/flow-spec.ts'
export { type RequestDescription, RequestSpecError } from './explain/request-spec.ts'
export type { ReloadResult } from './proxy.ts'

export interface ProxyOptions {
  /** Told when a worker starts or dies, when an endpoint goes or comes back, and of whatever else the log would say. Must not throw. */
  readonly onEvent?: (event: EngineEvent) => void
  /** Writes the log that the configuration asks for to stdout. Default: false. */
  readonly logs?: boolean
}

/** A proxy that accepts connections. */
export interface Proxy extends AsyncDisposable {
  /** The listeners, those of http first, then tcp, then udp, each in the order of the configuration; with the port that each got where it asked for port 0. */
  readonly listeners: readonly BoundListener[]
  /** The number of the configuration in force: 1 at the start, and one more with each reload. */
  readonly generation: number
  /**
   * Takes another configuration over without losing a connection. Only what is different is touched; requests under way
   * end as they began. Reloads happen one after the other.
   *
   * ```ts
   * const { routes } = await proxy.reload('sluice.yaml')
   * console.log(routes.added, routes.changed, routes.removed)
   * ```
   *
   * @param configuration The path of a file, or the same as an object.
   * @throws {ConfigurationError} for a configuration that is wrong. With this and any other error, the one before stays in
   *   force, whole.
   * @throws {ListenError} for a new listener that cannot be opened.
   * @throws {ReloadError} when it cannot be taken over, or the proxy is being closed.
   */
  reload(configuration: string | ConfigurationInput): Promise<ReloadResult>
  /**
   * Says what would become of a request now, and why: the route and what the others have against the request, what is
   * changed, the upstream and the endpoint. Nothing is sent, and nothing of what runs is touched.
   *
   * ```ts
   * const { route, upstream } = await proxy.explain('GET http://api.example.com/v1/users/7')
   * const { candidates } = await proxy.explain({ url: 'http://localhost:8080/', headers: { 'x-version': '2' }, from: '10.1.2.3' })
   * ```
   *
   * @param request `METHOD URL`, or an object with `method`, `url`, `headers`, `from` and `listener`.
   * @throws {RequestSpecError} for what is no request, and `ExplainError` for a listener that there is not, or that reads none.
   */
  explain(request: string | RequestDescription): Promise<Explanation>
  /**
   * The same of a connection or a datagram to a listener of tcp or udp: which rule takes it, the upstream and the endpoint.
   *
   * ```ts
   * const { rules, upstream } = await proxy.explainFlow({ url: 'tls://db.example.com:9443', alpn: ['postgresql'] })
   * ```
   *
   * @throws {RequestSpecError} for what is none, and `ExplainError` for a listener that there is not.
   */
  explainFlow(flow: string | FlowDescription): Promise<FlowExplanation>
  /**
   * The certificates in force with the days that they last, what is the matter with files that have changed, and how those are
   * doing that an authority issues.
   *
   * ```ts
   * const soon = proxy.certificates().certificates.filter(({ daysLeft }) => daysLeft < 14)
   * ```
   */
  certificates(): CertificateReport
  /** Counters and latencies since the start, summed over all workers at the call. */
  stats(): EngineStats
  /**
   * The endpoints of an upstream, to be looked at and changed while it runs.
   *
   * ```ts
   * await proxy.upstream('api').drain('10.0.0.1:3000')
   * ```
   *
   * @throws {RangeError} for an upstream that there is not.
   */
  upstream(name: string): UpstreamControl
  /**
   * Stops accepting, lets running requests finish for at most `runtime.shutdown_grace`, and ends the threads. Safe to
   * call twice.
   */
  close(): Promise<void>
}

/**
 * Starts a proxy. Resolves when every listener accepts.
 *
 * ```ts
 * const proxy = await createProxy({
 *   listeners: { web: { address: '127.0.0.1:0' } },
 *   upstreams: { api: { endpoints: [{ address: '127.0.0.1:3000' }] } },
 *   routes: [{ upstream: 'api' }],
 * })
 * ```
 *
 * @param configuration The path of a file in YAML, JSON, TOML, TypeScript or JavaScript, of a folder, or the same as an object.
 * @throws {ConfigurationError} for a configuration that is wrong, with everything that is wrong with it.
 * @throws {ListenError} for a listener that cannot be opened; `listener` is its name.
 */
export async function createProxy(
  configuration: string | ConfigurationInput,
  options: ProxyOptions = {},
): Promise<Proxy> {
  const proxy = await startProxy(await read(configuration), { logs: options.logs ?? false, onEvent: options.onEvent })
  return {
    get listeners() {
      return proxy.listeners
    },
    get generation() {
      return proxy.generation
    },
    reload: async next => await proxy.reload(await read(next)),
    explain: request => explain(proxy, request),
    explainFlow: flow => explainFlow(proxy, flow),
    certificates: () => proxy.certificates(),
    stats: () => proxy.stats(),
    upstream: name => proxy.upstream(name),
    close: () => proxy.close(),
    [Symbol.asyncDispose]: () => proxy.close(),
  }
}

async function explain(proxy: RunningProxy, request: string | RequestDescription): Promise<Explanation> {
  return await proxy.explain(readDescription(typeof request === 'string' ? parseRequestLine(request) : request))
}

async function explainFlow(proxy: RunningProxy, flow: string | FlowDescription): Promise<FlowExplanation> {
  return await proxy.explainFlow(readFlowDescription(typeof flow === 'string' ? { url: flow } : flow))
}

async function read(configuration: string | ConfigurationInput): Promise<Configuration> {
  if (typeof configuration === 'string') return await loadConfiguration(configuration)
  return checkConfiguration(configuration, 'configuration')
}

/**
 * Puts load on a URL and measures what comes back: what `sluice bench` does, as plain data.
 *
 * ```ts
 * const { requestsPerSecond, latency } = await bench({ url: 'http://127.0.0.1:8080/', rate: 500, durationMs: 5000 })
 * console.log(requestsPerSecond, latency.percentilesUs['99'])
 * ```
 *
 * @throws {BenchError} for options that are wrong, and for a target that cannot be reached.
 */
export async function bench(options: BenchOptions): Promise<BenchResult> {
  // Loaded when it is called: whoever runs a proxy does not pay for the load generator.
  const load = await import('./bench/bench.ts')
  return await load.bench(options)
}
