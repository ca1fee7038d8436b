import type { BoundListener, EngineEvent, EngineStats, UpstreamControl } from '../engine/threads/api.ts'
import type { BenchOptions } from './bench/options.ts'
import type { BenchResult } from './bench/result.ts'
import { checkConfiguration, loadConfiguration } from './config/load.ts'
import type { ConfigurationInput } from './config/schema.ts'
import { startProxy } from './proxy.ts'

/** Sluice as a library: the same proxy that the command starts, inside an application. */

export { ListenError } from '../engine/net/listen-error.ts'
export type {
  BoundListener,
  CircuitState,
  EndpointState,
  EndpointStatus,
  EngineEvent,
  EngineStats,
  NewEndpoint,
  UpstreamControl,
} from '../engine/threads/api.ts'
export { BenchError, type BenchOptions, type BenchProgress } from './bench/options.ts'
export type { BenchResult, CoursePoint, LatencySummary, LoadDescription } from './bench/result.ts'
export { ConfigurationError, type Problem } from './config/errors.ts'
export type { ConfigurationInput } from './config/schema.ts'

export interface ProxyOptions {
  /** Told when a worker starts or dies, when an endpoint goes or comes back, and of whatever else the log would say. Must not throw. */
  readonly onEvent?: (event: EngineEvent) => void
  /** Writes the log that the configuration asks for to stdout. Default: false. */
  readonly logs?: boolean
}

/** A proxy that accepts connections. */
export interface Proxy extends AsyncDisposable {
  /** The listeners in the order of the configuration, with the port that each got where it asked for port 0. */
  readonly listeners: readonly BoundListener[]
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
 * @param configuration The path of a YAML or JSON file, or the same as an object.
 * @throws {ConfigurationError} for a configuration that is wrong, with everything that is wrong with it.
 * @throws {ListenError} for a listener that cannot be opened; `listener` is its name.
 */
export async function createProxy(
  configuration: string | ConfigurationInput,
  options: ProxyOptions = {},
): Promise<Proxy> {
  const checked =
    typeof configuration === 'string'
      ? await loadConfiguration(configuration)
      : checkConfiguration(configuration, 'configuration')
  const proxy = await startProxy(checked, { logs: options.logs ?? false, onEvent: options.onEvent })
  return {
    listeners: proxy.listeners,
    stats: () => proxy.stats(),
    upstream: name => proxy.upstream(name),
    close: () => proxy.close(),
    [Symbol.asyncDispose]: () => proxy.close(),
  }
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

/** Lets the editor check and complete a configuration that stands by itself; it comes back as it is. */
export function defineConfig(configuration: ConfigurationInput): ConfigurationInput {
  return configuration
}
