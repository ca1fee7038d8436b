import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { UpstreamTlsSnapshot } from '../../../../engine/snapshot.ts'
import { openGrpcProbe } from '../../../../engine/upstream/health/check-grpc.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { type Listening, listenOn } from '../../../support/listen.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { scriptedOrigin } from '../../../support/scripted-origin.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, openConnections } from './checks.ts'

const CONTENT_TYPE = { 'content-type': 'application/grpc' }

type Answer = (stream: ServerHttp2Stream) => void

let answer: Answer
let asked: IncomingHttpHeaders
let message: Buffer
let plain: Listening
let secure: Listening
let tls: UpstreamTlsSnapshot
let before = 0

function onStream(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): void {
  stream.on('error', () => {})
  asked = fields
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('end', () => {
    message = Buffer.concat(pieces)
    answer(stream)
  })
}

beforeAll(async () => {
  const authority = await createAuthority()
  const { chain, key } = await authority.issue({ names: ['origin.test'] })
  plain = await listenOn(createServer().on('stream', onStream))
  secure = await listenOn(createSecureServer({ cert: chain, key }).on('stream', onStream))
  tls = {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
    curves: 'auto',
    serverName: '',
    ca: authority.certificate,
    crl: '',
    verify: true,
    pins: [],
    chain: '',
    key: '',
    resumes: false,
  }
  before = openConnections()
})
afterEach(() => waitFor(() => openConnections() <= before, 'every connection to be closed'))
afterAll(async () => {
  await plain.close()
  await secure.close()
})

function says(content: string | Buffer, trailers: OutgoingHttpHeaders): Answer {
  return stream => {
    stream.respond({ ':status': 200, ...CONTENT_TYPE }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(content)
  }
}

async function outcome(
  service = '',
  address = plain.address,
  withTls: UpstreamTlsSnapshot | null = null,
  verify = true,
) {
  const settings = { type: 'grpc', service, verify } as const
  const { outcome: found } = await checkOnce(openGrpcProbe, address, settings, 'origin.test', withTls)
  return `${found.passed ? 'passed' : 'failed'}: ${found.reason}`
}

const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 1])
const OK = { 'grpc-status': '0' }

describe('a check by gRPC', () => {
  it('passes where the server says that it serves', async () => {
    answer = says(SERVING, OK)
    expect(await outcome()).toBe('passed: SERVING')
    expect(asked).toMatchObject({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': 'origin.test',
      ':scheme': 'http',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    expect([...message]).toEqual([0, 0, 0, 0, 0])
  })

  it('asks for a service by its name, however long', async () => {
    answer = says(SERVING, OK)
    await outcome('pkg.S')
    expect([...message]).toEqual([0, 0, 0, 0, 7, 0x0a, 5, ...Buffer.from('pkg.S')])
    const long = 'a'.repeat(300)
    await outcome(long)
    expect([...message]).toEqual([0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02, ...Buffer.from(long)])
  })

  it.each([
    ['UNKNOWN', Buffer.from([0, 0, 0, 0, 0])],
    ['UNKNOWN', Buffer.from([0, 0, 0, 0, 2, 8, 0])],
    ['NOT_SERVING', Buffer.from([0, 0, 0, 0, 2, 8, 2])],
    ['SERVICE_UNKNOWN', Buffer.from([0, 0, 0, 0, 2, 8, 3])],
    ['the answer is no HealthCheckResponse', Buffer.from([0, 0, 0, 0, 2, 8, 9])],
    ['the answer is no HealthCheckResponse', Buffer.from([0, 0, 0, 0, 3, 8, 1])],
    ['the answer is no HealthCheckResponse', Buffer.from('hello')],
    ['the answer is no HealthCheckResponse', Buffer.alloc(0)],
    ['the answer is too long', Buffer.alloc(70_000)],
  ])('fails with %s where the answer is another', async (reason, content) => {
    answer = says(content, OK)
    expect(await outcome()).toBe(`failed: ${reason}`)
  })

  it('fails with the status of the call', async () => {
    answer = says('', { 'grpc-status': '12', 'grpc-message': 'unknown service' })
    expect(await outcome()).toBe('failed: grpc-status 12 unknown service')
    answer = stream => stream.respond({ ':status': 200, ...CONTENT_TYPE, 'grpc-status': '14' }, { endStream: true })
    expect(await outcome()).toBe('failed: grpc-status 14')
    answer = says(SERVING, {})
    expect(await outcome()).toBe('failed: no grpc-status')
    answer = stream => stream.respond({ ':status': 503 }, { endStream: true })
    expect(await outcome()).toBe('failed: status 503')
  })

  it('fails where nobody listens, or nobody speaks HTTP/2', async () => {
    const dead = await refusingPort()
    expect(await outcome('', dead.address)).toBe('failed: ECONNREFUSED')
    await dead.close()
    const other = await scriptedOrigin(async connection => {
      await connection.expectBytes(1)
      await connection.send('HTTP/1.1 400 Bad\r\n\r\n')
    })
    expect(await outcome('', other.address)).toMatch(/^failed: /)
    await other.close()
  })

  it('fails where the answer breaks off', async () => {
    answer = stream => stream.close(2)
    expect(await outcome()).toMatch(/^failed: /)
    answer = stream => stream.session?.destroy()
    expect(await outcome()).toMatch(/^failed: /)
  })
})

describe('a check by gRPC of an upstream with TLS', () => {
  it('has it, too, and verifies the certificate', async () => {
    answer = says(SERVING, OK)
    expect(await outcome('', secure.address, tls)).toBe('passed: SERVING')
    expect(asked[':scheme']).toBe('https')
    expect(await outcome('', secure.address, { ...tls, ca: '' })).toMatch(/^failed: certificate not accepted/)
    expect(await outcome('', secure.address, { ...tls, serverName: 'other.test' })).toMatch(/^failed: certificate/)
    expect(await outcome('', secure.address, { ...tls, ca: '' }, false)).toBe('passed: SERVING')
    expect(await outcome('', secure.address, { ...tls, pins: ['AAAA'] })).toMatch(/^failed: certificate not accepted/)
  })
})
