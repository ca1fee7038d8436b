import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/load.ts'

const UPSTREAMS = `
upstreams:
  one: { endpoints: [{ address: 10.0.0.1:1 }] }
  two: { endpoints: [{ address: 10.0.0.2:2 }] }
`

function snapshotOf(listener: string, upstreams = UPSTREAMS) {
  return parseConfiguration(`listeners:\n  a: ${listener}\n${upstreams}`, 'flow.yaml').snapshot
}

const CONNECTIONS = {
  connectionsMax: 10_000,
  connectionsPerClientMax: 0,
  newConnectionsRate: 0,
  newConnectionsBurst: 0,
}

test('what a listener of tcp leaves out gets the documented defaults', () => {
  const { listeners, tcpListeners } = snapshotOf('{ address: ":5432", protocol: tcp, upstream: two }')
  expect(listeners).toEqual([])
  expect(tcpListeners).toEqual([
    {
      name: 'a',
      address: { kind: 'tcp', host: '::', port: 5432 },
      limits: { ...CONNECTIONS, uploadRate: 0, downloadRate: 0 },
      timeouts: { idleMs: 3_600_000, halfCloseMs: 300_000, firstBytesMs: 3_000 },
      proxyProtocol: null,
      tls: null,
      serverNames: [],
      firstBytes: { http: -1, proxy: -1, tls: -1 },
      upstream: 1,
    },
  ])
})

test('what a listener of udp leaves out gets the documented defaults', () => {
  expect(snapshotOf('{ address: ":53", protocol: udp, upstream: one }').udpListeners).toEqual([
    {
      name: 'a',
      address: { kind: 'tcp', host: '::', port: 53 },
      limits: { ...CONNECTIONS, amplificationMax: 0 },
      idleMs: 30_000,
      responses: -1,
      upstream: 0,
      proxyProtocol: null,
    },
  ])
})

test('everything that a listener of tcp says arrives in the snapshot', () => {
  const { tcpListeners } = snapshotOf(`
    address: ":443"
    protocol: tcp
    upstream: one
    sni: [{ names: [A.example, "*.a.Example"], alpn: [h2, postgresql], upstream: two }, { names: "*", upstream: one }]
    first_bytes: { http: one, tls: two }
    proxy_protocol: { trusted: [10.0.0.0/8, "::1"], timeout: 2s }
    limits: { connections: 5, connections_per_client: 4, new_connections: { rate: 3 }, upload_rate: 2MiB, download_rate: 1KiB }
    timeouts: { idle: 1s, half_close: 2s, first_bytes: 3s }
`)
  expect(tcpListeners[0]).toMatchObject({
    limits: {
      connectionsMax: 5,
      connectionsPerClientMax: 4,
      newConnectionsRate: 3,
      newConnectionsBurst: 3,
      uploadRate: 2_097_152,
      downloadRate: 1024,
    },
    timeouts: { idleMs: 1_000, halfCloseMs: 2_000, firstBytesMs: 3_000 },
    proxyProtocol: { trusted: ['10.0.0.0/8', '::1/128'], timeoutMs: 2_000 },
    serverNames: [
      { names: ['a.example', '*.a.example'], alpn: ['h2', 'postgresql'], upstream: 1 },
      { names: ['*'], alpn: [], upstream: 0 },
    ],
    firstBytes: { http: 0, proxy: -1, tls: 1 },
    upstream: 0,
  })
})

test('everything that a listener of udp says arrives in the snapshot', () => {
  const { udpListeners } = snapshotOf(`
    address: "[::1]:53"
    protocol: udp
    upstream: two
    udp: { idle: 5s, responses: 2, amplification: 1.5 }
    limits: { connections: 9, new_connections: { rate: 10, burst: 20 } }
    proxy_protocol: { trusted: [0.0.0.0/0, "::/0"] }
`)
  expect(udpListeners[0]).toMatchObject({
    address: { kind: 'tcp', host: '::1', port: 53 },
    idleMs: 5_000,
    responses: 2,
    upstream: 1,
    limits: { connectionsMax: 9, newConnectionsRate: 10, newConnectionsBurst: 20, amplificationMax: 1.5 },
    proxyProtocol: { trusted: ['0.0.0.0/0', '::/0'], timeoutMs: 10_000 },
  })
})

