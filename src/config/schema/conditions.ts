import * as z from 'zod'
import { parseCookieName } from '../cookie.ts'
import { parseToken } from '../field.ts'
import { parseHostPattern } from '../host.ts'
import { CIDR_PATTERN, parseCidr } from '../ip.ts'
import { parseMediaType } from '../media-type.ts'
import { COMMON_METHODS, METHOD_PATTERN, parseMethod } from '../method.ts'
import { accepted, type Parsed, quote, refused } from '../parsed.ts'
import { parsePathPattern } from '../path.ts'
import { parseRegex } from '../regex.ts'
import { grpcMatch } from './grpc.ts'
import { addRefusal, oneOrMany, plainText, TOKEN_PATTERN, textOf } from './scalars.ts'

/** Statements about a request that hold or do not: what routes match by, and what sends a request to a target of a split. */

const TEXT_MAX = 8192

const testMap = z
  .strictObject({
    exact: z
      .string()
      .optional()
      .meta({ description: 'The whole value is this text.', examples: ['2'] }),
    prefix: plainText('The value begins with this text.', TEXT_MAX)
      .meta({ examples: ['Bearer '] })
      .optional(),
    suffix: plainText('The value ends with this text.', TEXT_MAX)
      .meta({ examples: ['-beta'] })
      .optional(),
    contains: plainText('The value has this text somewhere in it.', TEXT_MAX)
      .meta({ examples: ['Firefox'] })
      .optional(),
    regex: textOf(parseRegex, {
      description:
        'The value matches this regular expression (RE2 syntax), anywhere in it unless the expression says ^ and $.',
      examples: ['^v[0-9]+$'],
    }).optional(),
    present: z
      .boolean()
      .optional()
      .describe('true: the request has it, whatever its value, an empty one too; false: the request does not have it.'),
  })
  .meta({ minProperties: 1, maxProperties: 1 })

/** One kind of test, and no more. */
const textTest = z.union([
  z.string().meta({ description: 'Exactly this text.', examples: ['2'] }),
  testMap.superRefine((test, context) => {
    const kinds = Object.keys(test)
    // A key that is not known has been told already.
    if (kinds.length === 0 && context.issues.length === 0) {
      const hint = `give it one of ${Object.keys(testMap.shape).join(', ')}`
      addRefusal(refused('says nothing of the value', hint, 'empty-condition'), context)
    }
    if (kinds.length < 2) return
    const message = `says more than one thing of the value: ${kinds.join(', ')}`
    const hint = 'write one here, and the other under "all"'
    addRefusal(refused(message, hint, 'conflicting-keys'), context, [kinds[1] ?? ''])
  }),
])

function textTests(parseName: (text: string) => Parsed<string>, description: string, pattern?: string) {
  const name = z.string().superRefine((text, context) => addRefusal(parseName(text), context))
  return z
    .record(pattern === undefined ? name : name.meta({ pattern }), textTest)
    .refine(tests => Object.keys(tests).length > 0, { error: 'has no condition; leave the key out' })
    .optional()
    .describe(description)
}

const TESTS =
  'Each by its name: a text for exactly that value, or one of exact, prefix, suffix, contains, regex and present. All of them must hold.'

