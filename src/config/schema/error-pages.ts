import * as z from 'zod'
import type { StatusRange } from '../../../engine/snapshot.ts'
import { parseStatusRange } from '../health-check.ts'
import { type Parsed, refused } from '../parsed.ts'
import { parseTemplate } from '../template.ts'
import { bodyText, fieldsByName } from './respond.ts'
import { oneOrMany, textOf, wholeNumber } from './scalars.ts'

/** What is sent in place of an error. */

function parseErrorRange(text: string): Parsed<StatusRange> {
  const range = parseStatusRange(text)
  if (!range.ok || range.value[0] >= 400) return range
  return refused(`"${text}" has statuses that are no errors`, 'errors are 400 to 599', 'out-of-range')
}

const status = z.union([
  wholeNumber('A status.', 400, 599)
    .meta({ examples: [502] })
    .transform((one): StatusRange => [one, one]),
  textOf(parseErrorRange, {
    description: 'Statuses from one to another.',
    pattern: '^[45][0-9][0-9]-[45][0-9][0-9]$',
    examples: ['500-599'],
  }),
])

const page = z.strictObject({
  status: wholeNumber('The status that is sent; absent: that of the error.', 200, 599)
    .meta({ examples: [503] })
    .optional(),
  body: bodyText
    .transform((text, context) => {
      const template = parseTemplate(text, { response: true, captures: false })
      if (template.ok) return template.value
      context.addIssue({
        code: 'custom',
        message: template.message,
        params: { hint: template.hint, code: template.code },
      })
      return z.NEVER
    })
    .meta({
      description: `The content, at most 64KiB of UTF-8. \${status}, \${request_id}, \${host} and the like may stand in it; in HTML they are escaped.`,
      examples: ['Error ${status}, request ${request_id}'],
      format: 'template',
    })
    .prefault(''),
  headers: fieldsByName()
    .default({})
    .describe('Fields of the response; content-type is text/plain unless it is given here.'),
})

export const errorPages = z
  .array(
    z.strictObject({
      status: oneOrMany(status, 'needs at least one status').describe(
        'The errors that it is for: statuses and ranges of them, such as 502 and 500-599.',
      ),
      intercept: z
        .boolean()
        .default(false)
        .describe('For such responses of the upstream too, not only for errors of the proxy itself.'),
      respond: page.describe('What is sent instead.'),
    }),
  )
  .default([])
