import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { type Engine, type EngineEvent, type EngineOptions, startEngine } from '../../../engine/index.ts'
import type { EndpointStatus, EngineStats, UpstreamControl } from '../../../engine/threads/api.ts'
import type { InstrumentedOwnerData } from '../../support/instrumented-proxy.ts'
import { Load, type LoadOptions } from '../../support/load.ts'
import { CHECK_PATH, type OriginProcess, startOrigin } from '../../support/origin-process.ts'
import { type TestEndpoint, type TestUpstream, testSnapshot } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { workerModule } from '../../support/worker-module.ts'

/** Connections of the load, unless a test says otherwise. */
export const CONNECTIONS = 64

/** Active checks that find out soon. */
export const QUICK_CHECKS = { intervalMs: 200, timeoutMs: 400, path: CHECK_PATH }

export interface FleetOptions {
  /** Origins, each a process; four unless it is said. */
  readonly origins?: number
  /** Workers of the engine; two unless it is said. */
  readonly workers?: number
  readonly upstream?: Omit<TestUpstream, 'endpoints'>
  /** What every endpoint has beside its address. */
  readonly endpoint?: Omit<TestEndpoint, 'address'>
  /** The workers throw after a request for `/crash`. */
  readonly crashes?: boolean
}

/** Origins that are processes, and an engine with two workers before them, with one upstream. */
export class Fleet implements AsyncDisposable {
  readonly origins: readonly OriginProcess[]
  readonly events: readonly EngineEvent[]
  readonly port: number
  readonly upstream: UpstreamControl
  readonly #engine: Engine

  constructor(origins: readonly OriginProcess[], engine: Engine, events: readonly EngineEvent[]) {
    this.origins = origins
    this.#engine = engine
    this.events = events
    const address = engine.listeners[0]?.address
    this.port = address?.kind === 'tcp' ? address.port : 0
    this.upstream = engine.upstream('origins')
  }

  /** By the letter that an origin has for a name: `a` is the first. */
  origin(name: string): OriginProcess {
    const origin = this.origins.find(one => one.name === name)
    if (origin === undefined) throw new Error(`there is no origin ${name}`)
    return origin
  }

  status(name: string): EndpointStatus {
    const { endpoint } = this.origin(name)
    const status = this.upstream.endpoints().find(one => one.name === endpoint)
    if (status === undefined) throw new Error(`there is no endpoint ${endpoint}`)
    return status
  }

  stats(): EngineStats {
    return this.#engine.stats()
  }

  /** Requests under way at all endpoints. */
  get inFlight(): number {
    return this.stats().inFlight.reduce((sum, { requests }) => sum + requests, 0)
  }

  /** Waits until nothing is under way at an origin that is not chosen any more. */
  async leftAlone(name: string): Promise<void> {
    const { endpoint } = this.origin(name)
    // This changes nothing, and has come about when no worker is still at what it did before.
    await this.upstream.setWeight(endpoint, this.status(name).weight)
    await waitFor(() => this.status(name).requests === 0, `nothing under way at ${name}`)
  }

  load(options: Partial<LoadOptions> = {}): Load {
    return new Load({ port: this.port, connections: CONNECTIONS, ...options })
  }

  behave(change: Parameters<OriginProcess['behave']>[0]): Promise<unknown> {
    return Promise.all(this.origins.map(origin => origin.behave(change)))
  }

  eventsOf(kind: EngineEvent['kind']): readonly EngineEvent[] {
    return this.events.filter(event => event.kind === kind)
  }

  /** Waits until nothing is under way; nothing may have gone wrong in the engine itself. */
  async rest(): Promise<void> {
    const isAtRest = () => this.stats().exchangesActive === 0 && this.inFlight === 0
    await waitFor(isAtRest, () => `rest; now ${JSON.stringify(this.stats().inFlight)}`)
    expect(this.eventsOf('connection_fault')).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.kill()
    await Promise.all(this.origins.map(origin => origin[Symbol.asyncDispose]()))
  }
}

const NAMES = 'abcdefgh'

async function startOrigins(count: number): Promise<OriginProcess[]> {
  return Promise.all(Array.from(NAMES.slice(0, count), name => startOrigin(name)))
}

/** Starts origins, each with an endpoint of its own. */
export async function openFleet(options: FleetOptions = {}): Promise<Fleet> {
  const origins = await startOrigins(options.origins ?? 4)
  const endpoints = origins.map(({ address }) => ({ address, ...options.endpoint }))
  return serve(origins, { endpoints, ...options.upstream }, options)
}

/** Puts an engine before origins that run; it ends them, too. */
export async function serve(
  origins: readonly OriginProcess[],
  upstream: TestUpstream,
  { workers = 2, crashes = false }: Pick<FleetOptions, 'workers' | 'crashes'> = {},
): Promise<Fleet> {
  const events: EngineEvent[] = []
  const options: EngineOptions = {
    snapshot: testSnapshot({ upstreams: { origins: upstream } }),
    workers,
    shutdownGraceMs: 1_000,
    workerModule: workerModule('engine-worker'),
    onEvent: event => events.push(event),
  }
  const engine = await startEngine(crashes ? { ...options, ...crashing() } : options)
  return new Fleet(origins, engine, events)
}

function crashing(): Pick<EngineOptions, 'workerModule' | 'ownerData'> {
  const ownerData: InstrumentedOwnerData = {
    channel: randomUUID(),
    gate: new Int32Array(new SharedArrayBuffer(4)),
    unixListeners: [],
  }
  return { workerModule: workerModule('instrumented-worker'), ownerData }
}
