import { writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { LoadedExplainer } from '../explain/open-explainer.ts'
import type { RouteTests } from '../explain/route-test-schema.ts'
import type { RouteTestResult } from '../explain/run-route-tests.ts'
import { type Paint, paintFor } from './colours.ts'
import { configurationOption } from './configuration-option.ts'
import { CommandFailure, EXIT_FAILED } from './exit-codes.ts'
import { withExamples } from './help.ts'

/** `sluice test`: holds configurations to what their owner expects of them. */

interface Options {
  readonly config?: string
  readonly filter?: string
  readonly junit?: string
}

/** What came of the tests of a file. */
interface FileResult {
  readonly name: string
  readonly startedAtMs: number
  readonly cases: readonly RouteTestResult[]
}

export function testCommand(): Command {
  const command = new Command('test')
    .description('check where requests go against files of expectations, without starting anything')
    .argument('<FILE...>', 'the expectations, YAML, TOML or JSON, such as routes.test.yaml')
    .addOption(configurationOption())
    .addOption(new Option('--filter <TEXT>', 'only tests with this text in their name'))
    .addOption(new Option('--junit <FILE>', 'also write a report in JUnit format'))
    .action(run)
  return withExamples(command, [
    'test routes.test.yaml',
    'test tests/*.test.yaml -c sluice.yaml --junit report.xml',
    'test routes.test.yaml --filter redirect',
  ])
}

async function run(names: readonly string[], options: Options): Promise<void> {
  const results = await runFiles(names, options)
  const count = results.reduce((sum, { cases }) => sum + cases.length, 0)
  if (count === 0) throw new CommandFailure(`no test has ${JSON.stringify(options.filter)} in its name`)
  process.stdout.write(await reportText(results, paintFor(process.stdout)))
  if (options.junit !== undefined) await writeReport(options.junit, results)
  const hasFailed = results.some(({ cases }) => cases.some(({ failure }) => failure !== null))
  if (hasFailed) process.exitCode = EXIT_FAILED
}

/** All files are read before the first test runs: what is wrong with the last one is told at once. */
async function runFiles(names: readonly string[], { config, filter = '' }: Options): Promise<FileResult[]> {
  const { loadRouteTests } = await import('../explain/load-route-tests.ts')
  const files: { name: string; file: RouteTests }[] = []
  for (const name of names) files.push({ name, file: await loadRouteTests(name) })
  using explainers = new Explainers()
  const results: FileResult[] = []
  for (const { name, file } of files) {
    const own = file.config === undefined ? undefined : resolve(dirname(name), file.config)
    results.push(await runFile(name, file, await explainers.of(config ?? own), filter))
  }
  return results
}

/** One for each configuration: several files may be about the same. */
class Explainers implements Disposable {
  readonly #open = new Map<string | undefined, LoadedExplainer>()

  async of(config: string | undefined): Promise<LoadedExplainer> {
    const { openExplainer } = await import('../explain/open-explainer.ts')
    const known = this.#open.get(config) ?? (await openExplainer(config))
    this.#open.set(config, known)
    return known
  }

  [Symbol.dispose](): void {
    for (const loaded of this.#open.values()) loaded[Symbol.dispose]()
  }
}

async function runFile(
  name: string,
  { tests }: RouteTests,
  { explainer }: LoadedExplainer,
  filter: string,
): Promise<FileResult> {
  const { nameOf, runRouteTest } = await import('../explain/run-route-tests.ts')
  const startedAtMs = Date.now()
  const chosen = tests.filter(test => nameOf(test).includes(filter))
  return { name, startedAtMs, cases: chosen.map(test => runRouteTest(explainer, test)) }
}

async function writeReport(path: string, results: readonly FileResult[]): Promise<void> {
  const { junitXml } = await import('../explain/junit.ts')
  await writeFile(path, junitXml(results)).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`${path}: cannot be written (${error.code})`)
  })
}

async function reportText(results: readonly FileResult[], paint: Paint): Promise<string> {
  const { printable } = await import('../explain/printable.ts')
  const lines = results.flatMap(({ name, cases }) => [
    ...(results.length > 1 && cases.length > 0 ? [paint('bold', printable(name))] : []),
    ...cases.flatMap(one => caseLines({ ...one, name: printable(one.name) }, paint)),
  ])
  const cases = results.flatMap(result => result.cases)
  const failed = cases.filter(({ failure }) => failure !== null).length
  const sum = `${cases.length - failed} passed, ${failed} failed`
  return `${[...lines, '', paint(failed === 0 ? 'green' : 'red', sum)].join('\n')}\n`
}

function caseLines({ name, failure }: RouteTestResult, paint: Paint): string[] {
  if (failure === null) return [`${paint('green', '✓')} ${name}`]
  return [`${paint('red', '✗')} ${paint('bold', name)}`, ...failure.split('\n').map(line => `    ${line}`)]
}
