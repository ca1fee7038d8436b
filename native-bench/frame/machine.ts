/** Where figures come from: without it they are worth nothing. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, type as systemName, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryMib: number
  readonly kernel: string
  readonly node: string
  /** File descriptors that one process may have open. */
  readonly filesMax: number
}

export interface Revision {
  readonly commit: string
  /** Whether tracked files differ from the commit. */
  readonly isDirty: boolean
}

/** What share of the machine's time others may have before it is told, in percent. */
export const BUSY_PERCENT_MAX = 10

const ROOT = join(import.meta.dirname, '../..')

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    // Not those that this process has left to it: it moved away from the proxy's.
    cores: cpus().length,
    memoryMib: Math.round(totalmem() / 2 ** 20),
    kernel: `${systemName()} ${release()}`,
    node: process.version,
    filesMax: filesMax(),
  }
}

/** Null outside of a repository, as in an unpacked archive. */
export function describeRevision(): Revision | null {
  const commit = git('rev-parse', 'HEAD')
  if (commit === null) return null
  return { commit: commit.slice(0, 12), isDirty: git('status', '--porcelain', '--untracked-files=no') !== '' }
}

/** The soft limit of this process, which Node raises to the hard one at its start and its children inherit. */
export function filesMax(): number {
  const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return found === undefined || found === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(found)
}

/** Share of the machine's time that somebody used between two readings, in percent; who takes part in a run is one. */
export async function busyPercent(seconds: number): Promise<number> {
  const before = cpuTimes()
  await pause(seconds * 1000)
  const after = cpuTimes()
  const all = after.all - before.all
  return all === 0 ? 0 : (100 * (all - (after.idle - before.idle))) / all
}

function cpuTimes(): { readonly all: number; readonly idle: number } {
  // user, nice, system, idle, iowait and so on, of all cores: proc(5).
  const fields = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number)
  const all = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0)
  return { all, idle: (fields[3] ?? 0) + (fields[4] ?? 0) }
}

function git(...args: readonly string[]): string | null {
  const { status, stdout } = spawnSync('git', [...args], { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}
