import * as z from 'zod'
import type { StatusRange } from '../../../engine/snapshot.ts'
import { parseGrpcService } from '../grpc.ts'
import { parseCheckBytes, parseCheckPath, parsePattern, parseStatusRange } from '../health-check.ts'
import { parseHostField } from '../host.ts'
import { parseMethod } from '../method.ts'
import { fieldsByName } from './respond.ts'
import { duration, off, positiveShare, share, textOf, wholeNumber } from './scalars.ts'

/** Whether an endpoint is fit to serve: by asking it, and by what requests see of it. */

/** More often than this, checks are load. */
const INTERVAL_MIN_MS = 10

const status = z.union([
  wholeNumber('A status.', 100, 599)
    .meta({ examples: [204] })
    .transform((one): StatusRange => [one, one]),
  textOf(parseStatusRange, {
    description: 'Statuses from one to another.',
    examples: ['200-399'],
    pattern: '^[1-5][0-9][0-9]-[1-5][0-9][0-9]$',
  }),
])

/** Of all types; `references.ts` refuses the keys of another type. */
const active = z.strictObject({
  type: z
    .enum(['http', 'https', 'tcp', 'udp', 'grpc'])
    .optional()
    .describe(
      'What a check does: a request, a request over TLS, a connection, a datagram, or a call of grpc.health.v1.Health. Absent: https where the upstream has "tls", else http.',
    ),
  protocol: z
    .enum(['http', 'h2', 'h2c', 'auto'])
    .optional()
    .describe("For http and https: what is spoken, in the words of the upstream's protocol; absent: as there."),
  interval: duration('Between two checks of an endpoint.', INTERVAL_MIN_MS).prefault('5s'),
  jitter: share('How much longer or shorter than the interval each wait is at random.').prefault('10%'),
  timeout: duration('For one check, no longer than the interval. Past it: failed.').prefault('2s'),
  healthy: wholeNumber('Passed checks in a row that bring an endpoint up.', 1, 1000).default(2),
  unhealthy: wholeNumber('Failed checks in a row that take an endpoint down.', 1, 1000).default(3),
  start: z.enum(['healthy', 'unhealthy']).default('healthy').describe('What counts until the first check has ended.'),
  port: wholeNumber("Another port than the endpoint's.", 1, 65_535)
    .meta({ examples: [9000] })
    .optional(),
  path: textOf(parseCheckPath, {
    description: 'For http and https: the path that is asked for, with a query where one is wanted.',
    pattern: '^/',
  }).prefault('/'),
  method: textOf(parseMethod, { description: 'For http and https: the method.' }).prefault('GET'),
  host: textOf(text => parseHostField(text), {
    description: "For http, https and grpc: Host; absent: the endpoint's own.",
    examples: ['health.internal'],
  }).optional(),
  headers: fieldsByName('health.active.host').default({}).describe('For http and https: fields of the request.'),
  expect: z
    .union([z.array(status).min(1, { error: 'needs at least one status' }), status.transform(one => [one])])
    .prefault(['200-399'])
    .describe('For http and https: statuses that pass, such as 204 and 200-399.'),
  body: textOf(parsePattern, {
    description: 'For http and https: a regular expression that the first 64KiB of the content must match.',
    examples: ['"status": *"up"'],
  }).optional(),
  tls: z
    .strictObject({
      verify: z
        .boolean()
        .optional()
        .describe('Whether the certificate must be valid; absent: as in "tls" of the upstream, else true.'),
      server_name: textOf(text => parseHostField(text), {
        description: "The name that the certificate must be for; absent: the endpoint's host.",
        examples: ['api.internal'],
      }).optional(),
    })
    .prefault({})
    .describe('For https, and for grpc where the upstream has TLS.'),
  service: textOf(parseGrpcService, {
    description: 'For grpc: the service whose health is asked for; absent: that of the server as a whole.',
    examples: ['shop.v1.Orders'],
  }).optional(),
  send: textOf(parseCheckBytes, {
    description:
      'For tcp and udp: what is sent, once the connection is open or as one datagram; each character is a byte.',
    examples: ['PING\r\n'],
  }).optional(),
  receive: textOf(parseCheckBytes, {
    description:
      'For tcp and udp: what must be in what comes back; absent: an open connection passes, and for udp any answer, or none within "timeout": only a refusal (ICMP) fails.',
    examples: ['+PONG'],
  }).optional(),
})

const successRate = z.strictObject({
  interval: duration('How often the shares are compared, each over the time since the last time.').prefault('10s'),
  endpoints: wholeNumber('Endpoints that must have had "requests" each.', 2, 65_535).default(5),
  requests: wholeNumber('Requests that make a share count.', 1, 1_000_000_000).default(100),
  deviations: z
    .number()
    .min(0.1, { error: () => DEVIATIONS_MESSAGE })
    .max(100, { error: () => DEVIATIONS_MESSAGE })
    .default(1.9)
    .describe('Standard deviations below the mean that are too far, 0.1 to 100.'),
})

const DEVIATIONS_MESSAGE = 'must be a number from 0.1 to 100'

const passive = z.strictObject({
  consecutive: wholeNumber(
    'Failures in a row (refused, reset, too late) that eject an endpoint; 0 for never.',
    0,
    65_535,
  ).default(3),
  failures: wholeNumber(
    'Failures that eject an endpoint, each no later than "window" after the one before; 0 for never.',
    0,
    65_535,
  ).default(0),
  window: duration('After that long without a failure, "failures" are counted from the beginning.').prefault('10s'),
  consecutive_5xx: wholeNumber(
    'Responses of 500 to 599 in a row that eject an endpoint; 0 for never.',
    0,
    65_535,
  ).default(0),
  consecutive_gateway_errors: wholeNumber(
    'Responses of 502, 503, 504 and failures in a row that eject an endpoint; 0 for never.',
    0,
    65_535,
  ).default(0),
  success_rate: successRate
    .optional()
    .describe('Ejects endpoints whose share of good responses is far below the mean; absent: none.'),
  eject: duration('How long the first ejection lasts; each that follows soon lasts longer by as much.').prefault('10s'),
  max_eject: duration('How long an ejection lasts at most.').prefault('300s'),
  max_ejected: positiveShare(
    'The share of the endpoints that may be ejected at once; one always may, the last never.',
    'write "passive: off" to eject none',
  ).prefault('50%'),
})

export const health = z.strictObject({
  active: active.optional().describe('Asking the endpoints; absent: nobody asks.'),
  passive: z
    .union([passive, off])
    .prefault({})
    .describe('Ejecting endpoints by what requests see of them; "off" switches it off.'),
})
