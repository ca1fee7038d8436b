import { OWNED_FIELDS } from '../../engine/http/owned-fields.ts'
import { accepted, type Parsed, quote, refusalsAs, refused as refusedAs } from './parsed.ts'

/** Field names and values that the configuration adds or removes (RFC 9110, section 5). */

const refused = refusalsAs('wrong-header')

/** Bytes; a field line beyond this would not fit the head limits of most peers. */
const FIELD_NAME_MAX = 256
const FIELD_VALUE_MAX = 8192

/** A field name, a method, the name of a cookie: a token (RFC 9110, section 5.6.2). `kind` with its article. */
export function parseToken(text: string, kind: string): Parsed<string> {
  if (text === '') return refused(`${kind} must not be empty`)
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) return refused(`${quote(text)} is not ${kind} (a token, RFC 9110)`)
  if (text.length > FIELD_NAME_MAX) return refused(`${kind} has at most ${FIELD_NAME_MAX} characters`)
  return accepted(text)
}

/** A field that may be set. `hostKey` is the key that says what `Host` is. */
export function parseFieldName(text: string, hostKey = 'rewrite.host'): Parsed<string> {
  const token = parseToken(text, 'a field name')
  if (!token.ok) return token
  const name = text.toLowerCase()
  if (name === 'host') return refusedAs('"host" may not be changed here', `use ${hostKey}`, 'protected-header')
  if (OWNED_FIELDS.has(name)) {
    const message = `${quote(text)} belongs to the connection or its framing and may not be changed`
    return refusedAs(message, 'leave it out: the proxy writes it itself', 'protected-header')
  }
  return accepted(text)
}

export function parseFieldValue(text: string): Parsed<string> {
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) {
    return refused(`${quote(text)} has a control character or a line break`)
  }
  if (/[^\u0000-\u007f]/.test(text)) return refused(`${quote(text)} is not ASCII`)
  if (/^[ \t]|[ \t]$/.test(text)) return refused(`${quote(text)} begins or ends with a space`)
  if (text.length > FIELD_VALUE_MAX) return refused(`a field value has at most ${FIELD_VALUE_MAX} characters`)
  return accepted(text)
}
