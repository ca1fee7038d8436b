import { describe, expect, test } from 'vitest'
import type { UpstreamSnapshot } from '../../../engine/snapshot.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { upstreamSnapshot } from '../../support/snapshot.ts'

const ENDPOINT = { kind: 'tcp', host: '10.0.0.1', port: 80 } as const

/** The upstream `api` with one endpoint and these further keys, in YAML. */
function upstream(keys: string, more = ''): UpstreamSnapshot {
  const endpoints = keys.startsWith('endpoints:') ? '' : '    endpoints: [{ address: 10.0.0.1:80 }]\n'
  const lines = keys.split('\n').map(line => `    ${line}\n`)
  const text = `listeners: { web: { address: ":1" } }\nupstreams:\n  api:\n${endpoints}${lines.join('')}${more}\n`
  const [compiled] = parseConfiguration(text, 'upstream.yaml').snapshot.upstreams
  if (compiled === undefined) throw new Error('the upstream of the test is missing')
  return compiled
}

describe('what a test leaves out of an upstream is what a configuration leaves out of it:', () => {
  test.each<[string, Parameters<typeof upstreamSnapshot>[1]]>([
    ['', [ENDPOINT]],
    ['balance: least_time', { endpoints: [ENDPOINT], balance: 'least_time' }],
    ['health: { active: {} }', { endpoints: [ENDPOINT], active: {} }],
    ['health: { active: {}, passive: off }', { endpoints: [ENDPOINT], active: {}, passive: null }],
    ['health: { passive: { success_rate: {} } }', { endpoints: [ENDPOINT], passive: { successRate: {} } }],
    ['circuit_breaker: {}', { endpoints: [ENDPOINT], circuitBreaker: {} }],
    ['hedge: {}', { endpoints: [ENDPOINT], hedge: {} }],
    ['adaptive_concurrency: {}', { endpoints: [ENDPOINT], adaptiveConcurrency: {} }],
    ['sticky: { cookie: sluice_sid }', { endpoints: [ENDPOINT], sticky: {} }],
    [
      'endpoints: [{ address: 10.0.0.1:80, max_connections: 5 }]\nqueue: {}',
      { endpoints: [{ address: ENDPOINT, connectionsMax: 5 }], queue: {} },
    ],
  ])('%s', (written, built) => {
    expect(upstream(written)).toEqual(upstreamSnapshot('api', built))
  })
})

describe('endpoints', () => {
  test('carry everything that is written of them', () => {
    const { endpoints } = upstream(
      `endpoints:
  - { address: "API.internal:80", weight: 7, max_connections: 500, priority: 3, route: node-1 }
  - { address: unix:/run/a.sock, backup: true, route: node_2 }
  - { service: _http._TCP.api.Internal, priority: 2, max_connections: 9 }
sticky: { route: JSESSIONID }`,
    )
    expect(endpoints).toEqual([
      {
        address: { kind: 'tcp', host: 'api.internal', port: 80 },
        name: 'API.internal:80',
        weight: 7,
        connectionsMax: 500,
        backup: false,
        priority: 3,
        route: 'node-1',
      },
      {
        address: { kind: 'unix', path: '/run/a.sock' },
        name: 'unix:/run/a.sock',
        weight: 1,
        connectionsMax: 0,
        backup: true,
        priority: 0,
        route: 'node_2',
      },
      {
        address: { kind: 'srv', service: '_http._tcp.api.internal' },
        name: '_http._TCP.api.Internal',
        weight: 1,
        connectionsMax: 9,
        backup: false,
        priority: 2,
        route: '',
      },
    ])
  })

  test('may be written with "backup: false" and a priority', () => {
    const { endpoints } = upstream('endpoints: [{ address: 10.0.0.1:80, backup: false, priority: 127 }]')
    expect(endpoints).toMatchObject([{ backup: false, priority: 127 }])
  })
})

describe('a balancer', () => {
  test.each([
    ['round_robin', 'connections'],
    ['random', 'connections'],
    ['power_of_two', 'connections'],
    ['least_connections', 'connections'],
    ['least_time', 'first_byte'],
    ['peak_ewma', 'connections'],
    ['ip_hash', 'connections'],
  ])('%s may be had, and measures %s unless something else is said', (balance, measure) => {
    expect(upstream(`balance: ${balance}`)).toMatchObject({ balance, measure, hashOn: null })
  })

  test.each([
    ['power_of_two', 'response'],
    ['power_of_two', 'first_byte'],
    ['power_of_two', 'connections'],
    ['least_time', 'response'],
  ])('%s measures %s where that is said', (balance, measure) => {
    expect(upstream(`balance: ${balance}\nmeasure: ${measure}`)).toMatchObject({ balance, measure })
  })

  test.each([
    ['client_ip', { kind: 'client_ip' }],
    ['path', { kind: 'path' }],
    ['{ client_ip: true }', { kind: 'client_ip' }],
    ['{ path: true }', { kind: 'path' }],
    ['{ header: X-User }', { kind: 'header', name: 'x-user' }],
    ['{ header: Host }', { kind: 'header', name: 'host' }],
    ['{ cookie: Sid }', { kind: 'cookie', name: 'Sid' }],
    ['{ query: "user id" }', { kind: 'query', name: 'user id' }],
  ])('that hashes spreads by hash_on: %s', (written, hashOn) => {
    for (const balance of ['hash', 'maglev']) {
      expect(upstream(`balance: ${balance}\nhash_on: ${written}`)).toMatchObject({ balance, hashOn })
    }
  })

  test('of another kind may stand beside a hash_on, which then has no effect', () => {
    expect(upstream('balance: least_connections\nhash_on: { header: x-user }').hashOn).toBeNull()
  })
})

