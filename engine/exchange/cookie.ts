import type { Head } from '../http1/head.ts'

/** The value of the first cookie of that name in the request (RFC 6265, section 4.2); empty where there is none. */
export function cookieValue(head: Head, cookie: string): string {
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.nameEnd(index) - head.nameStart(index) !== 'cookie'.length) continue
    if (head.name(index).toLowerCase() !== 'cookie') continue
    const value = valueIn(head.value(index), cookie)
    if (value !== null) return value
  }
  return ''
}

function valueIn(field: string, cookie: string): string | null {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== cookie) continue
    return pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
  }
  return null
}
