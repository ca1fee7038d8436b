import { lstatSync, mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'

/** Where the control socket of an instance is: found by whoever knows its configuration file. */

/** A control socket that cannot be had there, or not be used; a sentence that says what to do. */
export class ControlPathError extends Error {
  override readonly name = 'ControlPathError'
}

/** Bytes of `sun_path`, without the zero at its end (unix(7); macOS has four less). */
const PATH_BYTES_MAX = process.platform === 'darwin' ? 103 : 107

/** @throws {ControlPathError} for a path that no socket can have. */
export function checkPathLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= PATH_BYTES_MAX) return
  const advice = 'set a shorter one with runtime.control_socket'
  throw new ControlPathError(
    `the path of the control socket has ${bytes} bytes, the system allows ${PATH_BYTES_MAX}: ${path}; ${advice}`,
  )
}

/**
 * The path of the control socket where `runtime.control_socket` is `auto`: in one of `autoFolders`, with a name made of
 * the configuration's absolute path. Nothing is made on disk.
 */
export function autoSocketPath(folder: string, configurationPath: string): string {
  return join(folder, socketName(resolve(configurationPath)))
}

/**
 * The folders of automatic sockets, all of them the user's alone. An instance takes the first that it can have; commands
 * look in all, for they may have other surroundings: a service has no `XDG_RUNTIME_DIR`, the shell of who asks has one, or
 * the other way round (cron).
 */
export function autoFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const user = String(process.getuid?.() ?? 'user')
  const runtime = env.XDG_RUNTIME_DIR
  // Relative, it would be another folder for whoever asks from elsewhere.
  const temporary = join(isAbsolute(tmpdir()) ? tmpdir() : '/tmp', `sluice-${user}`)
  if (runtime !== undefined && isAbsolute(runtime)) return [join(runtime, 'sluice'), temporary]
  return [temporary, join('/run/user', user, 'sluice')]
}

/** The path that `runtime.control_socket` names: it begins at the folder of the configuration, as all paths of it do. */
export function namedSocketPath(setting: string, configurationPath: string): string {
  const path = resolve(configurationPath)
  if (isReadOnce(path)) return resolve(setting)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  return resolve(isFolder ? path : dirname(path), setting)
}

/** What a pipe or a descriptor is called says nothing about who reads it: there may be many at once. */
const READ_ONCE = /^\/(?:dev|proc)\//

export function isReadOnce(configurationPath: string): boolean {
  return READ_ONCE.test(resolve(configurationPath))
}

function socketName(path: string): string {
  if (isReadOnce(path)) return `process-${process.pid}.sock`
  const readable = basename(path)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, 24)
  return `${readable}-${hashOf(path)}.sock`
}

/** FNV-1a of 64 bits. The folder is the user's own: nobody gains by paths that meet. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}

/**
 * The first of the folders that can be had, made where it is missing.
 *
 * @throws {ControlPathError} that says what is wrong with the first of them, where none can be had.
 */
export function usableFolder(folders: readonly string[]): string {
  let reason: unknown
  for (const folder of folders) {
    try {
      ensureFolder(folder)
      return folder
    } catch (error) {
      if (!(error instanceof ControlPathError)) throw error
      reason ??= error
    }
  }
  throw reason
}

/**
 * Makes a folder of automatic sockets where it is missing, and looks at whose it is: in a folder for everybody, another
 * user may have been there first.
 *
 * @throws {ControlPathError}
 */
export function ensureFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new ControlPathError(`${folder} cannot be made (${code}); ${ADVICE}`)
  }
  checkFolder(folder)
}

const ADVICE = 'name another place with runtime.control_socket'

/** True where the folder is there and the user's own. @throws {ControlPathError} where it is another's. */
export function checkFolder(folder: string): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return false
  if (!stats.isDirectory()) throw new ControlPathError(`${folder} is not a folder; remove it, or ${ADVICE}`)
  if (process.getuid !== undefined && stats.uid !== process.getuid()) {
    throw new ControlPathError(`${folder} belongs to another user; ${ADVICE}`)
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8)
    throw new ControlPathError(`${folder} is open to other users (mode ${mode}); run: chmod 700 ${folder}`)
  }
  return true
}
