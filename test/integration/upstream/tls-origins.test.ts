import { createServer as createHttpServer } from 'node:http'
import { constants, createSecureServer, type Http2SecureServer } from 'node:http2'
import type { Server } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../support/certificates.ts'
import { get, post } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { upstreamTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, FORGIVING } from './scene.ts'

let authority: TestAuthority
let certificate: TestCertificate
let proxy: InstrumentedProxy
const origins: Listening[] = []
const clients: RawClient[] = []

/** What is known of a connection that an origin has had. */
interface Seen {
  readonly alpn: string
  readonly name: string
  readonly resumed: boolean
  readonly client: string
}
const seen: Seen[] = []

/** Speaks HTTP/2 and HTTP/1.1, or what `ALPNProtocols` have: it answers each request with the version that it came in. */
async function originOf(options: TlsOptions & { allowHTTP1?: boolean }): Promise<Address> {
  const settings = { key: certificate.key, cert: certificate.chain, allowHTTP1: true, ...options }
  const server: Http2SecureServer = createSecureServer(settings, (request, response) => {
    request.resume()
    if (/^\/(?:auto2|single)\/again/.test(request.url) && request.httpVersion === '2.0')
      response.stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED)
    else request.on('end', () => response.end(request.httpVersion))
  })
  return await listening(server as unknown as Server)
}

async function listening(server: Server): Promise<Address> {
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.push({
      alpn: socket.alpnProtocol || '',
      name: `${(socket as { servername?: string }).servername}`,
      resumed: socket.isSessionReused(),
      client: `${socket.getPeerCertificate()?.subject?.CN ?? ''}`,
    })
    socket.on('error', () => {})
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const origin = await listenOn(server)
  origins.push(origin)
  return origin.address
}

/** Answers over HTTP/1.1 only, and says so by ALPN or knows nothing of it. */
async function http1Origin(alpn: string[]): Promise<Address> {
  const http = createHttpServer((request, response) => {
    request.resume()
    request.on('end', () => response.end(request.httpVersion))
  })
  const options = { key: certificate.key, cert: certificate.chain }
  const server = createServer(alpn.length === 0 ? options : { ...options, ALPNProtocols: alpn })
  server.on('secureConnection', socket => http.emit('connection', socket))
  return await listening(server)
}

/** What one of the origins speaks for now, and its connections. */
let flipped: string[] = ['h2']
const sockets = new Set<TLSSocket>()

beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['localhost', 'origin.test', '127.0.0.1'] })
  const ours = await authority.issueClient('proxy')
  const stranger = await createAuthority('Somebody else')
  const both = await originOf({})
  const onlyHttp1 = await http1Origin(['http/1.1'])
  const picky = await originOf({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate })
  const flipping = await originOf({
    ALPNCallback: ({ protocols }: { protocols: string[] }) => flipped.find(name => protocols.includes(name)),
  } as TlsOptions)
  const tls = upstreamTls({ ca: authority.certificate })
  const of = (address: Address, more: object = {}) => ({ ...FORGIVING, endpoints: [address], tls, ...more })
  proxy = await startInstrumentedProxy(
    byName({
      http: of(both, { protocol: 'http' }),
      h2: of(both, { protocol: 'h2' }),
      auto: of(both, { protocol: 'auto' }),
      auto2: of(both, { protocol: 'auto' }),
      auto1: of(onlyHttp1, { protocol: 'auto' }),
      brief: of(onlyHttp1, { protocol: 'auto', pool: { idleMax: 0 } }),
      single: of(both, { protocol: 'auto', endpoints: [{ address: both, connectionsMax: 1 }] }),
      noalpn: of(await http1Origin([]), { protocol: 'auto', pool: { idleTimeoutMs: 3_600_000 } }),
      h2only1: of(onlyHttp1, { protocol: 'h2' }),
      flipping: of(flipping, { protocol: 'auto' }),
      full: of(onlyHttp1, { protocol: 'auto', endpoints: [{ address: onlyHttp1, connectionsMax: 2 }], queue: {} }),
      named: of(both, { protocol: 'h2', tls: { ...tls, serverName: 'origin.test' } }),
      misnamed: of(both, { protocol: 'h2', tls: { ...tls, serverName: 'other.test' } }),
      untrusted: of(both, { protocol: 'http', tls: { ...tls, ca: stranger.certificate } }),
      unchecked: of(both, { protocol: 'http', tls: { ...tls, ca: stranger.certificate, verify: false } }),
      resumed: of(both, { protocol: 'h2' }),
      shown: of(picky, { protocol: 'h2', tls: { ...tls, chain: ours.chain, key: ours.key } }),
    }),
  )
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  seen.length = 0
  // No test leaves anything under way; idle connections may go on.
  const underWay = () =>
    proxy.stats().exchangesActive + proxy.stats().inFlight.reduce((sum, { requests }) => sum + requests, 0)
  await waitFor(() => underWay() === 0, 'every exchange to be over')
  expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
})

