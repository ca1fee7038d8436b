import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/load.ts'

const MINIMAL = `
listeners:
  web: { address: 127.0.0.1:8080 }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:3000 }] }
routes:
  - upstream: api
`

const PATHS = { dotSegments: 'normalise', emptySegments: 'normalise', encodedSlashes: 'keep', parameters: 'keep' }
const NO_EDITS = { rename: [], remove: [], set: [], add: [] }

/** What a listener has that limits no more than its connections. */
const UNLIMITED = { connectionsPerClientMax: 0, newConnectionsRate: 0, newConnectionsBurst: 0 }

const HTTP2 = {
  streamsMax: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  windowBytesMax: 16_777_216,
  frameBytesMax: 16_384,
  headerTableBytes: 4096,
  queuedControlMax: 1000,
}

/** What a listener has that says nothing of TLS. */
const PLAIN = {
  tls: null,
  http2: HTTP2,
  proxyProtocol: null,
  redirectToHttpsPort: 0,
  redirectToHttpsStatus: 0,
  strictTransportSecurity: '',
}

/** What a route has that says nothing of it. */
const UNTOUCHED = {
  path: [],
  query: null,
  request: NO_EDITS,
  response: NO_EDITS,
  timeouts: { responseMs: 0, idleMs: 0, totalMs: 0 },
  retry: null,
  mirror: null,
  errorPages: [],
  fallback: -1,
  importance: 'normal',
  grpcWeb: false,
}

test('what a configuration leaves out gets the documented defaults', () => {
  const { settings, snapshot } = parseConfiguration(MINIMAL, 'minimal.yaml')
  expect(settings).toEqual({
    workers: availableParallelism(),
    shutdownGraceMs: 30_000,
    controlSocket: 'auto',
    log: { level: 'info', format: 'json', access: { enabled: true, sample: 1 } },
  })
  expect(snapshot).toEqual({
    generation: 1,
    listeners: [
      {
        name: 'web',
        address: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
        limits: {
          headBytesMax: 32_768,
          fieldLinesMax: 100,
          targetBytesMax: 8_192,
          connectionsMax: 10_000,
          ...UNLIMITED,
        },
        timeouts: { headMs: 30_000, contentMs: 60_000, idleMs: 75_000, tunnelMs: 3_600_000 },
        trustedProxies: [],
        forwarded: false,
        paths: PATHS,
        ...PLAIN,
      },
    ],
    tcpListeners: [],
    udpListeners: [],
    upstreams: [
      {
        name: 'api',
        balance: 'round_robin',
        measure: 'connections',
        hashOn: null,
        endpoints: [
          {
            address: { kind: 'tcp', host: '10.0.0.1', port: 3000 },
            name: '10.0.0.1:3000',
            weight: 1,
            connectionsMax: 0,
            backup: false,
            priority: 0,
            route: '',
          },
        ],
        protocol: 'http',
        tls: null,
        http2: HTTP2,
        proxyProtocol: null,
        pool: { idleMax: 64, idleTimeoutMs: 4_000, requestsMax: 0, pipelining: 1 },
        timeouts: { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000 },
        resolver: { addresses: [], ttlMinMs: 1_000, ttlMaxMs: 3_600_000, timeoutMs: 5_000 },
        active: null,
        passive: {
          consecutive: 3,
          failures: 0,
          windowMs: 10_000,
          consecutive5xx: 0,
          consecutiveGatewayErrors: 0,
          successRate: null,
          ejectMs: 10_000,
          ejectMaxMs: 300_000,
          ejectedMax: 0.5,
        },
        circuitBreaker: null,
        retry: {
          attempts: 127,
          onConnect: true,
          onReset: true,
          onTimeout: false,
          statuses: [],
          grpcStatuses: [],
          budget: 0.2,
          backoffMs: 0,
          backoffMaxMs: 0,
          methods: ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'],
          nonIdempotent: false,
          perTryMs: 0,
          contentBytesMax: 65_536,
        },
        hedge: null,
        adaptiveConcurrency: null,
        sticky: null,
        slowStartMs: 0,
        queue: null,
        panicThreshold: 0,
      },
    ],
    routes: [
      {
        name: 'routes[0]',
        match: { listeners: null, hosts: null, path: { kind: 'prefix', path: '/' }, conditions: [] },
        priority: 0,
        action: { kind: 'forward', upstream: 0 },
        host: { kind: 'keep' },
        ...UNTOUCHED,
      },
    ],
    errorPages: [],
  })
})

