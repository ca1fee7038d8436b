/** `npm run perf -- load`: whole requests through a proxy of the working tree. */
import { parseArgs } from 'node:util'
import { moveSelfTo, splitCores } from '../../native-bench/frame/cores.ts'
import { PerfFailure } from '../failure.ts'
import { oneOf, wholeNumber } from '../options.ts'
import { outputFile } from '../output.ts'
import { entryOf, ROOT } from '../tree.ts'
import { type LoadRow, measureLoad, WARM_UP_SECONDS } from './measure.ts'
import { SCENARIO_NAMES, SCENARIOS } from './scenarios.ts'

export const LOAD_HELP = `load [SCENARIO]: CPU time, throughput and latency of a proxy with one worker; all scenarios, or one of
${SCENARIOS.map(({ name, summary }) => `    ${name.padEnd(8)} ${summary}`).join('\n')}
  --seconds N        for each, 1 to 600 (5), behind ${WARM_UP_SECONDS} s of warm-up
  --connections N    1 to 10000 (64)
  --from FORM        sources or dist (sources)
  --out FILE         keeps the rows as JSON`

export async function loadCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '64' },
      from: { type: 'string', default: 'sources' },
      out: { type: 'string' },
    },
    allowPositionals: true,
  })
  if (positionals.length > 1) throw new PerfFailure(`load takes one scenario, not "${positionals.join('", "')}"`)
  const wanted = positionals.map(name => oneOf('SCENARIO', name, SCENARIO_NAMES))
  const seconds = wholeNumber('seconds', values.seconds, 1, 600)
  const connections = wholeNumber('connections', values.connections, 1, 10_000)
  const entry = entryOf(ROOT, oneOf('--from', values.from, ['sources', 'dist']))
  const keep = outputFile(values.out)
  const cores = splitCores()
  moveSelfTo(cores.others)
  console.log(cores.note ?? `proxy on core ${cores.proxy}, the rest on ${cores.others}`)
  console.log(LOAD_HEADER)
  const rows: LoadRow[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const row = await measureLoad({ scenario, entry, core: cores.proxy, connections, seconds })
    console.log(formatLoad(row))
    rows.push(row)
  }
  keep(rows)
}

const LOAD_HEADER =
  'scenario   µs of CPU a request: user + system   requests/s   MiB/s   latency in ms: median    90 %    99 %     max'

function formatLoad(row: LoadRow): string {
  const { userUs, systemUs, requestsPerSecond, bytesPerSecond, latencyMs } = row
  const cpu = `${(userUs + systemUs).toFixed(1).padStart(6)}: ${userUs.toFixed(1)} + ${systemUs.toFixed(1)}`
  const rate = String(Math.round(requestsPerSecond)).padStart(10)
  const bytes = (bytesPerSecond / 2 ** 20).toFixed(1).padStart(7)
  const latencies = [latencyMs.p50, latencyMs.p90, latencyMs.p99, latencyMs.max]
  const times = latencies.map(ms => ms.toFixed(0).padStart(7)).join(' ')
  return `${row.scenario.padEnd(9)} ${cpu.padEnd(36)} ${rate} ${bytes} ${times.padStart(47)}`
}
