import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import type { PemSource } from './tls-files.ts'

/** Texts in PEM (RFC 7468): where they come from, and the blocks that they are made of. */

/** More than any bundle of authorities has. */
const BYTES_MAX = 16 * 1024 * 1024

/** A file that cannot be used, with why. The message is for people, and names no path. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
}

export function isText(source: PemSource): boolean {
  return source.trimStart().startsWith('-----BEGIN')
}

/** @throws {SourceError} */
export function textOf(source: PemSource): string {
  return isText(source) ? source : bytesOf(source).toString('latin1')
}

/** @throws {SourceError} */
export function bytesOf(file: string): Buffer {
  let bytes: Buffer
  try {
    bytes = wholeFile(file)
  } catch (error) {
    throw error instanceof SourceError ? error : new SourceError(reasonOf(error as NodeJS.ErrnoException))
  }
  if (bytes.length === 0) throw new SourceError('it is empty')
  return bytes
}

/** Pipes and devices are none: whoever opens or reads them may wait for ever. */
function wholeFile(file: string): Buffer {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(descriptor)
    if (stats.isDirectory()) throw new SourceError('it is a folder')
    if (!stats.isFile()) throw new SourceError('it is a pipe or a device, not a file')
    if (stats.size > BYTES_MAX) throw new SourceError(`it has more than ${BYTES_MAX / 1024 / 1024} MiB`)
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read by this user'
    case 'ELOOP':
      return 'its links lead in a circle'
    case 'ENOTDIR':
      return 'what stands for a folder in its path is a file'
    case 'ENXIO':
      return 'it is a socket, not a file'
    default:
      return code ?? message
  }
}

export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, `X509 CRL`. */
  readonly label: string
  /** With its first and its last line. */
  readonly text: string
}

/** Comments between the blocks count for nothing. A block without an end is left out: see `isCutShort`. */
export function blocksOf(text: string): PemBlock[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)].map(match => ({
    label: match[1] ?? '',
    text: `${match[0].replaceAll('\r\n', '\n')}\n`,
  }))
}

/** A block begins that does not end: what is being written just now looks like that. */
export function isCutShort(text: string): boolean {
  const begins = text.match(/-----BEGIN /g)?.length ?? 0
  return begins > blocksOf(text).length
}

export function isCertificate({ label }: PemBlock): boolean {
  return label === 'CERTIFICATE' || label === 'X509 CERTIFICATE'
}

export function isPrivateKey({ label }: PemBlock): boolean {
  return label.endsWith('PRIVATE KEY')
}