describe('the resolver', () => {
  test('of an upstream goes before the top-level one, key by key', () => {
    const general = 'resolver: { addresses: [10.0.0.2, "fd00:0::2", 10.0.0.2:53], min_ttl: 2s, timeout: 1s }'
    expect(upstream('', general).resolver).toEqual({
      addresses: ['10.0.0.2:53', '[fd00::2]:53'],
      ttlMinMs: 2_000,
      ttlMaxMs: 3_600_000,
      timeoutMs: 1_000,
    })
    expect(upstream('resolver: { addresses: ["[::1]:5353"], max_ttl: 3s }', general).resolver).toEqual({
      addresses: ['[::1]:5353'],
      ttlMinMs: 2_000,
      ttlMaxMs: 3_000,
      timeoutMs: 1_000,
    })
    expect(upstream('resolver: { addresses: [] }', general).resolver.addresses).toEqual([])
  })
})

describe('active checks', () => {
  test('over HTTPS carry everything that is written of them', () => {
    const { active } = upstream(`health:
  active:
    type: https
    interval: 1s
    jitter: 25%
    timeout: 300ms
    healthy: 1
    unhealthy: 4
    start: unhealthy
    port: 8443
    path: /healthz?deep=1
    method: POST
    host: api.internal:8443
    headers: { x-check: "1" }
    expect: [204, 300-399]
    body: ^ok$
    tls: { verify: false, server_name: api.internal }`)
    expect(active).toEqual({
      type: 'https',
      protocol: 'http',
      intervalMs: 1_000,
      jitter: 0.25,
      timeoutMs: 300,
      healthyThreshold: 1,
      unhealthyThreshold: 4,
      start: 'unhealthy',
      port: 8443,
      method: 'POST',
      path: '/healthz?deep=1',
      host: 'api.internal:8443',
      fields: [['x-check', '1']],
      statuses: [
        [204, 204],
        [300, 399],
      ],
      content: '^ok$',
      verify: false,
      serverName: 'api.internal',
      service: '',
      send: '',
      expect: '',
    })
  })

  test('over TCP send and expect bytes', () => {
    const { active } = upstream('health: { active: { type: tcp, send: "PING\\r\\n", receive: +PONG } }')
    expect(active).toMatchObject({ type: 'tcp', send: 'PING\r\n', expect: '+PONG' })
  })

  test('may expect one status or range without a list', () => {
    expect(upstream('health: { active: { expect: 204 } }').active?.statuses).toEqual([[204, 204]])
    expect(upstream('health: { active: { expect: 200-299 } }').active?.statuses).toEqual([[200, 299]])
  })

  test('more often than their timeout have a shorter one', () => {
    expect(upstream('health: { active: { interval: 500ms } }').active).toMatchObject({ timeoutMs: 500 })
  })
})

describe('passive health', () => {
  test('carries everything that is written of it', () => {
    const { passive } = upstream(`health:
  passive:
    consecutive: 0
    failures: 4
    window: 20s
    consecutive_5xx: 5
    consecutive_gateway_errors: 6
    success_rate: { interval: 3s, endpoints: 7, requests: 8, deviations: 2.5 }
    eject: 1s
    max_eject: 9s
    max_ejected: 0.25`)
    expect(passive).toEqual({
      consecutive: 0,
      failures: 4,
      windowMs: 20_000,
      consecutive5xx: 5,
      consecutiveGatewayErrors: 6,
      successRate: { intervalMs: 3_000, endpointsMin: 7, requestsMin: 8, deviations: 2.5 },
      ejectMs: 1_000,
      ejectMaxMs: 9_000,
      ejectedMax: 0.25,
    })
  })

  test.each(['off', 'false', '"off"'])('is off with %s', written => {
    expect(upstream(`health: { passive: ${written} }`).passive).toBeNull()
  })

  test('ejects no shorter at most than at first', () => {
    expect(upstream('health: { passive: { eject: 10m } }').passive).toMatchObject({ ejectMaxMs: 600_000 })
  })
})

