/**
 * Connections of HTTP/2: few, each with as many streams as its peer allows. Another one is opened when those that there are bear
 * all that they may; where that is not allowed (`max_connections`), requests wait for room as over HTTP/1.1. Where connections begin
 * by telling of a client, each bears one stream, and no other ever.
 */
import type { Http2Terms } from '../multiplex/http2-terms.ts'
import type { Connection, NetContext } from '../net/connection.ts'
import { type IntroducedClient, openingOf } from '../net/proxy-protocol/opening.ts'
import type { TlsPeer } from '../net/tls/client-tls.ts'
import type { PoolSnapshot, SentProxyProtocol, UpstreamTimeouts } from '../snapshot.ts'
import type { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointTls } from './endpoint-tls.ts'
import { Http2ClientConnection } from './http2-client-connection.ts'
import { Http2ClientStream } from './http2-client-stream.ts'
import type { Pool, PoolOwner, PoolParts } from './pool.ts'
import { RESPONSE_LIMITS } from './response-limits.ts'

/** Streams that a connection to an endpoint is trusted to bear before any has said: what RFC 9113, section 6.5.2, asks for at least. */
const STREAMS_EXPECTED = 100

/** What the log says of an endpoint that has to speak HTTP/2, and does not choose it. */
const NOT_CHOSEN = 'ERR_ALPN_NOT_H2'

/** Where the endpoint may as well speak HTTP/1.1. */
export interface OtherProtocol {
  /** HTTP/2 was chosen. */
  onHttp2(): void
  /** It was not: the connection is for whoever speaks HTTP/1.1, with its permit if it has one. It was opened for `client`. */
  onHttp1(connection: Connection, holdsPermit: boolean, client: IntroducedClient | null): void
  /** Those who have waited for it know. */
  onHttp1Known(): void
  /** The origin wants to be asked over HTTP/1.1. */
  onHttp1Required(): void
}

export class Http2Pool implements Pool {
  readonly endpoint: Endpoint
  readonly settings: PoolSnapshot
  readonly timeouts: UpstreamTimeouts
  readonly context: NetContext
  readonly terms: Http2Terms
  /** Streams under way at once on a connection, as we have it. */
  readonly streamsMax: number
  readonly scheme: 'http' | 'https'
  readonly #owner: PoolOwner
  readonly #tls: EndpointTls | null
  readonly #other: OtherProtocol | null
  readonly #proxyProtocol: SentProxyProtocol | null
  readonly #connections: Http2ClientConnection[] = []
  /** Streams that the peer allowed on the last connection; -1 before the first. */
  #learnt = -1
  #closing = false

  /** `other` is for an endpoint of which it is not said what it speaks. */
  constructor(parts: PoolParts, tls: EndpointTls | null, other: OtherProtocol | null) {
    const { endpoint, settings, http2, timeouts, proxyProtocol, context, owner } = parts
    this.endpoint = endpoint
    this.settings = settings
    this.timeouts = timeouts
    this.context = context
    this.streamsMax = http2.streamsMax
    this.scheme = tls === null ? 'http' : 'https'
    this.terms = {
      ...http2,
      ...RESPONSE_LIMITS,
      headMs: timeouts.connectMs,
      contentMs: timeouts.idleMs,
      idleMs: settings.idleTimeoutMs,
    }
    this.#owner = owner
    this.#tls = tls
    this.#other = other
    this.#proxyProtocol = proxyProtocol
  }

  /** @internal Whom to expect; `null` for plain text. */
  get peer(): TlsPeer | null {
    return this.#tls === null ? null : this.#tls.peer(this.endpoint.host)
  }

  /** @internal Streams that a connection is expected to bear as long as it has not said. */
  get expectedStreams(): number {
    return this.#learnt <= 0 ? STREAMS_EXPECTED : this.#learnt
  }

  /** @internal Streams that may go ahead of the SETTINGS of a connection. */
  get aheadStreams(): number {
    return this.#learnt < 0 ? 1 : this.#learnt
  }

  get size(): number {
    return this.#connections.length
  }

  get idleCount(): number {
    return this.#connections.reduce((count, connection) => (connection.idle ? count + 1 : count), 0)
  }

  get hasSpare(): boolean {
    return this.#find(null, false) !== null || this.#findShut(null) !== null
  }

  /** @hotpath */
  acquire(_mayPipeline: boolean, client: IntroducedClient | null): ClientSession | null {
    const connection = this.#find(null, false) ?? this.#findShut(null) ?? this.#dial(client)
    return connection === null ? null : new Http2ClientStream(this, connection)
  }