test('everything that a configuration says arrives in the snapshot', () => {
  const { settings, snapshot } = parseConfiguration(
    `
runtime: { workers: 3, shutdown_grace: 1500ms, control_socket: /run/sluice.sock }
log: { level: debug, format: pretty, access: { enabled: false, sample: 0.25 } }
listeners:
  one: { address: ":8080", protocol: http }
  two:
    address: unix:/run/two.sock
    limits: { head: 16KiB, fields: 50, target: 4KiB, connections: 7 }
    timeouts: { head: 1s, content: 2s, idle: 3s, tunnel: 4s }
    trusted_proxies: [10.0.0.0/8, ::1, 127.0.0.1, 127.0.0.1]
    forwarded: true
    paths: { dot_segments: refuse, empty_segments: keep, encoded_slashes: normalise, parameters: refuse }
upstreams:
  a: { endpoints: [{ address: "API.internal:80" }] }
  b:
    balance: round_robin
    protocol: http
    endpoints: [{ address: "[::1]:81", weight: 5 }, { address: unix:/run/b.sock }]
    pool: { idle: 1, idle_timeout: 2s, max_requests: 3, pipelining: 4 }
    timeouts: { connect: 1s, response: 2s, idle: 3s }
routes:
  - name: first
    match: { listeners: [two, one, two], host: [A.example, "*.A.example", a.example], path: /x/* }
    priority: -5
    upstream: b
    rewrite: { host: other.example }
    timeouts: { response: 4s, total: 9s }
    importance: high
    headers:
      request: { set: { X-Gateway: sluice }, remove: [X-Internal, x-internal] }
      response: { set: { x-served-by: us }, remove: [Server] }
  - { match: { host: a.example, path: /y }, upstream: a, rewrite: { host: upstream } }
`,
    'full.yaml',
  )
  expect(settings).toEqual({
    workers: 3,
    shutdownGraceMs: 1500,
    controlSocket: '/run/sluice.sock',
    log: { level: 'debug', format: 'pretty', access: { enabled: false, sample: 0.25 } },
  })
  expect(snapshot.listeners[0]?.address).toEqual({ kind: 'tcp', host: '::', port: 8080 })
  expect(snapshot.listeners[1]).toEqual({
    name: 'two',
    address: { kind: 'unix', path: '/run/two.sock' },
    limits: { headBytesMax: 16_384, fieldLinesMax: 50, targetBytesMax: 4_096, connectionsMax: 7, ...UNLIMITED },
    timeouts: { headMs: 1_000, contentMs: 2_000, idleMs: 3_000, tunnelMs: 4_000 },
    trustedProxies: ['10.0.0.0/8', '::1/128', '127.0.0.1/32'],
    forwarded: true,
    paths: { dotSegments: 'refuse', emptySegments: 'keep', encodedSlashes: 'normalise', parameters: 'refuse' },
    ...PLAIN,
  })
  expect(snapshot.upstreams).toMatchObject([
    { name: 'a', endpoints: [{ address: { host: 'api.internal', port: 80 }, name: 'API.internal:80' }] },
    {
      name: 'b',
      endpoints: [
        { address: { kind: 'tcp', host: '::1', port: 81 }, name: '[::1]:81', weight: 5 },
        { address: { kind: 'unix', path: '/run/b.sock' }, name: 'unix:/run/b.sock', weight: 1 },
      ],
      pool: { idleMax: 1, idleTimeoutMs: 2_000, requestsMax: 3, pipelining: 4 },
      timeouts: { connectMs: 1_000, responseMs: 2_000, idleMs: 3_000 },
    },
  ])
  expect(snapshot.routes).toEqual([
    {
      name: 'first',
      ...UNTOUCHED,
      match: {
        listeners: [1, 0],
        hosts: ['a.example', '*.a.example'],
        path: { kind: 'prefix', path: '/x/' },
        conditions: [],
      },
      priority: -5,
      action: { kind: 'forward', upstream: 1 },
      host: { kind: 'set', host: 'other.example' },
      request: { rename: [], set: [['X-Gateway', 'sluice']], remove: ['x-internal'], add: [] },
      response: { rename: [], set: [['x-served-by', 'us']], remove: ['server'], add: [] },
      timeouts: { responseMs: 4_000, idleMs: 0, totalMs: 9_000 },
      importance: 'high',
    },
    {
      ...UNTOUCHED,
      name: 'routes[1]',
      match: { listeners: null, hosts: ['a.example'], path: { kind: 'exact', path: '/y' }, conditions: [] },
      priority: 0,
      action: { kind: 'forward', upstream: 0 },
      host: { kind: 'upstream' },
    },
  ])
})

test('a snapshot survives structuredClone unchanged', () => {
  const { snapshot } = parseConfiguration(`${MINIMAL}  - { match: { path: /t }, respond: { body: tea } }\n`, 'a.yaml')
  expect(structuredClone(snapshot)).toEqual(snapshot)
})

test('a lower limit on the head lowers the default limit on the target', () => {
  const { snapshot } = parseConfiguration('listeners: { a: { address: ":1", limits: { head: 4KiB } } }', 'a.yaml')
  expect(snapshot.listeners[0]?.limits).toMatchObject({ headBytesMax: 4096, targetBytesMax: 4096 })
})

test('a response of our own has status 200 and text/plain in UTF-8, unless it says otherwise', () => {
  const { snapshot } = parseConfiguration(
    `
listeners: { web: { address: 127.0.0.1:8080 } }
routes:
  - respond: { body: "köstlich" }
  - respond: { status: 418, body: "{}", headers: { Content-Type: application/json, x-a: b } }
  - respond: { status: 204 }
`,
    'respond.yaml',
  )
  expect(snapshot.routes.map(route => route.action)).toEqual([
    {
      kind: 'respond',
      status: 200,
      fields: [['content-type', 'text/plain; charset=utf-8']],
      content: new TextEncoder().encode('köstlich'),
    },
    {
      kind: 'respond',
      status: 418,
      fields: [
        ['Content-Type', 'application/json'],
        ['x-a', 'b'],
      ],
      content: new TextEncoder().encode('{}'),
    },
    { kind: 'respond', status: 204, fields: [], content: new Uint8Array() },
  ])
})

test('the body of a response of our own is at most 64 KiB, counted in bytes', () => {
  const text = (body: string) => `listeners: { web: { address: ":1" } }\nroutes: [{ respond: { body: ${body} } }]`
  expect(() => parseConfiguration(text('x'.repeat(65_536)), 'a.yaml')).not.toThrow()
  expect(() => parseConfiguration(text('ü'.repeat(32_769)), 'a.yaml')).toThrow(
    'a.yaml:2:29: routes[0].respond.body: must be at most 64KiB',
  )
})
