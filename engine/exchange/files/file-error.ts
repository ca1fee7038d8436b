/** What stands in the way of serving a file: an error of the system's, or one of ours with a code like those. */
import type { ErrorCode } from '../errors.ts'

export class FileError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** There is nothing that could be meant. */
export const MISSING = 'ENOENT'
/** It is a folder. */
export const FOLDER = 'EISDIR'
/** Another file took its place each time that it was looked at. */
export const RESTLESS = 'EBUSY'

const MEANINGS: Readonly<Record<string, ErrorCode>> = {
  [MISSING]: 'file_not_found',
  ENOTDIR: 'file_not_found',
  ENAMETOOLONG: 'file_not_found',
  ELOOP: 'file_not_found',
  // A socket, or a device that is not there.
  ENXIO: 'file_not_found',
  EACCES: 'file_forbidden',
  EPERM: 'file_forbidden',
  EMFILE: 'files_exhausted',
  ENFILE: 'files_exhausted',
  [RESTLESS]: 'file_changed',
}

/** Of an error with a code of the system's. */
export function meaningOf(code: string): ErrorCode {
  return MEANINGS[code] ?? 'file_unreadable'
}

/** Empty for an exception that is a defect of ours; Node's own codes tell of one. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  return code.startsWith('ERR_') ? '' : code
}

export function isMissing(error: unknown): boolean {
  return meaningOf(codeOf(error)) === 'file_not_found'
}
