import { type FSWatcher, lstatSync, readdirSync, type Stats, statSync, watch } from 'node:fs'
import { join, resolve } from 'node:path'
import { isConfigurationName } from '../config/sources/formats.ts'
import { wayTo } from './way-to.ts'

/**
 * Watches files, however they are changed: written in place, replaced by a rename (as editors do), taken away and made
 * again, or reached through symbolic links that are swapped (as Kubernetes does with `..data`).
 *
 * What is watched is folders: those that hold the files, and those that hold a link on the way to one. An event says
 * only that it is time to look. Looking compares what the files are now (which, how large, when written) with what they
 * were, so that nothing else that happens in those folders counts, and nothing is missed that an event did not name.
 */

/** After an event, for what belongs to the same change. Each further event begins it anew. */
const SETTLE_MS = 100
/** The most that a look is put off while events go on. */
const SETTLE_MS_MAX = 1000
/** Between two looks where the system does not tell of changes. */
const POLL_MS = 1000
/** Times of files go in steps (of 4 ms mostly): two changes within this may look like one. */
const STEP_MS = 20

export interface FileWatchOptions {
  readonly onChange: () => void
  /** Told once where the system cannot tell of changes (too many watches, a file system without them). */
  readonly onPolling: (reason: string) => void
}

export class FileWatch {
  readonly #options: FileWatchOptions
  #files: readonly string[] = []
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>()
  #seen: Fingerprint = { text: '', isFresh: false }
  /** Something has changed that a look cannot tell any more. */
  #isDue = false
  #timer: NodeJS.Timeout | null = null
  #firstEventAtMs = 0
  #poller: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /**
   * Watches these from now on, and no others. A folder stands for all configurations in it, and for its folders. `sinceMs` (since the epoch) is
   * when reading them began: what has changed after that was perhaps not read.
   */
  follow(files: readonly string[], sinceMs: number): void {
    if (this.#isClosed) return
    const before = new Set(this.#files)
    const hasChanged = fingerprint(this.#files).text !== this.#seen.text
    this.#files = [...new Set(files.map(file => resolve(file)))]
    this.#arm()
    this.#seen = fingerprint(this.#files)
    const added = this.#files.filter(file => !before.has(file))
    if (!hasChanged && !added.some(file => isYoungerThan(file, sinceMs))) return
    this.#isDue = true
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#poller !== null) clearInterval(this.#poller)
    for (const { watcher } of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #schedule(): void {
    if (this.#isClosed) return
    const now = performance.now()
    if (this.#timer === null) this.#firstEventAtMs = now
    else clearTimeout(this.#timer)
    const waitMs = Math.min(SETTLE_MS, Math.max(0, this.#firstEventAtMs + SETTLE_MS_MAX - now))
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#look()
    }, waitMs)
  }

  #look(): void {
    // Folders and links may be others now. They are watched before anything is read: what comes later makes an event.
    this.#arm()
    const before = this.#seen
    this.#seen = fingerprint(this.#files)
    // Still being written: the next change could look the same.
    if (this.#seen.isFresh) this.#schedule()
    if (this.#seen.text === before.text && !this.#isDue) return
    this.#isDue = false
    this.#options.onChange()
  }

  /** Watches what there is to watch now, and nothing else. A folder that was made anew is watched anew. */
  #arm(): void {
    const wanted = new Map<string, number>()
    for (const folder of this.#files.flatMap(file => wayTo(file).folders)) {
      const stats = statOf(folder)
      if (stats !== undefined) wanted.set(folder, stats.ino)
    }
    for (const [folder, { watcher, inode }] of this.#watchers) {
      if (wanted.get(folder) === inode) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const [folder, inode] of wanted) if (!this.#watchers.has(folder)) this.#watch(folder, inode)
  }

  #watch(folder: string, inode: number): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#schedule())
      watcher.on('error', error => {
        this.#poll(error)
        this.#schedule()
      })
      this.#watchers.set(folder, { watcher, inode })
    } catch (error) {
      // It may have gone since: then whatever held it has an event.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#poll(error)
    }
  }

  #poll(error: unknown): void {
    if (this.#poller !== null) return
    this.#poller = setInterval(() => this.#look(), POLL_MS)
    this.#options.onPolling((error as NodeJS.ErrnoException).code ?? String(error))
  }
}

interface Fingerprint {
  /** Differs when one of the files does. */
  readonly text: string
  /** One of them was changed just now. */
  readonly isFresh: boolean
}

function fingerprint(files: readonly string[]): Fingerprint {
  const now = Date.now()
  const lines: string[] = []
  let isFresh = false
  for (const file of membersOf(files)) {
    const stats = statOf(file)
    // Not the time of the last change of its state: permissions that are set to what they were must not count.
    const fresh = stats?.isFile() === true && Math.abs(now - stats.mtimeMs) < STEP_MS
    if (fresh) isFresh = true
    lines.push(`${file}\0${describe(stats)}${fresh ? ' fresh' : ''}`)
  }
  return { text: lines.join('\n'), isFresh }
}

function describe(stats: Stats | undefined): string {
  if (stats === undefined) return 'missing'
  return stats.isDirectory() ? 'folder' : `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`
}

/** The files themselves; for a folder, its folders, and what is of the kind of a configuration in it. */
function membersOf(files: readonly string[]): Set<string> {
  const members = new Set<string>()
  for (const file of files) {
    members.add(file)
    if (statOf(file)?.isDirectory()) for (const name of namesIn(file)) members.add(join(file, name))
  }
  return members
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(entry => isConfigurationName(entry.name) || (entry.isDirectory() && !entry.name.startsWith('.')))
      .map(entry => entry.name)
      .toSorted()
  } catch {
    return []
  }
}

/** Whether a file, or a link on the way to it, is not what it was at a time. A rename changes only the time of the state. */
function isYoungerThan(file: string, sinceMs: number): boolean {
  const stats = statOf(file)
  if (stats === undefined) return true
  const links = wayTo(file).links.map(link => lstatSync(link, { throwIfNoEntry: false }))
  return [stats, ...links].some(one => one !== undefined && one.ctimeMs > sinceMs - STEP_MS)
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // Not a folder on the way, a circle of links, or closed to us.
    return undefined
  }
}
