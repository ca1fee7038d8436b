/** `npm run perf -- compare REF`: did the working tree get slower than a commit, and where. */
import { parseArgs } from 'node:util'
import { PerfFailure } from '../failure.ts'
import { wholeNumber } from '../options.ts'
import { outputFile } from '../output.ts'
import { ROOT } from '../tree.ts'
import { checkOut } from './checkout.ts'
import { compareLoads } from './loads.ts'
import { compareMicro } from './micro.ts'
import { formatComparisons } from './report.ts'
import { compareRows, type RawRow } from './rounds.ts'

export const COMPARE_HELP = `compare REF: the working tree against a commit, by turns, in fresh processes
  --filter TEXT      only benches, or scenarios, with TEXT in their name
  --rounds N         measurements of each side, 1 to 1000 (10); fewer than 5 tell no difference
  --load             the load scenarios instead of the micro-benchmarks: CPU time per request
  --milliseconds N   measured for each bench in a round, 10 to 60000 (150)
  --seconds N        of load for each scenario in a round, 1 to 600 (4)
  --out FILE         keeps every measurement as JSON`

export interface CompareOptions {
  /** The working tree. */
  readonly root: string
  readonly ref: string
  readonly filter: string
  readonly rounds: number
  readonly load: boolean
  readonly milliseconds: number
  readonly seconds: number
  /** Told how far it is. */
  readonly tell: (text: string) => void
}

export interface CompareReport {
  readonly commit: string
  readonly rows: readonly RawRow[]
  /** Benches that could not be compared, each with why. */
  readonly leftOut: readonly string[]
}

export async function compareCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      filter: { type: 'string', default: '' },
      rounds: { type: 'string', default: '10' },
      load: { type: 'boolean', default: false },
      milliseconds: { type: 'string', default: '150' },
      seconds: { type: 'string', default: '4' },
      out: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [ref] = positionals
  if (ref === undefined || positionals.length > 1) throw new PerfFailure('compare takes one commit, such as HEAD~1')
  const rounds = wholeNumber('rounds', values.rounds, 1, 1000)
  const milliseconds = wholeNumber('milliseconds', values.milliseconds, 10, 60_000)
  const seconds = wholeNumber('seconds', values.seconds, 1, 600)
  const keep = outputFile(values.out)
  const { commit, rows, leftOut } = await compare({
    root: ROOT,
    ref,
    filter: values.filter,
    rounds,
    load: values.load,
    milliseconds,
    seconds,
    tell: text => process.stderr.write(`${text}\n`),
  })
  keep({ commit, rows })
  console.log(`\n${formatComparisons(compareRows(rows), commit, rounds)}`)
  for (const line of leftOut) console.log(`left out: ${line}`)
}

/** Measures both sides; nothing of it stays behind, however it ends. */
export async function compare(options: CompareOptions): Promise<CompareReport> {
  using checkout = await checkOut(options.root, options.ref, options.tell)
  const trees = { before: checkout.tree, after: options.root }
  const report = options.load ? await compareLoads(trees, options) : await compareMicro(trees, options)
  if (report.rows.length === 0) {
    const why = report.leftOut[0] ?? `none has "${options.filter}" in its name`
    throw new PerfFailure(`there is nothing to compare: ${why}`)
  }
  return { commit: checkout.commit, ...report }
}
