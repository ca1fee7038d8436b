import { createHash, X509Certificate } from 'node:crypto'
import { createSecureServer } from 'node:http2'
import type { Server } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot, Address, UpstreamTlsSnapshot } from '../../../../engine/snapshot.ts'
import { ActiveCheck } from '../../../../engine/upstream/health/active-check.ts'
import { openHttp2Probe } from '../../../../engine/upstream/health/check-http2.ts'
import { openHttpsProbe } from '../../../../engine/upstream/health/check-https.ts'
import { createAuthority, type TestAuthority } from '../../../support/certificates.ts'
import { ok } from '../../../support/heads.ts'
import {
  answering,
  dataFrame,
  goawayFrame,
  type Http2Origin,
  type Http2Script,
  headersFrame,
  http2Origin,
  type Message,
  resetFrame,
  responseFields,
} from '../../../support/http2-peer.ts'
import { type Listening, listenOn } from '../../../support/listen.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { scriptedOrigin } from '../../../support/scripted-origin.ts'
import { upstreamTls } from '../../../support/tls.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, checkSettings, openConnections } from './checks.ts'

let script: Http2Script
let origin: Http2Origin
let before = 0
const requests: Message[] = []

beforeAll(async () => {
  origin = await http2Origin((peer, index) => script(peer, index))
  before = openConnections()
})
beforeEach(() => {
  requests.length = 0
  script = answering((peer, request) => {
    requests.push(request)
    const isBusy = request.head.get(':path') === '/busy'
    return peer.send(
      headersFrame(request.stream, responseFields(isBusy ? 503 : 200)),
      dataFrame(request.stream, 'fine', true),
    )
  })
})
afterEach(() => waitFor(() => openConnections() <= before, 'every connection to be closed'))
afterAll(() => origin.close())

async function outcome(changes: Partial<ActiveCheckSnapshot> = {}, address: Address = origin.address) {
  const { outcome: found } = await checkOnce(openHttp2Probe, address, { protocol: 'h2c', ...changes })
  return `${found.passed ? 'passed' : 'failed'}: ${found.reason}`
}

describe('a check over HTTP/2', () => {
  it('sends one request', async () => {
    expect(
      await outcome({ path: '/healthz', method: 'OPTIONS', fields: [['X-Check', '1']], host: 'api.example' }),
    ).toBe('passed: status 200')
    expect(Object.fromEntries(requests[0]!.head.fields)).toEqual({
      ':method': 'OPTIONS',
      ':path': '/healthz',
      ':scheme': 'http',
      ':authority': 'api.example',
      'user-agent': 'sluice-check',
      'x-check': '1',
    })
  })

  it('is judged as over HTTP/1.1', async () => {
    expect(await outcome({ path: '/busy' })).toBe('failed: status 503')
    expect(await outcome({ content: '^fine$' })).toBe('passed: status 200')
    expect(await outcome({ content: 'bad' })).toBe('failed: content does not match')
  })

  it('takes 64 KiB of a response without end, and no more than some interim ones', async () => {
    script = async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(200)))
      while (peer.open) {
        await peer.send(dataFrame(stream, Buffer.alloc(16_000)))
        await turns(1)
      }
    }
    expect(await outcome()).toBe('passed: status 200')
    script = async peer => {
      const { stream } = await peer.section()
      await peer.send(...Array.from({ length: 20 }, () => headersFrame(stream, responseFields(103))))
    }
    expect(await outcome()).toBe('failed: more than 16 interim responses')
  })

  it.each<[string, Http2Script]>([
    ['resets the stream', answering((peer, { stream }) => peer.send(resetFrame(stream, 2)))],
    ['sends GOAWAY', answering(peer => peer.send(goawayFrame(0, 2)))],
    ['closes', async peer => peer.section().then(() => peer.end())],
    [
      'breaks off its content',
      answering((peer, { stream }) => peer.send(headersFrame(stream, responseFields(200))).then(() => peer.reset())),
    ],
  ])('fails where the origin %s', async (_, play) => {
    script = play
    expect(await outcome()).toMatch(/^failed: /)
  })

  it('fails where the origin says nothing, does not listen, or speaks HTTP/1.1 only', async () => {
    script = peer => peer.closed
    expect(await outcome({ timeoutMs: 100 })).toBe('failed: timeout after 100ms')
    await using nobody = await refusingPort()
    expect(await outcome({}, nobody.address)).toBe('failed: ECONNREFUSED')
    await using old = await scriptedOrigin(connection => connection.send(ok('')))
    expect(await outcome({}, old.address)).toMatch(/^failed: /)
  })

  it('is what a check of an upstream with h2c is, unless it is told otherwise', async () => {
    for (const [protocol, expected] of [
      ['h2c', true],
      ['http', false],
    ] as const) {
      const settings = checkSettings({ protocol, intervalMs: 60_000, healthyThreshold: 1, unhealthyThreshold: 1 })
      const check = new ActiveCheck(settings, origin.address, 'origin.test', () => {})
      const result = await new Promise<boolean>(resolve => {
        check.onResult = ({ passed }) => resolve(passed)
        check.start()
      })
      check.stop()
      expect(result).toBe(expected)
    }
  })
})

describe('a check over HTTPS of an upstream with TLS', () => {
  let authority: TestAuthority
  let secure: Listening
  let tls: UpstreamTlsSnapshot
  let pin = ''
  const seen: string[] = []

  beforeAll(async () => {
    authority = await createAuthority()
    const { chain, key, certificate } = await authority.issue({ names: ['origin.test'] })
    const ours = await authority.issueClient('checker')
    pin = createHash('sha256')
      .update(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64')
    const settings = { key, cert: chain, allowHTTP1: true, requestCert: true, ca: authority.certificate }
    const server = createSecureServer(settings, (request, response) => response.end(request.httpVersion))
    server.on('secureConnection', socket =>
      seen.push(`${socket.alpnProtocol}, ${socket.getPeerCertificate().subject?.CN}`),
    )
    secure = await listenOn(server as unknown as Server)
    tls = upstreamTls({ ca: authority.certificate, chain: ours.chain, key: ours.key })
    before = openConnections()
  })
  beforeEach(() => seen.splice(0))
  afterAll(() => secure.close())

  async function secureOutcome(
    changes: Partial<ActiveCheckSnapshot>,
    more: Partial<UpstreamTlsSnapshot> = {},
    host?: string,
  ) {
    const settings = { type: 'https', ...changes } as const
    const { outcome: found } = await checkOnce(openHttpsProbe, secure.address, settings, host, { ...tls, ...more })
    return `${found.passed ? 'passed' : 'failed'}: ${found.reason}`
  }

  it.each([
    ['http', '^1.1$', 'http/1.1, checker'],
    ['h2', '^2.0$', 'h2, checker'],
    ['auto', '^2.0$', 'h2, checker'],
  ] as const)('goes by its authority, its certificate and its version: %s', async (protocol, content, connection) => {
    expect(await secureOutcome({ protocol, content })).toBe('passed: status 200')
    expect(seen).toEqual([connection])
  })

  it('goes by its name and its pins', async () => {
    expect(await secureOutcome({}, { serverName: 'origin.test' }, 'other.test')).toBe('passed: status 200')
    expect(await secureOutcome({}, { serverName: 'other.test' })).toMatch(/^failed: certificate not accepted: /)
    expect(await secureOutcome({}, { pins: [pin] })).toBe('passed: status 200')
    expect(await secureOutcome({}, { pins: ['x'] })).toBe(
      'failed: certificate not accepted: its public key is not one of the pins',
    )
  })
})
