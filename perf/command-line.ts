/** The commands of `npm run perf`. */
import { COMPARE_HELP, compareCommand } from './compare/command.ts'
import { PerfFailure } from './failure.ts'
import { LOAD_HELP, loadCommand } from './load/command.ts'
import { MICRO_HELP, microCommand } from './micro/command.ts'
import { PROFILE_HELP, profileCommand } from './profile/command.ts'
import { SYSCALLS_HELP, syscallsCommand } from './syscalls/command.ts'

interface Command {
  readonly help: string
  run(args: readonly string[]): Promise<void>
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['micro', { help: MICRO_HELP, run: microCommand }],
  ['load', { help: LOAD_HELP, run: loadCommand }],
  ['compare', { help: COMPARE_HELP, run: compareCommand }],
  ['profile', { help: PROFILE_HELP, run: profileCommand }],
  ['syscalls', { help: SYSCALLS_HELP, run: syscallsCommand }],
])

const HELP = `npm run perf -- COMMAND

${[...COMMANDS.values()].map(({ help }) => help).join('\n\n')}`

/** Runs what the arguments behind `npm run perf --` say; rejects with what is wrong with them. */
export async function runCommandLine([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(HELP)
    return
  }
  const command = COMMANDS.get(name)
  if (command === undefined) {
    throw new PerfFailure(`there is no command "${name}": ${[...COMMANDS.keys()].join(', ')}`)
  }
  if (args.includes('--help') || args.includes('-h')) console.log(command.help)
  else await command.run(args)
}
