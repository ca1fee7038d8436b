/** The micro-benchmarks of two trees by turns. */
import { type BenchFile, type BenchReport, benchFilesIn, runBenchFile } from '../micro/bench-process.ts'
import type { CompareOptions, CompareReport } from './command.ts'
import { orderOf, type RawRow, type Side } from './rounds.ts'

type Trees = Readonly<Record<Side, string>>

/** A bench file, as it lies in both trees. */
type FilePair = Readonly<Record<Side, BenchFile>>

export async function compareMicro(trees: Trees, options: CompareOptions): Promise<Omit<CompareReport, 'commit'>> {
  const leftOut: string[] = []
  const files = await loadableFiles(trees, options.filter, leftOut)
  const rows: RawRow[] = []
  for (let round = 0; round < options.rounds && files.length > 0; round += 1) {
    for (const file of files) await measureFile(file, round, options, rows, leftOut)
    options.tell(`round ${round + 1} of ${options.rounds}`)
  }
  return { rows, leftOut }
}

/** One file in both trees, right after each other. */
async function measureFile(
  file: FilePair,
  round: number,
  options: CompareOptions,
  rows: RawRow[],
  leftOut: string[],
): Promise<void> {
  for (const side of orderOf(round)) {
    const { filter, milliseconds } = options
    const report = await runBenchFile(file[side], { filter, milliseconds, short: false })
    for (const { name, nanoseconds } of report.rows) rows.push({ round, side, name, nanoseconds })
    if (report.failure !== null) leftOut.push(`${file[side].room} in round ${round + 1}, ${side}: ${report.failure}`)
  }
}

/** Runs everything for a moment: what is not in the filter, or does not run in one of the trees, is found out here. */
async function loadableFiles(trees: Trees, filter: string, leftOut: string[]): Promise<FilePair[]> {
  const pairs = pairFiles(trees)
  const loadable: FilePair[] = []
  for (const pair of pairs) {
    const once = { filter, milliseconds: 10, short: true }
    const [here, there] = await Promise.all([runBenchFile(pair.after, once), runBenchFile(pair.before, once)])
    if (!isWanted(pair.after, here, filter)) continue
    leftOut.push(...problemsOf(pair.after, here, 'here'), ...problemsOf(pair.before, there, 'on the other commit'))
    if (here.rows.length > 0 && there.rows.length > 0) loadable.push(pair)
  }
  return loadable
}

/** Which benches a file that does not load would have is not known: it is wanted where the filter names its room. */
function isWanted({ room }: BenchFile, { rows, failed, failure }: BenchReport, filter: string): boolean {
  return failure === null ? rows.length + failed.length > 0 : room.toLowerCase().includes(filter.toLowerCase())
}

function problemsOf({ room }: BenchFile, { failed, failure }: BenchReport, where: string): string[] {
  const problems = failed.map(row => `${row.name} does not run ${where}: ${row.failure}`)
  return failure === null ? problems : [...problems, `${room} does not run ${where}: ${failure}`]
}

/** The other tree has the same files: they were copied. */
function pairFiles(trees: Trees): FilePair[] {
  const others = new Map(benchFilesIn(trees.before).map(file => [file.room, file]))
  return benchFilesIn(trees.after).flatMap(after => {
    const before = others.get(after.room)
    return before === undefined ? [] : [{ before, after }]
  })
}
