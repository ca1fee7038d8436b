import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export interface WriteOptions {
  /** Permissions, such as 0o600. */
  readonly mode: number
  /** Otherwise what is there stays, and an error (`EEXIST`) is thrown. */
  readonly replaces: boolean
}

/** Puts a file in place at once: readers have the old one or the new one, whole. @throws {Error} of the system. */
export function writeWholeFile(path: string, text: string, { mode, replaces }: WriteOptions): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(temporary, text, { mode, flag: 'wx', flush: true })
    if (replaces) renameSync(temporary, path)
    else linkSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/**
 * Makes a folder, and those that it lies in, where they are not there. Gives whether it is new.
 *
 * Node's own way (`recursive`) never comes back where the system says that a folder is not there which is, as below `/proc`.
 *
 * @throws {Error} of the system.
 */
export function makeFolder(path: string, mode = 0o777): boolean {
  const folder = resolve(path)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return false
  if (dirname(folder) !== folder) makeFolder(dirname(folder), mode)
  try {
    mkdirSync(folder, { mode })
    return true
  } catch (error) {
    // Somebody else was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(folder).isDirectory()) return false
    throw error
  }
}
