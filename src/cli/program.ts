import { Command, CommanderError } from 'commander'
import { paintFor } from './colours.ts'
import { EXIT_FAILED, EXIT_FINE, EXIT_USAGE, UsageError } from './exit-codes.ts'
import { describeFailure } from './failure.ts'
import { withExamples } from './help.ts'
import { packageVersion } from './version.ts'

/** The command line: which commands there are, and what becomes of an error. */

/** By name, in the order of `--help`. Each is loaded when it is asked for: `start` has no use for the others' memory. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).startCommand(),
  stop: async () => (await import('./stop.ts')).stopCommand(),
  reload: async () => (await import('./reload.ts')).reloadCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  validate: async () => (await import('./validate.ts')).validateCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  test: async () => (await import('./test.ts')).testCommand(),
  diff: async () => (await import('./diff.ts')).diffCommand(),
  config: async () => (await import('./config-show.ts')).configCommand(),
  'gen-certs': async () => (await import('./gen-certs.ts')).genCertsCommand(),
  init: async () => (await import('./init.ts')).initCommand(),
  schema: async () => (await import('./schema.ts')).schemaCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  completion: async () => (await import('./completion.ts')).completionCommand(buildProgram),
}

/** The whole tree of commands; with `name`, that one alone. */
export async function buildProgram(name?: string): Promise<Command> {
  const program = new Command('sluice')
    .description('A load balancer and API gateway.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
  const wanted = name !== undefined && Object.hasOwn(COMMANDS, name) ? [name] : Object.keys(COMMANDS)
  for (const each of wanted) {
    const command = await COMMANDS[each]?.()
    if (command !== undefined) program.addCommand(command)
  }
  prepare(program, 'sluice')
  return withExamples(program, ['init', 'validate', 'start --watch', 'status'])
}

/** What holds for every command, and is not handed down to those that were made apart. */
function prepare(command: Command, name: string): void {
  command.helpOption('-h, --help', 'print this help').showHelpAfterError(`(${name} --help says more)`).exitOverride()
  for (const child of command.commands) prepare(child, `${name} ${child.name()}`)
}

export async function runCommandLine(argv: readonly string[]): Promise<void> {
  process.stdout.off('error', onOutputError).on('error', onOutputError)
  process.stderr.off('error', ignore).on('error', ignore)
  try {
    const program = await buildProgram(argv[2])
    await program.parseAsync(argv)
  } catch (error) {
    // Commander has printed what there is to say, the help that was asked for among it.
    if (!(error instanceof CommanderError))
      process.stderr.write(`${describeFailure(error, paintFor(process.stderr))}\n`)
    process.exitCode = exitCodeOf(error)
  }
}

/** Whoever read our output has gone: no reason to fail, let alone with a stack trace. A full disk is one. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.stderr.write(`sluice: the output cannot be written (${error.code ?? error.message})\n`)
  process.exitCode = EXIT_FAILED
}

/** There is nobody left to be told. */
function ignore(): void {}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_FINE : EXIT_USAGE
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
}
