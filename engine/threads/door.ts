/** A socket of a worker that accepts, and what is served there: one generation after the other. */

import type { ListenerRoutes, ServedRoutes } from '../exchange/generation.ts'
import { Http1Downstream } from '../exchange/http1-downstream.ts'
import { Tunnel } from '../exchange/tunnel.ts'
import type { WorkerContext } from '../exchange/worker-context.ts'
import { Connection } from '../net/connection.ts'
import type { StreamHandle } from '../net/handles.ts'
import { ListenError } from '../net/listen-error.ts'
import { Listener, type ListenerOwner } from '../net/listener.ts'
import { CONNECTIONS_OPEN, CONNECTIONS_TOTAL } from '../shared/state-page.ts'
import type { Address } from '../snapshot.ts'

export interface DoorOptions {
  readonly context: WorkerContext
  /** A listener is at its limit on connections. */
  readonly onFull: (listener: string, limit: number) => void
  /** It was closed, and its last connection is gone. */
  readonly onEmpty: (door: Door) => void
}

export class Door implements ListenerOwner {
  readonly #options: DoorOptions
  readonly #listener: Listener
  readonly #served: ServedRoutes
  #address: Address | null = null

  /** Nothing is served before `serve`. */
  constructor(routes: ListenerRoutes, options: DoorOptions) {
    this.#options = options
    this.#listener = new Listener(this)
    this.#served = { routes, isClosing: false }
  }

  /** Connections that are open. */
  get count(): number {
    return this.#listener.connections.size
  }

  /** Where it accepts; `null` before it does. */
  get address(): Address | null {
    return this.#address
  }

  /** Accepts; those who come wait for `serve`. Rejects with `ListenError`. */
  async open(address: Address, reusePort: boolean): Promise<Address> {
    try {
      this.#address = await this.#listener.listen(address, reusePort)
      return this.#address
    } catch (error) {
      throw ListenError.of(this.#served.routes.settings.name, address, error as NodeJS.ErrnoException)
    }
  }

  /** Serves by these from the next request on, of connections that are open too. */
  serve(routes: ListenerRoutes): void {
    this.#served.routes = routes
    for (const { owner } of this.#listener.connections) if (owner instanceof Http1Downstream) owner.follow()
    this.#listener.serve(routes.settings.limits.connectionsMax)
  }

  onAccept(listener: Listener, handle: StreamHandle): Connection {
    const { context } = this.#options
    const { counters } = context.row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) + 1
    counters[CONNECTIONS_TOTAL] = (counters[CONNECTIONS_TOTAL] as number) + 1
    handle.setNoDelay?.(true)
    const connection = new Connection(context.net, handle)
    connection.counter = listener
    connection.guard(() => new Http1Downstream(context, this.#served, connection).begin())
    return connection
  }

  onReleased(): void {
    const { counters } = this.#options.context.row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) - 1
    this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (this.#served.isClosing && this.count === 0) this.#options.onEmpty(this)
  }

  onFull(): void {
    const { name, limits } = this.#served.routes.settings
    this.#options.onFull(name, limits.connectionsMax)
  }

  /** Stops accepting, and closes what is idle; what runs there ends in its own time, and nothing follows. */
  close(): void {
    this.#served.isClosing = true
    this.#listener.close()
    for (const { owner } of this.#listener.connections) if (owner instanceof Http1Downstream) owner.drain()
    this.#endIfEmpty()
  }

  /** Ends what still runs. */
  abort(): void {
    for (const connection of this.#listener.connections) {
      const { owner } = connection
      if (owner instanceof Http1Downstream || owner instanceof Tunnel) owner.abort()
      connection.destroy()
    }
  }
}
