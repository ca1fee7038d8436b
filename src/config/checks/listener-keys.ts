import type { KeyPath } from '../positions.ts'
import { keysIn, mapOf, type Report, type Section } from './written.ts'

/** Keys of a listener that its protocol has no use for. */

type Protocol = 'http' | 'tcp' | 'udp'

/** By section (empty for the listener itself): each key with the protocols that it is for. */
const KEYS: readonly (readonly [section: string, keys: readonly string[], protocols: readonly Protocol[]])[] = [
  ['', ['upstream'], ['tcp', 'udp']],
  ['', ['sni', 'first_bytes'], ['tcp']],
  ['', ['udp'], ['udp']],
  ['', ['tls'], ['http', 'tcp']],
  ['', ['http2', 'redirect_to_https', 'forwarded', 'paths'], ['http']],
  ['limits', ['head', 'fields', 'target'], ['http']],
  ['limits', ['upload_rate', 'download_rate'], ['tcp']],
  ['timeouts', ['head', 'content', 'tunnel'], ['http']],
  ['timeouts', ['idle'], ['http', 'tcp']],
  ['timeouts', ['half_close', 'first_bytes'], ['tcp']],
  ['proxy_protocol', ['timeout'], ['http', 'tcp']],
  ['tls', ['hsts'], ['http']],
  ['tls.client_auth', ['forward'], ['http']],
]

/** What somebody probably meant, by protocol and key. */
const HINTS: Readonly<Record<string, string>> = {
  'http.upstream': 'routes lead to upstreams; or write "protocol: tcp"',
  'http.sni': 'routes go by "match.host"; or write "protocol: tcp"',
  'http.first_bytes': 'write "protocol: tcp"',
  'tcp.timeouts.head': 'did you mean "first_bytes"?',
  'tcp.timeouts.content': 'did you mean "idle"?',
  'tcp.timeouts.tunnel': 'did you mean "idle"?',
  'udp.tls': 'datagrams go on as they come, encrypted or not',
  'udp.sni': 'it reads the first bytes of a connection',
  'udp.timeouts.idle': 'did you mean "udp.idle"?',
  'udp.proxy_protocol.timeout': 'its header comes with each datagram',
}

/** What is none of the three is taken for the usual one: it has been told already. */
export function isHttp(listener: Section): boolean {
  return listener.protocol !== 'tcp' && listener.protocol !== 'udp'
}

function protocolOf(listener: Section): Protocol | null {
  const { protocol = 'http' } = listener
  return protocol === 'http' || protocol === 'tcp' || protocol === 'udp' ? protocol : null
}

export function checkListenerKeys(listener: Section, path: KeyPath, report: Report): void {
  const protocol = protocolOf(listener)
  if (protocol === null) return
  for (const [section, keys, protocols] of KEYS) {
    if (protocols.includes(protocol)) continue
    const steps = section === '' ? [] : section.split('.')
    const within = steps.reduce((part, step) => mapOf(part[step]), listener)
    for (const key of keysIn(within, keys)) {
      const hint = HINTS[[protocol, ...steps, key].join('.')] ?? `it is for ${protocols.join(' and ')}`
      report('no-effect', [...path, ...steps, key], `has no effect on a listener of ${protocol}`, hint)
    }
  }
}
