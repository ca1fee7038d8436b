import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { ProblemCode } from '../problem-codes.ts'
import { formatSize } from '../units.ts'

/** Files are read up to a bound: what the system says of the size of a pipe or a device means nothing. */

/** Bytes of a configuration file; past it the file is refused. */
export const FILE_BYTES_MAX = 4 * 1024 * 1024
/** Bytes of a file that is put in place of `${file:PATH}`; past it the file is refused. */
const VALUE_BYTES_MAX = 64 * 1024

/** Why a file gives nothing, in words; whoever wants the file knows where that is to be said. */
export class FileError extends Error {
  readonly code: ProblemCode
  readonly hint: string
  /** Which file it is, where that is known: the innermost that was named. */
  file = ''

  constructor(code: ProblemCode, message: string, hint = '', cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.hint = hint
  }

  of(file: string): this {
    this.file ||= file
    return this
  }
}

/** @throws {FileError} */
export async function readConfigurationFile(path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Uint8Array>) {
      length += piece.length
      if (length > FILE_BYTES_MAX) throw new FileError('too-large', `is larger than ${formatSize(FILE_BYTES_MAX)}`)
      pieces.push(piece)
    }
  } catch (cause) {
    throw cause instanceof FileError ? cause : systemError(cause)
  }
  return Buffer.concat(pieces)
}

/** @throws {FileError} for a pipe or a device that nobody has named, which may have nothing to say for ever. */
export function requireRegularFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && !stats.isFile()) throw notRegular()
}

function notRegular(): FileError {
  return new FileError('unreadable-file', 'is no regular file')
}

/**
 * The content of a small file, at once. Only regular files: the rest may have nothing to say for ever.
 *
 * @throws {FileError}
 */
export function readValueFile(path: string): Uint8Array {
  let descriptor = -1
  try {
    // A pipe that nobody writes to would be opened for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!fstatSync(descriptor).isFile()) throw notRegular()
    const bytes = Buffer.allocUnsafe(VALUE_BYTES_MAX + 1)
    const length = readFully(descriptor, bytes)
    if (length > VALUE_BYTES_MAX) throw new FileError('too-large', `is larger than ${formatSize(VALUE_BYTES_MAX)}`)
    return bytes.subarray(0, length)
  } catch (cause) {
    throw cause instanceof FileError ? cause : systemError(cause)
  } finally {
    if (descriptor !== -1) closeSync(descriptor)
  }
}

function readFully(descriptor: number, bytes: Uint8Array): number {
  let length = 0
  while (length < bytes.length) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, null)
    if (count === 0) break
    length += count
  }
  return length
}

/** @throws {FileError} */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FileError('wrong-encoding', 'is not UTF-8 text', '', cause)
  }
}

export function systemError(cause: unknown): FileError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new FileError('unreadable-file', 'there is no such file', '', cause)
    case 'EACCES':
    case 'EPERM':
      return new FileError('unreadable-file', 'may not be read', 'check its permissions', cause)
    case 'EISDIR':
      return new FileError('unreadable-file', 'is a folder', 'name a file in it', cause)
    default:
      return new FileError('unreadable-file', `cannot be read (${code})`, '', cause)
  }
}