test('who is trusted with the fields of requests is trusted with the PROXY protocol, unless others are named', () => {
  const { listeners } = snapshotOf('{ address: ":1", proxy_protocol: true, trusted_proxies: [10.0.0.0/8] }')
  expect(listeners[0]?.proxyProtocol).toEqual({ trusted: ['10.0.0.0/8'], timeoutMs: 10_000 })
  const other = snapshotOf(
    '{ address: ":1", proxy_protocol: { trusted: [10.1.0.0/16] }, trusted_proxies: [10.0.0.0/8] }',
  )
  expect(other.listeners[0]?.proxyProtocol?.trusted).toEqual(['10.1.0.0/16'])
})

test.each([
  ['v1', { version: 1, details: [] }],
  ['v2', { version: 2, details: [] }],
  ['{ details: [tls, alpn] }', { version: 2, details: ['tls', 'alpn'] }],
  ['off', null],
])('connections to an upstream with "proxy_protocol: %s" begin as they say', (written, sent) => {
  const { upstreams } = snapshotOf(
    '{ address: ":1", protocol: tcp, upstream: one }',
    `upstreams: { one: { endpoints: [{ address: 10.0.0.1:1 }], proxy_protocol: ${written} } }`,
  )
  expect(upstreams[0]?.proxyProtocol).toEqual(sent)
})

test('a check that does not say what it does does what those who use the upstream do', () => {
  const { upstreams } = parseConfiguration(
    `
listeners:
  tcp: { address: ":1", protocol: tcp, upstream: pg }
  both: { address: ":2", protocol: tcp, upstream: shared }
  udp: { address: ":3", protocol: udp, upstream: dns }
  web: { address: ":4" }
upstreams:
  pg: { endpoints: &endpoints [{ address: 10.0.0.1:1 }], tls: true, health: { active: {} } }
  dns: { endpoints: *endpoints, health: { active: { send: "\\x12\\x34", receive: "\\x12" } } }
  shared: { endpoints: *endpoints, health: { active: {} } }
routes: [{ upstream: shared }]
`,
    'checks.yaml',
  ).snapshot
  expect(upstreams.map(({ active }) => active?.type)).toEqual(['tcp', 'udp', 'http'])
  expect(upstreams[1]?.active).toMatchObject({ send: '\x12\x34', expect: '\x12' })
})

test('routes count the listeners of http alone', () => {
  const { listeners, routes } = parseConfiguration(
    `
listeners:
  first: { address: ":1", protocol: tcp, upstream: one }
  web: { address: ":2" }
  last: { address: ":2", protocol: udp, upstream: one }
upstreams: { one: { endpoints: [{ address: 10.0.0.1:1 }] } }
routes: [{ match: { listeners: [web] }, respond: { body: hello } }]
`,
    'places.yaml',
  ).snapshot
  expect(listeners.map(({ name }) => name)).toEqual(['web'])
  expect(routes[0]?.match.listeners).toEqual([0])
})

test('a listener of tcp speaks no protocol by ALPN that is not written', () => {
  const alpnOf = (alpn: string) =>
    snapshotOf(
      `{ address: ":1", protocol: tcp, upstream: one, tls: { ${alpn} certificates: [{ cert: ${CERTS}/good.crt, key: ${CERTS}/good.key }] } }`,
    ).tcpListeners[0]?.tls
  expect(alpnOf('')?.alpn).toEqual([])
  expect(alpnOf('alpn: [postgresql],')).toMatchObject({ alpn: ['postgresql'], certificates: [{ keyType: 'ecdsa' }] })
})

const CERTS = `${import.meta.dirname}/golden/certs`
