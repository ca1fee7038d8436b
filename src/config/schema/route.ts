import * as z from 'zod'
import { files, mirror, redirect, split } from './actions.ts'
import { hashOn } from './affinity.ts'
import { match } from './conditions.ts'
import { fieldEdits } from './edits.ts'
import { errorPages } from './error-pages.ts'
import { grpcWeb } from './grpc.ts'
import { routeRetry } from './resilience.ts'
import { respond } from './respond.ts'
import { rewrite } from './rewrite.ts'
import { duration, name, wholeNumber } from './scalars.ts'

const timeouts = z.strictObject({
  response: duration(
    "From the end of the request to the first byte of the response, instead of the upstream's.",
  ).optional(),
  idle: duration(
    "Between two reads of response content, instead of the upstream's. Past it: the response is cut.",
  ).optional(),
  total: duration(
    "From the request's first byte to the response's last, tries and waiting included. Past it: 504. Absent: no limit.",
  ).optional(),
})

export const route = z
  .strictObject({
    name: name
      .optional()
      .meta({ description: 'The name in logs; absent: its place, such as routes[0].', examples: ['users'] }),
    match: match.prefault({}).describe('Requests that the route takes; absent: all.'),
    priority: wholeNumber(
      'Higher goes first; among equals the more specific match, then the order of the file.',
      -1_000_000,
      1_000_000,
    ).default(0),
    upstream: z
      .string()
      .optional()
      .meta({ description: 'Forwards to the upstream of that name.', examples: ['api'] }),
    split: split
      .optional()
      .describe('Forwards to several upstreams: by conditions (canary, A/B), and by weights for all other requests.'),
    split_on: hashOn
      .optional()
      .describe(
        'What decides the target of a split by weight: requests with the same cookie, header, query field, client_ip or path go the same way; those without it, and absent: by chance.',
      ),
    respond: respond(200).optional().describe('Answers without an upstream.'),
    redirect: redirect.optional().describe('Sends the client somewhere else.'),
    files: files.optional().describe('Serves files of a folder, to GET and HEAD.'),
    rewrite: rewrite.prefault({}).describe('Changes to what the upstream is asked for.'),
    headers: z
      .strictObject({
        request: fieldEdits('requests to the upstream', false).prefault({}).describe('Changes to the request.'),
        response: fieldEdits('responses to the client', true).prefault({}).describe('Changes to the response.'),
      })
      .prefault({})
      .describe('Fields that are renamed, removed, set or added.'),
    mirror: mirror
      .optional()
      .describe('A copy of requests to another upstream; never slows or fails the request. Absent: none.'),
    timeouts: timeouts.prefault({}).describe('How long requests of this route may take.'),
    retry: routeRetry
      .optional()
      .describe(
        'Trying a request again, in place of what its upstream says; keys that are absent are as there (of a split: as in its first target). "off" for never.',
      ),
    fallback: z
      .string()
      .optional()
      .meta({
        description:
          'The name of a route that takes requests which the upstream cannot answer: no endpoint, no connection, an open circuit, a full queue, a deadline before the response. Absent: an error.',
        examples: ['sorry'],
      }),
    error_pages: errorPages.describe(
      'What is sent in place of errors of this route, before those of the whole configuration; of several that fit the first.',
    ),
    importance: z
      .enum(['low', 'normal', 'high'])
      .default('normal')
      .describe('Which requests an upstream at its limit refuses first: low, then normal.'),
    grpc_web: grpcWeb,
  })
  .meta({
    description: 'A match and an action: "upstream", "split", "respond", "redirect" or "files".',
    oneKeyOf: ['upstream', 'split', 'respond', 'redirect', 'files'],
  })
