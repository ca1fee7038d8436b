import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot, Address, SentProxyProtocol } from '../../../../engine/snapshot.ts'
import { openGrpcProbe } from '../../../../engine/upstream/health/check-grpc.ts'
import { openHttpProbe } from '../../../../engine/upstream/health/check-http.ts'
import { openHttp2Probe } from '../../../../engine/upstream/health/check-http2.ts'
import { openHttpsProbe } from '../../../../engine/upstream/health/check-https.ts'
import type { OpenProbe } from '../../../../engine/upstream/health/check-probe.ts'
import { openTcpProbe } from '../../../../engine/upstream/health/check-tcp.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../../support/certificates.ts'
import { headedServer, type ProxiedOrigin, proxiedOrigin } from '../../../support/proxied-origin.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { upstreamTls } from '../../../support/tls.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce } from './checks.ts'

/** Checks of an upstream whose connections begin with a header of the PROXY protocol. */

const V1: SentProxyProtocol = { version: 1, details: [] }
const V2: SentProxyProtocol = { version: 2, details: ['crc32c', 'tls', 'unique_id'] }

/** Nobody stands behind it. */
const OWN = { source: null, destination: null, isDatagram: false, details: null }

let authority: TestAuthority
let certificate: TestCertificate
beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue()
})

const encrypted = () => upstreamTls({ ca: authority.certificate, serverName: 'localhost' })

/** Says SERVING. */
async function grpcOrigin(isEncrypted: boolean): Promise<ProxiedOrigin> {
  const server = isEncrypted ? createSecureServer({ cert: certificate.chain, key: certificate.key }) : createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
  })
  return await headedServer(socket => server.emit('connection', socket))
}

interface Kind {
  readonly name: string
  readonly open: OpenProbe
  readonly changes: Partial<ActiveCheckSnapshot>
  readonly isEncrypted: boolean
  readonly origin: () => Promise<ProxiedOrigin>
  readonly reason: string
}

const KINDS: readonly Kind[] = [
  {
    name: 'HTTP',
    open: openHttpProbe,
    changes: { type: 'http' },
    isEncrypted: false,
    origin: () => proxiedOrigin({ speaks: 'http' }),
    reason: 'status 200',
  },
  {
    name: 'HTTPS',
    open: openHttpsProbe,
    changes: { type: 'https' },
    isEncrypted: true,
    origin: () => proxiedOrigin({ speaks: ['http/1.1'], certificate }),
    reason: 'status 200',
  },
  {
    name: 'HTTPS in version 2',
    open: openHttpsProbe,
    changes: { type: 'https', protocol: 'h2' },
    isEncrypted: true,
    origin: () => proxiedOrigin({ speaks: ['h2'], certificate }),
    reason: 'status 200',
  },
  {
    name: 'HTTP/2 without TLS',
    open: openHttp2Probe,
    changes: { type: 'http', protocol: 'h2c' },
    isEncrypted: false,
    origin: () => proxiedOrigin({ speaks: 'h2c' }),
    reason: 'status 200',
  },
  {
    name: 'gRPC',
    open: openGrpcProbe,
    changes: { type: 'grpc' },
    isEncrypted: false,
    origin: () => grpcOrigin(false),
    reason: 'SERVING',
  },
  {
    name: 'gRPC over TLS',
    open: openGrpcProbe,
    changes: { type: 'grpc' },
    isEncrypted: true,
    origin: () => grpcOrigin(true),
    reason: 'SERVING',
  },
  {
    name: 'TCP',
    open: openTcpProbe,
    changes: { type: 'tcp', send: 'ping', expect: 'ping' },
    isEncrypted: false,
    origin: () => headedServer(socket => socket.pipe(socket)),
    reason: 'answer matches',
  },
  {
    name: 'TCP, a connection alone',
    open: openTcpProbe,
    changes: { type: 'tcp' },
    isEncrypted: false,
    origin: () => headedServer(socket => socket.resume()),
    reason: 'connected',
  },
]

describe.each(KINDS)('a check over $name', ({ open, changes, isEncrypted, origin, reason }) => {
  const check = async (address: Address, sent: SentProxyProtocol | null, more: Partial<ActiveCheckSnapshot> = {}) => {
    const tls = isEncrypted ? encrypted() : null
    const { outcome } = await checkOnce(open, address, { ...changes, ...more }, 'localhost', tls, sent)
    return outcome.reason
  }

  it.each([V1, V2])('begins by saying that nobody stands behind it: version $version', async sent => {
    await using there = await origin()
    expect(await check(there.address, sent)).toBe(reason)
    await waitFor(() => there.headers.length === 1 && there.open === 0, 'the header, and the end of the connection')
    expect(there.headers).toEqual([OWN])
  })

  it('says so to nobody at a port of its own', async () => {
    await using there = await origin()
    const elsewhere: Address = { kind: 'tcp', host: '127.0.0.1', port: 1 }
    await check(elsewhere, V2, { port: there.port, timeoutMs: 200 })
    await waitFor(() => there.open === 0, 'the end of the connection')
    // What is without a header is refused, as far as anything has come.
    expect(there.headers.every(header => typeof header === 'string')).toBe(true)
  })

  it('fails where nobody listens, and says so', async () => {
    await using nowhere = await refusingPort()
    expect(await check(nowhere.address, V2)).toBe('ECONNREFUSED')
  })
})
