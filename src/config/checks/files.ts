import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseFolder } from '../file-name.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { mapOf, type Report } from './written.ts'

/** That the folder is there. `folder` is where a relative name begins. */
export function checkFiles(written: unknown, folder: string, path: KeyPath, report: Report): void {
  const { root } = mapOf(written)
  if (typeof root !== 'string' || !parseFolder(root).ok) return
  const absolute = resolve(folder, root)
  const place = [...path, 'root']
  try {
    if (!statSync(absolute).isDirectory()) {
      const hint = 'name the folder that it lies in'
      report('files-root-no-folder', place, `${quote(root)} is a file`, hint)
      return
    }
    accessSync(absolute, constants.R_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      report('files-root-missing', place, `there is no folder ${quote(absolute)}`, 'make it, or name another')
    } else {
      report('files-root-missing', place, `${quote(absolute)} may not be read`, 'check its permissions')
    }
  }
}
