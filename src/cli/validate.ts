import { Command, Option } from 'commander'
import { allListeners } from '../../engine/threads/all-listeners.ts'
import { ConfigurationError, type Problem } from '../config/errors.ts'
import type { Configuration } from '../config/load.ts'
import { paintFor } from './colours.ts'
import { configurationOption } from './configuration-option.ts'
import { EXIT_FAILED } from './exit-codes.ts'
import { describeProblems } from './failure.ts'
import { withExamples } from './help.ts'

/** `sluice validate`: says what is wrong with a configuration, or what it holds. */

interface Options {
  readonly config?: string
  readonly json?: boolean
}

/** What came of it, whatever it is printed as. */
interface Verdict {
  readonly configuration: Configuration | null
  readonly problems: readonly Problem[]
}

export function validateCommand(): Command {
  const command = new Command('validate')
    .description('check a configuration without starting anything')
    .addOption(configurationOption())
    .addOption(new Option('--json', 'print everything as JSON'))
    .action(async ({ config, json = false }: Options) => {
      const verdict = await validate(config)
      if (json) process.stdout.write(`${JSON.stringify(report(verdict), null, 2)}\n`)
      else print(verdict)
      if (verdict.configuration === null) process.exitCode = EXIT_FAILED
    })
  return withExamples(command, ['validate', 'validate -c /etc/sluice/conf.d', 'validate -c sluice.toml --json'])
}

async function validate(path: string | undefined): Promise<Verdict> {
  // Loaded by the command that needs it: `start` reads the configuration apart, to keep this out of its memory.
  const { loadConfiguration } = await import('../config/load.ts')
  try {
    const configuration = await loadConfiguration(path)
    return { configuration, problems: configuration.warnings }
  } catch (error) {
    if (error instanceof ConfigurationError) return { configuration: null, problems: error.problems }
    throw error
  }
}

function print({ configuration, problems }: Verdict): void {
  if (problems.length > 0) process.stderr.write(`${describeProblems(problems, paintFor(process.stderr))}\n`)
  if (configuration === null) process.stderr.write(`${countsOf(problems)}\n`)
  else process.stdout.write(`${summary(configuration)}\n`)
}

function summary({ name, snapshot, warnings }: Configuration): string {
  const endpoints = snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
  const parts = [
    count(allListeners(snapshot).length, 'listener'),
    `${count(snapshot.upstreams.length, 'upstream')} with ${count(endpoints, 'endpoint')}`,
    count(snapshot.routes.length, 'route'),
  ]
  const remark = warnings.length === 0 ? '' : `; ${countsOf(warnings)}`
  return `${name} is valid: ${parts.join(', ')}${remark}`
}

/** `2 errors, 1 warning`. */
function countsOf(problems: readonly Problem[]): string {
  const { errors, warnings } = tally(problems)
  const parts = [errors > 0 ? count(errors, 'error') : '', warnings > 0 ? count(warnings, 'warning') : '']
  return parts.filter(part => part !== '').join(', ')
}

function tally(problems: readonly Problem[]): { errors: number; warnings: number } {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: problems.length - errors }
}

function report({ configuration, problems }: Verdict): unknown {
  const found = configuration && { file: configuration.name, hash: configuration.hash, files: configuration.files }
  return { valid: configuration !== null, ...found, ...tally(problems), problems }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
