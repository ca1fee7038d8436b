import { constants } from 'node:os'
import { Command } from 'commander'
import type { Comparison } from '../bench/compare.ts'
import { ROUNDS } from '../bench/limits.ts'
import { BenchError, type BenchOptions, type BenchProgress, checkOptions } from '../bench/options.ts'
import type { BenchResult } from '../bench/result.ts'
import { addBenchOptions, type BenchArguments, readBenchOptions } from './bench-arguments.ts'
import { type BenchFile, hgrmPathsOf, isJsonOnStdout, jsonPathOf, writeFiles } from './bench-files.ts'
import { ProgressLine } from './bench-progress.ts'
import { EXIT_FAILED, UsageError } from './exit-codes.ts'
import { firstShutdownSignal, type ShutdownSignal } from './shutdown-signals.ts'
import { packageVersion } from './version.ts'

/** `sluice bench`: puts load on a target, or on two in turn, and says what came back. The rest is loaded when it runs. */

const EPILOGUE = `
Exit code: 0 when every request was answered with 2xx; 1 when answers were not 2xx, requests failed or could not be sent at
the rate, or the run could not be made; 2 for wrong arguments; 130 after Ctrl-C (with what was measured until then).

Examples:
  $ sluice bench http://localhost:8080/ -d 30s -c 64
  $ sluice bench http://localhost:8080/ --vs http://localhost:3000/ -r 500 --html report.html`

export function benchCommand(): Command {
  return addBenchOptions(new Command('bench'))
    .description('put load on a URL and measure its answers')
    .argument('[URL]', 'the target, http:// or https://')
    .addHelpText('after', EPILOGUE)
    .action(async (url: string | undefined, args: BenchArguments, command: Command) => {
      const [target, rest] = targetOf(url, args)
      if (target === undefined) command.error("error: missing required argument 'URL'")
      const options = await checkedOptions(target, rest)
      try {
        await run(options, rest)
      } catch (error) {
        if (!(error instanceof BenchError)) throw error
        process.stderr.write(`sluice: ${error.message}\n`)
        process.exitCode ??= EXIT_FAILED
      }
    })
}

/** Everything that can be wrong before the first connection. @throws {UsageError} */
async function checkedOptions(url: string, args: BenchArguments): Promise<BenchOptions> {
  try {
    const options = await readBenchOptions(url, args)
    checkOptions(options)
    return options
  } catch (error) {
    throw error instanceof BenchError ? new UsageError(error.message) : error
  }
}

/** In `bench --json URL` the URL stands where a file's name could; nobody means a file of that name. */
function targetOf(url: string | undefined, args: BenchArguments): [string | undefined, BenchArguments] {
  if (url !== undefined || typeof args.json !== 'string' || !/^https?:/i.test(args.json)) return [url, args]
  return [args.json, { ...args, json: true }]
}

async function run(options: BenchOptions, args: BenchArguments): Promise<void> {
  const ending = new AbortController()
  void firstShutdownSignal().then(signal => {
    process.exitCode = exitCodeOf(signal)
    ending.abort()
  })
  const progress = args.quiet ? null : new ProgressLine(process.stderr, process.env.TERM)
  const interruptible = { ...options, signal: ending.signal }
  try {
    await (args.vs === undefined
      ? runOne(interruptible, args, progress)
      : runTwo(interruptible, args.vs, args, progress))
  } finally {
    progress?.clear()
  }
}

async function runOne(options: BenchOptions, args: BenchArguments, progress: ProgressLine | null): Promise<void> {
  const { bench } = await import('../bench/bench.ts')
  const { isFlawless } = await import('../bench/result.ts')
  const onProgress = (state: BenchProgress) => progress?.show('', state)
  const result = await bench({ ...options, onProgress })
  progress?.clear()
  await report(await renderOne(result), args)
  if (!isFlawless(result)) process.exitCode ??= EXIT_FAILED
}

async function runTwo(
  options: BenchOptions,
  otherUrl: string,
  args: BenchArguments,
  progress: ProgressLine | null,
): Promise<void> {
  const { compareTargets, isComparisonFlawless } = await import('../bench/compare.ts')
  const rounds = args.rounds ?? ROUNDS.default
  const comparison = await compareTargets({
    ...options,
    otherUrl,
    rounds,
    onProgress: ({ round, target }, state) =>
      progress?.show(`round ${round} of ${rounds}, ${target === 'first' ? 'A' : 'B'} `, state),
  })
  progress?.clear()
  await report(await renderTwo(comparison), args)
  if (!isComparisonFlawless(comparison)) process.exitCode ??= EXIT_FAILED
}

/** What can be written of a run; each form is made only when it is asked for. */
interface Rendering {
  readonly text: () => string
  readonly json: () => string
  readonly html: () => string
  /** One for each target. */
  readonly hgrm: readonly (() => string)[]
}

async function renderOne(result: BenchResult): Promise<Rendering> {
  const { textReport } = await import('../bench/report-text.ts')
  const { htmlReport } = await import('../bench/report-html.ts')
  const { hgrmReport } = await import('../bench/report-hgrm.ts')
  return {
    text: () => textReport(result),
    json: () => toJson(result),
    html: () => htmlReport(result),
    hgrm: [() => hgrmReport(result.latency)],
  }
}

async function renderTwo(comparison: Comparison): Promise<Rendering> {
  const { textComparison } = await import('../bench/report-text.ts')
  const { htmlComparison } = await import('../bench/report-html.ts')
  const { hgrmReport } = await import('../bench/report-hgrm.ts')
  return {
    text: () => textComparison(comparison),
    json: () => toJson(comparison),
    html: () => htmlComparison(comparison),
    hgrm: [() => hgrmReport(comparison.first.latency), () => hgrmReport(comparison.second.latency)],
  }
}

async function report(rendering: Rendering, args: BenchArguments): Promise<void> {
  process.stdout.write(isJsonOnStdout(args) ? rendering.json() : rendering.text())
  const files: BenchFile[] = []
  const jsonPath = jsonPathOf(args)
  if (jsonPath !== undefined) files.push({ path: jsonPath, render: rendering.json })
  if (args.html !== undefined) files.push({ path: args.html, render: rendering.html })
  const hgrmPaths = args.hgrm === undefined ? [] : hgrmPathsOf(args.hgrm)
  for (const [index, render] of rendering.hgrm.entries()) {
    const path = hgrmPaths[index]
    if (path !== undefined) files.push({ path, render })
  }
  await writeFiles(files)
}

function toJson(result: BenchResult | Comparison): string {
  return `${JSON.stringify({ sluice: packageVersion(), ...result }, null, 2)}\n`
}

function exitCodeOf(signal: ShutdownSignal): number {
  return 128 + constants.signals[signal]
}
