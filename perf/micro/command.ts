/** `npm run perf -- micro`: the micro-benchmarks, one process for each file. */
import { parseArgs } from 'node:util'
import { PerfFailure } from '../failure.ts'
import { wholeNumber } from '../options.ts'
import { outputFile } from '../output.ts'
import { ROOT } from '../tree.ts'
import { benchFilesIn, runBenchFile } from './bench-process.ts'
import { type BenchRow, formatRow, ROW_HEADER } from './rows.ts'

export const MICRO_HELP = `micro [FILTER]: the micro-benchmarks whose name contains FILTER, such as "http1/chunk" or "browser"
  --milliseconds N   measured for each bench, 10 to 60000 (300)
  --out FILE         keeps the rows as JSON`

export async function microCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { milliseconds: { type: 'string', default: '300' }, out: { type: 'string' } },
    allowPositionals: true,
  })
  const [filter = '', ...rest] = positionals
  if (rest.length > 0) throw new PerfFailure(`micro takes one filter, not "${positionals.join('", "')}"`)
  const milliseconds = wholeNumber('milliseconds', values.milliseconds, 10, 60_000)
  const keep = outputFile(values.out)
  const rows: BenchRow[] = []
  const failures: string[] = []
  for (const file of benchFilesIn(ROOT)) {
    const report = await runBenchFile(file, { filter, milliseconds, short: false })
    if (rows.length === 0 && report.rows.length > 0) console.log(ROW_HEADER)
    for (const row of report.rows) console.log(formatRow(row))
    rows.push(...report.rows)
    failures.push(...report.failed.map(({ name, failure }) => `${name}: ${failure}`))
    if (report.failure !== null) failures.push(`${file.room}: ${report.failure}`)
  }
  keep(rows)
  for (const failure of failures) console.error(failure)
  if (failures.length > 0) throw new PerfFailure('not all benches run')
  if (rows.length === 0) throw new PerfFailure(`no bench has a name with "${filter}" in it`)
}
