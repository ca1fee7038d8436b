import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { listenerTls } from '../../support/tls.ts'
import { certificates, versions } from './secure-scene.ts'

const POLICY = 'max-age=31536000; includeSubDomains'
const OWN = 'max-age=5'

let origin: RecordingOrigin
let proxy: TestProxy
let ca: string

const exact = (path: string) => ({ path: { kind: 'exact', path } }) as const
const respond = { kind: 'respond', status: 200, fields: [], content: new Uint8Array(0) } as const
const set = { ...NO_EDITS, set: [['Strict-Transport-Security', OWN]] } as const
const added = { ...NO_EDITS, add: [['strict-transport-security', OWN]] } as const
const templated = { ...NO_EDITS, set: [['x-method', [{ kind: 'method' }]]] } as const
const templatedOwn = {
  ...NO_EDITS,
  set: [['strict-transport-security', ['max-age=', { kind: 'query_field', name: 'age' }]]],
} as const
const removed = { ...NO_EDITS, remove: ['strict-transport-security'] }

beforeAll(async () => {
  const { authority, server } = await certificates()
  ca = authority.certificate
  origin = await recordingOrigin({
    answer: () =>
      'HTTP/1.1 200 OK\r\nstrict-TRANSPORT-security: max-age=1\r\nContent-Length: 2\r\nX-Origin: 1\r\n\r\nok',
  })
  const tls = listenerTls({ certificates: [server], alpn: ['h2', 'http/1.1'] })
  const files = {
    root: join(import.meta.dirname),
    index: [],
    precompressed: [],
    stripPrefix: '/files',
    cacheControl: '',
    fallback: '',
  }
  proxy = await startTestProxy({
    listeners: [{ tls, strictTransportSecurity: POLICY }, { tls }, { strictTransportSecurity: POLICY }],
    upstreams: { origin: [origin.address], nobody: [{ kind: 'unix', path: '/nonexistent' }] },
    routes: [
      { match: exact('/forwarded'), to: 'origin' },
      { match: exact('/forwarded-edited'), to: 'origin', response: templated },
      { match: exact('/forwarded-set'), to: 'origin', response: set },
      { match: exact('/forwarded-added'), to: 'origin', response: added },
      { match: exact('/forwarded-removed'), to: 'origin', response: removed },
      { match: exact('/own'), to: respond },
      { match: exact('/own-edited'), to: respond, response: templated },
      { match: exact('/own-set'), to: respond, response: set },
      { match: exact('/own-added'), to: respond, response: added },
      { match: exact('/own-templated'), to: respond, response: templatedOwn },
      { match: exact('/own-removed'), to: respond, response: removed },
      { match: exact('/redirect'), to: { kind: 'redirect', status: 302, to: '/own', keepsQuery: false } },
      { match: exact('/unreachable'), to: 'nobody' },
      { match: { path: { kind: 'prefix', path: '/files/' } }, to: { kind: 'files', files } },
    ],
  })
})

afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

describe.each(versions)('over %s', (_, ask) => {
  const policyOf = async (path: string, port = proxy.port) =>
    (await ask({ port, ca, path })).headers['strict-transport-security']

  test.each([
    ['responses of the upstream, in place of its own', '/forwarded'],
    ['responses of the upstream that the route changes', '/forwarded-edited'],
    ["the proxy's own answers", '/own'],
    ["the proxy's own answers that differ with the request", '/own-edited'],
    ['redirects', '/redirect'],
    ['files', '/files/strict-transport.test.ts'],
    ['errors of files', '/files/nothing'],
    ['errors of upstreams', '/unreachable'],
    ['requests that no route has', '/nowhere'],
    ['requests that are refused', '/a/../../b'],
  ])('the policy is on %s', async (_, path) => {
    expect(await policyOf(path)).toBe(POLICY)
  })

  test.each(['/forwarded-set', '/forwarded-added', '/own-set', '/own-added', '/own-templated?age=5'])(
    'what a route says itself goes first: %s',
    async path => {
      const policies = [await policyOf(path)].flat().join()
      expect(policies).toContain(OWN)
      expect(policies).not.toContain(POLICY)
    },
  )

  test.each(['/forwarded-removed', '/own-removed'])('a route may do without: %s', async path => {
    expect(await policyOf(path)).toBe(undefined)
  })

  test('a listener without a policy leaves responses as they are', async () => {
    expect(await policyOf('/forwarded', proxy.portOf(1))).toBe('max-age=1')
    expect(await policyOf('/own', proxy.portOf(1))).toBe(undefined)
  })
})

test('in plain text there is no policy', async () => {
  const response = await fetch(`http://127.0.0.1:${proxy.portOf(2)}/own`)
  expect(response.headers.get('strict-transport-security')).toBe(null)
})
