import * as z from 'zod'
import { parseFieldName, parseFieldValue } from '../field.ts'
import type { Parsed } from '../parsed.ts'
import { formatSize } from '../units.ts'
import { textOf, wholeNumber } from './scalars.ts'

/** Responses that the proxy makes itself, and the fields that a configuration writes. */

/** An answer of our own is written as one piece; larger ones belong into files. */
const BODY_BYTES_MAX = 64 * 1024

const fieldValue = textOf(parseFieldValue, { description: 'A field value (RFC 9110).' })

function addRefusal(parsed: Parsed<unknown>, context: z.core.$RefinementCtx): void {
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message, params: { hint: parsed.hint } })
}

/** Fields by name. `hostKey` is the key that says what `Host` is, if it is said at all. */
export function fieldsByName(hostKey?: string) {
  const name = z.string().superRefine((text, context) => addRefusal(parseFieldName(text, hostKey), context))
  return z.record(name, fieldValue)
}

/** A response without an upstream. */
export function respond(status: number) {
  return z.strictObject({
    status: wholeNumber('The status code.', 200, 599).default(status),
    body: z
      .string()
      .refine(text => Buffer.byteLength(text) <= BODY_BYTES_MAX, {
        error: `must be at most ${formatSize(BODY_BYTES_MAX)}`,
      })
      .default('')
      .describe(`The content, at most ${formatSize(BODY_BYTES_MAX)} of UTF-8.`),
    headers: fieldsByName()
      .default({})
      .describe('Fields of the response; content-type is text/plain unless it is given here.'),
  })
}
