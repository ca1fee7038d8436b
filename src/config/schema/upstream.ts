import * as z from 'zod'
import { accepted, quote, refused } from '../parsed.ts'
import { hashOn, sticky } from './affinity.ts'
import { health } from './health.ts'
import { http2 } from './http2.ts'
import { sentProxyProtocol } from './proxy-protocol.ts'
import { adaptiveConcurrency, circuitBreaker, hedge, queue, retry } from './resilience.ts'
import { upstreamResolver } from './resolver.ts'
import { duration, endpointAddress, serviceName, share, textOf, wholeNumber } from './scalars.ts'
import { upstreamTls } from './tls.ts'

const route = textOf(
  text =>
    /^[A-Za-z0-9_-]{1,64}$/.test(text)
      ? accepted(text)
      : refused(`${quote(text)} is not 1 to 64 letters, digits, "_" and "-"`),
  {
    description: 'What the endpoint calls itself in its own cookie, for "sticky" by route; once in the upstream.',
    examples: ['node1'],
    pattern: '^[A-Za-z0-9_-]{1,64}$',
  },
)

const endpoint = z
  .strictObject({
    address: endpointAddress.optional(),
    service: serviceName.optional(),
    weight: wholeNumber(
      "The endpoint's share of the requests, in proportion to the others. Not with a service, whose records say it.",
      1,
      65_535,
    ).default(1),
    max_connections: wholeNumber('Connections to the endpoint, over all workers; absent: no limit.', 1, 1_000_000)
      .meta({ examples: [500] })
      .optional(),
    backup: z.boolean().default(false).describe('Serves only when no other endpoint can.'),
    priority: wholeNumber(
      'Its group: 0 serves first, the next one what the healthy part of those before it cannot. A service has one for each priority of its records, from here on. Not for backups.',
      0,
      127,
    ).default(0),
    route: route.optional(),
  })
  .meta({
    description: 'One address of an upstream, or one service: "address" or "service".',
    oneKeyOf: ['address', 'service'],
  })

const pool = z.strictObject({
  idle: wholeNumber('Idle connections kept per worker and endpoint. Past it: closed after use.', 0, 10_000).default(64),
  idle_timeout: duration(
    'How long an idle connection is kept; less where the endpoint says so by Keep-Alive. Past it: closed.',
  ).prefault('4s'),
  max_requests: wholeNumber('Requests after which a connection is closed; 0 for no limit.', 0, 1_000_000_000).default(
    0,
  ),
  pipelining: wholeNumber(
    'Requests under way at once on one connection; 1 for no pipelining. Only for upstreams known to bear it.',
    1,
    1000,
  ).default(1),
})

const timeouts = z.strictObject({
  connect: duration('To open a connection. Past it: the next endpoint, then 504.').prefault('5s'),
  response: duration('From the end of the request to the first byte of the response. Past it: 504.').prefault('30s'),
  idle: duration('Between two reads of response content. Past it: the response is cut.').prefault('60s'),
})

export const BALANCES = [
  'round_robin',
  'random',
  'power_of_two',
  'least_connections',
  'least_time',
  'peak_ewma',
  'ip_hash',
  'hash',
  'maglev',
] as const

export const upstream = z
  .strictObject({
    balance: z.enum(BALANCES).default('round_robin').describe('How requests are spread over the endpoints.'),
    measure: z
      .enum(['connections', 'first_byte', 'response'])
      .optional()
      .describe(
        'What is least: requests under way, the time to the first byte, or to the last. For power_of_two (absent: connections) and least_time (a time; absent: first_byte).',
      ),
    hash_on: hashOn
      .optional()
      .describe('What hash and maglev spread by: client_ip, path, or the name of a header, cookie or query parameter.'),
    protocol: z
      .enum(['http', 'h2', 'h2c', 'auto'])
      .default('http')
      .describe(
        'What the endpoints speak: HTTP/1.1, HTTP/2 over TLS, HTTP/2 without, or over TLS whichever they choose (ALPN).',
      ),
    tls: upstreamTls.optional().describe('Connections to the endpoints are encrypted; absent: plain text.'),
    proxy_protocol: sentProxyProtocol
      .optional()
      .describe(
        'Each connection begins with a header of the PROXY protocol that says who the client is, v1 or v2, and is for that client alone; absent: none.',
      ),
    http2: http2.prefault({}).describe('HTTP/2, where it is spoken.'),
    endpoints: z.array(endpoint).min(1, { error: 'needs at least one endpoint' }).describe('Where requests go.'),
    pool: pool.prefault({}).describe('Connections kept open to the endpoints.'),
    timeouts: timeouts.prefault({}).describe('How long the proxy waits for the endpoints.'),
    resolver: upstreamResolver
      .prefault({})
      .describe('How names of the endpoints are looked up, where it differs from the top-level "resolver".'),
    health: health.prefault({}).describe('Which endpoints are fit to serve.'),
    circuit_breaker: circuitBreaker
      .optional()
      .describe('Stops asking endpoints that fail too often, for a while; absent: none.'),
    retry: retry.describe('Trying a request again on another endpoint; "off" for never.'),
    hedge: hedge.optional().describe('A second try while the first is late, for idempotent requests; absent: none.'),
    adaptive_concurrency: adaptiveConcurrency
      .optional()
      .describe('A limit on requests under way that follows the latency. Past it: 503. Absent: none.'),
    sticky: sticky
      .optional()
      .describe('Keeps a client on one endpoint by a cookie: of our own ("cookie") or theirs ("route"); absent: none.'),
    slow_start: duration(
      'How long an endpoint that comes up takes to its whole weight; absent: at once. Not with ip_hash, hash and maglev.',
    ).optional(),
    queue: queue
      .optional()
      .describe('Requests wait while every endpoint is at its max_connections; absent: 503 at once.'),
    panic_threshold: share(
      'With a smaller share of the endpoints of a group healthy, all of the group serve; 0% for never.',
    ).prefault('0%'),
  })
  .describe('A group of endpoints that requests are spread over.')
