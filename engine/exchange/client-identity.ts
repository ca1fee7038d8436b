import { createForwarding, type Forwarding } from '../http/head-writer.ts'
import type { Connection } from '../net/connection.ts'
import type { TlsFacts } from '../net/tls/tls-facts.ts'
import type { ListenerTerms } from './generation.ts'

/** Who is at the other end of a client's connection. */
export interface ClientIdentity {
  /** The address with its port, as the access line has it. */
  readonly name: string
  /** What origins are told of it. */
  readonly forwarding: Forwarding
  /** `null` where its connection is not encrypted. */
  readonly tls: TlsFacts | null
}

/** Asks the system; once per connection is enough. */
export function identifyClient(
  { transport, tls }: Pick<Connection, 'transport' | 'tls'>,
  terms: ListenerTerms,
): ClientIdentity {
  const remote: { address?: string; port?: number } = {}
  const local: { port?: number } = {}
  transport.getpeername?.(remote)
  transport.getsockname?.(local)
  const { settings, trusted } = terms
  // A dual-stack socket gives IPv4 addresses as mapped ones; the zone of a link-local address means nothing elsewhere.
  const address = (remote.address ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
  // Whoever can open a unix socket is on this machine, put there by its owner. A TCP peer that the system does not know
  // any more (it sent RST behind its request) is nobody to be trusted.
  const isTrusted = settings.address.kind === 'unix' ? settings.trustedProxies.length > 0 : trusted.has(address)
  const host = address.includes(':') ? `[${address}]` : address
  return {
    name: remote.port === undefined ? address : `${host}:${remote.port}`,
    forwarding: createForwarding(
      isTrusted,
      settings.forwarded,
      address,
      tls === null ? 'http' : 'https',
      local.port ?? 0,
      tls,
      settings.tls?.clientAuth.forward ?? 'none',
    ),
    tls,
  }
}
