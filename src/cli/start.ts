import { Command, Option } from 'commander'
import type { Configuration } from '../config/load.ts'
import { loadConfigurationApart } from '../config/load-apart.ts'
import type { RunningProxy } from '../proxy.ts'
import { configurationOption } from './configuration-option.ts'
import { firstShutdownSignal, type ShutdownSignal } from './shutdown-signals.ts'

/** `sluice start`: runs the proxy until a signal ends it. */

export function startCommand(): Command {
  return new Command('start')
    .description('run the proxy until SIGTERM or SIGINT')
    .addOption(configurationOption())
    .addOption(new Option('--demo', 'run a demonstration with origins of its own').conflicts('config'))
    .action(async (options: { config: string; demo?: boolean }) => {
      // Before anything is open: a signal during the start is an orderly end too.
      const signalled = firstShutdownSignal()
      await (options.demo ? runDemo(signalled) : run(options.config, signalled, []))
      // Everything is closed by now; whatever a library left behind must not keep the process.
      process.exit(0)
    })
}

async function run(path: string, signalled: Promise<ShutdownSignal>, epilogue: readonly string[]): Promise<void> {
  let proxy: RunningProxy | null = null
  // From the start, or an early signal would end the process.
  process.on('SIGHUP', () => proxy?.logger?.warn('reload is not supported yet'))
  const loaded = await load(path, signalled)
  if (loaded === null) return
  const [configuration, { startProxy }] = loaded
  proxy = await startProxy(configuration, { logs: true })
  for (const line of epilogue) process.stdout.write(`${line}\n`)
  await closeOn(signalled, proxy)
}

/** `null` where a signal came first: then nothing is left of the reading, which a pipe can hold up for ever. */
async function load(
  path: string,
  signalled: Promise<ShutdownSignal>,
): Promise<[Configuration, typeof import('../proxy.ts')] | null> {
  const stop = new AbortController()
  // The engine is loaded while the configuration is being read.
  const loading = Promise.all([loadConfigurationApart(path, stop.signal), import('../proxy.ts')])
  const first = await Promise.race([loading, signalled])
  if (typeof first !== 'string') return first
  stop.abort()
  await loading.catch(() => undefined)
  return null
}

async function closeOn(signalled: Promise<ShutdownSignal>, proxy: RunningProxy): Promise<void> {
  const signal = await signalled
  proxy.logger?.info({ signal }, `${signal}: stopping; a second signal ends at once`)
  await proxy.close()
}

/** The demonstration is loaded only when it is asked for. */
async function runDemo(signalled: Promise<ShutdownSignal>): Promise<void> {
  const { startDemo } = await import('../demo/demo.ts')
  const demo = await startDemo()
  try {
    await run(demo.configurationPath, signalled, demo.whatToTry)
  } finally {
    await demo.close()
  }
}
