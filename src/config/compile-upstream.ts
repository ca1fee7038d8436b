import type {
  EndpointSnapshot,
  HashKeySource,
  Measure,
  ResolverSnapshot,
  StickySnapshot,
  UpstreamSnapshot,
} from '../../engine/snapshot.ts'
import { compileActive, compilePassive } from './compile-health.ts'
import { compileHttp2 } from './compile-http2.ts'
import { compileSentProxyProtocol } from './compile-proxy-protocol.ts'
import {
  compileAdaptiveConcurrency,
  compileCircuitBreaker,
  compileHedge,
  compileQueue,
  compileRetry,
} from './compile-resilience.ts'
import { compileUpstreamTls } from './compile-tls.ts'
import { cookieAttributes } from './cookie.ts'
import type { NamePlaces } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'
import type { UpstreamUses } from './upstream-uses.ts'

type UpstreamModel = ConfigurationModel['upstreams'][string]
type EndpointModel = UpstreamModel['endpoints'][number]

/** What upstreams take from other parts of the configuration. */
export interface UpstreamSurroundings {
  readonly resolver: ConfigurationModel['resolver']
  readonly routes: NamePlaces
  readonly uses: UpstreamUses
}

export function compileUpstream(
  name: string,
  upstream: UpstreamModel,
  { resolver, routes, uses }: UpstreamSurroundings,
): UpstreamSnapshot {
  const { balance, pool, timeouts } = upstream
  return {
    name,
    balance,
    measure: measureOf(upstream),
    hashOn: hashKeyOf(upstream),
    endpoints: upstream.endpoints.map(compileEndpoint),
    protocol: upstream.protocol,
    tls: compileUpstreamTls(upstream),
    http2: compileHttp2(upstream.http2),
    proxyProtocol: compileSentProxyProtocol(upstream.proxy_protocol),
    pool: {
      idleMax: pool.idle,
      idleTimeoutMs: pool.idle_timeout,
      requestsMax: pool.max_requests,
      pipelining: pool.pipelining,
    },
    timeouts: { connectMs: timeouts.connect, responseMs: timeouts.response, idleMs: timeouts.idle },
    resolver: compileResolver(resolver, upstream.resolver),
    active: compileActive(upstream.health.active, upstream, uses),
    passive: compilePassive(upstream.health.passive),
    circuitBreaker: compileCircuitBreaker(upstream.circuit_breaker, routes),
    retry: compileRetry(upstream.retry),
    hedge: compileHedge(upstream.hedge),
    adaptiveConcurrency: compileAdaptiveConcurrency(upstream.adaptive_concurrency),
    sticky: compileSticky(upstream.sticky),
    slowStartMs: upstream.slow_start ?? 0,
    queue: compileQueue(upstream.queue),
    panicThreshold: upstream.panic_threshold,
  }
}

function compileEndpoint(endpoint: EndpointModel): EndpointSnapshot {
  const target = endpoint.address ?? endpoint.service
  if (target === undefined) throw new Error('an endpoint without address and service passed the checks')
  return {
    address: target.address,
    name: target.name,
    weight: endpoint.weight,
    connectionsMax: endpoint.max_connections ?? 0,
    backup: endpoint.backup,
    priority: endpoint.priority,
    route: endpoint.route ?? '',
  }
}

function measureOf({ balance, measure }: UpstreamModel): Measure {
  return measure ?? (balance === 'least_time' ? 'first_byte' : 'connections')
}

/** Other balancers than these may have a `hash_on` that waits for the day when they are exchanged. */
function hashKeyOf({ balance, hash_on: on }: UpstreamModel): HashKeySource | null {
  return on === undefined || (balance !== 'hash' && balance !== 'maglev') ? null : compileHashKey(on)
}

export function compileHashKey(on: NonNullable<UpstreamModel['hash_on']>): HashKeySource {
  if (typeof on === 'string') return { kind: on }
  if (on.header !== undefined) return { kind: 'header', name: on.header.toLowerCase() }
  if (on.cookie !== undefined) return { kind: 'cookie', name: on.cookie }
  if (on.query !== undefined) return { kind: 'query', name: on.query }
  return { kind: on.path ? 'path' : 'client_ip' }
}

function compileResolver(all: ConfigurationModel['resolver'], own: UpstreamModel['resolver']): ResolverSnapshot {
  return {
    addresses: [...new Set(own.addresses ?? all.addresses)],
    ttlMinMs: own.min_ttl ?? all.min_ttl,
    ttlMaxMs: own.max_ttl ?? all.max_ttl,
    timeoutMs: own.timeout ?? all.timeout,
  }
}

function compileSticky(sticky: UpstreamModel['sticky']): StickySnapshot | null {
  if (sticky === undefined) return null
  const { cookie, route, ttl = 0, secret = '', path, domain, secure } = sticky
  if (cookie === undefined) return { kind: 'route', cookie: route ?? '', ttlMs: 0, secret: '', attributes: '' }
  const attributes = cookieAttributes({
    path,
    domain,
    ttlMs: ttl,
    secure,
    httpOnly: sticky.http_only,
    sameSite: sticky.same_site,
  })
  return { kind: 'own', cookie, ttlMs: ttl, secret, attributes }
}
