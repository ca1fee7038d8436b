/** What connections to an endpoint begin with that is told of clients: once a request, or a flow. */
import { type IntroducedClient, openingOf } from '../../../../engine/net/proxy-protocol/opening.ts'
import type { ProxyProtocolDetail, SentProxyProtocol } from '../../../../engine/snapshot.ts'
import { bench, runIfMain } from '../../harness.ts'
import { mutedHandle } from '../muted-handle.ts'

function client(address: string): IntroducedClient {
  const tell = (out: { address?: string; port?: number }): number => {
    out.address = address
    out.port = 40_000
    return 0
  }
  const transport = { ...mutedHandle(), getpeername: tell, getsockname: tell }
  return { connection: { transport, tls: null, proxied: null }, serverName: 'example.com', alpn: 'h2', uniqueId: 'abc' }
}

function opening(name: string, sent: SentProxyProtocol, who: IntroducedClient): void {
  bench(name, () => openingOf(sent, who).length)
}

const DETAILS: readonly ProxyProtocolDetail[] = ['authority', 'alpn', 'unique_id', 'crc32c']

opening('version 1, IPv4', { version: 1, details: [] }, client('192.0.2.1'))
opening('version 2, IPv4', { version: 2, details: [] }, client('192.0.2.1'))
opening('version 2, IPv6', { version: 2, details: [] }, client('2001:db8::1:2'))
opening('version 2, IPv4, with details', { version: 2, details: DETAILS }, client('192.0.2.1'))

await runIfMain(import.meta)
