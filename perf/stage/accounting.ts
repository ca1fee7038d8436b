/** What the system says that a process or one of its threads has used. */
import { readdirSync, readFileSync } from 'node:fs'
import { type CpuTime, parseStat } from '../../native-bench/frame/accounting.ts'

/** CPU time of a process since its start, to 10 ms. */
export function cpuTimeOf(pid: number): CpuTime {
  return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** The same of one thread of it. */
export function cpuTimeOfThread(pid: number, thread: number): CpuTime {
  return parseStat(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
}

/** Ids of the threads of a process whose name begins with `name` (the system knows the first 15 characters). */
export function threadsNamed(pid: number, name: string): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter(thread => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith(name))
    .map(Number)
}
