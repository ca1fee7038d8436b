/** The process that `load-apart.ts` starts: reads one configuration, says what came of it, ends. */
import { ConfigurationError } from './errors.ts'
import type { Loaded } from './load-apart.ts'

// Nobody waits for the outcome any more. An orderly exit would wait for a read that may never end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const loaded = await load(process.argv[2])
process.send?.(loaded, undefined, {}, () => process.exit())

async function load(path: string | undefined): Promise<Loaded> {
  try {
    // Not before the line above holds.
    const { loadConfiguration } = await import('./load.ts')
    return { kind: 'configuration', configuration: await loadConfiguration(path) }
  } catch (error) {
    if (error instanceof ConfigurationError) return { kind: 'problems', problems: error.problems, origin: error.origin }
    return { kind: 'defect', stack: error instanceof Error ? String(error.stack) : String(error) }
  }
}