describe('a circuit breaker', () => {
  test('carries everything that is written of it', () => {
    const { circuitBreaker } = upstream(`circuit_breaker:
  scope: both
  failure_ratio: 40%
  slow: 2s
  slow_ratio: 0.75
  minimum: 5
  window: 1s
  open: 3s
  half_open: 1
  fallback: { respond: { body: later, headers: { retry-after: "5" } } }`)
    expect(circuitBreaker).toEqual({
      scope: 'both',
      failureRatio: 0.4,
      slowRatio: 0.75,
      slowMs: 2_000,
      minimum: 5,
      windowMs: 1_000,
      openMs: 3_000,
      halfOpen: 1,
      fallback: {
        kind: 'respond',
        status: 503,
        fields: [
          ['retry-after', '5'],
          ['content-type', 'text/plain; charset=utf-8'],
        ],
        content: new TextEncoder().encode('later'),
      },
    })
  })

  test('falls back on a route by its index', () => {
    const routes = 'routes: [{ upstream: api }, { name: sorry, respond: { status: 503 } }]'
    const { circuitBreaker } = upstream('circuit_breaker: { fallback: { route: sorry } }', routes)
    expect(circuitBreaker?.fallback).toEqual({ kind: 'route', route: 1 })
  })
})

describe('retries', () => {
  test('carry everything that is written of them', () => {
    const { retry } = upstream(`retry:
  attempts: 2
  on: [timeout, 503, 502, 503, 429]
  budget: 10%
  backoff: 10ms
  max_backoff: 15ms
  methods: [GET, PROPFIND, GET]
  per_try_timeout: 2s
  buffer: 0B`)
    expect(retry).toEqual({
      attempts: 2,
      onConnect: false,
      onReset: false,
      onTimeout: true,
      statuses: [503, 502, 429],
      grpcStatuses: [],
      budget: 0.1,
      backoffMs: 10,
      backoffMaxMs: 15,
      methods: ['GET', 'PROPFIND'],
      nonIdempotent: false,
      perTryMs: 2_000,
      contentBytesMax: 0,
    })
    expect(upstream('retry: { non_idempotent: true }').retry.nonIdempotent).toBe(true)
  })

  test.each(['off', 'false'])('are not made with %s', written => {
    expect(upstream(`retry: ${written}`).retry).toMatchObject({ attempts: 0, onConnect: false, onReset: false })
  })

  test('that are written of wait in between, at most ten times as long as at first', () => {
    expect(upstream('retry: {}').retry).toMatchObject({ attempts: 127, backoffMs: 25, backoffMaxMs: 250 })
    expect(upstream('retry: { backoff: 1s }').retry).toMatchObject({ backoffMs: 1_000, backoffMaxMs: 10_000 })
    expect(upstream('retry: { backoff: off }').retry).toMatchObject({ backoffMs: 0, backoffMaxMs: 0 })
  })
})

test('hedging, adaptive concurrency, the queue, slow start and panic carry everything that is written of them', () => {
  const compiled = upstream(`endpoints: [{ address: 10.0.0.1:80, max_connections: 5 }]
hedge: { after: 40ms, budget: 5% }
adaptive_concurrency: { initial: 3, minimum: 2, maximum: 4, tolerance: 2 }
queue: { size: 7, timeout: 8s }
slow_start: 30s
panic_threshold: 0.5`)
  expect(compiled).toMatchObject({
    hedge: { afterMs: 40, budget: 0.05 },
    adaptiveConcurrency: { initial: 3, minimum: 2, maximum: 4, tolerance: 2 },
    queue: { size: 7, timeoutMs: 8_000 },
    slowStartMs: 30_000,
    panicThreshold: 0.5,
  })
})

describe('sticky sessions', () => {
  test('by a cookie of our own have its attributes as text', () => {
    const { sticky } = upstream(
      'sticky: { cookie: __Secure-sid, ttl: 90m, secret: sixteen-letters-, path: /app, domain: Example.com, secure: true, http_only: false, same_site: none }',
    )
    expect(sticky).toEqual({
      kind: 'own',
      cookie: '__Secure-sid',
      ttlMs: 5_400_000,
      secret: 'sixteen-letters-',
      attributes: '; Path=/app; Domain=example.com; Max-Age=5400; Secure; SameSite=None',
    })
  })

  test('by a cookie of the endpoints leave it alone', () => {
    const { sticky } = upstream('endpoints: [{ address: 10.0.0.1:80, route: a }]\nsticky: { route: JSESSIONID }')
    expect(sticky).toEqual({ kind: 'route', cookie: 'JSESSIONID', ttlMs: 0, secret: '', attributes: '' })
  })

  test('of part of a second last no shorter', () => {
    expect(upstream('sticky: { cookie: sid, ttl: 1500ms }').sticky?.attributes).toContain('; Max-Age=2;')
  })
})
