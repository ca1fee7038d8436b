/** What the system says that a proxy has used: its process, the children of it, and theirs. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Microseconds of one clock tick of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

export interface CpuTime {
  readonly userUs: number
  readonly systemUs: number
}

/** CPU time of a tree of processes at one moment. */
export interface CpuReading extends CpuTime {
  /** The processes that were alive. */
  readonly processIds: readonly number[]
  /** Of every thread that was alive, by its id. */
  readonly threads: ReadonlyMap<number, ThreadTime>
}

export interface ThreadTime extends CpuTime {
  readonly name: string
}

export interface CpuUse extends CpuTime {
  /**
   * Children that ended between the readings. Their time is in the sums, since those who wait for a child are told it;
   * where nobody waited, it is lost, so the number is kept beside the figures.
   */
  readonly exitedChildren: number
  /** By name of the thread, for those that used anything. */
  readonly threads: readonly ThreadTime[]
}

export interface Memory {
  /** Resident set of all processes of the tree; a page that two of them share counts twice. */
  readonly rssKib: number
  /** The same at its highest: the sum of each process's own peak. */
  readonly rssPeakKib: number
}

/** Throws where the process is gone. */
export function readCpu(pid: number): CpuReading {
  const processIds = treeOf(pid)
  const threads = new Map<number, ThreadTime>()
  let userUs = 0
  let systemUs = 0
  for (const id of processIds) {
    const stat = id === pid ? readFileSync(`/proc/${id}/stat`, 'utf8') : readOrNull(`/proc/${id}/stat`)
    if (stat === null) continue
    const own = parseStat(stat)
    userUs += own.userUs + own.childrenUserUs
    systemUs += own.systemUs + own.childrenSystemUs
    readThreads(id, threads)
  }
  return { userUs, systemUs, processIds, threads }
}

export function cpuBetween(before: CpuReading, after: CpuReading): CpuUse {
  const threads = [...after.threads].map(([id, { name, userUs, systemUs }]) => {
    const earlier = before.threads.get(id)
    return { name, userUs: userUs - (earlier?.userUs ?? 0), systemUs: systemUs - (earlier?.systemUs ?? 0) }
  })
  return {
    userUs: after.userUs - before.userUs,
    systemUs: after.systemUs - before.systemUs,
    exitedChildren: before.processIds.filter(id => !after.processIds.includes(id)).length,
    threads: threads.filter(({ userUs, systemUs }) => userUs + systemUs > 0),
  }
}

/** Throws where the process is gone. */
export function readMemory(pid: number): Memory {
  let rssKib = 0
  let rssPeakKib = 0
  for (const id of treeOf(pid)) {
    const status = id === pid ? readFileSync(`/proc/${id}/status`, 'utf8') : (readOrNull(`/proc/${id}/status`) ?? '')
    rssKib += fieldOf(status, 'VmRSS')
    rssPeakKib += fieldOf(status, 'VmHWM')
  }
  return { rssKib, rssPeakKib }
}

/** Lets the peak begin anew at what is resident now. */
export function resetPeakMemory(pid: number): void {
  // 5: the peak of the resident set, as proc(5) has it.
  for (const id of treeOf(pid)) writeFileSync(`/proc/${id}/clear_refs`, '5')
}

/** What a `stat` file says; the name in parentheses before the numbers may hold anything. */
export function parseStat(stat: string): CpuTime & {
  readonly parentId: number
  readonly childrenUserUs: number
  readonly childrenSystemUs: number
} {
  // Behind the name: state, parent, ...; utime, stime, cutime and cstime are fields 14 to 17 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    parentId: Number(fields[1]),
    userUs: Number(fields[11]) * TICK_US,
    systemUs: Number(fields[12]) * TICK_US,
    childrenUserUs: Number(fields[13]) * TICK_US,
    childrenSystemUs: Number(fields[14]) * TICK_US,
  }
}

/** The process and all below it, itself first. */
function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readOrNull(`/proc/${name}/stat`)
    if (stat === null) continue
    const { parentId } = parseStat(stat)
    const siblings = children.get(parentId)
    if (siblings === undefined) children.set(parentId, [Number(name)])
    else siblings.push(Number(name))
  }
  const tree = [pid]
  // The list grows as it is walked.
  for (const id of tree) tree.push(...(children.get(id) ?? []))
  return tree
}

function readThreads(pid: number, threads: Map<number, ThreadTime>): void {
  let ids: string[]
  try {
    ids = readdirSync(`/proc/${pid}/task`)
  } catch {
    return
  }
  for (const id of ids) {
    const stat = readOrNull(`/proc/${pid}/task/${id}/stat`)
    if (stat === null) continue
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const { userUs, systemUs } = parseStat(stat)
    threads.set(Number(id), { name, userUs, systemUs })
  }
}

function fieldOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
}

/** Processes and threads may end while they are looked at. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
