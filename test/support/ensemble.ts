import type { EndpointStatus, UpstreamControl } from '../../engine/index.ts'
import { get } from './heads.ts'
import { type InstrumentedProxy, type InstrumentedProxyOptions, startInstrumentedProxy } from './instrumented-proxy.ts'
import { type Mood, MoodyOrigin } from './moody-origin.ts'
import { rawClient } from './raw-client.ts'
import type { TestEndpoint, TestUpstream } from './snapshot.ts'
import type { StrictResponse } from './strict-response.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export interface EnsembleOptions extends Pick<InstrumentedProxyOptions, 'workers' | 'shutdownGraceMs' | 'listeners'> {
  /** A letter for each origin; `ab` unless it is said. */
  readonly origins?: string
  readonly upstream?: Omit<TestUpstream, 'endpoints'>
  /** What all origins are like at first; `good` unless it is said. */
  readonly mood?: Mood
  /** What endpoints have beside their address, by the letter of the origin. */
  readonly endpoints?: Readonly<Record<string, Omit<TestEndpoint, 'address'>>>
}

/** Origins of changing moods on unix sockets, and before them a proxy with two workers. Endpoints have the origins' names. */
export interface Ensemble extends AsyncDisposable {
  readonly proxy: InstrumentedProxy
  readonly api: UpstreamControl
  origin(name: string): MoodyOrigin
  /** An origin that is no endpoint yet. */
  extra(name: string): Promise<MoodyOrigin>
  status(name: string): EndpointStatus
  /** Resolves when the endpoint is in that state. */
  until(name: string, state: EndpointStatus['state']): Promise<void>
  /** A request on a connection of its own: the kernel chooses the worker. */
  ask(target?: string): Promise<StrictResponse>
  /** Many of them, one after the other; how often which origin (by its name), or which other status, has answered. */
  tally(count: number): Promise<Record<string, number>>
  /** Asks until `condition` holds. */
  askUntil(condition: () => boolean, what: string): Promise<void>
  /** What was told of the health of endpoints: `a ejected`, ` circuit_open`, `a healthy`. */
  told(): string[]
  /** Resolves when nothing is under way, and nothing was. */
  rest(): Promise<void>
}

export async function openEnsemble(options: EnsembleOptions = {}): Promise<Ensemble> {
  const folder = await temporaryFolder()
  const origins = new Map<string, MoodyOrigin>()
  const extra = async (name: string): Promise<MoodyOrigin> => {
    const origin = await new MoodyOrigin(name, { kind: 'unix', path: folder.file(name) }, options.mood).listen()
    origins.set(name, origin)
    return origin
  }
  for (const name of options.origins ?? 'ab') await extra(name)
  const endpoints = [...origins.values()].map(({ name, address }) => ({ name, address, ...options.endpoints?.[name] }))
  const proxy = await startInstrumentedProxy({
    workers: options.workers ?? 2,
    ...(options.shutdownGraceMs === undefined ? {} : { shutdownGraceMs: options.shutdownGraceMs }),
    ...(options.listeners === undefined ? {} : { listeners: options.listeners }),
    upstreams: { api: { ...options.upstream, endpoints } },
    routes: [
      {
        match: { path: { kind: 'exact', path: '/crash' } },
        to: { kind: 'respond', status: 204, fields: [], content: new Uint8Array() },
      },
      { to: 'api' },
    ],
  })
  const api = proxy.upstream('api')

  function origin(name: string): MoodyOrigin {
    const found = origins.get(name)
    if (found === undefined) throw new Error(`there is no origin ${name}`)
    return found
  }

  function status(name: string): EndpointStatus {
    const found = api.endpoints().find(endpoint => endpoint.name === name)
    if (found === undefined) throw new Error(`there is no endpoint ${name}`)
    return found
  }

  async function ask(target = '/x'): Promise<StrictResponse> {
    using client = await rawClient(proxy.port)
    await client.send(get(target))
    return await client.readResponse()
  }

  return {
    proxy,
    api,
    origin,
    extra,
    status,
    async until(name, state) {
      await waitFor(
        () => status(name).state === state,
        () => `${name} to be ${state}; it is ${status(name).state}`,
      )
    },
    ask,
    async tally(count) {
      const counts: Record<string, number> = {}
      for (let index = 0; index < count; index += 1) {
        const response = await ask()
        const who = response.status === 200 ? response.content.toString().slice(0, 1) : String(response.status)
        counts[who] = (counts[who] ?? 0) + 1
      }
      return counts
    },
    async askUntil(condition, what) {
      const end = performance.now() + 10_000
      while (!condition()) {
        if (performance.now() > end) throw new Error(`not within 10 s: ${what}`)
        await ask()
      }
    },
    told: () =>
      proxy.events.flatMap(event => {
        if (event.kind === 'endpoint_health') return [`${event.endpoint} ${event.change}`]
        return event.kind === 'endpoint_checked' ? [`${event.endpoint} ${event.healthy ? 'healthy' : 'unhealthy'}`] : []
      }),
    async rest() {
      for (const one of origins.values()) await one.leave()
      await proxy.nothingLeft()
      const faults = proxy.events.filter(event => event.kind === 'connection_fault')
      if (faults.length > 0) throw new Error(`faults in the proxy: ${JSON.stringify(faults)}`)
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      for (const one of origins.values()) await one[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
