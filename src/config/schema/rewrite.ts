import * as z from 'zod'
import { parseHostRewrite } from '../host.ts'
import { PREFIX_PATTERN, parsePathPrefix, parsePathTemplate } from '../path.ts'
import { parseQueryName, parseQueryValue } from '../query.ts'
import { parseRegex } from '../regex.ts'
import { addRefusal, textOf } from './scalars.ts'

/** What the upstream is asked for, in place of what the client has asked for. */

function queryFields(description: string) {
  const name = z.string().superRefine((text, context) => addRefusal(parseQueryName(text), context))
  const value = textOf(parseQueryValue, {
    description: 'The value, percent-encoded as it goes on the wire.',
    format: 'template',
    examples: ['1', '${client_ip}'],
  })
  return z.record(name, value).default({}).describe(description)
}

const query = z.strictObject({
  clear: z.boolean().default(false).describe('Everything that the client has sent is left out. Done first.'),
  remove: z
    .array(
      textOf(parseQueryName, { description: 'The name of a field, as it is on the wire.', examples: ['utm_source'] }),
    )
    .default([])
    .describe('Fields that are taken out.'),
  set: queryFields(
    'Fields that the query gets, in place of those of the same name. Values may have ${client_ip} and the like in them.',
  ),
  add: queryFields(
    'Fields that the query gets beside those of the same name. Done last. Values may have ${client_ip} and the like in them.',
  ),
})

const regex = z.strictObject({
  match: textOf(parseRegex, {
    description: 'A regular expression (RE2 syntax); every match of it in the path is replaced.',
    examples: ['^/v[0-9]+'],
  }),
  replace: z.string().meta({
    description:
      'What stands in place of a match; $1 and $<name> are the groups of the expression, $$ is a dollar sign.',
    examples: ['/api'],
  }),
})

export const rewrite = z.strictObject({
  path: textOf(parsePathTemplate, {
    pattern: '^(/|[$][{]path[}])[^?#]*$',
    description:
      'The path, put together anew: {id} and {*} are what the path of "match" has caught, ${host} and the like are values of the request.',
    format: 'template',
    examples: ['/users/{id}', '/{*}', '/tenants/${header.x-tenant}/{*}'],
  }).optional(),
  strip_prefix: textOf(parsePathPrefix, {
    pattern: PREFIX_PATTERN,
    description: 'Whole segments that are taken off the front of the path; a path without them stays as it is.',
    examples: ['/api'],
  }).optional(),
  regex: regex.optional().describe('Replaces parts of the path; done after "strip_prefix".'),
  add_prefix: textOf(parsePathPrefix, {
    pattern: PREFIX_PATTERN,
    description: 'What is put in front of the path; done after "strip_prefix" and "regex".',
    examples: ['/v2'],
  }).optional(),
  host: textOf(parseHostRewrite, {
    description:
      "The Host that the upstream sees: keep (the client's), upstream (the endpoint's address), or a host name, in which ${header.x} and the like may stand.",
    format: 'template',
    examples: ['keep', 'upstream', 'api.internal'],
  }).prefault('keep'),
  query: query.prefault({}).describe('Changes to the query.'),
})
