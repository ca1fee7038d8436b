/**
 * Reads a configuration in a process of its own. What reading takes (the schema, the parsers) is of no use afterwards,
 * and would stay with the proxy for as long as it runs: 20 MB. docs/decisions.md says more.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
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

/** Whoever debugs the proxy (`NODE_OPTIONS=--inspect-brk`) does not mean this process. */
const NO_DEBUGGER = ['--no-inspect', '--no-inspect-brk', '--no-inspect-wait']

/**
 * As `loadConfiguration`, apart. Rejects with an `AbortError` once `stop` is aborted; the process is ended by then, or
 * about to be.
 *
 * @throws {ConfigurationError}
 */
export async function loadConfigurationApart(path: string, stop?: AbortSignal): Promise<Configuration> {
  const loader = fork(LOADER, [path], {
    execArgv: NO_DEBUGGER,
    serialization: 'advanced',
    stdio: descriptorsFor(path),
    // A read from a pipe that says nothing can be ended in no other way.
    killSignal: 'SIGKILL',
    ...(stop && { signal: stop }),
  })
  let loaded: Loaded | null = null
  loader.on('message', message => {
    loaded = message as Loaded
  })
  const [code, signal] = await once(loader, 'close')
  return outcome(loaded, signal ?? `code ${code}`)
}

/** What the process gets of ours: standard input, which may be the configuration, but not standard output, the log's. */
function descriptorsFor(path: string): ('inherit' | 'ignore' | 'ipc' | number)[] {
  const descriptors: ('inherit' | 'ignore' | 'ipc' | number)[] = ['inherit', 'ignore', 'inherit']
  // What a shell puts in place of `<(command)`: it means the same file only under the same number.
  const named = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(path)
  if (named !== null && existsSync(path)) {
    const number = Number(named[1])
    while (descriptors.length < number) descriptors.push('ignore')
    if (descriptors.length === number) descriptors.push(number)
  }
  descriptors.push('ipc')
  return descriptors
}

function outcome(loaded: Loaded | null, end: string): Configuration {
  if (loaded === null) throw new Error(`the process that reads the configuration ended early (${end})`)
  if (loaded.kind === 'problems') throw new ConfigurationError(loaded.problems)
  if (loaded.kind === 'defect') throw new Error(`reading the configuration failed: ${loaded.stack}`)
  return loaded.configuration
}
