import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's own files, and what they refer to, for the tests of the house. Paths are relative, with slashes. */

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.sluice'])

/** Every file in these folders; `''` stands for the root's own files, without its folders. */
export function filesIn(folders: readonly string[]): string[] {
  return folders.flatMap(folder => list(folder, folder !== '')).toSorted()
}

function list(folder: string, isRecursive: boolean): string[] {
  let entries: import('node:fs').Dirent[]
  try {
    entries = readdirSync(join(ROOT, folder), { withFileTypes: true })
  } catch {
    return []
  }
  return entries.flatMap(entry => {
    if (SKIPPED.has(entry.name)) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return isRecursive ? list(path, true) : []
    return entry.isFile() ? [path] : []
  })
}

/** Without ambient declarations (`.d.ts`): nothing imports those, and they make nothing. */
export function sourcesIn(folders: readonly string[]): string[] {
  return filesIn(folders).filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts'))
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export interface References {
  /** Files of the repository: static and dynamic imports, type imports, and worker modules by `new URL`. */
  readonly files: readonly string[]
  /** Packages and `node:` modules, as they are written. */
  readonly packages: readonly string[]
}

const IMPORTED = /\b(?:from|import|import\(|require\(|require\.resolve\(|import\.meta\.resolve\()\s*['"]([^'"\s]+)['"]/g
const REQUIRED_IN_PLACE = /createRequire\(import\.meta\.url\)\(['"]([^'"]+)['"]/g
/** A relative path that ends in `.ts`, wherever it stands: worker modules are named this way. */
const RELATIVE_SOURCE = /['"`](\.{1,2}\/[^'"`\s$]*\.ts)['"`]/g

export function referencesOf(path: string, text: string = textOf(path)): References {
  const code = withoutComments(text)
  const names = [...code.matchAll(IMPORTED), ...code.matchAll(REQUIRED_IN_PLACE)].map(match => match[1]!)
  const sources = [...code.matchAll(RELATIVE_SOURCE)].map(match => match[1]!)
  const relative = [...names.filter(name => name.startsWith('.')), ...sources]
  return {
    files: [...new Set(relative.map(name => resolveFrom(path, name)))],
    packages: [...new Set(names.filter(name => !name.startsWith('.')))],
  }
}

function resolveFrom(path: string, name: string): string {
  return normalize(join(dirname(path), name))
    .split(sep)
    .join('/')
}

/** Comments that stand on lines of their own, which is where they stand here. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*)/gm, '')
}
