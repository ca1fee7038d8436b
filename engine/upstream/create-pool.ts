import type { UpstreamSnapshot } from '../snapshot.ts'
import { AutoPool } from './auto-pool.ts'
import { EndpointTls, type UpstreamTls } from './endpoint-tls.ts'
import { Http1Pool } from './http1-pool.ts'
import { Http2Pool } from './http2-pool.ts'
import type { Pool, PoolParts } from './pool.ts'

/** The pool of an endpoint, by what its upstream speaks. `tls` is `null` for plain text. */
export function createPool(protocol: UpstreamSnapshot['protocol'], parts: PoolParts, tls: UpstreamTls | null): Pool {
  if (protocol === 'auto' && tls !== null) return new AutoPool(parts, tls)
  if (protocol === 'h2c' || protocol === 'h2') {
    return new Http2Pool(parts, tls === null ? null : new EndpointTls(tls, ['h2']), null)
  }
  return new Http1Pool(parts, tls === null ? null : new EndpointTls(tls, ['http/1.1']))
}
