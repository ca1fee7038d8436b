import * as z from 'zod'
import { parseFieldName } from '../field.ts'
import { parseHostPattern, parseHostRewrite } from '../host.ts'
import { parsePathPattern } from '../path.ts'
import { fieldsByName, respond } from './respond.ts'
import { duration, name, textOf, wholeNumber } from './scalars.ts'

function fieldEdits(side: string) {
  return z.strictObject({
    set: fieldsByName().default({}).describe(`Fields that ${side} get; each replaces every field line of its name.`),
    remove: z
      .array(textOf(parseFieldName, { description: 'A field name.' }))
      .default([])
      .describe(`Fields that are taken out of ${side}.`),
  })
}

const hostPattern = textOf(parseHostPattern, {
  description: 'A host name, exact or with a leading "*."; without a port.',
  examples: ['api.example.com', '*.example.com'],
})

const match = z.strictObject({
  listeners: z
    .array(z.string().describe("A listener's name."))
    .min(1, { error: 'needs at least one listener; leave it out for all' })
    .optional()
    .describe('Listeners that the route is for; absent: all.'),
  host: z
    .union([hostPattern, z.array(hostPattern).min(1, { error: 'needs at least one host; leave it out for any' })])
    .transform(host => (Array.isArray(host) ? host : [host]))
    .optional()
    .describe('Hosts that the route is for, exact or with a leading "*."; absent: any.'),
  path: textOf(parsePathPattern, {
    description: 'The path, exact, or with a trailing /* for a prefix: /users/* matches /users and all below it.',
    pattern: '^/',
    examples: ['/', '/users/*'],
  }).prefault('/*'),
})

const timeouts = z.strictObject({
  response: duration(
    "From the end of the request to the first byte of the response, instead of the upstream's.",
  ).optional(),
  total: duration(
    "From the request's first byte to the response's last, tries and waiting included. Past it: 504. Absent: no limit.",
  ).optional(),
})

export const route = z
  .strictObject({
    name: name.optional().describe('The name in logs; absent: its place, such as routes[0].'),
    match: match.prefault({}).describe('Requests that the route takes; absent: all.'),
    priority: wholeNumber(
      'Higher goes first; among equals the more specific match, then the order of the file.',
      -1_000_000,
      1_000_000,
    ).default(0),
    upstream: z.string().optional().describe('Forwards to the upstream of that name.'),
    respond: respond(200).optional().describe('Answers without an upstream.'),
    headers: z
      .strictObject({
        request: fieldEdits('requests to the upstream').prefault({}).describe('Changes to the request.'),
        response: fieldEdits('responses to the client').prefault({}).describe('Changes to the response.'),
      })
      .prefault({})
      .describe('Fields that are set or removed.'),
    rewrite: z
      .strictObject({
        host: textOf(parseHostRewrite, {
          description:
            "The Host that the upstream sees: keep (the client's), upstream (the endpoint's address), or a host name.",
          examples: ['keep', 'upstream', 'api.internal'],
        }).prefault('keep'),
      })
      .prefault({})
      .describe('Changes to what the upstream is asked for.'),
    timeouts: timeouts.prefault({}).describe('How long requests of this route may take.'),
    importance: z
      .enum(['low', 'normal', 'high'])
      .default('normal')
      .describe('Which requests an upstream at its limit refuses first: low, then normal.'),
  })
  .describe('A match and an action: "upstream" or "respond".')
