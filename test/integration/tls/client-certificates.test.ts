import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TestCertificate } from '../../support/certificates.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { listenerTls } from '../../support/tls.ts'
import { certificates, versions } from './secure-scene.ts'

const FORGED = 'Hash=00;Subject="CN=root"'

let origin: RecordingOrigin
let proxy: TestProxy
let ca: string
let client: TestCertificate
let hash: string
let element: string

/** By what the listener does with the field. */
const LISTENERS = ['none', 'set', 'append', 'none, trusted', 'set, trusted', 'append, trusted', 'plain']

beforeAll(async () => {
  const { authority, server, client: issued } = await certificates()
  ca = authority.certificate
  client = issued
  hash = new X509Certificate(issued.certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  element = `Hash=${hash};Subject="CN=Alice";DNS=alice.example.com`
  origin = await recordingOrigin()
  const listeners = LISTENERS.map(kind => {
    if (kind === 'plain') return {}
    const [forward = 'none', trusted] = kind.split(', ') as ['none' | 'set' | 'append', string?]
    const clientAuth = { mode: 'request', ca, forward } as const
    const tls = listenerTls({ certificates: [server], alpn: ['h2', 'http/1.1'], clientAuth })
    return { tls, trustedProxies: trusted === undefined ? [] : ['127.0.0.0/8', '::1/128'] }
  })
  const values = ['subject', 'serial', 'fingerprint', 'san'].map(
    part => [`x-${part}`, [{ kind: `client_cert_${part}` }]] as never,
  )
  proxy = await startTestProxy({
    listeners,
    upstreams: { origin: [origin.address] },
    routes: [
      {
        name: 'alice',
        match: {
          path: { kind: 'exact', path: '/who' },
          conditions: [
            { kind: 'scheme', scheme: 'https' },
            { kind: 'client_cert', part: 'san', test: { kind: 'suffix', text: '.example.com' } },
            { kind: 'client_cert', part: 'subject', test: { kind: 'contains', text: 'Alice' } },
          ],
        },
        to: { kind: 'respond', status: 200, fields: [], content: Buffer.from('alice') },
      },
      {
        name: 'nobody',
        match: { path: { kind: 'exact', path: '/who' } },
        to: { kind: 'respond', status: 200, fields: [], content: Buffer.from('nobody') },
      },
      {
        to: 'origin',
        request: {
          ...NO_EDITS,
          set: [...values, ['x-tls', [{ kind: 'tls_version' }, ' ', { kind: 'tls_server_name' }]]],
        },
      },
    ],
  })
})

beforeEach(() => origin.forget())

afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

describe.each(versions)('over %s', (_, ask) => {
  const port = (kind: string) => proxy.portOf(LISTENERS.indexOf(kind))
  const told = async (kind: string, shown: TestCertificate | null, headers = {}) => {
    await ask({ port: port(kind), ca, path: '/', client: shown, headers })
    const [request] = await origin.requestsReach(1)
    return request === undefined ? [] : valuesOf(request.fields, 'x-forwarded-client-cert')
  }
  const forged = { 'x-forwarded-client-cert': FORGED }

  test('a route may ask for a certificate', async () => {
    expect((await ask({ port: port('none'), ca, path: '/who', client })).body).toBe('alice')
    expect((await ask({ port: port('none'), ca, path: '/who' })).body).toBe('nobody')
  })

  test('what a client says of itself never reaches the origin', async () => {
    expect(await told('none', null, forged)).toEqual([])
    origin.forget()
    expect(await told('set', null, forged)).toEqual([])
    origin.forget()
    expect(await told('append', null, forged)).toEqual([])
  })

  test('the origin is told of the certificate', async () => {
    expect(await told('set', client, forged)).toEqual([element])
    origin.forget()
    expect(await told('append', client, forged)).toEqual([element])
    origin.forget()
    expect(await told('none', client)).toEqual([])
  })

  test('what a trusted proxy says goes on, before ours, unless that takes its place', async () => {
    expect(await told('none, trusted', client, forged)).toEqual([FORGED])
    origin.forget()
    expect(await told('append, trusted', client, forged)).toEqual([`${FORGED}, ${element}`])
    origin.forget()
    expect(await told('append, trusted', null, forged)).toEqual([FORGED])
    origin.forget()
    expect(await told('set, trusted', client, forged)).toEqual([element])
    origin.forget()
    expect(await told('set, trusted', null, forged)).toEqual([])
  })

  test('fields may have what the certificate says', async () => {
    await ask({ port: port('none'), ca, path: '/', client })
    const [request] = await origin.requestsReach(1)
    const value = (name: string) => (request === undefined ? '' : valuesOf(request.fields, name).join())
    expect(value('x-subject')).toContain('CN=Alice')
    expect(value('x-fingerprint')).toBe(hash)
    expect(value('x-san')).toBe('alice.example.com')
    expect(value('x-serial')).toBe(new X509Certificate(client.certificate).serialNumber)
    expect(value('x-tls')).toBe('TLSv1.3 localhost')
  })

  test('without one the fields are not there', async () => {
    await ask({ port: port('none'), ca, path: '/' })
    const [request] = await origin.requestsReach(1)
    expect(request === undefined ? null : valuesOf(request.fields, 'x-subject')).toEqual([])
  })
})

test('on a listener in plain text a client cannot pretend to have one either', async () => {
  await fetch(`http://127.0.0.1:${proxy.portOf(LISTENERS.indexOf('plain'))}/`, {
    headers: { 'x-forwarded-client-cert': FORGED },
  })
  const [request] = await origin.requestsReach(1)
  expect(request === undefined ? null : valuesOf(request.fields, 'x-forwarded-client-cert')).toEqual([])
})
