import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** Field names and values that the configuration adds or removes (RFC 9110, section 5). */

/** Bytes; a field line beyond this would not fit the head limits of most peers. */
const FIELD_NAME_MAX = 256
const FIELD_VALUE_MAX = 8192

/**
 * Fields that say where a message ends or what a connection does. The proxy writes them itself; one that a configuration
 * sets or takes away would let the two sides disagree about framing (request smuggling).
 */
const OWNED = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function parseFieldName(text: string): Parsed<string> {
  if (text === '') return refused('a field name must not be empty')
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) {
    return refused(`${quote(text)} is not a field name (a token, RFC 9110)`)
  }
  if (text.length > FIELD_NAME_MAX) return refused(`a field name has at most ${FIELD_NAME_MAX} characters`)
  const name = text.toLowerCase()
  if (name === 'host') return refused('"host" may not be changed here', 'use rewrite.host')
  if (OWNED.has(name)) return refused(`${quote(text)} belongs to the connection or its framing and may not be changed`)
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
