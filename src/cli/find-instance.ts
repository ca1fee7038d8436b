import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { type ControlConnection, ControlSilenceError, connectControl } from '../control/client.ts'
import type { InstanceStatus } from '../control/methods.ts'
import {
  autoFolders,
  autoSocketPath,
  ControlPathError,
  checkFolder,
  checkPathLength,
  namedSocketPath,
} from '../control/socket-path.ts'
import { ControlError } from '../control/wire.ts'
import { configurationFile, configurationOption } from './configuration-option.ts'
import { CommandFailure } from './exit-codes.ts'

/** How commands find the running instance that they talk to. */

export interface InstanceOptions {
  readonly config?: string
  /** The socket itself, wherever it is. */
  readonly control?: string
}

/** What an instance gets to answer what it knows by heart. */
export const ANSWER_TIMEOUT_MS = 10_000

export function withInstanceOptions(command: Command): Command {
  return command
    .addOption(configurationOption())
    .addOption(new Option('--control <PATH>', 'the control socket of the instance, instead of finding it by its file'))
}

/** A connection to the instance; `null` where none runs. @throws {CommandFailure} for one that cannot be asked. */
export async function findInstance(options: InstanceOptions): Promise<ControlConnection | null> {
  if (options.control !== undefined) return await connectTo(resolve(options.control))
  const file = configurationFile(options.config)
  const { folders, refusal } = ownFolders()
  for (const folder of folders) {
    const found = await connectTo(autoSocketPath(folder, file))
    if (found !== null) return found
  }
  const path = await configuredPath(file)
  if (path !== null) return await connectTo(path)
  if (refusal !== null) throw new CommandFailure(refusal)
  return null
}

/** As `findInstance`. @throws {CommandFailure} where no instance runs, too. */
export async function requireInstance(options: InstanceOptions): Promise<ControlConnection> {
  const connection = await findInstance(options)
  if (connection !== null) return connection
  if (options.control !== undefined) throw new CommandFailure(`no instance answers at ${resolve(options.control)}`)
  const others = await otherInstances()
  const hint = others.length === 0 ? '' : `\nThere runs: ${others.join('\n            ')}`
  const file = resolve(configurationFile(options.config))
  throw new CommandFailure(
    `no instance runs with ${file}; name its file with -c FILE, or its control socket with --control PATH${hint}`,
  )
}

/** Asks one question. What is wrong with the answer becomes a message for whoever ran the command. */
export async function ask(
  connection: ControlConnection,
  method: string,
  params: unknown = {},
  timeoutMs: number = ANSWER_TIMEOUT_MS,
): Promise<unknown> {
  try {
    return await connection.call(method, params, timeoutMs)
  } catch (error) {
    if (error instanceof ControlError && error.code === 'bad_configuration') throw error
    if (error instanceof ControlError) throw new CommandFailure(`the instance says: ${error.message}`)
    if (error instanceof ControlSilenceError) throw new CommandFailure(error.message)
    throw error
  }
}

async function connectTo(path: string): Promise<ControlConnection | null> {
  try {
    checkPathLength(path)
    return await connectControl(path)
  } catch (error) {
    if (error instanceof ControlPathError) throw new CommandFailure(error.message)
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CommandFailure(`${path} belongs to another user: run this as the user that the instance runs as`)
    }
    if (['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENOTSOCK'].includes(code)) return null
    throw new CommandFailure(`${path} cannot be asked (${code})`)
  }
}

/** Those of automatic sockets that are there and the user's; what is wrong with the first that is not. */
function ownFolders(): { folders: readonly string[]; refusal: string | null } {
  const folders: string[] = []
  let refusal: string | null = null
  for (const folder of autoFolders()) {
    try {
      if (checkFolder(folder)) folders.push(folder)
    } catch (error) {
      // Somebody else's folder is never asked: who answers there could say anything.
      if (!(error instanceof ControlPathError)) throw error
      refusal ??= error.message
    }
  }
  return { folders, refusal }
}

/** What `runtime.control_socket` of the file says, where it is a path: whatever else is wrong with the file by now. */
async function configuredPath(file: string): Promise<string | null> {
  const { readFiles } = await import('../config/load.ts')
  const { ConfigurationError } = await import('../config/errors.ts')
  const { parseControlSocket } = await import('../config/control-socket.ts')
  try {
    const { source } = await readFiles(file)
    const written = sectionOf(sectionOf(source.value).runtime).control_socket
    const parsed = typeof written === 'string' ? parseControlSocket(written) : null
    if (written === false || (parsed?.ok && parsed.value === 'off')) {
      throw new CommandFailure(`${resolve(file)} has no control socket: runtime.control_socket is off`)
    }
    return !parsed?.ok || parsed.value === 'auto' ? null : namedSocketPath(parsed.value, file)
  } catch (error) {
    // Nobody runs with a file that cannot be read, as far as can be told.
    if (error instanceof ConfigurationError) return null
    throw error
  }
}

function sectionOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Of those that are looked for in vain. */
const OTHERS_MAX = 10
const OTHERS_TIMEOUT_MS = 500

/** The instances of this user whose sockets are where they are by default: `FILE (process PID)`. */
async function otherInstances(): Promise<string[]> {
  const paths = ownFolders().folders.flatMap(socketsIn)
  const found = await Promise.all(paths.slice(0, OTHERS_MAX).map(describeAt))
  return found.filter(text => text !== null)
}

function socketsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.sock'))
    .map(name => join(folder, name))
}

async function describeAt(path: string): Promise<string | null> {
  try {
    const connection = await connectControl(path)
    try {
      const { configuration, pid } = (await connection.call('status', {}, OTHERS_TIMEOUT_MS)) as InstanceStatus
      return `-c ${configuration.file} (process ${pid})`
    } finally {
      connection.close()
    }
  } catch {
    return null
  }
}
