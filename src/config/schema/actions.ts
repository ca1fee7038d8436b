import * as z from 'zod'
import { parseFieldValue } from '../field.ts'
import { parseLocation } from '../field-template.ts'
import { parseFileBelow, parseFileName, parseFolder } from '../file-name.ts'
import { PREFIX_PATTERN, parsePathPrefix } from '../path.ts'
import { conditions } from './conditions.ts'
import { size, textOf, wholeNumber } from './scalars.ts'

/** What a route does with its requests, forwarding to one upstream aside. */

const target = z.strictObject({
  upstream: z.string().meta({ description: 'The upstream that requests of this target go to.', examples: ['canary'] }),
  weight: wholeNumber(
    'Its share of the requests that no "when" has taken, by the sum of all weights; absent: 1, with "when": 0.',
    0,
    1_000_000,
  ).optional(),
  when: conditions
    .optional()
    .describe(
      'Requests for which all of this holds go here, whatever the weights say; the first such target has them.',
    ),
})

export const split = z.array(target).min(1, { error: 'needs at least one target' })

const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const

export const redirect = z.strictObject({
  to: textOf(parseLocation, {
    description:
      'Where to (Location): a path or a URL. {id} and {*} are what the path of "match" has caught, ${host} and the like are values of the request.',
    format: 'template',
    examples: ['/new/{*}', 'https://${host}${path}'],
  }),
  status: z
    .literal(REDIRECT_STATUSES)
    .default(302)
    .describe('301 and 308 are for ever, and browsers keep them; 307 and 308 keep the method; 303 makes it GET.'),
  keep_query: z.boolean().default(true).describe("The request's query is put behind it."),
})

export const files = z.strictObject({
  root: textOf(parseFolder, {
    description:
      'The folder; a relative one is looked for beside the configuration file. Nothing outside of it is ever served.',
    examples: ['public', '/srv/www'],
  }),
  index: z
    .union([
      z.array(textOf(parseFileName, { description: 'A file name.', examples: ['index.html'] })),
      textOf(parseFileName, { description: 'A file name.', examples: ['index.html'] }).transform(one => [one]),
    ])
    .prefault(['index.html'])
    .describe('Files that are looked for where a path ends in a slash, the first that is there; none: 404.'),
  precompressed: z
    .array(z.enum(['zstd', 'br', 'gzip']).describe('A coding: zstd (.zst), br (.br), gzip (.gz).'))
    .default([])
    .describe(
      'Codings of which a compressed file may lie beside a file (app.js.br), the one that is liked best first; served to who accepts it.',
    ),
  strip_prefix: textOf(parsePathPrefix, {
    pattern: PREFIX_PATTERN,
    description: 'Taken off the path before the file is looked for; absent: nothing.',
    examples: ['/static'],
  }).optional(),
  cache_control: textOf(parseFieldValue, {
    description: 'Cache-Control of the files; absent: none, only ETag and Last-Modified.',
    examples: ['public, max-age=3600'],
  }).optional(),
  fallback: textOf(parseFileBelow, {
    description:
      'The file for paths that there is no file for, below the root: for applications whose routes live in the browser. Absent: 404.',
    examples: ['index.html'],
  }).optional(),
})

const CONTENT_BYTES_MAX = 16 * 1024 * 1024
const PERCENT_MESSAGE = 'must be a number from 0 to 100'

export const mirror = z.strictObject({
  upstream: z
    .string()
    .meta({ description: 'The upstream that gets copies; what it answers is thrown away.', examples: ['next'] }),
  percent: z
    .number({
      error: ({ input }) => (typeof input === 'string' || typeof input === 'number' ? PERCENT_MESSAGE : undefined),
    })
    .min(0, { error: () => PERCENT_MESSAGE })
    .max(100, { error: () => PERCENT_MESSAGE })
    .default(100)
    .describe('How many of a hundred requests are copied, at random, 0 to 100.'),
  concurrency: wholeNumber('Copies under way at once, per worker. Past it: no copy.', 1, 100_000).default(100),
  content: size(
    'Content of a request that waits for a mirror that is slower than the upstream. Past it: that copy is given up.',
    0,
    CONTENT_BYTES_MAX,
  ).prefault('256KiB'),
})
