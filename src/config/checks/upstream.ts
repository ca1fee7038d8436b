import type { BalanceName } from '../../../engine/snapshot.ts'
import type { KeyPath } from '../positions.ts'
import { BALANCES } from '../schema/upstream.ts'
import type { UpstreamUses } from '../upstream-uses.ts'
import { checkHashOn, checkSticky } from './affinity.ts'
import { checkEndpoints } from './endpoints.ts'
import { checkFlowUpstream } from './flow-upstreams.ts'
import { checkHealth } from './health.ts'
import { checkSentProxyProtocol } from './proxy-protocol.ts'
import { checkAdaptiveConcurrency, checkCircuitBreaker, checkRetry } from './resilience.ts'
import { checkResolver } from './resolver.ts'
import type { TlsSurroundings } from './tls-files.ts'
import { checkHttp2, checkUpstreamTls } from './upstream-tls.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** What an upstream is judged beside. */
export interface UpstreamSurroundings {
  /** The top-level section. */
  readonly resolver: Section
  readonly tls: TlsSurroundings
  readonly uses: UpstreamUses
}

export function checkUpstream(
  upstream: Section,
  { resolver, tls, uses }: UpstreamSurroundings,
  path: KeyPath,
  report: Report,
): void {
  const endpoints = listOf(upstream.endpoints).map(mapOf)
  checkEndpoints(listOf(upstream.endpoints), [...path, 'endpoints'], report)
  checkBalance(upstream, path, report)
  checkUpstreamTls(upstream, endpoints, tls, path, report)
  checkHttp2(upstream.http2, [...path, 'http2'], report)
  checkHashOn(upstream.hash_on, [...path, 'hash_on'], report)
  checkResolver(mapOf(upstream.resolver), resolver, [...path, 'resolver'], report)
  checkHealth(upstream, endpoints, uses, [...path, 'health'], report)
  checkCircuitBreaker(mapOf(upstream.circuit_breaker), [...path, 'circuit_breaker'], report)
  checkRetry(mapOf(upstream.retry), [...path, 'retry'], report)
  checkAdaptiveConcurrency(mapOf(upstream.adaptive_concurrency), [...path, 'adaptive_concurrency'], report)
  checkSticky(upstream.sticky, endpoints, path, report)
  checkQueue(upstream.queue, endpoints, [...path, 'queue'], report)
  checkSentProxyProtocol(upstream, path, report)
  checkFlowUpstream(upstream, uses, path, report)
}

/** Balancers that always send the same key to the same endpoint. */
const KEEPING: readonly string[] = ['ip_hash', 'hash', 'maglev']

function checkBalance(upstream: Section, path: KeyPath, report: Report): void {
  const { balance = 'round_robin', measure, hash_on: hashOn, slow_start: slowStart } = upstream
  if (!isBalance(balance)) return
  if ((balance === 'hash' || balance === 'maglev') && hashOn === undefined) {
    const hint = 'such as "hash_on: client_ip" or "hash_on: { header: NAME }"'
    report('missing-key', [...path, 'hash_on'], `is missing; ${balance} needs to know what it spreads by`, hint)
  }
  if (measure !== undefined && balance !== 'power_of_two' && balance !== 'least_time') {
    const hint = 'it is for power_of_two and least_time'
    report('no-effect', [...path, 'measure'], `has no effect with the balance ${balance}`, hint)
  }
  if (measure === 'connections' && balance === 'least_time') {
    report('wrong-value', [...path, 'measure'], 'connections are no time', 'least_time goes by first_byte or response')
  }
  if (slowStart !== undefined && KEEPING.includes(balance)) {
    const hint = 'leave it out, or balance otherwise'
    report('conflicting-keys', [...path, 'slow_start'], `cannot be had with the balance ${balance}`, hint)
  }
}

function isBalance(value: unknown): value is BalanceName {
  return BALANCES.some(balance => balance === value)
}

function checkQueue(queue: unknown, endpoints: readonly Section[], path: KeyPath, report: Report): void {
  if (!isMap(queue) || endpoints.length === 0) return
  if (endpoints.some(endpoint => endpoint.max_connections !== undefined)) return
  const hint = 'give the endpoints that, or leave "queue" out'
  report('no-effect', path, 'nobody would ever wait: no endpoint has "max_connections"', hint)
}
