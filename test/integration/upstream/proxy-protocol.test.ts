import { createServer } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ProxyHeader } from '../../../engine/net/proxy-protocol/header.ts'
import type { SentProxyProtocol } from '../../../engine/snapshot.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../support/certificates.ts'
import { get, post } from '../../support/heads.ts'
import { listenOn } from '../../support/listen.ts'
import {
  headedServer,
  type ProxiedOrigin,
  type ProxiedOriginOptions,
  proxiedOrigin,
} from '../../support/proxied-origin.ts'
import { startSameThreadProxy, startTestProxy } from '../../support/proxy.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'

const V1: SentProxyProtocol = { version: 1, details: [] }
const V2: SentProxyProtocol = { version: 2, details: [] }

let authority: TestAuthority
let certificate: TestCertificate
beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['localhost', '127.0.0.1'] })
})

/** What an origin speaks, and how its upstream is written. */
const KINDS: readonly [string, ProxiedOriginOptions['speaks'], TestUpstream['protocol'], boolean][] = [
  ['HTTP/1.1', 'http', 'http', false],
  ['HTTP/1.1 over TLS', ['http/1.1'], 'http', true],
  ['HTTP/2 over TLS', ['h2'], 'h2', true],
  ['HTTP/2 without TLS', 'h2c', 'h2c', false],
  ['what ALPN says, which is HTTP/2', ['h2', 'http/1.1'], 'auto', true],
  ['what ALPN says, which is HTTP/1.1', ['http/1.1'], 'auto', true],
]

async function originOf(speaks: ProxiedOriginOptions['speaks'], more: Partial<ProxiedOriginOptions> = {}) {
  return await proxiedOrigin({ speaks, certificate, ...more })
}

function upstreamOf(
  origins: readonly Pick<ProxiedOrigin, 'address'>[],
  protocol: TestUpstream['protocol'] = 'http',
  isEncrypted = false,
  more: Partial<TestUpstream> = {},
): TestUpstream {
  return {
    endpoints: origins.map(({ address }) => ({ address })),
    protocol,
    tls: isEncrypted ? upstreamTls({ ca: authority.certificate, serverName: 'localhost' }) : null,
    proxyProtocol: V2,
    ...more,
  }
}

const endOf = (client: RawClient) => ({ kind: 'tcp', host: '127.0.0.1', port: client.socket.localPort })
const ownPort = ({ socket }: RawClient) => String(socket.localPort)
const sourcesOf = ({ headers }: ProxiedOrigin) => headers.map(header => (header as ProxyHeader).source)

async function ask(client: RawClient, bytes = get()): Promise<string> {
  await client.send(bytes)
  return (await client.readResponse()).content.toString()
}

describe.each(KINDS)(
  'an upstream of %s whose connections begin with the client',
  (_, speaks, protocol, isEncrypted) => {
    it.each([V1, V2])('opens one for each request, and keeps none: version $version', async proxyProtocol => {
      await using origin = await originOf(speaks)
      const upstream = upstreamOf([origin], protocol, isEncrypted, { proxyProtocol })
      await using proxy = await startSameThreadProxy({ upstreams: { upstream } })
      using client = await rawClient(proxy.port)
      for (let index = 0; index < 3; index += 1) expect(await ask(client)).toBe(ownPort(client))
      expect(await ask(client, post('/', 'content'))).toBe(ownPort(client))
      const header = {
        source: endOf(client),
        destination: { kind: 'tcp', host: '127.0.0.1', port: proxy.port },
        isDatagram: false,
        details: null,
      }
      expect(origin.headers).toEqual([header, header, header, header])
      await waitFor(() => origin.open === 0, 'the end of every connection')
    })

    it('never mistakes one client for another', async () => {
      await using origin = await originOf(speaks)
      await using proxy = await startSameThreadProxy({
        upstreams: { upstream: upstreamOf([origin], protocol, isEncrypted) },
      })
      const talk = async (): Promise<void> => {
        using client = await rawClient(proxy.port)
        for (let index = 0; index < 8; index += 1) {
          expect(await ask(client, index % 2 === 0 ? get() : post('/', 'x'.repeat(100)))).toBe(ownPort(client))
        }
      }
      await Promise.all(Array.from({ length: 6 }, talk))
      expect(origin.headers.length).toBe(48)
      await waitFor(() => origin.open === 0, 'the end of every connection')
    })

    it('goes on within its limit on connections', async () => {
      await using origin = await originOf(speaks)
      const endpoints = [{ address: origin.address, connectionsMax: 1 }]
      const upstream = { ...upstreamOf([], protocol, isEncrypted), endpoints, queue: { size: 100, timeoutMs: 5_000 } }
      await using proxy = await startSameThreadProxy({ upstreams: { upstream } })
      const talk = async (): Promise<void> => {
        using client = await rawClient(proxy.port)
        for (let index = 0; index < 3; index += 1) expect(await ask(client)).toBe(ownPort(client))
      }
      await Promise.all(Array.from({ length: 4 }, talk))
      expect(origin.headers.length).toBe(12)
    })
  },
)

