/**
 * System calls of a thread, counted from outside. perf's counters leave the thread nearly as fast as it is; strace stops
 * it twice for each call, so that more connections are ready whenever it looks, and it looks less often.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPath } from '../../scripts/system-packages.ts'
import { PerfFailure } from '../failure.ts'

export const TRACERS = ['perf', 'strace'] as const
export type TracerName = (typeof TRACERS)[number]

export interface SystemCalls {
  readonly name: string
  readonly calls: number
  /** Of them, those that the system answered with an error, EAGAIN and the like; `null` where that is not known. */
  readonly errors: number | null
}

/** Counts from when it resolves until `stop`. */
export interface Tracing {
  stop(): Promise<readonly SystemCalls[]>
}

/** Where the kernel tells its tracepoints. Who cannot read it cannot count them either. */
const TRACEPOINTS = '/sys/kernel/tracing/events'

/** The one asked for, else perf, else strace. */
export function chooseTracer(wanted: TracerName | null): TracerName {
  const there = TRACERS.filter(isUsable)
  const chosen = wanted === null ? there[0] : there.find(name => name === wanted)
  if (chosen !== undefined) return chosen
  const hint = 'install strace, or perf and be root (Debian or Ubuntu: sudo apt-get install strace linux-perf)'
  throw new PerfFailure(`${wanted ?? 'neither perf nor strace'} can${wanted === null ? '' : 'not'} be used: ${hint}`)
}

function isUsable(name: TracerName): boolean {
  return commandPath(name) !== null && (name === 'strace' || existsSync(`${TRACEPOINTS}/raw_syscalls/sys_enter`))
}

/** Traces the threads with these ids, and no other of their process. `folder` is for the tracer's report. */
export function trace(tracer: TracerName, threads: readonly number[], folder: string): Promise<Tracing> {
  const path = join(folder, `${tracer}.txt`)
  return tracer === 'perf' ? countByPerf(threads, path) : traceByStrace(threads, path)
}

async function traceByStrace(threads: readonly number[], path: string): Promise<Tracing> {
  const args = ['-c', '-o', path, ...threads.flatMap(thread => ['-p', String(thread)])]
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await begun(child, /attached/)
  return { stop: async () => parseStrace(await reportOf(child, path, () => child.kill('SIGINT'))) }
}

/** What a proxy can be expected to call. A counter for every call there is would take perf many seconds to let go of. */
const COUNTED =
  'read write readv writev recvfrom sendto recvmsg sendmsg sendmmsg epoll_wait epoll_pwait epoll_pwait2 epoll_ctl ' +
  'futex accept4 connect socket close shutdown setsockopt getsockopt getsockname getpeername ioctl fcntl ' +
  'mmap munmap mprotect madvise brk getpid clock_gettime io_uring_enter'

async function countByPerf(threads: readonly number[], path: string): Promise<Tracing> {
  const names = COUNTED.split(' ').filter(name => existsSync(`${TRACEPOINTS}/syscalls/sys_enter_${name}`))
  const events = [...names.map(name => `syscalls:sys_enter_${name}`), 'raw_syscalls:sys_enter']
  const what = ['-x', ',', '-o', path, '-e', events.join(','), '-t', threads.join(',')]
  // perf runs the command once its counters run, and stops them when it ends: with its standard input.
  const command = ['--', 'sh', '-c', 'echo begun >&2; exec cat']
  const child = spawn('perf', ['stat', ...what, ...command], { stdio: ['pipe', 'ignore', 'pipe'] })
  await begun(child, /begun/)
  return { stop: async () => parsePerf(await reportOf(child, path, () => child.stdin.end())) }
}

/** Waits until the tracer says that it has begun; what it says instead is why it cannot. */
function begun(child: ChildProcess, sign: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', text => {
      said += text
      if (sign.test(said)) resolve()
    })
    child.once('error', reject)
    child.once('close', () =>
      reject(new PerfFailure(`${child.spawnfile}: ${said.trim().replaceAll(/\s*\n\s*/g, '; ')}`)),
    )
  })
}

/** What the tracer has written when it has been told to let go of the threads. */
async function reportOf(child: ChildProcess, path: string, tell: () => void): Promise<string> {
  const closed = once(child, 'close')
  tell()
  await closed
  return readFileSync(path, 'utf8')
}

/** Lines of `strace -c`: share, seconds, microseconds per call, calls, errors (or nothing), name. */
export function parseStrace(text: string): SystemCalls[] {
  const line = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+(\d+))?\s+([a-z]\w*)$/gm
  return [...text.matchAll(line)]
    .map(([, calls, errors, name = '']) => ({ name, calls: Number(calls), errors: Number(errors ?? 0) }))
    .filter(({ name }) => name !== 'total')
}

/** Lines of `perf stat -x,`: count, unit, event. The count of all calls comes last: what is left of it is the others. */
export function parsePerf(text: string): SystemCalls[] {
  const counts = [...text.matchAll(/^(\d+),[^,]*,(?:raw_)?syscalls:sys_enter(?:_(\w+))?,/gm)]
  const named = counts.flatMap(([, count, name]) => (name === undefined ? [] : [{ name, calls: Number(count) }]))
  const all = Number(counts.find(([, , name]) => name === undefined)?.[1] ?? 0)
  const others = all - named.reduce((sum, { calls }) => sum + calls, 0)
  if (others > 0) named.push({ name: 'others', calls: others })
  return named.filter(({ calls }) => calls > 0).map(entry => ({ ...entry, errors: null }))
}
