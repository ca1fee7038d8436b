import { describe, expect, it } from 'vitest'
import type { ClientCertificate } from '../../../engine/http/client-tls.ts'
import { NO_EDITS, type TestProxyOptions } from '../../support/snapshot.ts'
import { listenerTls, upstreamTls } from '../../support/tls.ts'
import { explained, tcp } from './explaining.ts'

const own = { kind: 'respond', status: 200, fields: [], content: Buffer.from('own') } as const
const tls = listenerTls({})
const asking = listenerTls({ clientAuth: { mode: 'request', forward: 'set' } })

const ALICE: ClientCertificate = {
  subject: 'CN=alice',
  issuer: 'CN=Authority',
  serial: '0A',
  fingerprint: 'ab'.repeat(32),
  dnsNames: ['alice.example.com'],
  uris: [],
  emails: [],
  ips: [],
}

describe('the listener of a URL', () => {
  const listeners = [
    { name: 'plain', address: tcp(8080) },
    { name: 'secure', address: tcp(8443), tls },
  ]
  const options: TestProxyOptions = { listeners, upstreams: { api: [tcp(1)] } }

  it('speaks the scheme of the URL where none has its port', async () => {
    expect((await explained(options, { scheme: 'https' })).listener).toEqual({
      name: 'secure',
      reason: 'the first one that speaks https: none has port 443',
    })
    expect((await explained(options)).listener.name).toBe('plain')
  })

  it('tells origins and people of the scheme', async () => {
    const { request, upstreamRequest } = await explained(options, { scheme: 'https' })
    expect(request.scheme).toBe('https')
    expect(upstreamRequest?.fields).toContainEqual(['X-Forwarded-Proto', 'https'])
  })

  it('has a reservation where the URL is not for it', async () => {
    expect((await explained(options, { authority: 'a:8443' })).listener.reason).toContain('it speaks https: ')
    expect((await explained(options, { authority: 'a:8080', scheme: 'https' })).listener.reason).toContain(
      'it speaks http, ',
    )
    const required = { listeners: [{ tls: listenerTls({ clientAuth: { mode: 'require' } }) }], routes: [{ to: own }] }
    expect((await explained(required, { scheme: 'https' })).listener.reason).toContain(
      'nobody in without a certificate',
    )
    expect((await explained(required, { scheme: 'https', certificate: ALICE })).listener.reason).toBe('the only one')
  })
})

describe('a certificate of the client', () => {
  const options: TestProxyOptions = {
    listeners: [{ tls: asking }],
    upstreams: { api: [tcp(1)] },
    routes: [
      {
        name: 'alice',
        match: {
          conditions: [
            { kind: 'scheme', scheme: 'https' },
            { kind: 'client_cert', part: 'subject', test: { kind: 'exact', text: 'CN=alice' } },
          ],
        },
        to: 'api',
        request: { ...NO_EDITS, set: [['x-who', [{ kind: 'client_cert_san' }, ' ', { kind: 'tls_server_name' }]]] },
      },
      { name: 'rest', to: own },
    ],
  }

  it('decides, is told to the origin, and stands in fields', async () => {
    const { route, request, upstreamRequest } = await explained(options, { scheme: 'https', certificate: ALICE })
    expect([route, request.certificate]).toEqual(['alice', 'CN=alice'])
    expect(upstreamRequest?.fields).toContainEqual([
      'X-Forwarded-Client-Cert',
      `Hash=${'ab'.repeat(32)};Subject="CN=alice";DNS=alice.example.com`,
    ])
    expect(upstreamRequest?.fields).toContainEqual(['x-who', 'alice.example.com a.example'])
  })

  it('that is not there is what a route has against the request', async () => {
    const { route, candidates } = await explained(options, { scheme: 'https' })
    expect(route).toBe('rest')
    expect(candidates[0]?.failed).toEqual(['client_cert subject: wanted "CN=alice", found none'])
  })

  it('is for listeners that ask for one', async () => {
    await expect(explained({ listeners: [{ tls }] }, { certificate: ALICE })).rejects.toThrow('asks no client')
    await expect(explained({ listeners: [{}] }, { certificate: ALICE })).rejects.toThrow('asks no client')
  })
})

it('a listener that leads to https asks no route', async () => {
  const listeners = [{ redirectToHttpsPort: 8443, redirectToHttpsStatus: 301 }]
  const { action, answer, candidates, route } = await explained(
    { listeners, routes: [{ to: own }] },
    { target: '/../x?y' },
  )
  expect({ action, candidates, route }).toEqual({ action: 'redirect', candidates: [], route: null })
  expect(answer).toMatchObject({ status: 301, fields: { location: 'https://a.example:8443/../x?y' } })
})

describe('Strict-Transport-Security', () => {
  const listeners = [{ tls, strictTransportSecurity: 'max-age=60' }]

  it('is on answers of the proxy, and said of those of upstreams', async () => {
    const { answer } = await explained({ listeners, routes: [{ to: own }] }, { scheme: 'https' })
    expect(answer?.fields['strict-transport-security']).toBe('max-age=60')
    const missing = await explained({ listeners, routes: [] }, { scheme: 'https' })
    expect(missing.answer?.fields['strict-transport-security']).toBe('max-age=60')
    const forwarded = await explained({ listeners, upstreams: { api: [tcp(1)] } }, { scheme: 'https' })
    expect(forwarded.responseEdits).toEqual(['header strict-transport-security is set: max-age=60'])
  })

  it('is what the route says of it, where that says something', async () => {
    const response = { ...NO_EDITS, set: [['Strict-Transport-Security', 'max-age=5']] as const }
    const { answer } = await explained({ listeners, routes: [{ to: own, response }] }, { scheme: 'https' })
    expect(answer?.fields['strict-transport-security']).toBe('max-age=5')
  })
})

it('an upstream has its protocol', async () => {
  const upstreams = { api: { endpoints: [tcp(1)], protocol: 'auto', tls: upstreamTls({}) } } as const
  expect((await explained({ upstreams })).upstream).toMatchObject({ protocol: 'auto', tls: true })
})
