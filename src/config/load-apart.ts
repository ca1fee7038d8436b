/**
 * Reads a configuration in a process of its own. What reading takes (the schema, the parsers) is of no use afterwards,
 * and would stay with the proxy for as long as it runs: 20 MB. docs/decisions.md says more.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ConfigurationError, type Problem } from './errors.ts'
import type { Configuration } from './load.ts'

/** What the process answers, once. */
export type Loaded =
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  | { readonly kind: 'defect'; readonly stack: string }

/** Built files end in `.js`, sources in `.ts`. */
const LOADER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './load-process.ts' : './load-process.js', import.meta.url),
)

/**
 * As `loadConfiguration`, apart.
 *
 * @throws {ConfigurationError}
 */
export async function loadConfigurationApart(path: string): Promise<Configuration> {
  const loader = fork(LOADER, [path], {
    execArgv: [],
    serialization: 'advanced',
    // Standard output is the log's.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let loaded: Loaded | null = null
  loader.on('message', message => {
    loaded = message as Loaded
  })
  const [code, signal] = await once(loader, 'close')
  return outcome(loaded, signal ?? `code ${code}`)
}

function outcome(loaded: Loaded | null, end: string): Configuration {
  if (loaded === null) throw new Error(`the process that reads the configuration ended early (${end})`)
  if (loaded.kind === 'problems') throw new ConfigurationError(loaded.problems)
  if (loaded.kind === 'defect') throw new Error(`reading the configuration failed: ${loaded.stack}`)
  return loaded.configuration
}
