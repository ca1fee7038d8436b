import { domainToASCII } from 'node:url'
import type { Template } from '../../engine/snapshot.ts'
import { parseFieldValue } from './field.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'
import { parseTemplate } from './template.ts'

/** Values of fields that the configuration puts together from the request, and on the way back from the response. */

/** One that comes out empty takes the field away; one that is written so is a mistake. */
export function parseFieldTemplate(text: string, response: boolean): Parsed<Template> {
  if (text === '') return refused('must not be empty', '"remove" takes a field away', 'wrong-header')
  // What `${` and `}` enclose is made of characters that a value may have, too.
  const value = parseFieldValue(text)
  return value.ok ? parseTemplate(text, { response, captures: false }) : value
}

/** The `Location` of a redirect: a path, or an absolute URL. */
export function parseLocation(text: string): Parsed<Template> {
  const template = parseTemplate(text, { response: false, captures: true })
  if (!template.ok) return template
  if (text === '') return refused('must not be empty', '', 'wrong-location')
  const wrong = /[^\x21-\x7e]/.exec(text)?.[0]
  if (wrong !== undefined) {
    const encoded = text.includes('{') ? null : encodedLocation(text)
    const hint = encoded === null ? '' : `write ${quote(encoded)}`
    return refused(`has ${quote(wrong)}, which must be percent-encoded`, hint, 'wrong-location')
  }
  if (/^(\/|[a-z][a-z0-9+.-]*:\/\/|\$\{(scheme\}:\/\/|path\}|header\.|query\.|path\.))/i.test(text))
    return accepted(template.value)
  // What a value of another proxy's was meant to be is told by itself.
  if (text.startsWith('$')) return refused(NEITHER, '', 'wrong-location')
  const hint = /^[^/]*\.[^/]*(\/|$)/.test(text) ? `did you mean "https://${text}"?` : `did you mean "/${text}"?`
  return refused(NEITHER, hint, 'wrong-location')
}

const NEITHER = 'is neither a path such as "/new" nor a URL such as "https://example.com/"'

/** A host is encoded in another way than what follows it. `null` for what cannot be encoded. */
function encodedLocation(text: string): string | null {
  if (!text.isWellFormed()) return null
  const [, scheme = '', host = '', rest = text] = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)(.*)$/is.exec(text) ?? []
  return scheme + (host === '' ? '' : domainToASCII(host)) + encodeURI(rest)
}
