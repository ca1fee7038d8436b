/** What listeners and upstreams speak, as `status` tells it. */
import type { ListenerTlsSnapshot, Snapshot, UpstreamSnapshot } from '../../engine/snapshot.ts'
import type { BoundListener } from '../../engine/threads/api.ts'
import { type ListenerScheme, listenerScheme } from '../proxy.ts'

export interface ListenerStatus extends BoundListener {
  readonly scheme: ListenerScheme
  /** `h2` and `http/1.1` over TLS, `h2c` and `http/1.1` without; of `tls` what ALPN offers. */
  readonly protocols: readonly string[]
  /** Whether clients are asked for certificates. */
  readonly clientCertificates: 'none' | 'request' | 'require'
  /** Every request is led to https. */
  readonly leadsToHttps: boolean
  /** The upstreams that flows of TCP and UDP go to; none where routes say it. */
  readonly upstreams: readonly string[]
}

type Settings = Pick<Snapshot, 'listeners' | 'tcpListeners' | 'udpListeners' | 'upstreams'>

/** `snapshot` is that in force; a listener that is on its way out is in it no more. */
export function listenerStatus(bound: BoundListener, snapshot: Settings): ListenerStatus {
  const isIt = ({ name }: { readonly name: string }) => name === bound.name
  const common = { ...bound, scheme: listenerScheme(bound.name, snapshot) }
  const tcp = snapshot.tcpListeners.find(isIt)
  const udp = snapshot.udpListeners.find(isIt)
  const namesOf = (places: readonly number[]) => [
    ...new Set(places.flatMap(place => snapshot.upstreams[place]?.name ?? [])),
  ]
  if (udp !== undefined) {
    return { ...common, protocols: [], ...WITHOUT_TLS, upstreams: namesOf([udp.upstream]) }
  }
  if (tcp !== undefined) {
    const { tls, serverNames, firstBytes, upstream } = tcp
    const places = [...serverNames.map(rule => rule.upstream), ...Object.values(firstBytes), upstream]
    const own = { protocols: tls?.alpn ?? [], upstreams: namesOf(places) }
    return { ...common, ...WITHOUT_TLS, ...own, ...asked(tls) }
  }
  const settings = snapshot.listeners.find(isIt)
  const tls = settings?.tls ?? null
  const plain = settings?.http2 === null ? ['http/1.1'] : ['h2c', 'http/1.1']
  return {
    ...common,
    protocols: tls === null ? plain : tls.alpn,
    ...asked(tls),
    leadsToHttps: (settings?.redirectToHttpsPort ?? 0) > 0,
    upstreams: [],
  }
}

const WITHOUT_TLS = { clientCertificates: 'none', leadsToHttps: false } as const

function asked(tls: ListenerTlsSnapshot | null): Pick<ListenerStatus, 'clientCertificates'> {
  return { clientCertificates: tls?.clientAuth.mode ?? 'none' }
}

export interface SpokenUpstream {
  readonly protocol: UpstreamSnapshot['protocol']
  /** Whether connections are encrypted. */
  readonly tls: boolean
}

export function spokenTo({ protocol, tls }: UpstreamSnapshot): SpokenUpstream {
  return { protocol, tls: tls !== null }
}
