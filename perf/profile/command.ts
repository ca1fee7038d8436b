/** `npm run perf -- profile`: where a worker's time goes under load. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { CpuTime } from '../../native-bench/frame/accounting.ts'
import { PerfFailure } from '../failure.ts'
import { noPositionals, wholeNumber } from '../options.ts'
import { cpuTimeOfThread, threadsNamed } from '../stage/accounting.ts'
import { describeWindow, underLoad, WINDOW_HELP, WINDOW_OPTIONS, windowSettings } from '../stage/load-window.ts'
import type { ProxyProcess } from '../stage/proxy.ts'
import { WORKER_NAME } from '../stage/proxy-messages.ts'
import { ROOT } from '../tree.ts'
import { callTree, parseProfile } from './cpu-profile.ts'
import { flameGraph } from './flame-graph.ts'
import { formatTimes, listTimes } from './top-list.ts'

const PRELOAD = fileURLToPath(new URL('./profiled-thread.ts', import.meta.url))

/** Fine enough that a function of 0.1 % has samples in 5 s, coarse enough to cost little. */
const SAMPLING_INTERVAL_US = 200

export const PROFILE_HELP = `profile: the CPU profile of a worker thread under load
${WINDOW_HELP}
  --out FOLDER       where worker.cpuprofile and worker.svg go (.sluice/profile)
  --top N            functions in the list, 1 to 1000 (30)`

export async function profileCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      ...WINDOW_OPTIONS,
      out: { type: 'string', default: '.sluice/profile' },
      top: { type: 'string', default: '30' },
    },
    allowPositionals: true,
  })
  noPositionals(positionals)
  const settings = windowSettings(values)
  const count = wholeNumber('top', values.top, 1, 1000)
  const folder = resolve(values.out)
  makeFolder(folder)
  const path = join(folder, 'worker.cpuprofile')
  const { result: used, load } = await underLoad(settings, PRELOAD, async proxy => {
    await proxy.ask({ kind: 'profile_start', intervalUs: SAMPLING_INTERVAL_US }, 'profiling')
    const used = await usage(proxy, () => pause(settings.seconds * 1000))
    await proxy.ask({ kind: 'profile_stop', path }, 'profiled')
    return used
  })
  if (used.requests === 0) throw new PerfFailure('no request ended within the window')
  const tree = callTree(parseProfile(readFileSync(path, 'utf8')), ROOT)
  const times = listTimes(tree)
  const title = describeWindow(settings)
  const graph = join(folder, 'worker.svg')
  writeFileSync(graph, flameGraph(tree, title))
  console.log(title)
  console.log(`${used.requests} requests in the window; ${load.generator}`)
  console.log(
    `the thread's CPU time for each: ${used.userUs.toFixed(2)} + ${used.systemUs.toFixed(2)} µs (user + system)`,
  )
  if (load.errors > 0) console.log(`ATTENTION: ${load.errors} errors in the load`)
  console.log(`\n${formatTimes(times, count)}\n\n${path}\n${graph}`)
}

interface Usage {
  readonly requests: number
  /** Of the worker's thread, for each request. */
  readonly userUs: number
  readonly systemUs: number
}

/** What the worker's thread uses while `work` takes its time. */
async function usage(proxy: ProxyProcess, work: () => Promise<void>): Promise<Usage> {
  const [thread] = threadsNamed(proxy.pid, WORKER_NAME)
  if (thread === undefined) throw new PerfFailure(`no thread of the proxy has a name that begins with ${WORKER_NAME}`)
  const requestsBefore = await proxy.exchanges()
  const before = cpuTimeOfThread(proxy.pid, thread)
  await work()
  const after = cpuTimeOfThread(proxy.pid, thread)
  const requests = (await proxy.exchanges()) - requestsBefore
  const share = (key: keyof CpuTime): number => (after[key] - before[key]) / requests
  return { requests, userUs: share('userUs'), systemUs: share('systemUs') }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new PerfFailure(`cannot make the folder ${path}: ${(error as Error).message}`)
  }
}
