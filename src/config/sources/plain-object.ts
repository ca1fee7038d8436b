import type { Finding, KeyPath, Place, Source } from '../positions.ts'
import { DEPTH_MAX, TOO_DEEP, VALUES_MAX } from './bounds.ts'

/** A configuration that a program hands over as an object. There is no text, so places are mere ranks. */

/** Where the key at a path stands in the text of a module, if that is known. */
export type Locate = (path: KeyPath) => { readonly line: number; readonly column: number } | null

/** `name` stands where errors name the file. An object that contains itself ends at the bound of depth. */
export function readPlainObject(value: unknown, name: string, locate: Locate = () => null): Source {
  const findings: Finding[] = []
  const paths: KeyPath[] = []

  function place(current: unknown, path: KeyPath): Place {
    const keyOffset = paths.push(path) - 1
    const children = new Map<string | number, Place>()
    const result = { keyOffset, valueOffset: keyOffset, children }
    if (typeof current !== 'object' || current === null) return result
    if (path.length >= DEPTH_MAX) return tooLarge(path, TOO_DEEP, result)
    // Before its entries are made: there are lists of millions of nothing.
    const isTooMany = Array.isArray(current) && current.length + paths.length > VALUES_MAX
    if (isTooMany || paths.length > VALUES_MAX) return tooLarge(path, TOO_MANY, result)
    const hole = Array.isArray(current) ? current.findIndex((_, index) => !(index in current)) : -1
    if (hole !== -1) findings.push(emptyItem([...path, hole]))
    for (const [key, item] of Object.entries(current)) {
      const step = Array.isArray(current) ? Number(key) : key
      if (key === '__proto__') findings.push(unusableKey([...path, key]))
      children.set(step, place(item, [...path, step]))
      // One nest is enough to report; an object that branches into itself would never be walked to its end.
      if (findings.length > 0) break
    }
    return result
  }

  function tooLarge(path: KeyPath, message: string, result: Place): Place {
    findings.push({ path: path.slice(0, 4), at: 'key', code: 'too-large', message, hint: '' })
    return result
  }

  const root = place(value, [])
  const positionOf = (offset: number) => {
    const { line, column } = locate(paths[offset] ?? []) ?? { line: 0, column: 0 }
    return { file: name, line, column }
  }
  return { value, root, findings, usable: findings.length === 0, extent: paths.length, positionOf }
}

const TOO_MANY = `there are more than ${VALUES_MAX} values`

function emptyItem(path: KeyPath): Finding {
  return { path, at: 'key', code: 'empty-value', message: 'has no value', hint: 'the list has a hole there' }
}

function unusableKey(path: KeyPath): Finding {
  return { path, at: 'key', code: 'unusable-key', message: 'is not a usable key', hint: '' }
}
