import * as z from 'zod'
import { parseFieldName } from '../field.ts'
import { parseFieldTemplate } from '../field-template.ts'
import { addRefusal, TOKEN_PATTERN, textOf } from './scalars.ts'

/** What is changed in the fields of a request, and of its response. */

const REQUEST_VALUES =
  'Values may have ${client_ip}, ${host}, ${header.x}, ${query.x}, ${cookie.x}, ${path.id}, ${request_id}, ${time} and the like in them.'
const RESPONSE_VALUES = `${REQUEST_VALUES} Also \${status}, \${upstream}, \${endpoint}.`

const fieldName = (description: string) =>
  textOf(parseFieldName, { description, pattern: TOKEN_PATTERN, examples: ['x-request-start'] })

const name = z
  .string()
  .superRefine((text, context) => addRefusal(parseFieldName(text), context))
  .meta({ pattern: TOKEN_PATTERN })

function templatesByName(response: boolean) {
  const value = textOf(text => parseFieldTemplate(text, response), {
    description: 'The value; one that comes out empty is left out.',
    pattern: '.',
    format: 'template',
    examples: ['sluice', '${client_ip}'],
  })
  return z.record(name, value)
}

/** `side`: whose fields. They are renamed first, then removed, then set, then added. */
export function fieldEdits(side: string, response: boolean) {
  const values = response ? RESPONSE_VALUES : REQUEST_VALUES
  return z.strictObject({
    rename: z
      .record(name, fieldName('The new name.'))
      .default({})
      .describe(
        `Fields of ${side} that get another name, from the old to the new; they keep their values. Done first.`,
      ),
    remove: z
      .array(fieldName('A field name.'))
      .default([])
      .describe(`Fields that are taken out of ${side}. Done after "rename".`),
    set: templatesByName(response)
      .default({})
      .describe(`Fields that ${side} get; each replaces every field line of its name. Done after "remove". ${values}`),
    add: templatesByName(response)
      .default({})
      .describe(`Fields that ${side} get beside those of the same name that are there. Done last. ${values}`),
  })
}
