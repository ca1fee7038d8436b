import { Command, Option } from 'commander'
import type { Changes } from '../../engine/threads/api.ts'
import type { Problem } from '../config/errors.ts'
import type { ReloadAnswer } from '../control/methods.ts'
import { ControlError } from '../control/wire.ts'
import { shortHash } from '../telemetry/log-reload.ts'
import { type Paint, paintFor } from './colours.ts'
import { durationOption } from './duration-option.ts'
import { CommandFailure, EXIT_FAILED } from './exit-codes.ts'
import { describeProblems } from './failure.ts'
import { ask, type InstanceOptions, requireInstance, withInstanceOptions } from './find-instance.ts'
import { withExamples } from './help.ts'

/** `sluice reload`: has a running instance read its configuration again, and says what that changed. */

interface ReloadOptions extends InstanceOptions {
  readonly timeout: number
  readonly json?: boolean
}

export function reloadCommand(): Command {
  const command = withInstanceOptions(new Command('reload'))
    .description('have a running instance take its changed configuration over')
    .addOption(durationOption('--timeout <TIME>', 'how long to wait for the answer', 60_000))
    .addOption(new Option('--json', 'the answer as JSON'))
    .action(async (options: ReloadOptions) => {
      const connection = await requireInstance(options)
      try {
        const answer = (await ask(connection, 'reload', {}, options.timeout)) as ReloadAnswer
        if (options.json) process.stdout.write(`${JSON.stringify({ ok: true, ...answer }, null, 2)}\n`)
        else report(answer)
      } catch (error) {
        if (error instanceof ControlError) {
          refused((error.data as { problems: readonly Problem[] }).problems, options.json === true)
        } else {
          if (options.json && error instanceof CommandFailure) printFailure(error)
          throw error
        }
      } finally {
        connection.close()
      }
    })
  return withExamples(command, ['reload', 'reload -c /etc/sluice/sluice.yaml --json'])
}

function refused(problems: readonly Problem[], asJson: boolean): void {
  process.exitCode = EXIT_FAILED
  if (asJson) {
    process.stdout.write(`${JSON.stringify({ ok: false, problems }, null, 2)}\n`)
    return
  }
  const message = 'sluice: the configuration was refused; the one in force goes on'
  process.stderr.write(`${describeProblems(problems, paintFor(process.stderr))}\n${message}\n`)
}

/** Nothing is wrong with the configuration, and it could not be taken over: a port is taken, for instance. */
function printFailure({ message }: CommandFailure): void {
  process.stdout.write(`${JSON.stringify({ ok: false, problems: [], message }, null, 2)}\n`)
}

function report(answer: ReloadAnswer): void {
  const { warnings, needsRestart } = answer
  if (warnings.length > 0) process.stderr.write(`${describeProblems(warnings, paintFor(process.stderr))}\n`)
  process.stdout.write(describeReload(answer, paintFor(process.stdout)))
  if (needsRestart.length > 0) {
    process.stdout.write(`changed, but counts from the next start on: ${needsRestart.join(', ')}\n`)
  }
}

function describeReload({ generation, hash, listeners, upstreams, routes }: ReloadAnswer, paint: Paint): string {
  const changes = [
    ...describeChanges('listener', listeners, paint),
    ...describeChanges('upstream', upstreams, paint),
    ...describeChanges('route', routes, paint),
  ]
  const lines = changes.length === 0 ? ['  nothing has changed'] : changes
  return `${paint('bold', `generation ${generation}`)} (${shortHash(hash)}) is in force\n${lines.join('\n')}\n`
}

const SIGNS = { added: ['+', 'green'], changed: ['~', 'yellow'], removed: ['-', 'red'] } as const

/** One line for each thing that is another now. */
function describeChanges(what: string, changes: Changes, paint: Paint): string[] {
  return (['added', 'changed', 'removed'] as const).flatMap(kind => {
    const [sign, colour] = SIGNS[kind]
    return changes[kind].map(name => `  ${paint(colour, `${sign} ${what} ${name}`)}`)
  })
}
