import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PLACEHOLDER = /@([a-zA-Z]+)@/g

/**
 * Writes a template with its `@name@` placeholders filled into the folder and returns the path. Placeholders and values
 * must match both ways: a value that nothing takes is a setting that silently does nothing. Throws otherwise.
 */
export function writeFilled(
  folder: string,
  name: string,
  template: string,
  values: Readonly<Record<string, string | number>>,
): string {
  const unused = new Set(Object.keys(values))
  const text = readFileSync(template, 'utf8').replaceAll(PLACEHOLDER, (placeholder, key: string) => {
    const value = values[key]
    if (value === undefined) throw new Error(`${template}: no value for ${placeholder}`)
    unused.delete(key)
    return String(value)
  })
  if (unused.size > 0) throw new Error(`${template}: no placeholder for ${[...unused].join(', ')}`)
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
