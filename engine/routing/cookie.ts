import type { Head } from '../http/head.ts'
import { isNamed } from './field.ts'

/** Name and value of each cookie in the request, in their order (RFC 6265, section 4.2). */
export function* cookiesIn(head: Head): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (!isNamed(head, index, 'cookie')) continue
    for (const pair of head.value(index).split(';')) {
      const equals = pair.indexOf('=')
      if (equals >= 0) yield [pair.slice(0, equals).trim(), unquoted(pair.slice(equals + 1).trim())]
    }
  }
}

function unquoted(value: string): string {
  return value.replace(/^"(.*)"$/, '$1')
}

/** The values of the cookies of that name in the request, in their order. */
export function cookieValues(head: Head, cookie: string): string[] {
  const values: string[] = []
  for (const [name, value] of cookiesIn(head)) if (name === cookie) values.push(value)
  return values
}

/** That of the first; empty where there is none. */
export function cookieValue(head: Head, cookie: string): string {
  for (const [name, value] of cookiesIn(head)) if (name === cookie) return value
  return ''
}
