import type { KeyPath } from '../positions.ts'
import { checkFieldsOnce } from './respond.ts'
import { checkSeemingPatterns } from './seeming-patterns.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** The conditions of a route, or of a target of a split, with all that is inside of them. */
export function checkConditions(conditions: Section, path: KeyPath, report: Report): void {
  checkFieldsOnce(mapOf(conditions.headers), [...path, 'headers'], report)
  checkSeemingPatterns(conditions, path, report)
  if (conditions.grpc !== undefined && conditions.path !== undefined) {
    const hint = 'take one of them out; of calls, the path is /service/method'
    report('conflicting-keys', [...path, 'path'], '"grpc" says what the path is', hint)
  }
  for (const key of ['all', 'any']) {
    for (const [index, inner] of listOf(conditions[key]).entries()) {
      checkInside(inner, [...path, key, index], report)
    }
  }
  checkInside(conditions.not, [...path, 'not'], report)
}

function checkInside(inner: unknown, path: KeyPath, report: Report): void {
  if (!isMap(inner)) return
  if (Object.keys(inner).length === 0) {
    const hint = 'give it one, such as headers: { x-version: "2" }, or take it out'
    report('empty-condition', path, 'has no condition in it', hint)
  }
  checkConditions(inner, path, report)
}
