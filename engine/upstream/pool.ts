/** The connections of one worker to one endpoint. */
import type { NetContext } from '../net/connection.ts'
import type { PoolSnapshot, UpstreamTimeouts } from '../snapshot.ts'
import type { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'
import { Http1ClientSession } from './http1-client-session.ts'

/** The upstream, as the pools of endpoints with a limit on connections know it. */
export interface PoolOwner {
  /** A connection has become idle. False where it should rather be closed: somebody in another worker waits for it. */
  onIdle(pool: Pool): boolean
  /** A connection was closed, or bears one more request: whoever waits may find room. */
  onRoom(pool: Pool): void
}

export class Pool {
  readonly endpoint: Endpoint
  readonly settings: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
  readonly #context: NetContext
  readonly #owner: PoolOwner
  readonly #all = new Set<Http1ClientSession>()
  /** Sessions with nothing under way; the last given back is the first taken, so that a burst's extra ones age out. */
  readonly #idle: Http1ClientSession[] = []
  /** Sessions with requests under way that take more, up to `settings.pipelining`. */
  readonly #shared: Http1ClientSession[] = []
  #closing = false

  constructor(
    endpoint: Endpoint,
    settings: PoolSnapshot,
    timeouts: UpstreamTimeouts,
    context: NetContext,
    owner: PoolOwner,
  ) {
    this.endpoint = endpoint
    this.settings = settings
    this.timeouts = timeouts
    this.#context = context
    this.#owner = owner
  }

  /** Sessions open or being opened. */
  get size(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  /** Whether there is an idle session, or one that bears one more request. */
  get hasSpare(): boolean {
    return this.#idle.length > 0 || this.#findShared() !== null
  }

  /** A session for a request: shared if it may be pipelined, else idle, else new. `null` at the limit on connections. @hotpath */
  acquire(mayPipeline: boolean): ClientSession | null {
    const pipelines = mayPipeline && this.settings.pipelining > 1
    if (pipelines) {
      const shared = this.#findShared()
      if (shared !== null) return shared
    }
    const session = this.#idle.pop()
    if (session === undefined) return this.acquireNew()
    if (pipelines && session.persistent) this.#shared.push(session)
    return session
  }

  /** @hotpath */
  #findShared(): Http1ClientSession | null {
    for (let index = this.#shared.length - 1; index >= 0; index -= 1) {
      const session = this.#shared[index] as Http1ClientSession
      if (session.depth < this.settings.pipelining && session.bearsPipelining) return session
    }
    return null
  }

  /**
   * A session that nobody has used: for a request that an old one has failed. At the limit on connections an idle one is
   * given up for it; `null` where there is none.
   */
  acquireNew(): ClientSession | null {
    const { permits } = this.endpoint
    if (permits.max > 0 && !permits.take() && !(this.closeIdle(1) > 0 && permits.take())) return null
    const session = new Http1ClientSession(this, this.endpoint, this.#context, permits.max > 0)
    this.#all.add(session)
    session.dial(this.timeouts.connectMs)
    return session
  }

  /** A response has ended and the session goes on. @internal */
  giveBack(session: Http1ClientSession): void {
    if (session.depth > 0) {
      if (session.holdsPermit) this.#owner.onRoom(this)
      return
    }
    remove(this.#shared, session)
    if (this.#closing || this.#idle.length >= this.settings.idleMax) {
      session.close()
      return
    }
    this.#idle.push(session)
    if (session.holdsPermit && !this.#owner.onIdle(this)) session.close()
  }

  /** The session is out of service. @internal */
  forget(session: Http1ClientSession): void {
    this.#all.delete(session)
    remove(this.#idle, session)
    remove(this.#shared, session)
  }

  /** A connection that held a permit is closed. @internal */
  givePermitBack(): void {
    this.endpoint.permits.giveBack()
    this.#owner.onRoom(this)
  }

  /** Closes up to `count` sessions that nobody uses, the longest idle first; gives how many it has closed. */
  closeIdle(count: number): number {
    const closing = this.#idle.splice(0, count)
    for (const session of closing) session.close()
    return closing.length
  }

  /** Closes what is idle now and what becomes idle later. */
  close(): void {
    this.#closing = true
    this.closeIdle(this.#idle.length)
  }
}

function remove(list: Http1ClientSession[], session: Http1ClientSession): void {
  const index = list.lastIndexOf(session)
  if (index >= 0) list.splice(index, 1)
}
