import * as z from 'zod'
import { duration, endpointAddress, wholeNumber } from './scalars.ts'

const endpoint = z
  .strictObject({
    address: endpointAddress,
    weight: wholeNumber("The endpoint's share of the requests, in proportion to the others.", 1, 65_535).default(1),
  })
  .describe('One address of an upstream.')

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

export const upstream = z
  .strictObject({
    balance: z.enum(['round_robin']).default('round_robin').describe('How requests are spread over the endpoints.'),
    protocol: z.enum(['http']).default('http').describe('What the endpoints speak: HTTP/1.1.'),
    endpoints: z.array(endpoint).min(1, { error: 'needs at least one endpoint' }).describe('Where requests go.'),
    pool: pool.prefault({}).describe('Connections kept open to the endpoints.'),
    timeouts: timeouts.prefault({}).describe('How long the proxy waits for the endpoints.'),
  })
  .describe('A group of endpoints that requests are spread over.')
