/** The connections of one worker to one endpoint. */
import type { NetContext } from '../net/connection.ts'
import type { PoolSnapshot, UpstreamTimeouts } from '../snapshot.ts'
import { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'

export class Pool {
  readonly endpoint: Endpoint
  readonly settings: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
  readonly #context: NetContext
  readonly #all = new Set<ClientSession>()
  /** Sessions with nothing under way; the last given back is the first taken, so that a burst's extra ones age out. */
  readonly #idle: ClientSession[] = []
  /** Sessions with requests under way that take more, up to `settings.pipelining`. */
  readonly #shared: ClientSession[] = []
  #closing = false

  constructor(endpoint: Endpoint, settings: PoolSnapshot, timeouts: UpstreamTimeouts, context: NetContext) {
    this.endpoint = endpoint
    this.settings = settings
    this.timeouts = timeouts
    this.#context = context
  }

  /** Sessions open or being opened. */
  get size(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  /** A session for a request: shared if it may be pipelined, else idle, else new. @hotpath */
  acquire(mayPipeline: boolean): ClientSession {
    const pipelines = mayPipeline && this.settings.pipelining > 1
    if (pipelines) {
      for (let index = this.#shared.length - 1; index >= 0; index -= 1) {
        const session = this.#shared[index] as ClientSession
        if (session.depth < this.settings.pipelining && session.bearsPipelining) return session
      }
    }
    const session = this.#idle.pop()
    if (session === undefined) return this.acquireNew()
    if (pipelines && session.persistent) this.#shared.push(session)
    return session
  }

  /** A session that nobody has used: for a request that an old one has failed. */
  acquireNew(): ClientSession {
    const session = new ClientSession(this, this.endpoint, this.#context)
    this.#all.add(session)
    session.dial(this.timeouts.connectMs)
    return session
  }

  /** A response has ended and the session goes on. @internal */
  giveBack(session: ClientSession): void {
    if (session.depth > 0) return
    remove(this.#shared, session)
    if (this.#closing || this.#idle.length >= this.settings.idleMax) session.close()
    else this.#idle.push(session)
  }

  /** The session is out of service. @internal */
  forget(session: ClientSession): void {
    this.#all.delete(session)
    remove(this.#idle, session)
    remove(this.#shared, session)
  }

  /** Closes what is idle now and what becomes idle later. */
  close(): void {
    this.#closing = true
    for (const session of this.#idle.splice(0)) session.close()
  }
}

function remove(list: ClientSession[], session: ClientSession): void {
  const index = list.lastIndexOf(session)
  if (index >= 0) list.splice(index, 1)
}
