/** A file below a root, open for reading. */
import { closeSync, constants, fstatSync, open, read, readlinkSync, realpath, type Stats } from 'node:fs'
import { FileError, FOLDER, MISSING, RESTLESS } from './file-error.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** Opening a pipe must not wait for somebody who writes, and what `realpath` has found is no link. */
const FLAGS = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)

// `node:fs/promises` and `node:util` would be loaded by every worker: memory that those need not pay who have no files.
function openFile(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)))
  })
}

/** The path without links. */
export function realPathOf(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    realpath.native(path, (error, real) => (error === null ? resolve(real) : reject(error)))
  })
}

/** `count` bytes have come, 0 at the end of the file; -1 for an error. */
export type OnRead = (count: number, error: NodeJS.ErrnoException | null) => void

export class OpenFile {
  /** Without links. */
  readonly path: string
  /** As it was opened. */
  readonly stats: Stats
  readonly #descriptor: number
  #isReading = false
  #isClosed = false

  constructor(path: string, descriptor: number, stats: Stats) {
    this.path = path
    this.#descriptor = descriptor
    this.stats = stats
  }

  /**
   * Reads from `position` into `buffer`, as far as there is something. One at a time, and not after `close`: then nobody
   * is told how it went.
   */
  read(buffer: Buffer, length: number, position: number, onRead: OnRead): void {
    this.#isReading = true
    read(this.#descriptor, buffer, 0, length, position, (error, count) => {
      this.#isReading = false
      if (this.#isClosed) this.#release()
      else onRead(error === null ? count : -1, error)
    })
  }

  /** Whether what was read may belong to two versions of the file. What is added at its end leaves what there was. */
  hasChanged(): boolean {
    const { size, mtimeMs } = fstatSync(this.#descriptor)
    return size < this.stats.size || (size === this.stats.size && mtimeMs !== this.stats.mtimeMs)
  }

  /** While something is being read, its descriptor must not become another file's: it goes as soon as that is over. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.#isReading) this.#release()
  }

  /** At once: nothing was written that it would have to wait for, and a worker that ends would not come to it later. */
  #release(): void {
    closeSync(this.#descriptor)
  }
}

/** How often a file is looked for anew because it was not where it had been found; past it: `RESTLESS`. */
const TRIES_MAX = 3

/**
 * Opens a regular file that lies below `root` when all links are followed. Rejects with the system's error, or with
 * a `FileError`: for a folder, and for what is no file or lies elsewhere. `root` is without links.
 */
export async function openBelow(root: string, path: string): Promise<OpenFile> {
  for (let count = 0; count < TRIES_MAX; count += 1) {
    const real = await realPathOf(path)
    if (real !== root && !real.startsWith(root.endsWith('/') ? root : `${root}/`)) throw new FileError(MISSING)
    const descriptor = await openFile(real, FLAGS)
    try {
      const stats = fstatSync(descriptor)
      if (!stats.isFile()) throw new FileError(stats.isDirectory() ? FOLDER : MISSING)
      if (isAt(descriptor, real)) return new OpenFile(real, descriptor, stats)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    closeSync(descriptor)
  }
  throw new FileError(RESTLESS)
}

/**
 * Whether what is open lies at its path: one of its folders could have become a link meanwhile. Only Linux knows, and only where
 * `/proc` is mounted; elsewhere it is taken for granted.
 */
function isAt(descriptor: number, real: string): boolean {
  let found: string
  try {
    found = readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return true
  }
  return found === real || found === `${real} (deleted)`
}
