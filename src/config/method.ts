import { accepted, type Parsed, quote, refused } from './parsed.ts'
import { nearest } from './suggest.ts'

/** Methods that may be named: those that the parser of requests knows, `CONNECT` aside; others are answered with 501. */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'],
  ...['COPY', 'LOCK', 'MKCOL', 'MOVE', 'PROPFIND', 'PROPPATCH', 'SEARCH', 'UNLOCK', 'BIND', 'REBIND', 'UNBIND', 'ACL'],
  ...['REPORT', 'MKACTIVITY', 'CHECKOUT', 'MERGE', 'M-SEARCH', 'NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE', 'PURGE'],
  ...['MKCALENDAR', 'LINK', 'UNLINK', 'SOURCE'],
])

export const METHOD_PATTERN = `^(${[...METHODS].join('|')})$`
export const COMMON_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** A method; they are the same in capitals only (RFC 9110, section 9.1). */
export function parseMethod(text: string): Parsed<string> {
  if (METHODS.has(text)) return accepted(text)
  const near = nearest(text, METHODS)
  return refused(
    `${quote(text)} is not a method that is known here`,
    near === null ? '' : `did you mean ${quote(near)}?`,
  )
}
