import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import type { Snapshot } from '../../engine/snapshot.ts'
import { compileSettings, compileSnapshot, type Settings } from './compile.ts'
import { ConfigurationError, type Problem } from './errors.ts'
import { findingsOf, issueMessage } from './findings.ts'
import { readPlainObject } from './plain-object.ts'
import { type Finding, formatPath, offsetOf, type Source } from './positions.ts'
import { checkReferences } from './references.ts'
import { configurationSchema } from './schema.ts'
import { formatSize } from './units.ts'
import { readYaml } from './yaml.ts'

/** An accepted configuration, ready for the engine. */
export interface Configuration {
  /** The file, or the name that was given to an object. */
  readonly name: string
  readonly settings: Settings
  readonly snapshot: Snapshot
}

/** Bytes of a file; past it the file is refused. */
const FILE_BYTES_MAX = 4 * 1024 * 1024

/**
 * Reads a YAML or JSON file.
 *
 * @throws {ConfigurationError} for a file that cannot be read or is wrong, with all that is wrong with it.
 */
export async function loadConfiguration(path: string): Promise<Configuration> {
  const extension = extname(path).toLowerCase()
  if (['.toml', '.ts', '.mts', '.js', '.mjs', '.cjs', '.cts'].includes(extension)) {
    throw fileError(path, `a configuration in ${extension.slice(1)} is not supported yet`, 'use YAML or JSON')
  }
  const bytes = await readBytes(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw fileError(path, 'is not UTF-8 text', '', cause)
  }
  return parseConfiguration(text, path)
}

/**
 * Reads a configuration from YAML or JSON text. `fileName` is only used in errors.
 *
 * @throws {ConfigurationError}
 */
export function parseConfiguration(text: string, fileName: string): Configuration {
  return check(readYaml(text), fileName)
}

/**
 * Takes a configuration from an object of the same shape as the file. `name` stands where errors name the file.
 *
 * @throws {ConfigurationError} whose problems have no line and no column.
 */
export function checkConfiguration(value: unknown, name: string): Configuration {
  return check(readPlainObject(value), name)
}

function check(source: Source, name: string): Configuration {
  if (!source.usable) throw errorOf(source, source.findings, name)
  if (source.value === null || source.value === undefined) {
    const message = 'the configuration is empty'
    throw errorOf(
      source,
      [{ path: [], at: 'value', message, hint: 'it needs "listeners", "upstreams", "routes"' }],
      name,
    )
  }
  const result = configurationSchema.safeParse(source.value, { error: issueMessage })
  // What stands where reading already found a fault is an echo of it, such as the value of an alias without an anchor.
  const faults = new Set(source.findings.map(finding => finding.offset))
  const judged = [
    ...(result.error?.issues.flatMap(issue => findingsOf(issue, source.value)) ?? []),
    ...checkReferences(source.value),
  ].filter(finding => !faults.has(offsetOf(source.root, finding)))
  const findings = [...source.findings, ...judged]
  if (findings.length > 0 || result.data === undefined) throw errorOf(source, findings, name)
  return { name, settings: compileSettings(result.data), snapshot: compileSnapshot(result.data, 1) }
}

function errorOf(source: Source, findings: readonly Finding[], name: string): ConfigurationError {
  const placed = findings.map(finding => ({ finding, offset: offsetOf(source.root, finding) }))
  const problems = placed
    .toSorted((one, other) => one.offset - other.offset)
    .map(({ finding, offset }) => problemOf(source, finding, offset, name))
  return new ConfigurationError(problems)
}

function problemOf(source: Source, { path, message, hint }: Finding, offset: number, file: string): Problem {
  const { line, column } = source.positionOf?.(offset) ?? { line: 0, column: 0 }
  return { file, line, column, key: formatPath(path), message, hint }
}

async function readBytes(path: string): Promise<Uint8Array> {
  // Counted while it is read: what the system says of the size of a pipe or a device means nothing.
  const pieces: Uint8Array[] = []
  let length = 0
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Uint8Array>) {
      length += piece.length
      if (length > FILE_BYTES_MAX) throw fileError(path, `is larger than ${formatSize(FILE_BYTES_MAX)}`)
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause
    throw readError(path, cause)
  }
}

function readError(path: string, cause: unknown): ConfigurationError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fileError(path, 'there is no such file', 'name another with -c FILE', cause)
    case 'EACCES':
    case 'EPERM':
      return fileError(path, 'may not be read', 'check its permissions', cause)
    case 'EISDIR':
      return fileError(path, 'is a folder', 'name a file in it', cause)
    default:
      return fileError(path, `cannot be read (${code})`, '', cause)
  }
}

function fileError(file: string, message: string, hint = '', cause?: unknown): ConfigurationError {
  return new ConfigurationError([{ file, line: 0, column: 0, key: '', message, hint }], { cause })
}
