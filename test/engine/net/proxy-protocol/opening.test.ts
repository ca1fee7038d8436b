import { describe, expect, it } from 'vitest'
import type { StreamHandle } from '../../../../engine/net/handles.ts'
import type { ProxiedDetails, ProxyHeader } from '../../../../engine/net/proxy-protocol/header.ts'
import { datagramOpeningOf, type IntroducedClient, openingOf } from '../../../../engine/net/proxy-protocol/opening.ts'
import { parseProxyHeader } from '../../../../engine/net/proxy-protocol/parse.ts'
import { ClientCertificate } from '../../../../engine/net/tls/client-certificate.ts'
import type { TlsFacts } from '../../../../engine/net/tls/tls-facts.ts'
import type { Address, ProxyProtocolDetail, SentProxyProtocol } from '../../../../engine/snapshot.ts'
import { mutedHandle } from '../../../../perf/micro/net/muted-handle.ts'

const ALL: readonly ProxyProtocolDetail[] = ['authority', 'alpn', 'tls', 'unique_id', 'crc32c']
const v2 = (...details: ProxyProtocolDetail[]): SentProxyProtocol => ({ version: 2, details })
const V1: SentProxyProtocol = { version: 1, details: [] }

const tcp = (host: string, port: number): Address => ({ kind: 'tcp', host, port })

/** A socket of which the system says this; without ends, one that it does not know any more. */
function socket(peer?: string, own?: string): StreamHandle {
  const tell = (address?: string) => (out: { address?: string; port?: number }) => {
    if (address === undefined) return -1
    Object.assign(out, { address, port: 1000 + address.length })
    return 0
  }
  return { ...mutedHandle(), getpeername: tell(peer), getsockname: tell(own) }
}

const FACTS: TlsFacts = {
  alpn: 'h2',
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  serverName: 'a.example',
  resumed: false,
  clientCertificate: null,
}

interface Told extends Partial<Omit<IntroducedClient, 'connection'>> {
  readonly transport?: StreamHandle
  readonly tls?: TlsFacts
  readonly proxied?: ProxyHeader
}

function client({ transport = socket('192.0.2.1', '192.0.2.22'), tls, proxied, ...more }: Told): IntroducedClient {
  const connection = { transport, tls: tls ?? null, proxied: proxied ?? null }
  return { connection, serverName: '', alpn: '', uniqueId: 'its-id', ...more }
}

function told(sent: SentProxyProtocol, who: IntroducedClient | null): ProxyHeader {
  const parsed = parseProxyHeader(openingOf(sent, who))
  if (parsed.kind !== 'whole') throw new Error(JSON.stringify(parsed))
  return parsed.header
}

const DETAILS: ProxiedDetails = {
  authority: 'before.example',
  alpn: 'http/1.1',
  uniqueId: Buffer.from('id before'),
  tls: { version: 'TLSv1.2', cipher: 'X', commonName: 'Alice', isVerified: true },
  privateEndpoint: 'vpce-1',
  networkNamespace: 'blue',
}
const PROXIED: ProxyHeader = {
  source: tcp('203.0.113.1', 1),
  destination: tcp('203.0.113.2', 2),
  isDatagram: false,
  details: DETAILS,
}
const NOTHING: ProxiedDetails = {
  authority: '',
  alpn: '',
  uniqueId: null,
  tls: null,
  privateEndpoint: '',
  networkNamespace: '',
}

describe('the ends that a connection begins with', () => {
  it('are those of the socket', () => {
    expect(told(V1, client({}))).toMatchObject({ source: tcp('192.0.2.1', 1009), destination: tcp('192.0.2.22', 1010) })
    expect(told(v2(), client({}))).toMatchObject({
      source: tcp('192.0.2.1', 1009),
      destination: tcp('192.0.2.22', 1010),
    })
  })

  it('are without the zone of IPv6, and IPv4 where it came by a socket for both', () => {
    const mapped = client({ transport: socket('::ffff:192.0.2.1', '::ffff:192.0.2.2') })
    expect(openingOf(V1, mapped).toString()).toBe('PROXY TCP4 192.0.2.1 192.0.2.2 1016 1016\r\n')
    const zoned = client({ transport: socket('fe80::1%eth0', 'fe80::2%eth0') })
    expect(openingOf(V1, zoned).toString()).toBe('PROXY TCP6 fe80::1 fe80::2 1012 1012\r\n')
  })

  it('are those of the header that the client came with, unless that tells of none', () => {
    expect(told(v2(), client({ proxied: PROXIED }))).toMatchObject({
      source: PROXIED.source,
      destination: PROXIED.destination,
    })
    const local = { ...PROXIED, source: null, destination: null }
    expect(told(v2(), client({ proxied: local })).source).toEqual(tcp('192.0.2.1', 1009))
  })

  it('are none for what is our own, for a client that nobody knows any more, and for one on a unix socket', () => {
    const { getpeername: _, getsockname: __, ...pipe } = mutedHandle()
    for (const who of [null, client({ transport: socket() }), client({ transport: pipe })]) {
      expect(openingOf(V1, who).toString()).toBe('PROXY UNKNOWN\r\n')
      expect(openingOf(v2(), who)[12]).toBe(0x20)
    }
  })
})

