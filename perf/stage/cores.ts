/** Which cores do what: the proxy has one to itself, load and origin have the others, so that neither waits for the other. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isOnPath } from './commands.ts'

export interface Cores {
  /** The core of the proxy, as `taskset -c` takes it. */
  readonly proxy: string
  /** Those of everything else. */
  readonly others: string
}

/** `null` where there is only one core, or no `taskset`: then the system spreads them as it likes. */
export function splitCores(): Cores | null {
  if (!isOnPath('taskset')) return null
  const allowed = parseCoreList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  const [proxy, ...others] = allowed
  return proxy === undefined || others.length === 0 ? null : { proxy: String(proxy), others: others.join(',') }
}

/** `0-2,8` as numbers. */
export function parseCoreList(text = ''): number[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first, last = first]) => {
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
  })
}

/** Moves all threads of this process to `cores`; what it starts from then on runs there too, unless told otherwise. */
export function moveSelfTo(cores: string): void {
  spawnSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)], { stdio: 'ignore' })
}
