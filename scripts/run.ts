import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, with a trailing slash. */
export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the root, its output passed on, with the installed tools (Node among them) first on the path. */
export function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): boolean {
  const path = [join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const options = { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...environment, PATH: path } } as const
  const { status, error } = spawnSync(command, args, options)
  if (error !== undefined) console.error(`${command}: ${error.message}`)
  return status === 0
}
