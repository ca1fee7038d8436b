import { basename, extname } from 'node:path'

/** Which language a file is written in, by the end of its name. */

export type Format = 'yaml' | 'toml' | 'module'

const FORMATS: Readonly<Record<string, Format>> = {
  // Pipes and what a shell puts in place of `<(command)` have no ending.
  '': 'yaml',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  // JSON is a part of YAML.
  '.json': 'yaml',
  '.toml': 'toml',
  '.ts': 'module',
  '.mts': 'module',
  '.js': 'module',
  '.mjs': 'module',
}

/** The names that are looked for where none is given. */
export const DEFAULT_NAMES: readonly string[] = [
  'sluice.yaml',
  'sluice.yml',
  'sluice.toml',
  'sluice.json',
  'sluice.config.ts',
  'sluice.config.mts',
  'sluice.config.js',
  'sluice.config.mjs',
]

/** `null` for a name that says something else. */
export function formatOf(path: string): Format | null {
  return FORMATS[extname(path).toLowerCase()] ?? null
}

/**
 * Whether a file of a folder is a configuration when nobody names it: not hidden, and of a known ending. Modules have to
 * say that they are configurations, as in `web.config.ts`: any other may be something that one of them imports.
 */
export function isConfigurationName(path: string): boolean {
  const name = basename(path)
  if (name.startsWith('.') || extname(name) === '') return false
  const format = formatOf(name)
  return format === 'module' ? /\.config\.[a-z]+$/i.test(name) : format !== null
}
