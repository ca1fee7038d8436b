import type { ClientTls } from '../http/client-tls.ts'
import { createForwarding, type Forwarding } from '../http/head-writer.ts'
import type { Connection } from '../net/connection.ts'
import { endsOf, hostOf, nameOf, proxyNameOf } from '../net/ends.ts'
import type { ProxyHeader } from '../net/proxy-protocol/header.ts'
import type { ListenerTerms } from './generation.ts'

/** Who is at the other end of a client's connection. */
export interface ClientIdentity {
  /** The address with its port, as the access line has it. */
  readonly name: string
  /** Who has told of it by the PROXY protocol, in the same form; empty where it has come itself. */
  readonly proxy: string
  /** What origins are told of it. */
  readonly forwarding: Forwarding
  /** `null` where its connection is encrypted neither here nor, as a header of the PROXY protocol tells, before. */
  readonly tls: ClientTls | null
}

/** Asks the system; once per connection is enough. */
export function identifyClient(
  connection: Pick<Connection, 'transport' | 'tls' | 'proxied'>,
  terms: ListenerTerms,
): ClientIdentity {
  const { settings, trusted } = terms
  const ends = endsOf(connection)
  const address = hostOf(ends.client)
  // Whoever can open a unix socket is on this machine, put there by its owner. A TCP peer that the system does not know
  // any more (it sent RST behind its request) is nobody to be trusted.
  const isOwners = settings.address.kind === 'unix' && !ends.isProxied
  const tls = connection.tls ?? proxiedTls(connection.proxied)
  return {
    name: nameOf(ends.client),
    proxy: proxyNameOf(ends),
    forwarding: createForwarding(
      isOwners ? settings.trustedProxies.length > 0 : trusted.has(address),
      settings.forwarded,
      address,
      tls === null ? 'http' : 'https',
      ends.destination?.kind === 'tcp' ? ends.destination.port : 0,
      tls,
      settings.tls?.clientAuth.forward ?? 'none',
    ),
    tls,
  }
}

/** Who says that the client came to it encrypted has ended that for us: it came by https. */
function proxiedTls(proxied: ProxyHeader | null): ClientTls | null {
  const details = proxied?.details ?? null
  if (details === null || details.tls === null) return null
  const { version, cipher } = details.tls
  return { version, cipher, serverName: details.authority, clientCertificate: null }
}