/** As `openssl x509 -fingerprint -sha256` writes it, or without its colons. */
function parseFingerprint(text: string): Parsed<string> {
  const plain = text
    .replace(/^sha-?256[: ]/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  if (/^[0-9a-f]{64}$/.test(plain)) return accepted(plain)
  const hint = 'openssl x509 -in FILE -noout -fingerprint -sha256 writes it'
  return refused(`${quote(text)} is no SHA-256 in hexadecimal`, hint)
}

/** What HTTP/2 has as fields, and the language as keys. */
const PSEUDO_FIELDS: ReadonlyMap<string, string> = new Map([
  [':authority', 'host'],
  [':path', 'path'],
  [':method', 'method'],
  [':scheme', 'scheme'],
])

function parseHeaderName(text: string): Parsed<string> {
  const key = PSEUDO_FIELDS.get(text)
  if (key === undefined) return parseToken(text, 'a field name')
  return refused(`${quote(text)} is not a field here`, `write "${key}" beside "headers"`, 'wrong-header')
}

export const pathPattern = textOf(parsePathPattern, {
  description:
    'The path: exact (/users), a prefix by whole segments (/users/* takes /users and all below it), with a name for a segment (/users/{id}), or a regular expression behind "~" (RE2 syntax, named groups are captures). Compared in canonical form.',
  pattern: '^~|^/[^*?#]*$|^/([^*?#]*/)?[*]$',
  examples: ['/users/*', '/', '/users/{id}/orders', '~^/v(?P<version>[0-9]+)/'],
})

const hostPattern = textOf(parseHostPattern, {
  pattern: '^~|^\\[|^([*][.])?[^*/:]+$',
  description: 'A host name, exact, with a leading "*.", or a regular expression behind "~"; without a port.',
  examples: ['api.example.com', '*.example.com', '~^api-[0-9]+[.]example[.]com$'],
})

const certificateTests = z
  .strictObject({
    present: z.boolean().optional().describe('Whether the client has shown one.'),
    subject: textTest
      .optional()
      .describe('Its subject on one line, as in CN=alice,O=Example: a text for exactly that, or a test.'),
    issuer: textTest.optional().describe('Who has signed it, written likewise.'),
    serial: textTest.optional().describe('Its serial number in hexadecimal, in upper case.'),
    san: textTest.optional().describe('One of its alternative names: host names, URIs, addresses of mail and IP.'),
    fingerprint: oneOrMany(
      textOf(parseFingerprint, {
        description: 'SHA-256 of the certificate in hexadecimal.',
        examples: ['5f1c9c4f0b6d6c0e6a7c3b7d5a1e8f20c4b9d3a2f1e0d9c8b7a6958473625140'],
      }),
      'needs at least one fingerprint; leave it out for any',
    )
      .optional()
      .describe('It has one of these fingerprints.'),
  })
  .superRefine((tests, context) => {
    // A key that is not known has been told already.
    if (Object.keys(tests).length > 0 || context.issues.length > 0) return
    addRefusal(refused('says nothing of the certificate', 'such as { present: true }', 'empty-condition'), context)
  })

const leaves = {
  host: oneOrMany(hostPattern, 'needs at least one host; leave it out for any')
    .optional()
    .describe(
      'One of these hosts: exact, with a leading "*." for any labels before it, or "~" and a regular expression; absent: any.',
    ),
  path: pathPattern.optional(),
  method: oneOrMany(
    textOf(parseMethod, { description: 'A method, in capitals.', pattern: METHOD_PATTERN, examples: COMMON_METHODS }),
    'needs at least one method; leave it out for any',
  )
    .optional()
    .describe('One of these methods; GET does not stand for HEAD. Absent: any.'),
  scheme: z
    .enum(['http', 'https'])
    .optional()
    .describe('How the client has come; behind trusted proxies as they tell it. Absent: either.'),
  client_cert: certificateTests.optional().describe('The verified certificate of the client; absent: any, or none.'),
  headers: textTests(
    parseHeaderName,
    `Fields of the request, several lines of a name joined by ", ". ${TESTS}`,
    TOKEN_PATTERN,
  ),
  query: textTests(
    text => (text === '' ? refused('the name of a query field must not be empty', '', 'wrong-query') : accepted(text)),
    `Fields of the query, decoded; of several of a name any. ${TESTS}`,
  ),
  cookies: textTests(parseCookieName, `Cookies of the request; of several of a name any. ${TESTS}`, TOKEN_PATTERN),
  client_ip: oneOrMany(
    textOf(parseCidr, {
      pattern: CIDR_PATTERN,
      description: 'An address or a CIDR block, IPv4 or IPv6.',
      examples: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
    }),
    'needs at least one address; leave it out for any',
  )
    .optional()
    .describe(
      "The client's address lies in one of these blocks; behind trusted proxies it is the one that they tell. Absent: any.",
    ),
  content_type: oneOrMany(
    textOf(parseMediaType, {
      pattern: '^[^/ ;*]+/([^/ ;*]+|[*])$',
      description: 'A media type without parameters, or all of a kind.',
      examples: ['application/json', 'image/*'],
    }),
    'needs at least one media type; leave it out for any',
  )
    .optional()
    .describe("The media type of the request's content is one of these, its parameters aside; absent: any."),
  grpc: grpcMatch.optional().describe('Calls of gRPC and gRPC-Web; absent: requests of any kind.'),
}

const plain = z.strictObject(leaves)

export interface ConditionsInput extends z.input<typeof plain> {
  readonly all?: ConditionsInput[] | undefined
  readonly any?: ConditionsInput[] | undefined
  readonly not?: ConditionsInput | undefined
}

/** Conditions that passed the schema; all of them must hold. */
export interface ConditionsModel extends z.output<typeof plain> {
  readonly all?: ConditionsModel[] | undefined
  readonly any?: ConditionsModel[] | undefined
  readonly not?: ConditionsModel | undefined
}

/** A condition of several keys holds where all of them do. */
export const conditions: z.ZodType<ConditionsModel, ConditionsInput> = z.strictObject({
  ...leaves,
  get all() {
    return inside().all
  },
  get any() {
    return inside().any
  },
  get not() {
    return inside().not
  },
})

// Not by `meta()`: its result would be another schema than the one that the keys inside refer to.
z.globalRegistry.add(conditions, { id: 'conditions', description: 'Conditions on a request; all of them must hold.' })

/** Keys that have conditions in them. */
function inside() {
  const several = z.array(conditions).min(1, { error: 'needs at least one condition' }).optional()
  return {
    all: several.describe('All of these hold, each a map of conditions.'),
    any: several.describe('At least one of these holds, each a map of conditions.'),
    not: conditions.optional().describe('This map of conditions does not hold.'),
  }
}

export const match = z.strictObject({
  listeners: oneOrMany(
    z.string().meta({ description: "A listener's name.", examples: ['web'] }),
    'needs at least one listener; leave it out for all',
  )
    .optional()
    .describe('Listeners that the route is for; absent: all.'),
  ...leaves,
  ...inside(),
  path: pathPattern.prefault('/*'),
})
