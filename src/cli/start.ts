import { type Command as CliCommand, Command, InvalidArgumentError, Option } from 'commander'
import { configurationFile, configurationOption } from './configuration-option.ts'
import { withExamples } from './help.ts'
import { LOG_LEVELS, type Overrides } from './overrides.ts'
import { type InstanceSettings, runInstance } from './run-instance.ts'
import { Shutdown } from './shutdown-signals.ts'

/** `sluice start`: runs the proxy until it is asked to end. */

interface StartOptions extends Overrides {
  readonly config?: string
  readonly demo?: boolean
  readonly watch?: boolean
}

const WORKERS_MAX = 256

export function startCommand(): CliCommand {
  const command = new Command('start')
    .description('run the proxy until SIGTERM, SIGINT or `sluice stop`')
    .addOption(configurationOption())
    .addOption(new Option('-w, --watch', 'reload when the configuration changes'))
    .addOption(new Option('--workers <N>', 'data-plane threads, whatever the file says').argParser(parseWorkers))
    .addOption(new Option('--log-level <LEVEL>', 'the log’s level, whatever the file says').choices(LOG_LEVELS))
    .addOption(new Option('--demo', 'run a demonstration with origins of its own').conflicts('config'))
    .action(async ({ config, demo, watch = false, workers, logLevel }: StartOptions) => {
      // Before anything is open: a signal during the start is an orderly end too.
      const shutdown = new Shutdown()
      const settings = { isWatched: watch, overrides: { workers, logLevel } }
      if (demo) await runDemo(settings, shutdown)
      else await runInstance({ ...settings, file: configurationFile(config), epilogue: [] }, shutdown)
      // Everything is closed by now; whatever a library left behind must not keep the process.
      process.exit(0)
    })
  return withExamples(command, ['start -c sluice.yaml --watch', 'start --workers 4 --log-level debug', 'start --demo'])
}

function parseWorkers(text: string): number {
  const workers = /^[0-9]+$/.test(text) ? Number(text) : 0
  if (workers >= 1 && workers <= WORKERS_MAX) return workers
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${WORKERS_MAX}.`)
}

/** The demonstration is loaded only when it is asked for. */
async function runDemo(settings: Pick<InstanceSettings, 'isWatched' | 'overrides'>, shutdown: Shutdown): Promise<void> {
  const { startDemo } = await import('../demo/demo.ts')
  const demo = await startDemo()
  try {
    await runInstance({ ...settings, file: demo.configurationPath, epilogue: demo.whatToTry }, shutdown)
  } finally {
    await demo.close()
  }
}
