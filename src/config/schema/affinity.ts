import * as z from 'zod'
import { parseCookieDomain, parseCookieName, parseCookiePath } from '../cookie.ts'
import { parseToken } from '../field.ts'
import { accepted, type Parsed, quote, refused } from '../parsed.ts'
import { duration, plainText, textOf } from './scalars.ts'

/** What keeps requests that belong together on one endpoint: keys of hashing balancers, and sticky sessions. */

const TTL_MIN_MS = 1_000
const TTL_MAX_MS = 8_760 * 3_600_000
const SECRET_MIN = 16

function parseHashWord(text: string): Parsed<'client_ip' | 'path'> {
  if (text === 'client_ip' || text === 'path') return accepted(text)
  const named = text === 'header' || text === 'cookie' || text === 'query'
  return refused(
    `${quote(text)} is not something to hash on${named ? ' without a name' : ''}`,
    named ? `write { ${text}: NAME }` : 'it is client_ip, path, { header: NAME }, { cookie: NAME } or { query: NAME }',
  )
}

const cookieName = (description: string, example: string) =>
  textOf(parseCookieName, { description, examples: [example] })

/** What `hash` and `maglev` spread by. */
export const hashOn = z.union([
  textOf(parseHashWord, {
    description: "The client's address or the path.",
    pattern: '^(client_ip|path)$',
    examples: ['client_ip', 'path'],
  }),
  z
    .strictObject({
      header: textOf(text => parseToken(text, 'a field name'), {
        description: 'The value of this field.',
        examples: ['x-user'],
      }).optional(),
      cookie: cookieName('The value of this cookie.', 'session').optional(),
      query: plainText('The value of this parameter of the query.', 256)
        .meta({ examples: ['user'] })
        .optional(),
      client_ip: z.literal(true).optional().describe("The client's address."),
      path: z.literal(true).optional().describe('The path, without the query.'),
    })
    .meta({ minProperties: 1, maxProperties: 1 }),
])

/** Keys of a cookie of our own; `references.ts` refuses them beside `route`. */
export const sticky = z.strictObject({
  cookie: cookieName(
    'Sets a cookie of this name, whose value is a signed name of the endpoint.',
    'sluice_sid',
  ).optional(),
  route: cookieName(
    'Goes by a cookie of this name that the endpoints set themselves: its value ends in the "route" of one.',
    'JSESSIONID',
  ).optional(),
  ttl: duration(
    "How long the cookie is kept (Max-Age); absent: as long as the browser's session.",
    TTL_MIN_MS,
    TTL_MAX_MS,
  ).optional(),
  secret: plainText(
    'Signs the cookie. The same for all instances that share clients; absent: one made at the start.',
    1024,
  )
    .min(SECRET_MIN, { error: `must have at least ${SECRET_MIN} characters` })
    .meta({ writeOnly: true, examples: ['${file:/run/secrets/sticky}'] })
    .optional(),
  path: textOf(parseCookiePath, { description: 'The path that the cookie is for.' }).prefault('/'),
  domain: textOf(parseCookieDomain, {
    description: 'The domain that the cookie is for, its subdomains included; absent: the host of the request alone.',
    examples: ['example.com'],
  }).optional(),
  secure: z.boolean().default(false).describe('Only over TLS.'),
  http_only: z.boolean().default(true).describe('Out of the reach of scripts.'),
  same_site: z
    .enum(['lax', 'strict', 'none'])
    .default('lax')
    .describe('Whether requests from other sites carry it; none needs "secure".'),
})
