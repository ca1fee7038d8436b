/** What the system says that a process or one of its threads has used. */
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds of one clock tick of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

export interface CpuTime {
  readonly userUs: number
  readonly systemUs: number
}

/** CPU time of a process since its start, to 10 ms. */
export function cpuTimeOf(pid: number): CpuTime {
  return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** The same of one thread of it. */
export function cpuTimeOfThread(pid: number, thread: number): CpuTime {
  return parseStat(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
}

/** Fields 14 and 15 of a `stat` file; the name in parentheses before them may hold anything. */
export function parseStat(stat: string): CpuTime {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { userUs: Number(fields[11]) * TICK_US, systemUs: Number(fields[12]) * TICK_US }
}

/** Ids of the threads of a process whose name begins with `name` (the system knows the first 15 characters). */
export function threadsNamed(pid: number, name: string): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .filter(thread => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith(name))
    .map(Number)
}
