import * as z from 'zod'
import { STATUS_NUMBERS } from '../../../engine/exchange/grpc/status-names.ts'
import { parseMethod } from '../method.ts'
import { accepted, type Parsed, quote, refused } from '../parsed.ts'
import { nearest } from '../suggest.ts'
import { parseDuration } from '../units.ts'
import { respond } from './respond.ts'
import { DURATION_MAXIMUM_MS, duration, off, positiveShare, size, textOf, wholeNumber } from './scalars.ts'

/** What is done when endpoints fail, are slow, or have too much to do. */

const BUFFER_BYTES_MAX = 16 * 1024 * 1024

export const circuitBreaker = z.strictObject({
  scope: z
    .enum(['endpoint', 'upstream', 'both'])
    .default('endpoint')
    .describe('A circuit for each endpoint, one for the upstream as a whole, or both.'),
  failure_ratio: positiveShare(
    'The share of failed tries (failures, and responses of 500 to 599) that opens it.',
    'write 100% to open it only when every try fails',
  ).prefault(0.5),
  slow: duration('The time to the first byte that makes a try slow; together with "slow_ratio".').optional(),
  slow_ratio: positiveShare(
    'The share of slow tries that opens it; together with "slow".',
    'leave "slow" and "slow_ratio" out',
  ).optional(),
  minimum: wholeNumber('Tries in the window below which nothing is judged.', 1, 1_000_000).default(20),
  window: duration('The time over which tries are counted.').prefault('10s'),
  open: duration('How long it stays open.').prefault('5s'),
  half_open: wholeNumber(
    'Tries that are let through after that; all good: closed, one bad: open again.',
    1,
    1000,
  ).default(3),
  fallback: z
    .strictObject({
      route: z
        .string()
        .optional()
        .meta({ description: 'The name of a route whose action is taken instead.', examples: ['sorry'] }),
      respond: respond(503).optional().describe('A response that is given instead.'),
    })
    .optional()
    .describe('What is answered while it is open: "route" or "respond"; absent: 503 with Retry-After.'),
})

/** What goes wrong on the way, and what calls of gRPC are answered with. */
const RETRY_CAUSES = ['connect', 'reset', 'timeout', ...STATUS_NUMBERS.keys()]

function parseRetryCause(text: string): Parsed<string> {
  if (RETRY_CAUSES.includes(text)) return accepted(text)
  const message = `${quote(text)} is neither connect, reset, timeout, a status from 400 to 599 nor one of gRPC`
  return refused(message, causeHint(text))
}

/** What other proxies call these causes. */
const FOREIGN_CAUSES: ReadonlyMap<string, string> = new Map([
  ['error', 'connect, reset'],
  ['connect-failure', 'connect'],
  ['conn-failure', 'connect'],
  ['empty-response', 'reset'],
  ['response-timeout', 'timeout'],
  ['gateway-error', '502, 503, 504'],
])

function causeHint(text: string): string {
  const foreign = FOREIGN_CAUSES.get(text.toLowerCase().replaceAll('_', '-'))
  if (foreign !== undefined) return `write ${foreign}`
  const status = /^http_([45][0-9][0-9])$/.exec(text)?.[1]
  if (status !== undefined) return `write ${status}`
  if (/^[45](xx|[0-9][0-9])$/i.test(text)) return 'write statuses as numbers, one by one: 502, 503, 504'
  const near = nearest(text, RETRY_CAUSES)
  return near === null ? '' : `did you mean ${quote(near)}?`
}

const retryCause = z.union([
  textOf(parseRetryCause, {
    description: 'What went wrong.',
    examples: ['connect', 'reset', 'timeout', 'unavailable'],
    pattern: `^(${RETRY_CAUSES.join('|')})$`,
  }),
  wholeNumber('The status of a response.', 400, 599).meta({ examples: [503] }),
])

