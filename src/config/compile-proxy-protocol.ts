import type { AcceptedProxyProtocol, SentProxyProtocol } from '../../engine/snapshot.ts'
import type { ConfigurationModel } from './schema.ts'

type ListenerModel = ConfigurationModel['listeners'][string]
type UpstreamModel = ConfigurationModel['upstreams'][string]

/** Those who are trusted with the fields of requests are trusted with this, unless others are named. */
export function compileAcceptedProxyProtocol(listener: ListenerModel): AcceptedProxyProtocol | null {
  const { proxy_protocol: proxy, trusted_proxies: proxies } = listener
  if (!proxy?.accept) return null
  return { trusted: [...new Set(proxy.trusted ?? proxies)], timeoutMs: proxy.timeout }
}

export function compileSentProxyProtocol(proxy: UpstreamModel['proxy_protocol']): SentProxyProtocol | null {
  if (!proxy) return null
  return { version: proxy.version === 'v1' ? 1 : 2, details: [...new Set(proxy.details)] }
}