afterAll(async () => {
  await proxy.stop()
  for (const origin of origins) await origin.close()
})

async function ask(request: string) {
  const client = await rawClient(proxy.port)
  clients.push(client)
  await client.send(request)
  const { status, content } = await client.readResponse()
  return `${status} ${content}`.trim()
}

async function lastRecord() {
  const { length } = await proxy.records(1)
  return (await proxy.records(length)).at(-1)
}

describe('an upstream with TLS', () => {
  it('is spoken to over HTTP/1.1, and its connections are used again', async () => {
    expect([await ask(get('/http/')), await ask(get('/http/'))]).toEqual(['200 1.1', '200 1.1'])
    expect(seen).toMatchObject([{ alpn: 'http/1.1' }])
  })

  it('is spoken to over HTTP/2 where it says so', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => ask(post('/h2/', 'x'.repeat(50_000)))))
    expect(all).toEqual(Array.from({ length: 10 }, () => '200 2.0'))
    expect(seen).toMatchObject([{ alpn: 'h2' }])
  })

  it('is sent the name that the settings have, and must have it', async () => {
    expect(await ask(get('/named/'))).toBe('200 2.0')
    expect(seen).toMatchObject([{ name: 'origin.test' }])
    expect(await ask(get('/misnamed/'))).toMatch(/^502/)
    expect(await lastRecord()).toMatchObject({
      error: 'upstream_connect_failed',
      errorDetail: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  it('is not trusted without an authority, unless nobody asks', async () => {
    expect(await ask(get('/untrusted/'))).toMatch(/^502/)
    expect(await lastRecord()).toMatchObject({ error: 'upstream_connect_failed' })
    expect(await ask(get('/unchecked/'))).toBe('200 1.1')
  })

  it('has sessions that are taken up again', async () => {
    for (let round = 0; round < 2; round += 1) {
      expect(await ask(get('/resumed/'))).toBe('200 2.0')
      for (const socket of sockets) socket.end()
      await waitFor(() => sockets.size === 0, 'the connections to be closed')
    }
    expect(seen.map(({ resumed }) => resumed)).toEqual([false, true])
  })

  it('is shown a certificate of ours', async () => {
    expect(await ask(get('/shown/'))).toBe('200 2.0')
    expect(seen).toMatchObject([{ client: 'proxy' }])
  })

  it('has to offer HTTP/2 where nothing else is spoken', async () => {
    expect(await ask(get('/h2only1/'))).toMatch(/^502/)
    const record = await lastRecord()
    expect(record?.error).toBe('upstream_connect_failed')
    expect(['ERR_ALPN_NOT_H2', 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL']).toContain(record?.errorDetail)
  })
})

describe('what ALPN says', () => {
  it('may be HTTP/2', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(get('/auto/'))))
    expect(all).toEqual(Array.from({ length: 20 }, () => '200 2.0'))
    expect(seen.map(({ alpn }) => alpn)).toEqual(['h2'])
  })

  it.each(['auto1', 'noalpn'])(
    'may be HTTP/1.1, while many wait: nothing is lost, and nothing counts as a failure: %s',
    async name => {
      const requests = Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? get(`/${name}/`) : post(`/${name}/`, 'x'),
      )
      const all = await Promise.all(requests.map(request => ask(request)))
      expect(all).toEqual(requests.map(() => '200 1.1'))
      expect(proxy.events.some(({ kind }) => kind === 'endpoint_health')).toBe(false)
    },
  )

  it('is no longer what counts where the origin asks for HTTP/1.1', async () => {
    expect(await ask(post('/auto2/again', 'x'))).toBe('200 1.1')
    expect(await ask(get('/auto2/again'))).toBe('200 1.1')
    expect(seen.map(({ alpn }) => alpn)).toEqual(['h2', 'http/1.1'])
  })

  it('is no longer what counts where no connection may stay, and the only one was for HTTP/2', async () => {
    expect([await ask(get('/single/')), await ask(get('/single/again'))]).toEqual(['200 2.0', '200 1.1'])
  })

  it('is found out again where no connection is kept', async () => {
    for (let round = 0; round < 3; round += 1) expect(await ask(post('/brief/', 'x'))).toBe('200 1.1')
  })

  it('leaves a limit on connections as it is', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => ask(get('/full/'))))
    expect(all).toEqual(Array.from({ length: 12 }, () => '200 1.1'))
    expect(seen.length).toBeLessThanOrEqual(2)
  })

  it('is forgotten with the last connection', async () => {
    for (const [protocols, expected] of [
      [['h2'], '200 2.0'],
      [['http/1.1'], '200 1.1'],
      [['h2'], '200 2.0'],
    ] as const) {
      flipped = [...protocols]
      expect(await ask(get('/flipping/'))).toBe(expected)
      expect(await ask(post('/flipping/', 'x'))).toBe(expected)
      for (const socket of sockets) socket.destroy()
      await waitFor(() => sockets.size === 0, 'the connections to be closed')
    }
  })
})
