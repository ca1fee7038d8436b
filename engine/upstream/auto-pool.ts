/**
 * An endpoint that says itself, by ALPN, whether it speaks HTTP/2. As long as that is not known, the first connection is taken
 * to; what comes out holds until the last connection is closed. Where each is for one request, it holds for as long as an idle one
 * would be kept otherwise.
 */
import type { Connection } from '../net/connection.ts'
import type { IntroducedClient } from '../net/proxy-protocol/opening.ts'
import type { ClientSession } from './client-session.ts'
import { EndpointTls, type UpstreamTls } from './endpoint-tls.ts'
import { Http1Pool } from './http1-pool.ts'
import { Http2Pool, type OtherProtocol } from './http2-pool.ts'
import type { Pool, PoolParts } from './pool.ts'

export class AutoPool implements Pool, OtherProtocol {
  readonly #http1: Http1Pool
  readonly #http2: Http2Pool
  /** It has chosen HTTP/1.1. */
  #isHttp1 = false
  /** The same, and nobody has asked for a connection since. */
  #isOrdered = false
  /** Each connection is for one request. */
  readonly #isSingle: boolean
  /** Milliseconds for which it holds without a connection then. */
  readonly #holdsMs: number
  /** When a connection was asked for last, as `performance.now()`; where each is for one request. */
  #askedAt = 0

  constructor(parts: PoolParts, tls: UpstreamTls) {
    this.#isSingle = parts.proxyProtocol !== null
    this.#holdsMs = parts.settings.idleTimeoutMs
    this.#http1 = new Http1Pool(parts, new EndpointTls(tls, ['http/1.1']))
    this.#http2 = new Http2Pool(parts, new EndpointTls(tls, ['h2', 'http/1.1']), this)
  }

  get size(): number {
    return this.#http1.size + this.#http2.size
  }

  get idleCount(): number {
    return this.#http1.idleCount + this.#http2.idleCount
  }

  get hasSpare(): boolean {
    return this.#current.hasSpare || this.#former.idleCount > 0
  }

  /** @hotpath */
  acquire(mayPipeline: boolean, client: IntroducedClient | null): ClientSession | null {
    const pool = this.#current
    const session = pool.acquire(mayPipeline, client) ?? (this.#makeRoom() ? pool.acquire(mayPipeline, client) : null)
    this.#asked()
    return session
  }

  acquireNew(client: IntroducedClient | null): ClientSession | null {
    const pool = this.#current
    const session = pool.acquireNew(client) ?? (this.#makeRoom() ? pool.acquireNew(client) : null)
    this.#asked()
    return session
  }

  #makeRoom(): boolean {
    return this.#former.closeIdle(1) > 0
  }

  #asked(): void {
    this.#isOrdered = false
    if (this.#isSingle) this.#askedAt = performance.now()
  }

  /** Where connections may be left from before it chose otherwise: at the limit they make room. */
  get #former(): Pool {
    return this.#isHttp1 ? this.#http2 : this.#http1
  }

  /** What it has chosen is forgotten with the last connection, or in time. */
  get #current(): Pool {
    if (this.#isHttp1 && !this.#isOrdered && this.#http1.size === 0 && !this.#holds) this.#isHttp1 = false
    return this.#isHttp1 ? this.#http1 : this.#http2
  }

  closeIdle(count: number): number {
    const closed = this.#http1.closeIdle(count)
    return closed + this.#http2.closeIdle(count - closed)
  }

  close(): void {
    this.#http1.close()
    this.#http2.close()
  }

  onHttp2(): void {
    this.#isHttp1 = false
  }

  get #holds(): boolean {
    return this.#isSingle && performance.now() - this.#askedAt < this.#holdsMs
  }

  onHttp1(connection: Connection, holdsPermit: boolean, client: IntroducedClient | null): void {
    this.#isHttp1 = true
    this.#isOrdered = true
    this.#http1.adopt(connection, holdsPermit, client)
  }

  /** The request that a connection was opened for has taken it up, or is no more: nobody else may. */
  onHttp1Known(): void {
    if (this.#isSingle) this.#http1.closeIdle(this.#http1.idleCount)
  }

  onHttp1Required(): void {
    this.#isHttp1 = true
    this.#isOrdered = true
  }
}
