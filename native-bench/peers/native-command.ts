import { spawnSync } from 'node:child_process'
import { commandPath } from '../../scripts/system-packages.ts'
import type { Presence } from '../frame/peer.ts'

/** How long a program may take to say its version, in ms. */
const VERSION_TIMEOUT_MS = 10_000

/** The version that a program of the system says, or what to install. Never throws. */
export function probeCommand(command: string, args: readonly string[], pattern: RegExp): Presence {
  const path = commandPath(command)
  if (path === null) return { absent: `no ${command} on the path: sudo apt-get install ${command}` }
  return probeExecutable(path, args, pattern)
}

/** As `probeCommand`, of a program that is there. */
export function probeExecutable(path: string, args: readonly string[], pattern: RegExp): Presence {
  const { stdout, stderr, error } = spawnSync(path, args, { encoding: 'utf8', timeout: VERSION_TIMEOUT_MS })
  if (error !== undefined) return { absent: `${path} does not run: ${error.message}` }
  const version = pattern.exec(stdout + stderr)?.[1]
  return version === undefined ? { absent: `${path} ${args.join(' ')} does not say a version` } : { version }
}

/** Where the program is; the bare name where it is not, so that starting it says what is wrong. */
export function executableOf(command: string): string {
  return commandPath(command) ?? command
}
