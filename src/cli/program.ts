import { Command } from 'commander'
import { benchCommand } from './bench.ts'
import { describeFailure } from './failure.ts'
import { startCommand } from './start.ts'
import { validateCommand } from './validate.ts'
import { packageVersion } from './version.ts'

/** The command line: which commands there are, and what becomes of an error. */

export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = new Command('sluice')
    .description('A load balancer and API gateway.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showHelpAfterError('(sluice --help lists the commands and options)')
    .addCommand(startCommand())
    .addCommand(validateCommand())
    .addCommand(benchCommand())
  // Whoever read our output has gone: no reason to fail, let alone with a stack trace.
  process.stdout.on('error', () => undefined)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`)
    process.exitCode = 1
  }
}