describe('the details that a connection begins with', () => {
  it('are those that are asked for', () => {
    const who = client({ tls: FACTS, serverName: 'a.example', alpn: 'h2' })
    const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', commonName: '', isVerified: false }
    expect(told(v2(...ALL), who).details).toEqual({
      ...NOTHING,
      authority: 'a.example',
      alpn: 'h2',
      tls,
      uniqueId: Buffer.from('its-id'),
    })
    expect(told(v2('tls'), who).details).toEqual({ ...NOTHING, tls })
    expect(told(v2('alpn'), who).details).toEqual({ ...NOTHING, alpn: 'h2' })
    expect(told(v2(), who).details).toBe(null)
    expect(told(V1, who).details).toBe(null)
  })

  it('are passed on from the header that the client came with', () => {
    const { privateEndpoint: _, networkNamespace: __, ...passed } = DETAILS
    expect(told(v2(...ALL), client({ proxied: PROXIED })).details).toEqual({ ...NOTHING, ...passed })
  })

  it('are those of the handshake here where there was one, but for the id', () => {
    const who = client({ proxied: PROXIED, tls: { ...FACTS, alpn: '' }, serverName: 'a.example' })
    expect(told(v2(...ALL), who).details).toMatchObject({
      authority: 'a.example',
      alpn: '',
      uniqueId: DETAILS.uniqueId,
      tls: { version: 'TLSv1.3', commonName: '' },
    })
  })

  it('are what a handshake asks for that is passed on, without having been opened', () => {
    const who = client({ serverName: 'a.example', alpn: 'h2' })
    expect(told(v2('authority', 'alpn', 'tls'), who).details).toEqual({
      ...NOTHING,
      authority: 'a.example',
      alpn: 'h2',
    })
  })

  it.each([
    ['CN=Alice\nO=Example', 'Alice'],
    ['O=Example\nCN=Smith\\, Alice', 'Smith, Alice'],
    ['O=Example + CN=Böb \\+ Co', 'Böb + Co'],
    ['O=CN\\=none', ''],
  ])('tell the common name of the certificate that a client has shown: %j', (subject, commonName) => {
    const clientCertificate = new ClientCertificate({ subject: () => subject } as never)
    const who = client({ tls: { ...FACTS, clientCertificate } })
    expect(told(v2('tls'), who).details?.tls).toMatchObject({ commonName, isVerified: true })
  })

  it('have an id of its own where nothing is called anything', () => {
    const ids = [1, 2].map(() => String(told(v2('unique_id'), client({ uniqueId: '' })).details?.uniqueId))
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(ids[1]).not.toBe(ids[0])
  })
})

describe('what stands in front of the datagrams of a flow', () => {
  it('tells of its ends, and of what was told of it', () => {
    const header = (sent: SentProxyProtocol, received: ProxyHeader | null) => {
      const bytes = datagramOpeningOf(sent, tcp('192.0.2.1', 53), tcp('192.0.2.2', 54), received)
      const parsed = parseProxyHeader(bytes)
      if (parsed.kind !== 'whole') throw new Error(JSON.stringify(parsed))
      return parsed.header
    }
    const plain = { source: tcp('192.0.2.1', 53), destination: tcp('192.0.2.2', 54), isDatagram: true, details: null }
    expect(header(v2(), null)).toEqual(plain)
    expect(header(v2(), PROXIED)).toEqual(plain)
    expect(header(v2('unique_id'), PROXIED).details).toEqual({ ...NOTHING, uniqueId: DETAILS.uniqueId })
    expect(String(header(v2('unique_id'), null).details?.uniqueId)).toMatch(/^[0-9a-f]{32}$/)
  })
})
