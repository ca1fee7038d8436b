/** A proxy under load, and a stretch of time in it when it is warm: what `profile` and `syscalls` look into. */
import { setTimeout as pause } from 'node:timers/promises'
import { moveSelfTo, splitCores } from '../../native-bench/frame/cores.ts'
import { PerfFailure } from '../failure.ts'
import { SCENARIO_NAMES, SCENARIOS, type Scenario } from '../load/scenarios.ts'
import { oneOf, wholeNumber } from '../options.ts'
import { entryOf, ROOT } from '../tree.ts'
import { type LoadReport, runLoad } from './load-generator.ts'
import { startOrigin } from './origin.ts'
import { ProxyProcess } from './proxy.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Seconds of load before anything counts: compilers and pools get warm. */
const WARM_UP_SECONDS = 2

/** The options that both commands have, for `parseArgs`. */
export const WINDOW_OPTIONS = {
  seconds: { type: 'string', default: '5' },
  scenario: { type: 'string', default: 'bare' },
  connections: { type: 'string', default: '64' },
  pipelining: { type: 'string', default: '1' },
  from: { type: 'string', default: 'sources' },
  'access-log': { type: 'boolean', default: false },
} as const

export const WINDOW_HELP = `  --seconds N        length of the window, 1 to 600 (5), behind ${WARM_UP_SECONDS} s of warm-up
  --scenario NAME    ${SCENARIO_NAMES.join(', ')} (bare)
  --connections N    of the load, 1 to 10000 (64)
  --pipelining N     requests that may wait on one upstream connection, 1 to 1000 (1)
  --from FORM        sources or dist (sources)
  --access-log       with an access line for each request, to /dev/null`

export interface WindowSettings {
  readonly seconds: number
  readonly scenario: Scenario
  readonly connections: number
  readonly pipelining: number
  readonly entry: string
  readonly accessLog: boolean
}

export function windowSettings(
  values: {
    readonly [Option in Exclude<keyof typeof WINDOW_OPTIONS, 'access-log'>]: string
  } & { readonly 'access-log': boolean },
): WindowSettings {
  const name = oneOf('--scenario', values.scenario, SCENARIO_NAMES)
  return {
    seconds: wholeNumber('seconds', values.seconds, 1, 600),
    scenario: SCENARIOS.find(scenario => scenario.name === name) as Scenario,
    connections: wholeNumber('connections', values.connections, 1, 10_000),
    pipelining: wholeNumber('pipelining', values.pipelining, 1, 1000),
    entry: entryOf(ROOT, oneOf('--from', values.from, ['sources', 'dist'])),
    accessLog: values['access-log'],
  }
}

export interface WindowReport<Result> {
  readonly result: Result
  readonly load: LoadReport
}

/** Runs `look` while the proxy is under load; it is to take about `settings.seconds`. */
export async function underLoad<Result>(
  settings: WindowSettings,
  preload: string | null,
  look: (proxy: ProxyProcess) => Promise<Result>,
): Promise<WindowReport<Result>> {
  const { scenario, connections, pipelining, accessLog, entry } = settings
  const cores = splitCores()
  moveSelfTo(cores.others)
  using folder = temporaryFolder()
  await using origin = await startOrigin()
  await using proxy = await ProxyProcess.start({
    entry,
    settings: { originPort: origin.port, accessLog, pipelining },
    core: cores.proxy,
    preload,
  })
  // A margin, so that the load outlasts the window.
  const seconds = settings.seconds + WARM_UP_SECONDS + 2
  const loading = runLoad({ url: proxy.url, scenario, connections, seconds, folder: folder.path })
  // Awaited below, where it is looked at; a failure before that must not go unseen or end the process.
  loading.catch(() => {})
  await Promise.race([pause(WARM_UP_SECONDS * 1000), loading])
  const result = await look(proxy)
  const load = await loading
  if (load.requests === 0) throw new PerfFailure(`the load brought no answer (${load.errors} errors)`)
  return { result, load }
}

export function describeWindow(settings: WindowSettings): string {
  const { scenario, connections, pipelining, seconds, accessLog } = settings
  const extras = [pipelining > 1 ? `, pipelining ${pipelining}` : '', accessLog ? ', access log' : ''].join('')
  return `${scenario.name}: ${scenario.summary}; ${connections} connections, ${seconds} s${extras}`
}
