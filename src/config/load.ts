import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import type { Snapshot } from '../../engine/snapshot.ts'
import type { PlacedCertificate, PlacedProblem } from '../certificates/fill-in.ts'
import type { TlsFiles } from '../certificates/tls-files.ts'
import { type Checked, checkSource } from './check.ts'
import { compileSettings, type Settings } from './compile.ts'
import { compileWithFiles } from './compile-with-files.ts'
import { ConfigurationError, type Problem } from './errors.ts'
import { severityOf } from './problem-codes.ts'
import { FileError } from './sources/file.ts'
import { readPlainObject } from './sources/plain-object.ts'
import { type Reading, readConfiguration, readText, refusingIncludes } from './sources/read.ts'

/** An accepted configuration, ready for the engine. */
export interface Configuration {
  /** The file or the folder, or the name that was given to an object. */
  readonly name: string
  readonly settings: Settings
  /** What stands in files of certificates is in it, as they were then. */
  readonly snapshot: Snapshot
  /** Where that comes from. */
  readonly tls: TlsFiles
  /** What certificates in it say of themselves. */
  readonly certificates: readonly PlacedCertificate[]
  /** SHA-256 of what was read, in hexadecimal: the files with their names, or the object. */
  readonly hash: string
  /** Absolute paths of every file that was read, and of the folders whose files would be read if there were more. */
  readonly files: readonly string[]
  /** What is worth a look, in the order of the file, though nothing is wrong with it. */
  readonly warnings: readonly Problem[]
  /** Texts that must not be shown: of keys for secrets, and from files (`${file:PATH}`). */
  readonly secrets: readonly string[]
}

/**
 * Reads a file in YAML, JSON, TOML, TypeScript or JavaScript with all that it includes; or all configuration files of a
 * folder; or, without a path, the one in the current folder that has a usual name (`sluice.yaml` and the like).
 *
 * @throws {ConfigurationError} for files that cannot be read or are wrong, with all that is wrong with them.
 */
export async function loadConfiguration(path?: string): Promise<Configuration> {
  const reading = await readFiles(path)
  return configurationOf(checkReading(reading), reading)
}

/** As `checkSource`, with an error that knows its files: what is wrong may be mended in any of them. */
function checkReading({ source, folder, hash, files }: Reading): Checked {
  try {
    return checkSource(source, folder)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new ConfigurationError(error.problems, { cause: error, origin: { hash, files } })
  }
}

/**
 * What `loadConfiguration` reads, before it is checked.
 *
 * @throws {ConfigurationError} where there is nothing to be read.
 */
export async function readFiles(path?: string): Promise<Reading> {
  try {
    return await readConfiguration(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const { file, code, message } = error
    const hint = error.hint === '' && code === 'unreadable-file' ? 'name another with -c FILE' : error.hint
    const problem = { file, line: 0, column: 0, key: '', severity: severityOf(code), code, message, hint }
    throw new ConfigurationError([problem], { cause: error })
  }
}

/**
 * Reads a configuration from YAML or JSON text. `fileName` is used in errors, and its folder is where `${file:PATH}` begins.
 *
 * @throws {ConfigurationError}
 */
export function parseConfiguration(text: string, fileName: string): Configuration {
  const folder = dirname(fileName)
  const checked = checkSource(readText(text, fileName), folder)
  return configurationOf(checked, { name: fileName, folder, hash: hashOf(text), files: [] })
}

/**
 * Takes a configuration from an object of the same shape as the file. `name` stands where errors name the file.
 *
 * @throws {ConfigurationError} whose problems have no line and no column.
 */
export function checkConfiguration(value: unknown, name: string): Configuration {
  const source = refusingIncludes(readPlainObject(value, name))
  const folder = process.cwd()
  const checked = checkSource(source, folder)
  // Not before: only what the schema took is sure to have a text.
  return configurationOf(checked, { name, folder, hash: hashOf(JSON.stringify(value)), files: [] })
}

function configurationOf({ model, warnings, secrets }: Checked, origin: Omit<Reading, 'source'>): Configuration {
  const { name, folder, hash, files } = origin
  const { snapshot, tls, problems, certificates } = compileWithFiles(model, folder)
  const late = problems.filter(({ severity }) => severity === 'error')
  if (late.length > 0) throw new ConfigurationError(late.map(problem => problemOfFile(problem, name)))
  return { name, settings: compileSettings(model), snapshot, tls, certificates, hash, files, warnings, secrets }
}

/** What the checks did not find, because the file was another one then. */
function problemOfFile({ place, file, message, hint }: PlacedProblem, name: string): Problem {
  const key = `${place.side}s.${place.name}.tls`
  const about = file === '' ? message : `${file}: ${message}`
  return { file: name, line: 0, column: 0, key, severity: 'error', code: 'wrong-certificate', message: about, hint }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
