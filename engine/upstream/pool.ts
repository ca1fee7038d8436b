/** The connections of one worker to one endpoint, whatever protocol they speak. */
import type { NetContext } from '../net/connection.ts'
import type { IntroducedClient } from '../net/proxy-protocol/opening.ts'
import type { Http2Snapshot, PoolSnapshot, SentProxyProtocol, UpstreamTimeouts } from '../snapshot.ts'
import type { ClientSession } from './client-session.ts'
import type { Endpoint } from './endpoint.ts'

export interface Pool {
  /** Connections open or being opened. */
  readonly size: number
  /** Those that nobody uses. */
  readonly idleCount: number
  /** Whether there is an idle connection, or one that bears one more request. */
  readonly hasSpare: boolean
  /**
   * A session for a request: on a connection that others use too if it may be, else on an idle one, else on a new one.
   * `mayPipeline`: over HTTP/1.1 it may follow others whose responses have not come. `client` is whom connections begin by telling
   * of, where they do: those are for this request alone; `null` for a request of our own. `null` at the limit on connections.
   */
  acquire(mayPipeline: boolean, client: IntroducedClient | null): ClientSession | null
  /**
   * A session on a connection that nobody has used: for a request that an old one has failed. At the limit on connections an
   * idle one is given up for it; over HTTP/2 it is one that bears others where there is none; else `null`.
   */
  acquireNew(client: IntroducedClient | null): ClientSession | null
  /** Closes up to `count` connections that nobody uses, the longest idle first; gives how many it has closed. */
  closeIdle(count: number): number
  /** Closes what is idle now and what becomes idle later. */
  close(): void
}

/** The upstream, as the pools of endpoints with a limit on connections know it. */
export interface PoolOwner {
  /** A connection has become idle. False where it should rather be closed: somebody in another worker waits for it. */
  onIdle(): boolean
  /** A connection was closed, or bears one more request: whoever waits may find room. */
  onRoom(): void
  /** Somebody in another worker waits for a connection that this one has, and is to have it. */
  readonly isWantedElsewhere: boolean
}

/** What a pool is made of. */
export interface PoolParts {
  readonly endpoint: Endpoint
  readonly settings: PoolSnapshot
  readonly http2: Http2Snapshot
  readonly timeouts: UpstreamTimeouts
  /** What connections begin with; `null` for nothing. */
  readonly proxyProtocol: SentProxyProtocol | null
  readonly context: NetContext
  readonly owner: PoolOwner
}

/** A connection that has told of a client is for one request of that client's: nobody else is to be taken for it. */
export function forOneRequest(settings: PoolSnapshot): PoolSnapshot {
  // One may lie idle for the moment in which it is found out what is spoken there: see `AutoPool`.
  return { ...settings, requestsMax: 1, pipelining: 1, idleMax: 1 }
}
