import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { checkFieldsOnce } from './respond.ts'
import { listOf, mapOf, type Report, type Section } from './written.ts'

/** Edits that contradict each other. They are done in this order: rename, remove, set, add. */
export function checkFieldEdits(headers: Section, path: KeyPath, report: Report): void {
  for (const side of ['request', 'response']) checkSide(mapOf(headers[side]), [...path, side], report)
}

function checkSide(edits: Section, path: KeyPath, report: Report): void {
  for (const key of ['rename', 'set', 'add']) checkFieldsOnce(mapOf(edits[key]), [...path, key], report)
  const namesOf = (key: string) => new Set(Object.keys(mapOf(edits[key])).map(name => name.toLowerCase()))
  const [set, added, renamed] = [namesOf('set'), namesOf('add'), namesOf('rename')]
  const renames = Object.values(mapOf(edits.rename)).filter(name => typeof name === 'string')
  const targets = new Set(renames.map(name => name.toLowerCase()))
  for (const [index, name] of listOf(edits.remove).entries()) {
    if (typeof name !== 'string') continue
    const lower = name.toLowerCase()
    const place = [...path, 'remove', index]
    const conflict = (other: string, hint: string) => {
      report('conflicting-keys', place, `${quote(name)} is both ${other} and removed`, hint)
    }
    if (set.has(lower)) conflict('set', '"set" alone replaces it')
    else if (added.has(lower)) conflict('added', '"set" alone replaces it')
    else if (targets.has(lower)) conflict('the new name of a field', 'take one of them out')
    else if (renamed.has(lower)) conflict('renamed', 'take one of them out')
  }
  checkRenames(mapOf(edits.rename), set, [...path, 'rename'], report)
}

function checkRenames(rename: Section, set: ReadonlySet<string>, path: KeyPath, report: Report): void {
  const sources = new Set(Object.keys(rename).map(name => name.toLowerCase()))
  for (const [from, to] of Object.entries(rename)) {
    if (typeof to !== 'string') continue
    const lower = to.toLowerCase()
    if (set.has(lower)) {
      const message = `${quote(to)} gets the value of ${quote(from)}, and "set" replaces it`
      report('conflicting-keys', [...path, from], message, 'take one of them out')
    }
    if (sources.has(lower) && lower !== from.toLowerCase()) {
      const message = `${quote(to)} is itself renamed: all renames are done at once, and none of them twice`
      report('conflicting-keys', [...path, from], message, 'rename to a name that is not renamed')
    }
  }
}
