/** Who is at the ends of a client's connection, as far as it is known: by the socket, or by a header of the PROXY protocol. */
import type { Address } from '../snapshot.ts'
import { formatAddress } from './address.ts'
import type { Connection } from './connection.ts'
import type { StreamHandle } from './handles.ts'

export interface Ends {
  /** `null` where nobody knows: on a unix socket, or where the system has forgotten a peer that is gone. */
  readonly client: Address | null
  /** Where the client has gone to: an address of ours, or of the proxy before us. */
  readonly destination: Address | null
  /** The other end of the socket: the client, or whoever has told of it. */
  readonly peer: Address | null
  /** The ends are those of a header. */
  readonly isProxied: boolean
}

type Known = Pick<Connection, 'transport' | 'proxied'> & Partial<Pick<Connection, 'peer'>>

/** Asks the system for what the connection does not know; once per connection is enough. */
export function endsOf(connection: Known): Ends {
  const { transport, proxied } = connection
  const peer = connection.peer ?? peerOf(transport)
  if (proxied?.source) {
    return { client: proxied.source, destination: proxied.destination, peer, isProxied: true }
  }
  return {
    client: peer,
    // Few want to know it, and it is a call of the system's.
    get destination() {
      return ask(transport.getsockname, transport)
    },
    peer,
    isProxied: false,
  }
}

/** The other end of a socket; `null` as in `Ends`. */
export function peerOf(transport: StreamHandle): Address | null {
  return ask(transport.getpeername, transport)
}

function ask(question: StreamHandle['getpeername'], transport: StreamHandle): Address | null {
  const answer: { address?: string; port?: number } = {}
  question?.call(transport, answer)
  const { address, port } = answer
  return address === undefined || port === undefined ? null : { kind: 'tcp', host: plainAddress(address), port }
}

/** A dual-stack socket gives IPv4 addresses as mapped ones; the zone of a link-local address means nothing elsewhere. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
}

/** What logs call an end of a connection. */
export function nameOf(end: Address | null): string {
  return end === null || (end.kind === 'unix' && end.path === '') ? UNKNOWN : formatAddress(end)
}

/** Its IP address, by which clients are told apart; `unknown` where it has none. */
export function hostOf(end: Address | null): string {
  return end?.kind === 'tcp' ? end.host : UNKNOWN
}

/** Who has told of the client, as logs have it; empty where it has come itself. */
export function proxyNameOf({ peer, isProxied }: Ends): string {
  return isProxied ? nameOf(peer) : ''
}

const UNKNOWN = 'unknown'
