/** What listeners and upstreams speak, as `status` tells it. */
import type { ListenerSnapshot, UpstreamSnapshot } from '../../engine/snapshot.ts'
import type { BoundListener } from '../../engine/threads/api.ts'

export interface ListenerStatus extends BoundListener {
  readonly scheme: 'http' | 'https'
  /** `h2` and `http/1.1` over TLS, `h2c` and `http/1.1` without. */
  readonly protocols: readonly string[]
  /** Whether clients are asked for certificates. */
  readonly clientCertificates: 'none' | 'request' | 'require'
  /** Every request is led to https. */
  readonly leadsToHttps: boolean
}

/** `settings` is the listener's in the configuration in force; one that is on its way out is in it no more. */
export function listenerStatus(bound: BoundListener, settings: ListenerSnapshot | undefined): ListenerStatus {
  const tls = settings?.tls ?? null
  const plain = settings?.http2 === null ? ['http/1.1'] : ['h2c', 'http/1.1']
  return {
    ...bound,
    scheme: tls === null ? 'http' : 'https',
    protocols: tls === null ? plain : tls.alpn,
    clientCertificates: tls?.clientAuth.mode ?? 'none',
    leadsToHttps: (settings?.redirectToHttpsPort ?? 0) > 0,
  }
}

export interface SpokenUpstream {
  readonly protocol: UpstreamSnapshot['protocol']
  /** Whether connections are encrypted. */
  readonly tls: boolean
}

export function spokenTo({ protocol, tls }: UpstreamSnapshot): SpokenUpstream {
  return { protocol, tls: tls !== null }
}
