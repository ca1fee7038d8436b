import * as z from 'zod'
import { parseFieldName, parseFieldValue } from '../field.ts'
import { formatSize } from '../units.ts'
import { addRefusal, textOf, wholeNumber } from './scalars.ts'

/** Responses that the proxy makes itself, and the fields that a configuration writes. */

/** An answer of our own is written as one piece; larger ones belong into files. */
const BODY_BYTES_MAX = 64 * 1024

const fieldValue = textOf(parseFieldValue, { description: 'A field value (RFC 9110).', examples: ['no-store'] })

/** Fields by name. `hostKey` is the key that says what `Host` is, if it is said at all. */
export function fieldsByName(hostKey?: string) {
  const name = z.string().superRefine((text, context) => addRefusal(parseFieldName(text, hostKey), context))
  return z.record(name, fieldValue)
}

export const bodyText = z.string().refine(text => Buffer.byteLength(text) <= BODY_BYTES_MAX, {
  error: `must be at most ${formatSize(BODY_BYTES_MAX)}`,
})

/** A response without an upstream. */
export function respond(status: number) {
  return z.strictObject({
    status: wholeNumber('The status code.', 200, 599)
      .meta({ examples: [status === 200 ? 404 : 500] })
      .default(status),
    body: bodyText
      .default('')
      .meta({ description: `The content, at most ${formatSize(BODY_BYTES_MAX)} of UTF-8.`, examples: ['ok'] }),
    headers: fieldsByName()
      .default({})
      .describe('Fields of the response; content-type is text/plain unless it is given here.'),
  })
}