/** Keys of the retries of an upstream, and of a route. */
const retryKeys = {
  attempts: wholeNumber('Tries after the first, each on another endpoint; absent: as many as there are.', 1, 127),
  on: z
    .array(retryCause)
    .min(1, { error: 'needs at least one; "retry: off" retries nothing' })
    .describe(
      'What is tried again: connect (no connection), reset (it broke), timeout, statuses, and statuses of gRPC by name.',
    ),
  budget: positiveShare(
    'Tries after the first as a share of the requests, over all workers.',
    'write "retry: off" to retry nothing',
  ),
  backoff: z
    .union([
      duration('Before the first retry; twice as long before the next, each at random between half and all.'),
      off,
    ])
    .describe(
      'The wait before the first retry; twice as long before the next. "off" for none. A duration such as 250ms.',
    ),
  max_backoff: duration('The longest wait before a retry; absent: ten times "backoff".'),
  methods: z
    .array(textOf(parseMethod, { description: 'A method.', examples: ['GET', 'PUT'] }))
    .min(1, { error: 'needs at least one; "retry: off" retries nothing' })
    .describe('Methods that are sent again although they may have been received.'),
  non_idempotent: z.boolean().describe('All methods are sent again.'),
  per_try_timeout: duration(
    "From the start of a try to the head of its response; absent: the upstream's deadlines alone.",
  ),
  buffer: size('Content kept to be sent again. Past it: the request is not sent again.', 0, BUFFER_BYTES_MAX),
}

const retrySection = z.strictObject({
  attempts: retryKeys.attempts.optional(),
  on: retryKeys.on.default(['connect', 'reset']),
  budget: retryKeys.budget.prefault('20%'),
  backoff: retryKeys.backoff.prefault('25ms'),
  max_backoff: retryKeys.max_backoff.optional(),
  methods: retryKeys.methods.default(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']),
  non_idempotent: retryKeys.non_idempotent.default(false),
  per_try_timeout: retryKeys.per_try_timeout.optional(),
  buffer: retryKeys.buffer.prefault('64KiB'),
})

/** A request without this section is tried again at once; whoever writes it down gets waits in between. */
export const retry = z.union([retrySection, off]).prefault({ backoff: 'off' })

/** What somebody gets who writes the section down and nothing into it. */
export const RETRY_DEFAULTS = retrySection.parse({})

/** What is absent here is as in the upstream's section. */
export const routeRetry = z.union([z.strictObject(retryKeys).partial(), off])

function parseHedgeAfter(text: string): Parsed<'p95' | number> {
  if (text === 'p95') return accepted(text)
  if (/^p[0-9.]+$/i.test(text))
    return refused(`${quote(text)} is not supported`, 'write p95, or a duration such as 50ms')
  return parseDuration(text, 1, DURATION_MAXIMUM_MS)
}

export const hedge = z.strictObject({
  after: textOf(parseHedgeAfter, {
    description:
      "When the second try begins: p95, the 95th percentile of the upstream's recent times to the first byte, or a duration such as 50ms.",
    pattern: '^(p95|[0-9]+(ms|s|m|h))$',
  }).prefault('p95'),
  budget: positiveShare(
    'Second tries as a share of the requests, over all workers.',
    'leave "hedge" out for none',
  ).prefault('10%'),
})

const CONCURRENCY_MAX = 1_000_000
const TOLERANCE_MESSAGE = 'must be a number from 1 to 100'

export const adaptiveConcurrency = z.strictObject({
  initial: wholeNumber('Requests under way that are let through at the start, per worker.', 1, CONCURRENCY_MAX).default(
    20,
  ),
  minimum: wholeNumber('The limit never falls below this.', 1, CONCURRENCY_MAX).default(5),
  maximum: wholeNumber('The limit never rises above this.', 1, CONCURRENCY_MAX).default(1000),
  tolerance: z
    .number()
    .min(1, { error: () => TOLERANCE_MESSAGE })
    .max(100, { error: () => TOLERANCE_MESSAGE })
    .default(1.5)
    .describe('How many times its best time a response may take before the limit falls, 1 to 100.'),
})

export const queue = z.strictObject({
  size: wholeNumber('Requests that wait, over all workers. Past it: 503.', 1, 1_000_000).default(100),
  timeout: duration('How long a request waits. Past it: 503.').prefault('2s'),
})
