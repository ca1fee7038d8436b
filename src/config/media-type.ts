import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** What people say for them. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ['json', 'application/json'],
  ['html', 'text/html'],
  ['xml', 'application/xml'],
])

/** A media type without parameters, or all of a kind: `application/json`, `image/*`. Comes back in lower case. */
export function parseMediaType(text: string): Parsed<string> {
  const plain = text.split(';')[0]?.trim() ?? ''
  if (plain !== text) {
    return refused(`${quote(text)} has parameters, which are not compared`, `write ${quote(plain)}`)
  }
  if (text === '*/*' || text === '*') return refused(`${quote(text)} is every type`, 'leave "content_type" out')
  if (/^[!#$&^_.+0-9a-z-]+\/([!#$&^_.+0-9a-z-]+|\*)$/i.test(text)) return accepted(text.toLowerCase())
  const meant = SHORT.get(text.toLowerCase())
  const hint = meant === undefined ? '' : `did you mean ${quote(meant)}?`
  return refused(`${quote(text)} is not a media type such as application/json or image/*`, hint)
}
