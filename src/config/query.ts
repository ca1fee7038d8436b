import type { Template } from '../../engine/snapshot.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'
import { literalsOf, parseTemplate } from './template.ts'

/** Fields of a query as rewrites write them: percent-encoded, as they go on the wire. */

/** RFC 3986, section 3.4, without what separates fields from each other. */
const PLAIN = /^(?:[A-Za-z0-9\-._~!$'()*+,;:@/?]|%[0-9A-Fa-f]{2})*$/

export function parseQueryName(text: string): Parsed<string> {
  if (text === '') return refused('the name of a query field must not be empty', '', 'wrong-query')
  return PLAIN.test(text) ? accepted(text) : encoded(text)
}

export function parseQueryValue(text: string): Parsed<Template> {
  const template = parseTemplate(text, { response: false, captures: false })
  if (!template.ok) return template
  return literalsOf(template.value).every(literal => PLAIN.test(literal.replaceAll('=', ''))) ? template : encoded(text)
}

function encoded(text: string): Parsed<never> {
  const simple = text.isWellFormed() && !text.includes('${')
  const hint = simple ? `write ${quote(encodeURIComponent(text))}` : ''
  return refused(`${quote(text)} has a character that must be percent-encoded in a query`, hint, 'wrong-query')
}
