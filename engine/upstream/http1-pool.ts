/**
 * Connections of HTTP/1.1: one request at a time on each, or some in a row where they may be pipelined; where they begin by telling
 * of a client, one request in all.
 */
import type { Connection, NetContext } from '../net/connection.ts'
import { type IntroducedClient, openingOf } from '../net/proxy-protocol/opening.ts'
import type { TlsPeer } from '../net/tls/client-tls.ts'
import type { PoolSnapshot, SentProxyProtocol, UpstreamTimeouts } from '../snapshot.ts'
import type { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointTls } from './endpoint-tls.ts'
import { Http1ClientSession } from './http1-client-session.ts'
import type { Pool, PoolOwner, PoolParts } from './pool.ts'

export class Http1Pool implements Pool {
  readonly endpoint: Endpoint
  readonly settings: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
  readonly #context: NetContext
  readonly #owner: PoolOwner
  readonly #tls: EndpointTls | null
  readonly #proxyProtocol: SentProxyProtocol | null
  readonly #all = new Set<Http1ClientSession>()
  /** Sessions with nothing under way; the last given back is the first taken, so that a burst's extra ones age out. */
  readonly #idle: Http1ClientSession[] = []
  /** Sessions with requests under way that take more, up to `settings.pipelining`. */
  readonly #shared: Http1ClientSession[] = []
  /** Whom the idle session has told of, where sessions do; `null` for none. */
  #adoptedFor: IntroducedClient | null = null
  #closing = false

  constructor({ endpoint, settings, timeouts, proxyProtocol, context, owner }: PoolParts, tls: EndpointTls | null) {
    this.#tls = tls
    this.#proxyProtocol = proxyProtocol
    this.endpoint = endpoint
    this.settings = settings
    this.timeouts = timeouts
    this.#context = context
    this.#owner = owner
  }

  get size(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get hasSpare(): boolean {
    return this.#idle.length > 0 || this.#findShared() !== null
  }

  /** @hotpath */
  acquire(mayPipeline: boolean, client: IntroducedClient | null): ClientSession | null {
    if (this.#proxyProtocol !== null) return this.acquireNew(client)
    const pipelines = mayPipeline && this.settings.pipelining > 1
    if (pipelines) {
      const shared = this.#findShared()
      if (shared !== null) return shared
    }
    const session = this.#idle.pop()
    if (session === undefined) return this.acquireNew(client)
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

  acquireNew(client: IntroducedClient | null): ClientSession | null {
    const adopted = this.#takeAdopted(client)
    if (adopted !== null) return adopted
    const { permits } = this.endpoint
    if (permits.max > 0 && !permits.take() && !(this.closeIdle(1) > 0 && permits.take())) return null
    const session = new Http1ClientSession(this, this.endpoint, this.#context, permits.max > 0)
    this.#all.add(session)
    session.dial(this.timeouts.connectMs, this.#proxyProtocol === null ? null : openingOf(this.#proxyProtocol, client))
    return session
  }

  /** The idle session, where it was opened for this very request. */
  #takeAdopted(client: IntroducedClient | null): ClientSession | null {
    if (client === null || this.#adoptedFor !== client) return null
    this.#adoptedFor = null
    return this.#idle.pop() ?? null
  }

  /** @internal Whom to expect; `null` for plain text. */
  get peer(): TlsPeer | null {
    return this.#tls === null ? null : this.#tls.peer(this.endpoint.host)
  }

  /** Takes over a connection that somebody else has opened for `client`, with its permit if it holds one: it is idle. */
  adopt(connection: Connection, holdsPermit: boolean, client: IntroducedClient | null): void {
    const session = new Http1ClientSession(this, this.endpoint, this.#context, holdsPermit)
    this.#all.add(session)
    connection.owner = session
    session.onConnect(connection)
    if (session.closed) return
    connection.setDeadline(this.settings.idleTimeoutMs)
    if (this.#proxyProtocol !== null) this.#adoptedFor = client
    this.giveBack(session)
  }

  /** A response has ended and the session goes on. @internal */
  giveBack(session: Http1ClientSession): void {
    if (session.depth > 0) {
      if (session.holdsPermit) this.#owner.onRoom()
      return
    }
    remove(this.#shared, session)
    if (this.#closing || this.#idle.length >= this.settings.idleMax) {
      session.close()
      return
    }
    this.#idle.push(session)
    if (session.holdsPermit && !this.#owner.onIdle()) session.close()
  }

  /** The session is out of service. @internal */
  forget(session: Http1ClientSession): void {
    this.#all.delete(session)
    remove(this.#idle, session)
    remove(this.#shared, session)
    if (this.#idle.length === 0) this.#adoptedFor = null
  }

  /** A connection that held a permit is closed. @internal */
  givePermitBack(): void {
    this.endpoint.permits.giveBack()
    this.#owner.onRoom()
  }

  closeIdle(count: number): number {
    const closing = this.#idle.splice(0, count)
    for (const session of closing) session.close()
    return closing.length
  }

  close(): void {
    this.#closing = true
    this.closeIdle(this.#idle.length)
  }
}

function remove(list: Http1ClientSession[], session: Http1ClientSession): void {
  const index = list.lastIndexOf(session)
  if (index >= 0) list.splice(index, 1)
}
