/**
 * Reads a configuration in a process of its own. What reading takes (the schema, the parsers) is of no use afterwards,
 * and would stay with the proxy for as long as it runs: 20 MB. docs/decisions.md says more.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConfigurationError, type Origin, type Problem } from './errors.ts'
import type { Configuration } from './load.ts'

/** What the process answers, once. */
export type Loaded =
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[]; readonly origin: Origin | null }
  | { readonly kind: 'defect'; readonly stack: string }

/** Built files end in `.js`, sources in `.ts`. */
const LOADER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './load-process.ts' : './load-process.js', import.meta.url),
)

/**
 * What reading files gets; past it the process is ended, whatever it is at, and the configuration refused. Ten thousand
 * routes take some seconds; a module may never come to its end.
 */
const TIMEOUT_MS = 60_000

/** Whoever debugs the proxy (`NODE_OPTIONS=--inspect-brk`) does not mean this process. */
const NO_DEBUGGER = ['--no-inspect', '--no-inspect-brk', '--no-inspect-wait']

/**
 * As `loadConfiguration`, apart. Rejects with an `AbortError` once `stop` is aborted; the process is ended by then, or
 * about to be.
 *
 * @throws {ConfigurationError}
 */
export async function loadConfigurationApart(
  path?: string,
  stop?: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Configuration> {
  const loader = fork(LOADER, path === undefined ? [] : [path], {
    execArgv: NO_DEBUGGER,
    serialization: 'advanced',
    stdio: descriptorsFor(path ?? ''),
    // A read from a pipe that says nothing can be ended in no other way.
    killSignal: 'SIGKILL',
    ...(stop && { signal: stop }),
  })
  // A module in an endless loop would not notice that we have gone.
  const endLoader = (): void => void loader.kill('SIGKILL')
  process.once('exit', endLoader)
  let isLate = false
  const onLate = (): void => {
    isLate = true
    endLoader()
  }
  const timer = isBounded(path) ? setTimeout(onLate, timeoutMs) : undefined
  let loaded: Loaded | null = null
  loader.on('message', message => {
    loaded = message as Loaded
  })
  try {
    const [code, signal] = await once(loader, 'close')
    return outcome(loaded, path, isLate ? `gave nothing within ${timeoutMs / 1000} s` : endOf(code, signal))
  } finally {
    clearTimeout(timer)
    process.off('exit', endLoader)
  }
}

/** A pipe or a device may take its time: somebody may be typing. */
function isBounded(path: string | undefined): boolean {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })
  return stats === undefined || stats.isFile() || stats.isDirectory()
}

function endOf(code: number | null, signal: string | null): string {
  return `the process that reads it ended before it was through (${signal ?? `code ${code}`})`
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

/** `end` is what there is to say where nothing was answered. */
function outcome(loaded: Loaded | null, path: string | undefined, end: string): Configuration {
  if (loaded === null) throw new ConfigurationError([unreadable(path ?? 'the configuration', end)])
  if (loaded.kind === 'problems') throw new ConfigurationError(loaded.problems, { origin: loaded.origin })
  if (loaded.kind === 'defect') throw new Error(`reading the configuration failed: ${loaded.stack}`)
  return loaded.configuration
}

function unreadable(file: string, message: string): Problem {
  const hint = 'a module that never comes to its end, or that ends the process, does that'
  return { file, line: 0, column: 0, key: '', severity: 'error', code: 'unreadable-file', message, hint }
}
