/** The language of `sluice test`: requests, and what is to become of them. */
import * as z from 'zod'

const text = z.string()
/** `null` stands for "there is none". */
const textOrNone = z.union([text, z.null()])
const fieldValues = z.record(text, textOrNone)

const STATUS = { error: 'must be a status from 100 to 599' }

const expectation = z
  .strictObject({
    listener: text.optional().describe('The listener that the request comes to.'),
    route: textOrNone.optional().describe('The route that matches; null for none.'),
    action: z
      .enum(['forward', 'split', 'respond', 'redirect', 'files', 'error'])
      .optional()
      .describe('What becomes of the request.'),
    upstream: textOrNone
      .optional()
      .describe('The upstream that it goes to; null for none. Of a split by chance: one that it may go to.'),
    path: textOrNone.optional().describe('The path that the upstream is asked for, without query.'),
    target: textOrNone.optional().describe('The same with the query.'),
    host: textOrNone.optional().describe('Host, as the upstream sees it.'),
    request_headers: fieldValues
      .optional()
      .describe('Fields that the upstream gets; null for one that it does not get.'),
    captures: fieldValues.optional().describe('What the path pattern has caught, by name; null for nothing.'),
    file: textOrNone
      .optional()
      .describe('The file that is looked for first, below the folder of the route; null for none.'),
    status: z
      .union([z.int().min(100, STATUS).max(599, STATUS), z.null()])
      .optional()
      .describe('The status of an answer of the proxy itself; null where an upstream or a file gives it.'),
    response_headers: fieldValues
      .optional()
      .describe('Fields of an answer of the proxy itself; null for one that it lacks.'),
    mirror: textOrNone.optional().describe('The upstream that gets copies; null for none.'),
    error: textOrNone.optional().describe('The code of the error (docs/errors.md); null for none.'),
  })
  .describe('What must be so; what is left out is not looked at.')

const routeTest = z.strictObject({
  name: text.optional().describe('What it is about. Absent: the request.'),
  request: text.describe(
    'A method and a URL, such as GET https://api.example.com/v1/users/7. Without a method: GET. Or a connection or a datagram: tls://NAME:PORT, tcp://:PORT, udp://:PORT.',
  ),
  headers: z
    .record(text, z.union([text, z.array(text)]))
    .default({})
    .describe('Fields of the request; a list stands for several lines.'),
  from: text.default('127.0.0.1').describe("The client's address."),
  listener: text.optional().describe('The listener; absent: the one that the port of the URL leads to.'),
  client_cert: z
    .strictObject({
      subject: text.optional().describe('On one line, such as CN=alice,O=Example.'),
      issuer: text.optional().describe('Written likewise.'),
      serial: text.optional().describe('In hexadecimal.'),
      fingerprint: text.optional().describe('SHA-256, in hexadecimal.'),
      san: z
        .union([text, z.array(text)])
        .optional()
        .describe('Host names, URIs, addresses of mail and IP.'),
    })
    .optional()
    .describe('What the client has shown, to a listener that asks for it; absent: nothing.'),
  expect: expectation,
})

export const routeTestsSchema = z.strictObject({
  $schema: text.optional().describe('For editors.'),
  config: text.optional().describe('The configuration, relative to this file. -c goes before it.'),
  tests: z.array(routeTest).min(1, { error: 'needs at least one test' }).describe('They do not depend on each other.'),
})

export type RouteTests = z.output<typeof routeTestsSchema>
export type RouteTest = RouteTests['tests'][number]
export type Expectation = RouteTest['expect']

/** The keys that there are at a path of such a file; none where anything goes. */
export function routeTestKeys(path: readonly (string | number)[]): readonly string[] {
  const shapes: Readonly<Record<string, object>> = {
    '': routeTestsSchema.shape,
    tests: routeTest.shape,
    'tests.expect': expectation.shape,
    'tests.client_cert': routeTest.shape.client_cert.unwrap().shape,
  }
  return Object.keys(shapes[path.filter(step => typeof step === 'string').join('.')] ?? {})
}

/** For editors. */
export function routeTestsJsonSchema(): object {
  return { title: 'Tests of routes', ...z.toJSONSchema(routeTestsSchema, { io: 'input' }) }
}
