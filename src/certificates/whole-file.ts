import { randomBytes } from 'node:crypto'
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs'

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
