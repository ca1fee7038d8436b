import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { nearest } from '../suggest.ts'
import type { Report } from './written.ts'

/** More names than this do not help on one line. */
const NAMES_LISTED_MAX = 8

/** That a name which is referred to exists. */
export function checkName(
  name: unknown,
  known: ReadonlySet<string>,
  kind: string,
  path: KeyPath,
  report: Report,
): void {
  if (typeof name !== 'string' || known.has(name)) return
  const near = nearest(name, known)
  const listing = known.size === 0 || known.size > NAMES_LISTED_MAX ? '' : `there is ${[...known].join(', ')}`
  report(path, `there is no ${kind} named ${quote(name)}`, near === null ? listing : `did you mean ${quote(near)}?`)
}
