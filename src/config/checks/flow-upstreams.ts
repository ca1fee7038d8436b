import type { KeyPath } from '../positions.ts'
import type { UpstreamUses } from '../upstream-uses.ts'
import { isMap, keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** Upstreams of listeners of TCP and UDP: what of their keys speaks of requests, which there are none of. */

/** By section: keys that only requests have a use for. */
const OF_REQUESTS: readonly (readonly [section: string, keys: readonly string[]])[] = [
  ['', ['http2', 'pool', 'hedge', 'sticky']],
  ['timeouts', ['response', 'idle']],
  ['retry', ['methods', 'non_idempotent', 'per_try_timeout', 'buffer']],
  ['circuit_breaker', ['fallback']],
  ['health.passive', ['consecutive_5xx', 'consecutive_gateway_errors']],
]

const HINTS: Readonly<Record<string, string>> = {
  sticky: '"balance: ip_hash" keeps a client on one endpoint',
  'timeouts.idle': 'the listener has "timeouts.idle"',
  hedge: 'it is for requests',
}

export function checkFlowUpstream(upstream: Section, uses: UpstreamUses, path: KeyPath, report: Report): void {
  const listener = uses.tcp[0] ?? uses.udp[0]
  if (listener === undefined) return
  const about = ['listeners', listener]
  checkHashed(upstream, path, about, report)
  const [datagrams] = uses.udp
  if (datagrams !== undefined) checkDatagrams(upstream, path, ['listeners', datagrams], report)
  if (!uses.http) checkRequests(upstream, path, about, report)
}

const FLOWS = 'has no effect on an upstream that no route leads to'

function checkRequests(upstream: Section, path: KeyPath, about: KeyPath, report: Report): void {
  const { protocol, retry } = upstream
  for (const [section, keys] of OF_REQUESTS) {
    const steps = section === '' ? [] : section.split('.')
    const within = steps.reduce((part, step) => mapOf(part[step]), upstream)
    for (const key of keysIn(within, keys)) {
      const hint = HINTS[[...steps, key].join('.')] ?? 'it is for requests, and here are only connections'
      report('no-effect', [...path, ...steps, key], FLOWS, hint, about)
    }
  }
  if (protocol !== undefined) {
    const hint = 'bytes go on as they come, whatever they speak'
    report('no-effect', [...path, 'protocol'], FLOWS, hint, about)
  }
  for (const [index, cause] of listOf(mapOf(retry).on).entries()) {
    if (cause === 'connect') continue
    const place = [...path, 'retry', 'on', index]
    if (cause === 'reset' || cause === 'timeout') {
      const message = 'connections and datagrams are tried again for "connect" alone'
      report('retry-never', place, message, 'take it out', about)
      continue
    }
    const hint = 'a connection has no status that could be tried again'
    report('no-effect', place, FLOWS, hint, about)
  }
}

/** Of a connection only its address is known. */
function checkHashed({ balance, hash_on: on }: Section, path: KeyPath, about: KeyPath, report: Report): void {
  if (on === undefined || (balance !== 'hash' && balance !== 'maglev')) return
  const isClient = on === 'client_ip' || (isMap(on) && on.client_ip !== undefined)
  if (isClient) return
  const message = 'connections and datagrams have no such key, only the address of their client'
  report('conflicting-keys', [...path, 'hash_on'], message, 'write "hash_on: client_ip"', about)
}

function checkDatagrams(upstream: Section, path: KeyPath, about: KeyPath, report: Report): void {
  const { tls, proxy_protocol: proxy, endpoints } = upstream
  if (tls === true || isMap(tls)) {
    report('conflicting-keys', [...path, 'tls'], 'datagrams are not encrypted on their way', 'leave it out', about)
  }
  if (proxy === 'v1' || mapOf(proxy).version === 'v1') {
    const place = isMap(proxy) ? [...path, 'proxy_protocol', 'version'] : [...path, 'proxy_protocol']
    report('conflicting-keys', place, 'version 1 knows no datagrams', 'write v2', about)
  }
  for (const [index, endpoint] of listOf(endpoints).entries()) {
    const { address } = mapOf(endpoint)
    if (typeof address !== 'string' || !address.startsWith('unix:')) continue
    const message = 'datagrams are sent to a host and a port'
    report('conflicting-keys', [...path, 'endpoints', index, 'address'], message, '', about)
  }
}