  acquireNew(client: IntroducedClient | null): ClientSession | null {
    const fresh = this.#find(null, true) ?? this.#findShut(null) ?? this.#dial(client)
    // At the limit on connections one that bears others will do: it stands.
    const connection = fresh ?? this.#find(null, false)
    return connection === null ? null : new Http2ClientStream(this, connection)
  }

  /** The first that has room: the others may become idle, and end. @hotpath */
  #find(but: Http2ClientConnection | null, onlyFresh: boolean): Http2ClientConnection | null {
    // Whatever has become of the request that one was opened for: nobody else is to be taken for its client.
    if (this.#proxyProtocol !== null) return null
    for (const connection of this.#connections) {
      if (connection !== but && connection.hasRoom && !(onlyFresh && connection.served)) return connection
    }
    return null
  }

  /** The endpoint takes no streams for now, which another connection would not change: one that waits for that, too. */
  #findShut(but: Http2ClientConnection | null): Http2ClientConnection | null {
    if (this.#learnt !== 0 || this.#proxyProtocol !== null) return null
    return this.#connections.find(each => each !== but && each.isShut && each.load < STREAMS_EXPECTED) ?? null
  }

  #dial(client: IntroducedClient | null): Http2ClientConnection | null {
    const { permits } = this.endpoint
    if (permits.max > 0 && !permits.take() && !(this.closeIdle(1) > 0 && permits.take())) return null
    // What it was opened for need not be remembered where it is for everybody.
    const single = this.#proxyProtocol === null ? null : client
    const connection = new Http2ClientConnection(this, single, permits.max > 0)
    this.#connections.push(connection)
    connection.dial(this.#proxyProtocol === null ? null : openingOf(this.#proxyProtocol, client))
    return connection
  }

  closeIdle(count: number): number {
    const closing = this.#connections.filter(({ idle }) => idle).slice(0, count)
    for (const connection of closing) connection.close()
    return closing.length
  }

  close(): void {
    this.#closing = true
    this.closeIdle(this.#connections.length)
  }

  // What the connections tell.

  /** @internal The handshake is over: whether what was agreed on is HTTP/2. Otherwise it is dealt with. */
  accepts(connection: Http2ClientConnection, transport: Connection): boolean {
    if (this.#tls === null) return true
    if (transport.tls?.alpn === 'h2') {
      this.#other?.onHttp2()
      return true
    }
    if (this.#other === null) {
      transport.destroy()
      connection.onConnectError(NOT_CHOSEN)
      return false
    }
    this.#other.onHttp1(transport, connection.holdsPermit, connection.client)
    connection.leaveToOther()
    this.#other.onHttp1Known()
    return false
  }

  /** @internal A stream was refused because HTTP/1.1 is wanted. True where that can be had. */
  takeHttp1Required(): boolean {
    this.#other?.onHttp1Required()
    return this.#other !== null
  }

  /** @internal */
  learn(streamsMax: number): void {
    this.#learnt = streamsMax
  }

  /** @internal Gives streams that wait in vain to connections that have room, as far as there are some, or may be. */
  relocate(from: Http2ClientConnection): void {
    for (let stream = from.movable; stream !== null; stream = from.movable) {
      const to = this.#find(from, false) ?? (from.isShut ? null : (this.#findShut(from) ?? this.#dial(from.client)))
      if (to === null) return
      from.giveAway(stream)
      stream.moveTo(to)
    }
  }

  /** @internal A stream is over, and others go on. */
  streamEnded(connection: Http2ClientConnection): void {
    if (!connection.holdsPermit) return
    if (this.#owner.isWantedElsewhere) connection.drain()
    else this.#owner.onRoom()
  }

  /** @internal Nothing is under way on it any more. */
  giveBack(connection: Http2ClientConnection): void {
    if (this.#closing || this.idleCount > this.settings.idleMax) connection.close()
    else if (connection.holdsPermit && !this.#owner.onIdle()) connection.close()
  }

  /** @internal */
  forget(connection: Http2ClientConnection): void {
    const index = this.#connections.indexOf(connection)
    if (index >= 0) this.#connections.splice(index, 1)
  }

  /** @internal A connection that held a permit is closed. */
  givePermitBack(): void {
    this.endpoint.permits.giveBack()
    this.#owner.onRoom()
  }
}
