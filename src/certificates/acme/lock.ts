import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { makePrivateFolder } from './store.ts'

/**
 * One issuer at a time for a store, over all processes that share it: a file that its holder touches now and then. What a
 * process left behind that has ended is taken over at once on the same machine, and after a while from another.
 */

const TOUCH_MS = 15_000
/** Without a touch for that long, its holder is gone. */
const STALE_MS = 60_000

/** Stores that this process holds: a lock with our own process id is else one of an earlier life. */
const held = new Set<string>()

export interface StoreLock {
  release(): void
}

/** `null` where somebody else has it. @throws {Error} of the system, where the folder cannot be written to. */
export function lockStore(store: string): StoreLock | null {
  makePrivateFolder(store)
  const path = join(store, 'lock')
  if (!take(path)) {
    if (!isStale(path)) return null
    rmSync(path, { force: true })
    if (!take(path)) return null
  }
  held.add(path)
  const touch = setInterval(() => {
    const now = new Date()
    try {
      utimesSync(path, now, now)
    } catch {
      // Taken away by hand: whoever comes next may have it.
    }
  }, TOUCH_MS).unref()
  return {
    release() {
      clearInterval(touch)
      held.delete(path)
      rmSync(path, { force: true })
    },
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isStale(path: string): boolean {
  if (held.has(path)) return false
  try {
    if (Date.now() - statSync(path).mtimeMs > STALE_MS) return true
    const { pid, host } = JSON.parse(readFileSync(path, 'utf8')) as { pid?: unknown; host?: unknown }
    if (host !== hostname() || typeof pid !== 'number') return false
    return pid === process.pid || !isAlive(pid)
  } catch (error) {
    // Released meanwhile; or being written just now, which is over in a moment.
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
