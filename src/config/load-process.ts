/** The process that `load-apart.ts` starts: reads one configuration, says what came of it, ends. */
import { ConfigurationError } from './errors.ts'
import { loadConfiguration } from './load.ts'
import type { Loaded } from './load-apart.ts'

// A Ctrl-C in a terminal reaches this process too. Whether there is still a proxy to be started is the parent's to say.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit())

const loaded = await load(process.argv[2] ?? '')
process.send?.(loaded, undefined, {}, () => process.disconnect?.())

async function load(path: string): Promise<Loaded> {
  try {
    return { kind: 'configuration', configuration: await loadConfiguration(path) }
  } catch (error) {
    if (error instanceof ConfigurationError) return { kind: 'problems', problems: error.problems }
    return { kind: 'defect', stack: error instanceof Error ? String(error.stack) : String(error) }
  }
}
