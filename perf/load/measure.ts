/** One load scenario: an origin in this process, the proxy in its own, autocannon as the clients. */
import autocannon from 'autocannon'
import { PerfFailure } from '../failure.ts'
import { cpuTimeOf } from '../stage/accounting.ts'
import { startOrigin } from '../stage/origin.ts'
import { ProxyProcess } from '../stage/proxy.ts'
import type { Scenario } from './scenarios.ts'

/** Seconds of load before anything counts. */
export const WARM_UP_SECONDS = 3

export interface LoadOptions {
  readonly scenario: Scenario
  /** The module that exports `createProxy`. */
  readonly entry: string
  /** The proxy's, as `splitCores` gave it before anything was moved; `null` for any. */
  readonly core: string | null
  readonly connections: number
  readonly seconds: number
}

export interface LoadRow {
  readonly scenario: string
  readonly requests: number
  /** CPU time of the proxy's process for each request. */
  readonly userUs: number
  readonly systemUs: number
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
}

export async function measureLoad({ scenario, entry, core, connections, seconds }: LoadOptions): Promise<LoadRow> {
  await using origin = await startOrigin()
  await using proxy = await ProxyProcess.start({
    entry,
    settings: { originPort: origin.port, accessLog: false, pipelining: 1 },
    core,
    preload: null,
  })
  const settings = {
    url: proxy.url + scenario.path,
    connections,
    method: scenario.method,
    headers: Object.fromEntries(scenario.fields),
    ...(scenario.contentBytes > 0 ? { body: 'x'.repeat(scenario.contentBytes) } : {}),
  }
  await autocannon({ ...settings, duration: WARM_UP_SECONDS })
  const before = cpuTimeOf(proxy.pid)
  const exchangesBefore = await proxy.exchanges()
  const result = await autocannon({ ...settings, duration: seconds })
  const requests = (await proxy.exchanges()) - exchangesBefore
  const after = cpuTimeOf(proxy.pid)
  const failures = result.errors + result.timeouts + result.non2xx
  if (failures > 0 || requests === 0) {
    throw new PerfFailure(`${scenario.name}: ${failures} of ${requests} requests failed`)
  }
  const { p50, p90, p99, max } = result.latency
  return {
    scenario: scenario.name,
    requests,
    userUs: (after.userUs - before.userUs) / requests,
    systemUs: (after.systemUs - before.systemUs) / requests,
    requestsPerSecond: result.requests.total / result.duration,
    bytesPerSecond: result.throughput.total / result.duration,
    latencyMs: { p50, p90, p99, max },
  }
}