describe('a request that is sent more than once', () => {
  it('tells each endpoint of its client', async () => {
    await using bad = await originOf('http', { status: () => 503 })
    await using good = await originOf('http')
    await using dead = await refusingPort()
    const retry = { statuses: [503], budget: 10 }
    await using proxy = await startSameThreadProxy({
      upstreams: { upstream: upstreamOf([dead, bad, good], 'http', false, { retry, passive: null }) },
    })
    using client = await rawClient(proxy.port)
    for (let index = 0; index < 3; index += 1) expect(await ask(client)).toBe(ownPort(client))
    expect(good.headers.length).toBe(3)
    expect(new Set([...sourcesOf(bad), ...sourcesOf(good)].map(end => JSON.stringify(end)))).toEqual(
      new Set([JSON.stringify(endOf(client))]),
    )
  })

  it('tells of it in its second try beside the first, too', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    await using slow = await originOf('http', { answer: () => promise })
    await using quick = await originOf('http')
    const hedge = { afterMs: 20, budget: 10 }
    const endpoints = [{ address: slow.address }, { address: quick.address, backup: true }]
    await using proxy = await startSameThreadProxy({
      upstreams: { upstream: { ...upstreamOf([], 'http', false, { hedge }), endpoints } },
    })
    using client = await rawClient(proxy.port)
    expect(await ask(client)).toBe(ownPort(client))
    expect([sourcesOf(slow), sourcesOf(quick)]).toEqual([[endOf(client)], [endOf(client)]])
    resolve('')
    await waitFor(() => slow.open + quick.open === 0, 'the end of both')
  })

  it('tells a mirror of it', async () => {
    await using copied = await originOf('http')
    const plain = await listenOn(createServer((_, response) => response.end('plain')))
    await using proxy = await startSameThreadProxy({
      upstreams: { upstream: [plain.address], mirror: upstreamOf([copied]) },
      routes: [{ to: 'upstream', mirror: { upstream: 1, share: 1, concurrencyMax: 10, contentBytesMax: 1000 } }],
    })
    using client = await rawClient(proxy.port)
    expect(await ask(client)).toBe('plain')
    expect(await ask(client)).toBe('plain')
    await waitFor(() => copied.headers.length === 2 && copied.open === 0, 'both copies')
    expect(sourcesOf(copied)).toEqual([endOf(client), endOf(client)])
    await plain.close()
  })
})

describe('a tunnel', () => {
  it('is on the connection that began with its client', async () => {
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
    await using origin = await headedServer(socket => {
      socket.once('data', () => {
        socket.write(switching)
        socket.pipe(socket)
      })
    })
    await using proxy = await startSameThreadProxy({ upstreams: { upstream: upstreamOf([origin]) } })
    const client = await rawClient(proxy.port)
    await client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
    await client.readUntil(unread => unread.includes('\r\n\r\n'))
    await client.send('over and back')
    await client.readUntil(unread => unread.includes('over and back'))
    expect(sourcesOf(origin)).toEqual([endOf(client)])
    client.close()
    await waitFor(() => origin.open === 0, 'the end of the tunnel')
  })
})

describe('what an upstream asks to be told', () => {
  const details = ['authority', 'alpn', 'tls', 'unique_id', 'crc32c'] as const

  it('comes from the handshake of the client, and from its request', async () => {
    const ids: unknown[] = []
    await using origin = await originOf('http', {
      answer: ({ fields, header }) => {
        ids.push(fields['x-request-id'])
        return String(header.details?.uniqueId)
      },
    })
    const tls = listenerTls({ certificates: [certificateSnapshot(certificate)], alpn: ['http/1.1'] })
    await using proxy = await startTestProxy({
      listeners: [{ tls }],
      upstreams: { upstream: upstreamOf([origin], 'http', false, { proxyProtocol: { version: 2, details } }) },
    })
    const content = await askHttps(proxy.port)
    expect(content).toBe(ids[0])
    expect((origin.headers[0] as ProxyHeader).details).toEqual({
      authority: 'localhost',
      alpn: 'http/1.1',
      uniqueId: Buffer.from(content),
      tls: { version: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), commonName: '', isVerified: false },
      privateEndpoint: '',
      networkNamespace: '',
    })
  })

  it('is no more than that, and nothing where nothing is known', async () => {
    await using origin = await originOf('http')
    const proxyProtocol = { version: 2, details: ['authority', 'tls'] } as const
    await using proxy = await startSameThreadProxy({
      upstreams: { upstream: upstreamOf([origin], 'http', false, { proxyProtocol }) },
    })
    using client = await rawClient(proxy.port)
    await ask(client)
    expect((origin.headers[0] as ProxyHeader).details).toBe(null)
  })
})

async function askHttps(port: number): Promise<string> {
  const agent = new HttpsAgent({ ca: authority.certificate, ALPNProtocols: ['http/1.1'] })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = httpsRequest({ host: '127.0.0.1', port, servername: 'localhost', agent }, response => {
    const pieces: Buffer[] = []
    response.on('data', piece => pieces.push(piece))
    response.on('end', () => resolve(Buffer.concat(pieces).toString()))
  })
  sent.on('error', reject).end()
  const content = await promise
  agent.destroy()
  return content
}
