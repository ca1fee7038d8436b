/** Which cores do what: the proxy has its own, load and origin have the others, so that neither waits for the other. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { commandPath } from '../../scripts/system-packages.ts'

/** What this process may use, as it was before it moved itself. */
const ALLOWED = parseCoreList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])

/** Lists of cores as `taskset -c` takes them; null leaves it to the system. */
export interface Cores {
  readonly proxy: string | null
  readonly others: string | null
  /** How many there are to use. */
  readonly count: number
  /** What a reader of the figures has to know about it; null where all is as it should be. */
  readonly note: string | null
}

/**
 * The first core for a proxy of one worker; more for more workers, where load and origin still keep one. Where there are
 * too few, the proxy's workers share the last core with load and origin.
 */
export function splitCores(workers = 1, allowed = ALLOWED, taskset = commandPath('taskset')): Cores {
  const count = allowed.length
  if (taskset === null) {
    return { proxy: null, others: null, count, note: 'nothing was pinned to cores: there is no taskset (util-linux)' }
  }
  if (count < 2) {
    return {
      proxy: null,
      others: null,
      count,
      note: 'proxy, load and origin share one core: this machine has no other',
    }
  }
  const isTight = workers > count - 1
  const others = isTight ? allowed.slice(-1) : allowed.slice(workers)
  const note = isTight
    ? `${workers} workers on ${count} cores: they share the last one with load and origin, which bounds what they can do`
    : null
  return { proxy: allowed.slice(0, workers).join(','), others: others.join(','), count, note }
}

/** The command line that runs on these cores; `taskset` becomes the command, so the process id stays the same. */
export function pinned(cores: string | null, executable: string, args: readonly string[]): [string, ...string[]] {
  return cores === null ? [executable, ...args] : ['taskset', '-c', cores, executable, ...args]
}

/** Moves all threads of this process; what it starts from then on runs there too, unless told otherwise. */
export function moveSelfTo(cores: string | null): void {
  if (cores === null) return
  spawnSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)], { stdio: 'ignore' })
}

/** `0-2,8` as numbers. */
export function parseCoreList(text = ''): number[] {
  const parts = text.split(',').filter(part => part !== '')
  return parts.flatMap(part => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number)
    return Number.isInteger(first) ? Array.from({ length: last - first + 1 }, (_, index) => first + index) : []
  })
}
