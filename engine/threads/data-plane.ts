/** The data plane of one thread: listeners, their connections, and the generation they serve. */

import { Generation } from '../exchange/generation.ts'
import { Http1Downstream } from '../exchange/http1-downstream.ts'
import { RequestIds } from '../exchange/request-id.ts'
import { Tunnel } from '../exchange/tunnel.ts'
import type { WorkerContext } from '../exchange/worker-context.ts'
import { slots } from '../http1/llhttp.ts'
import { Connection, type NetContext } from '../net/connection.ts'
import type { StreamHandle } from '../net/handles.ts'
import { ListenError } from '../net/listen-error.ts'
import { Listener, type ListenerOwner } from '../net/listener.ts'
import { TimerWheel } from '../net/timer-wheel.ts'
import { CONNECTIONS_OPEN, CONNECTIONS_TOTAL, type StatePage, type StateRow } from '../shared/state-page.ts'
import type { Address, Snapshot } from '../snapshot.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { EngineEvent, WorkerHooks } from './api.ts'

/** Milliseconds between two looks at whether the last exchange has ended. */
const DRAIN_POLL_MS = 20

export interface DataPlaneOptions {
  readonly snapshot: Snapshot
  readonly worker: number
  /** Where the endpoints of each upstream are. */
  readonly placements: readonly (readonly EndpointPlacement[])[]
  readonly page: StatePage
  readonly hooks: WorkerHooks
  /** Other workers listen on the same addresses. */
  readonly reusePort: boolean
  readonly onEvent: (event: EngineEvent) => void
}

export class DataPlane implements ListenerOwner {
  readonly #options: DataPlaneOptions
  readonly #net: NetContext
  readonly #context: WorkerContext
  readonly #generation: Generation
  readonly #row: StateRow
  readonly #listeners: Listener[] = []

  constructor(options: DataPlaneOptions) {
    this.#options = options
    this.#net = { slots, wheel: new TimerWheel(), onFault: error => this.#fault(error) }
    const { snapshot, placements, page, worker } = options
    this.#row = page.rows[worker] as StateRow
    const shared = { page, row: this.#row }
    this.#generation = new Generation({
      snapshot,
      placements,
      shared,
      context: this.#net,
      onHealth: (upstream, endpoint, change, reason) =>
        options.onEvent({ kind: 'endpoint_health', upstream, endpoint, change, reason }),
    })
    this.#context = {
      net: this.#net,
      row: this.#row,
      shared,
      requestIds: new RequestIds(),
      onExchange: options.hooks.onExchange,
      draining: false,
    }
  }

  #fault(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    this.#options.onEvent({
      kind: 'connection_fault',
      worker: this.#options.worker,
      error: message,
      stack: stack ?? '',
    })
  }

  /** Opens the listeners that are this worker's, in order; gives the addresses they got. Rejects with `ListenError`. */
  async listen(isOurs: (listener: number) => boolean): Promise<(Address | null)[]> {
    const bound: (Address | null)[] = []
    for (const [index, settings] of this.#options.snapshot.listeners.entries()) {
      if (!isOurs(index)) {
        bound.push(null)
        continue
      }
      const listener = new Listener(settings.name, settings.limits.connectionsMax, this, index)
      try {
        bound.push(await listener.listen(settings.address, this.#options.reusePort))
      } catch (error) {
        this.closeListeners()
        throw ListenError.of(settings.name, settings.address, error as NodeJS.ErrnoException)
      }
      this.#listeners.push(listener)
    }
    return bound
  }

  /** The endpoints of an upstream are others now. */
  place(upstream: number, placements: readonly EndpointPlacement[]): void {
    this.#generation.upstreams[upstream]?.update(placements)
  }

  onAccept(listener: Listener, handle: StreamHandle): Connection {
    const { counters } = this.#row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) + 1
    counters[CONNECTIONS_TOTAL] = (counters[CONNECTIONS_TOTAL] as number) + 1
    handle.setNoDelay?.(true)
    const connection = new Connection(this.#net, handle)
    connection.counter = listener
    const routes = this.#generation.listeners[listener.index]
    if (routes === undefined) connection.destroy()
    else connection.guard(() => new Http1Downstream(this.#context, routes, connection).begin())
    return connection
  }

  onReleased(): void {
    const { counters } = this.#row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) - 1
  }

  onFull(listener: Listener): void {
    const { worker } = this.#options
    this.#options.onEvent({ kind: 'connections_full', worker, listener: listener.name, limit: listener.connectionsMax })
  }

  /** Stops accepting. */
  closeListeners(): void {
    for (const listener of this.#listeners) listener.close()
  }

  /** Stops accepting, closes what is idle, waits for the rest up to `graceMs`, then cuts it. */
  async stop(graceMs: number): Promise<void> {
    this.closeListeners()
    this.#context.draining = true
    this.#generation.close()
    for (const connection of this.#connections()) {
      if (connection.owner instanceof Http1Downstream) connection.owner.closeIfIdle()
    }
    const deadline = performance.now() + graceMs
    while (this.#openCount() > 0 && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, Math.min(DRAIN_POLL_MS, graceMs)))
    }
    for (const connection of this.#connections()) {
      const { owner } = connection
      if (owner instanceof Http1Downstream || owner instanceof Tunnel) owner.abort()
      connection.destroy()
    }
  }

  #connections(): Connection[] {
    return this.#listeners.flatMap(listener => [...listener.connections])
  }

  #openCount(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.connections.size, 0)
  }
}
