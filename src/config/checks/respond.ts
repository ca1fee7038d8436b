import type { KeyPath } from '../positions.ts'
import { mapOf, type Report, type Section } from './written.ts'

/** RFC 9110: 204 (15.3.5), 205 (15.3.6) and 304 (15.4.5) have no content. */
const STATUS_WITHOUT_CONTENT: readonly unknown[] = [204, 205, 304]

/** A response of our own: of a route, or in place of an open circuit. */
export function checkRespond(respond: Section, path: KeyPath, report: Report): void {
  const { status, body, headers } = respond
  if (STATUS_WITHOUT_CONTENT.includes(status) && typeof body === 'string' && body !== '') {
    report('no-effect', [...path, 'body'], `a ${status} response has no content`)
  }
  checkFieldsOnce(mapOf(headers), [...path, 'headers'], report)
}

export function checkFieldsOnce(fields: Section, path: KeyPath, report: Report): void {
  const seen = new Set<string>()
  for (const name of Object.keys(fields)) {
    const lower = name.toLowerCase()
    if (seen.has(lower)) report('duplicate-item', [...path, name], 'is set twice; field names are the same in any case')
    seen.add(lower)
  }
}
