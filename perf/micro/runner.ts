/**
 * Measures the benches of one file, in this process:
 *
 *     node perf/micro/runner.ts FILE [--filter TEXT] [--milliseconds N] [--json] [--short]
 *
 * A bench file that is run by itself takes the same options. The file may lie in another tree: everything it imports
 * comes from there.
 */
import { dirname, join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { do_not_optimize, measure } from 'mitata'
import type { Bench } from './harness.ts'
import { type BenchRow, type FailedRow, formatRow, ROW_HEADER } from './rows.ts'

export interface RunOptions {
  /** Part of a bench's whole name, in any case; empty for all. */
  readonly filter: string
  /** How long each bench is measured, behind a third of that, at least, as warm-up. */
  readonly milliseconds: number
  /** A few calls only, to see that it runs: what comes out says nothing. */
  readonly short: boolean
  readonly json: boolean
}

/** Calls of a short run. */
const SHORT_CALLS = 8

/**
 * One sample: long enough for the clock, and much shorter than the turns in which the system lets processes run, so that
 * only a few samples have another process's turn in them, and the median none.
 */
const SAMPLE_NS = 100_000

/** mitata's loop is unrolled so far: batches are multiples of it. */
const UNROLLED = 4

/** Milliseconds that a file's benches get to become warm together, at least: the compiler works beside them. */
const WARM_UP_MS = 1000

/** Where a bench is measured for a moment only, all of them together get so many times that, and no more. */
const WARM_UP_TIMES = 6

/** Slices in which the benches of a file take turns to get warm. */
const WARM_UP_TURNS = 10

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

if (import.meta.main) {
  const { options, positionals } = parseOptions(process.argv.slice(2), true)
  const [file = ''] = positionals
  await import(pathToFileURL(file).href)
  await runFile(file, options)
  process.exit()
}

/** Measures the benches that the file which Node was told to run has declared. */
export async function runAlone(file: string): Promise<void> {
  await runFile(file, parseOptions(process.argv.slice(2), false).options)
  process.exit()
}

function parseOptions(args: string[], allowPositionals: boolean): { options: RunOptions; positionals: string[] } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals,
    options: {
      filter: { type: 'string', default: '' },
      milliseconds: { type: 'string', default: '300' },
      json: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
    },
  })
  const { filter, json, short } = values
  return { options: { filter, json, short, milliseconds: Number(values.milliseconds) }, positionals }
}

/** `perf/micro/http1/chunk.bench.ts` is `http1/chunk`. */
function roomName(file: string): string {
  const folder = file.slice(0, file.lastIndexOf(join('perf', 'micro')) + join('perf', 'micro').length)
  return relative(folder, file)
    .replace(/\.bench\.ts$/, '')
    .replaceAll(sep, '/')
}

/** The harness that the file has registered its benches with: the one of its own tree. */
async function benchesOf(file: string): Promise<readonly Bench[]> {
  const room = roomName(file)
  const folder = room.split('/').reduce(dirname, file)
  const harness = (await import(pathToFileURL(join(folder, 'harness.ts')).href)) as typeof import('./harness.ts')
  return harness.benches().map(bench => ({ ...bench, name: `${room}: ${bench.name}` }))
}

async function runFile(file: string, options: RunOptions): Promise<void> {
  const wanted = options.filter.toLowerCase()
  const all = (await benchesOf(file)).filter(({ name }) => name.toLowerCase().includes(wanted))
  const say = (row: BenchRow | FailedRow): void => {
    if (options.json) console.log(JSON.stringify(row))
    else console.log('failure' in row ? `${row.name}: ${row.failure}` : formatRow(row))
  }
  const runs = all.filter(bench => {
    const failure = failureOf(bench)
    if (failure !== null) say({ name: bench.name, failure })
    return failure === null
  })
  if (!options.json && runs.length > 0) console.log(ROW_HEADER)
  const calls = options.short ? runs.map(() => SHORT_CALLS) : warmUp(runs, options.milliseconds)
  for (const [index, bench] of runs.entries()) say(await measureBench(bench, calls[index] as number, options))
  if (runs.length < all.length) process.exitCode = 1
}

/** Code that is too old for a bench fails at once: what is missing is missing at its first call. */
function failureOf({ run }: Bench): string | null {
  try {
    run()
    return null
  } catch (error) {
    return (error as Error).message.replaceAll(/\s*\n\s*/g, ' ')
  }
}

/**
 * All benches of the file get warm before any is measured, in turns: what they share has then seen all of their inputs,
 * as it has in production, and is not compiled for one of them. Gives for each the calls that make a sample.
 */
function warmUp(runs: readonly Bench[], measuredMs: number): number[] {
  const together = Math.min(WARM_UP_MS, measuredMs * WARM_UP_TIMES)
  const milliseconds = Math.max(measuredMs / 3, together / runs.length)
  const calls = runs.map(() => 0)
  for (let turn = 0; turn < WARM_UP_TURNS; turn += 1) {
    for (const [index, { run }] of runs.entries()) {
      const startedAt = performance.now()
      let count = 0
      do {
        do_not_optimize(run())
        count += 1
      } while (performance.now() - startedAt < milliseconds / WARM_UP_TURNS)
      calls[index] = (count * SAMPLE_NS) / ((performance.now() - startedAt) * 1e6)
    }
  }
  return calls.map(count => UNROLLED * Math.min(2048, Math.max(1, Math.round(count / UNROLLED))))
}

async function measureBench({ name, run, operations }: Bench, calls: number, options: RunOptions): Promise<BenchRow> {
  const stats = await measure(() => do_not_optimize(run()), {
    heap: heapUsed,
    gc: collectGarbage,
    min_cpu_time: options.short ? 0 : options.milliseconds * 1e6,
    min_samples: 8,
    batch_samples: calls,
    batch_unroll: UNROLLED,
    // Everything runs in batches: their size is known already.
    warmup_samples: 1,
    warmup_threshold: Number.POSITIVE_INFINITY,
    batch_threshold: Number.POSITIVE_INFINITY,
  })
  return {
    name,
    nanoseconds: stats.p50 / operations,
    lowerQuartile: stats.p25 / operations,
    upperQuartile: stats.p75 / operations,
    heapBytes: Number.isFinite(stats.heap?.avg) ? (stats.heap?.avg ?? 0) / operations : 0,
  }
}

function heapUsed(): number {
  return getHeapStatistics().used_heap_size
}
