import { existsSync, readdirSync, statSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { DEFAULT_NAMES, isConfigurationName } from './formats.ts'

/** Which files a name, a folder or a pattern means. */

/** The configurations of the current folder by the names that need not be given. */
export function defaultFiles(): string[] {
  return DEFAULT_NAMES.filter(name => existsSync(name))
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** The configuration files of a folder by name, without those of folders in it. */
export function filesInFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => !entry.isDirectory() && isConfigurationName(entry.name))
    .map(entry => join(folder, entry.name))
    .toSorted(byName)
}

export interface Matches {
  /** By name. Relative patterns give relative paths, from the current folder as `folder` is. */
  readonly files: readonly string[]
  /** The folders where a new file, or a new folder on the way to one, would match too. */
  readonly folders: readonly string[]
}

/** What an entry of `include` means, seen from `folder`; `null` for a path that is not there. */
export async function matchesOf(pattern: string, folder: string): Promise<Matches | null> {
  const path = isAbsolute(pattern) ? pattern : join(folder, pattern)
  // First of all a name: there are files called "a [b].yaml".
  if (isFolder(path)) return { files: filesInFolder(path), folders: [path] }
  if (existsSync(path)) return { files: [path], folders: [] }
  if (!hasWildcard(pattern)) return null
  const found = await globbed(pattern, folder)
  return { files: found.filter(match => !isFolder(match)).toSorted(byName), folders: await foldersOn(pattern, folder) }
}

async function globbed(pattern: string, folder: string): Promise<string[]> {
  const matches: string[] = []
  for await (const match of glob(pattern, { cwd: resolve(folder) })) {
    matches.push(isAbsolute(match) ? match : join(folder, match))
  }
  return matches
}

/** The folders in which a pattern looks: `conf.d` for `conf.d/*.yaml`; with `**` behind it, all that are below it, too. */
async function foldersOn(pattern: string, folder: string): Promise<string[]> {
  const segments = pattern.split('/')
  const first = segments.findIndex(hasWildcard)
  const fixed = segments.slice(0, first).join('/') || (isAbsolute(pattern) ? '/' : '.')
  const folders = [isAbsolute(fixed) ? fixed : join(folder, fixed)]
  for (let end = first + 1; end < segments.length; end++) {
    folders.push(...(await globbed(segments.slice(0, end).join('/'), folder)).filter(isFolder))
  }
  return folders
}

export function hasWildcard(pattern: string): boolean {
  return /[*?[\]{}]/.test(pattern)
}

/** By code unit, the same on every machine. */
function byName(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
