import type { KeyPath } from '../positions.ts'
import { isMap, keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** The PROXY protocol, as listeners take it and upstreams get it. */

/** Of a listener: who may say who a client is. */
export function checkAcceptedProxyProtocol(listener: Section, path: KeyPath, report: Report): void {
  const { protocol, proxy_protocol: proxy, trusted_proxies: proxies, address } = listener
  const section = mapOf(proxy)
  const place = [...path, 'proxy_protocol']
  const isUnix = typeof address === 'string' && address.startsWith('unix:')
  const accepts = proxy === true || (isMap(proxy) && section.accept !== false)
  if (isMap(proxy) && !accepts) {
    for (const key of keysIn(section, ['trusted', 'timeout'])) {
      report('no-effect', [...place, key], 'no header is accepted: "accept" is false')
    }
  }
  if (accepts && !isUnix && section.trusted === undefined && listOf(proxies).length === 0) {
    const hint = 'such as [10.0.0.0/8]; ["0.0.0.0/0", "::/0"] for everybody, where nobody else gets here'
    report('missing-key', [...place, 'trusted'], 'is missing; whoever is trusted may say who a client is', hint)
  }
  if (accepts && isUnix && section.trusted !== undefined) {
    report('no-effect', [...place, 'trusted'], 'who comes by a unix socket has no address', 'they are trusted all')
  }
  if (proxies === undefined || protocol === undefined || protocol === 'http') return
  if (accepts && section.trusted === undefined) return
  const hint = 'requests have fields to be trusted; for the PROXY protocol it is "proxy_protocol.trusted"'
  report('no-effect', [...path, 'trusted_proxies'], `has no effect on a listener of ${String(protocol)}`, hint)
}

/** Whatever upstream it is: version 1 is addresses alone. */
export function checkSentProxyProtocol(upstream: Section, path: KeyPath, report: Report): void {
  const { version, details } = mapOf(upstream.proxy_protocol)
  const place = [...path, 'proxy_protocol', 'details']
  if (version === 'v1' && details !== undefined) {
    report('no-effect', place, 'version 1 has addresses and nothing else', 'write "version: v2", or leave it out')
  }
  const items = listOf(details)
  for (const [index, detail] of items.entries()) {
    if (items.indexOf(detail) !== index)
      report('duplicate-item', [...place, index], `${String(detail)} is listed twice`)
  }
}
