/** `npm run perf -- syscalls`: which system calls a request costs its worker. */
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PerfFailure } from '../failure.ts'
import { noPositionals, oneOf } from '../options.ts'
import { threadsNamed } from '../stage/accounting.ts'
import { describeWindow, underLoad, WINDOW_HELP, WINDOW_OPTIONS, windowSettings } from '../stage/load-window.ts'
import { WORKER_NAME } from '../stage/proxy-messages.ts'
import { temporaryFolder } from '../stage/temporary-folder.ts'
import { chooseTracer, type SystemCalls, TRACERS, trace } from './tracer.ts'

export const SYSCALLS_HELP = `syscalls: system calls per request, of a worker thread under load
${WINDOW_HELP}
  --tool NAME        perf or strace (the first that can be used)`

export async function syscallsCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...WINDOW_OPTIONS, tool: { type: 'string' } },
    allowPositionals: true,
  })
  noPositionals(positionals)
  const settings = windowSettings(values)
  const tracer = chooseTracer(values.tool === undefined ? null : oneOf('--tool', values.tool, TRACERS))
  using folder = temporaryFolder()
  const { result, load } = await underLoad(settings, null, async proxy => {
    const threads = threadsNamed(proxy.pid, WORKER_NAME)
    if (threads.length === 0) throw new PerfFailure(`no thread of the proxy has a name that begins with ${WORKER_NAME}`)
    const tracing = await trace(tracer, threads, folder.path)
    const before = await proxy.exchanges()
    await pause(settings.seconds * 1000)
    const after = await proxy.exchanges()
    return { calls: await tracing.stop(), requests: after - before }
  })
  if (result.requests === 0) throw new PerfFailure('no request ended within the window')
  const rate = Math.round(result.requests / settings.seconds)
  console.log(describeWindow(settings))
  console.log(`${result.requests} requests in the window, ${rate} a second under ${tracer}; ${load.generator}`)
  if (load.errors > 0) console.log(`ATTENTION: ${load.errors} errors in the load`)
  console.log(`\n${formatCalls(result.calls, result.requests)}`)
}

/** A table of calls per request, most first. */
export function formatCalls(calls: readonly SystemCalls[], requests: number): string {
  const number = (count: number | null): string => (count === null ? '-' : (count / requests).toFixed(3)).padStart(8)
  const row = ({ name, calls, errors }: SystemCalls): string => `${number(calls)} ${number(errors)}  ${name}`
  const sum = (counts: readonly (number | null)[]): number | null =>
    counts.includes(null) ? null : counts.reduce<number>((total, count) => total + (count ?? 0), 0)
  const all = {
    name: 'all',
    calls: calls.reduce((total, entry) => total + entry.calls, 0),
    errors: sum(calls.map(({ errors }) => errors)),
  }
  const sorted = calls.toSorted((a, b) => b.calls - a.calls)
  return ['   calls   errors  a request', ...[...sorted, all].map(row)].join('\n')
}
