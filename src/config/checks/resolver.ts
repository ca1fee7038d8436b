import { jsonSchemaAt } from '../json-schema.ts'
import type { KeyPath } from '../positions.ts'
import { millisecondsOf, type Report, type Section } from './written.ts'

/** That the bounds of a TTL are in order: in the top-level section, or in an upstream's, which goes key by key before it. */
export function checkResolver(resolver: Section, general: Section, path: KeyPath, report: Report): void {
  const own = ['max_ttl', 'min_ttl'].find(key => resolver[key] !== undefined)
  if (own === undefined) return
  const value = (key: string) => resolver[key] ?? general[key] ?? jsonSchemaAt(['resolver', key])?.default
  const [lowest, highest] = [millisecondsOf(value('min_ttl')), millisecondsOf(value('max_ttl'))]
  if (lowest === null || highest === null || lowest <= highest) return
  const message =
    own === 'max_ttl'
      ? `${value('max_ttl')} is shorter than "min_ttl" (${value('min_ttl')})`
      : `${value('min_ttl')} is longer than "max_ttl" (${value('max_ttl')})`
  report('wrong-order', [...path, own], message, 'change one of the two')
}
