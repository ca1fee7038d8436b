/** What connections to an endpoint begin with: which client it is for, and as much of what is known of it as was asked for. */
import type { Address, SentProxyProtocol } from '../../snapshot.ts'
import type { Connection } from '../connection.ts'
import { endsOf } from '../ends.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import type { ProxiedDetails, ProxiedTls, ProxyHeader } from './header.ts'
import { writeVersion1, writeVersion2 } from './write.ts'

/** A client, as endpoints are told of it. */
export interface IntroducedClient {
  /** What a header has told of it counts; without one, what the system says. */
  readonly connection: Pick<Connection, 'transport' | 'tls' | 'proxied'>
  /** The name that its handshake asks for, here or passed on; empty where there is none. */
  readonly serverName: string
  /** The application protocol of its handshake; empty where there is none. */
  readonly alpn: string
  /** What its request, or its flow, is called; empty for something that nothing else is called. */
  readonly uniqueId: string
}

const NO_ENDS: ProxyHeader = { source: null, destination: null, isDatagram: false, details: null }

/**
 * Of a connection for `client`; `null` for one of our own: nobody stands behind it. One whose address nobody knows (it came by a unix
 * socket) has none: HAProxy refuses whatever else version 2 could say of it.
 */
export function openingOf(sent: SentProxyProtocol, client: IntroducedClient | null): Buffer {
  if (client === null) return write(sent, NO_ENDS)
  const { client: source, destination } = endsOf(client.connection)
  return write(sent, { source, destination, isDatagram: false, details: detailsOf(sent, client) })
}

/**
 * In front of each datagram of a flow: made once for all of them. `received` is what a header has told of the flow; `null` where none
 * has.
 */
export function datagramOpeningOf(
  sent: SentProxyProtocol,
  source: Address,
  destination: Address,
  received: ProxyHeader | null,
): Buffer {
  const told = received?.details ?? NOTHING
  const details = selected(sent, { ...told, uniqueId: told.uniqueId ?? idBytes('') })
  return write(sent, { source, destination, isDatagram: true, details })
}

function write({ version, details }: SentProxyProtocol, header: ProxyHeader): Buffer {
  return version === 1 ? writeVersion1(header) : writeVersion2(header, details.includes('crc32c'))
}

/** What its own handshake has told stands above what a header has: that speaks of the way before. */
function detailsOf(sent: SentProxyProtocol, client: IntroducedClient): ProxiedDetails | null {
  if (sent.version === 1) return null
  const told = client.connection.proxied?.details ?? null
  const { tls } = client.connection
  return selected(sent, {
    ...NOTHING,
    authority: client.serverName === '' && tls === null ? (told?.authority ?? '') : client.serverName,
    alpn: client.alpn === '' && tls === null ? (told?.alpn ?? '') : client.alpn,
    uniqueId: told?.uniqueId ?? idBytes(client.uniqueId),
    tls: tls === null ? (told?.tls ?? null) : tlsOf(tls),
  })
}

const NOTHING: ProxiedDetails = {
  authority: '',
  alpn: '',
  uniqueId: null,
  tls: null,
  privateEndpoint: '',
  networkNamespace: '',
}

/** Those that are asked for. */
function selected({ details }: SentProxyProtocol, all: ProxiedDetails): ProxiedDetails | null {
  if (details.length === 0) return null
  return {
    ...NOTHING,
    authority: details.includes('authority') ? all.authority : '',
    alpn: details.includes('alpn') ? all.alpn : '',
    uniqueId: details.includes('unique_id') ? all.uniqueId : null,
    tls: details.includes('tls') ? all.tls : null,
  }
}

function idBytes(id: string): Buffer {
  return Buffer.from(id === '' ? randomId() : id, 'utf8')
}

/** 128 random bits as hexadecimal digits. No secret, and `node:crypto` would cost each thread 3 MB. */
function randomId(): string {
  const word = () => Math.floor(Math.random() * 2 ** 32)
  return [word(), word(), word(), word()].map(bits => bits.toString(16).padStart(8, '0')).join('')
}

function tlsOf({ version, cipher, clientCertificate }: TlsFacts): ProxiedTls {
  const subject = clientCertificate === null ? '' : clientCertificate.subject
  // A certificate that was not found to be good is not taken note of.
  return { version, cipher, commonName: commonNameIn(subject), isVerified: clientCertificate !== null }
}

/** Of a distinguished name in the form of RFC 2253; empty where it has none. */
function commonNameIn(subject: string): string {
  const [, written = ''] = /(?:^|[,+])\s*CN=((?:\\.|[^\\,+])*)/.exec(subject) ?? []
  return written.replace(/\\([0-9A-Fa-f]{2}|.)/g, (_, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  )
}
