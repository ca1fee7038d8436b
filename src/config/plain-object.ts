import type { Finding, KeyPath, Place, Source } from './positions.ts'

/** A configuration that a program hands over as an object. There is no text, so places are mere ranks. */

/** Maps and lists inside each other; an object that contains itself ends here too. */
const DEPTH_MAX = 64

export function readPlainObject(value: unknown): Source {
  const findings: Finding[] = []
  let rank = 0

  function place(current: unknown, path: KeyPath): Place {
    const keyOffset = rank++
    const children = new Map<string | number, Place>()
    const result = { keyOffset, valueOffset: keyOffset, children }
    if (typeof current !== 'object' || current === null) return result
    if (path.length >= DEPTH_MAX) {
      const message = `maps and lists are nested more than ${DEPTH_MAX} deep`
      findings.push({ path: path.slice(0, 4), at: 'key', message, hint: '' })
      return result
    }
    for (const [key, item] of Object.entries(current)) {
      const step = Array.isArray(current) ? Number(key) : key
      if (key === '__proto__')
        findings.push({ path: [...path, key], at: 'key', message: 'is not a usable key', hint: '' })
      children.set(step, place(item, [...path, step]))
      // One nest is enough to report; an object that branches into itself would never be walked to its end.
      if (findings.length > 0) break
    }
    return result
  }

  const root = place(value, [])
  return { value, root, findings, usable: findings.length === 0, positionOf: null }
}
