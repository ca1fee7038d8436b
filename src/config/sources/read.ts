import { createHash } from 'node:crypto'
import { dirname, relative, resolve } from 'node:path'
import { quote } from '../parsed.ts'
import { type Finding, formatPath, type KeyPath, type Source } from '../positions.ts'
import { FileError, readConfigurationFile, requireRegularFile, textOfBytes } from './file.ts'
import { defaultFiles, filesInFolder, hasWildcard, isFolder, matchesOf } from './find.ts'
import { DEFAULT_NAMES, formatOf } from './formats.ts'
import { mergeSources } from './merge.ts'
import { replacePlaceholders } from './replace.ts'
import { readYaml } from './yaml.ts'

/** Reads everything that a configuration is made of: its files, those that they include, and what is put into them. */

/** Files inside each other by `include`; past it the configuration is refused. */
const INCLUDE_DEPTH_MAX = 16
/** Files of one configuration; past it it is refused. */
const FILES_MAX = 10_000

export interface Reading {
  /** As it was given, or found. */
  readonly name: string
  /** Where relative paths in it begin: its own folder, or the one of its first file. */
  readonly folder: string
  readonly source: Source
  /** SHA-256 of all files with their names, in hexadecimal. */
  readonly hash: string
  /** Absolute paths of all files, also of those that are missing, and of the folders whose files count once they are there. */
  readonly files: readonly string[]
}

/**
 * Reads a file, a folder, or, without a path, the one file in the current folder that has a usual name.
 *
 * @throws {FileError} whose `file` is what cannot be read. What is wrong within files is in the source's findings.
 */
export async function readConfiguration(path: string | undefined): Promise<Reading> {
  const name = path ?? defaultFile()
  const folder = isFolder(name) ? name : dirname(name)
  const gatherer = new Gatherer(folder)
  if (isFolder(name)) await gatherer.readFolder(name)
  else await gatherer.read(name, [])
  return { name, folder, ...gatherer.result() }
}

function defaultFile(): string {
  const [found, ...others] = defaultFiles()
  const usual = DEFAULT_NAMES[0]!
  if (found === undefined) {
    const hint = 'write one with sluice init, or name another with -c FILE'
    throw new FileError('no-configuration', 'there is no such file', hint).of(usual)
  }
  if (others.length === 0) return found
  const message = `there is also ${others.join(', ')}, and only one of them can be meant`
  throw new FileError('no-configuration', message, 'name it with -c FILE').of(found)
}

class Gatherer {
  private readonly root: string
  private readonly sources: Source[] = []
  private readonly hash = createHash('sha256')
  private readonly files = new Set<string>()
  /** Named, and not to be had. */
  private readonly missing = new Set<string>()
  private readonly folders = new Set<string>()

  /** `root` is the folder that names in the hash begin at: a copy elsewhere has the same one. */
  constructor(root: string) {
    this.root = resolve(root)
  }

  async readFolder(folder: string): Promise<void> {
    const files = filesInFolder(folder)
    this.folders.add(resolve(folder))
    if (files.length === 0) {
      const hint = 'files end in .yaml, .yml, .toml, .json, or .config.ts and the like'
      throw new FileError('no-configuration', 'has no configuration files', hint).of(folder)
    }
    for (const file of files) if (!this.files.has(resolve(file))) await this.readFound(file, [])
  }

  /** As `read`, of a file that was not named on the command line: that one may be a pipe. */
  private async readFound(file: string, chain: readonly string[]): Promise<void> {
    try {
      requireRegularFile(file)
    } catch (error) {
      throw error instanceof FileError ? error.of(file) : error
    }
    await this.read(file, chain)
  }

  /** `chain` is who includes the file, from the first on, as absolute paths. */
  async read(file: string, chain: readonly string[]): Promise<void> {
    const source = await this.readSource(file)
    const index = this.sources.push(withoutInclude(source)) - 1
    const findings = source.usable ? await this.include(source, file, [...chain, resolve(file)]) : []
    const own = this.sources[index]!
    this.sources[index] = { ...own, findings: [...own.findings, ...findings] }
  }

  private async readSource(file: string): Promise<Source> {
    const format = formatOf(file)
    if (format === null) {
      const hint = 'names end in .yaml, .yml, .toml, .json, .ts, .mts, .js or .mjs'
      throw new FileError('unknown-format', 'the end of the name says no language that is known', hint).of(file)
    }
    try {
      const bytes = await readConfigurationFile(file)
      this.note(file, bytes)
      const text = textOfBytes(bytes)
      if (format === 'module') return await this.readModule(file, text)
      const source = format === 'toml' ? await readTomlText(text, file) : readYaml(text, file)
      const onFile = (path: string, content: Uint8Array) => this.note(path, content)
      const onMissing = (path: string) => this.missing.add(path)
      return replacePlaceholders(source, { environment: process.env, folder: dirname(file), onFile, onMissing })
    } catch (error) {
      throw error instanceof FileError ? error.of(file) : error
    }
  }

  private async readModule(file: string, text: string): Promise<Source> {
    const { readModule } = await import('./module.ts')
    const { source, imported } = await readModule(file, text, file)
    for (const path of imported) {
      // A module that could be imported and not be read again has been taken away meanwhile.
      const bytes = await readConfigurationFile(path).catch(() => new Uint8Array())
      this.note(path, bytes)
    }
    return source
  }

  private note(file: string, bytes: Uint8Array): void {
    const path = resolve(file)
    this.files.add(path)
    this.hash.update(`${relative(this.root, path)}\0${bytes.length}\0`).update(bytes)
  }

  /** Reads what a file includes; says what of it cannot be. */
  private async include(source: Source, file: string, chain: readonly string[]): Promise<Finding[]> {
    const findings: Finding[] = []
    const { patterns, faults } = includesOf(source)
    findings.push(...faults)
    for (const { path, pattern } of patterns) {
      try {
        await this.includePattern(pattern, file, chain)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        const about = error.file === '' ? '' : `${quote(error.file)}: `
        findings.push({ path, at: 'value', code: error.code, message: `${about}${error.message}`, hint: error.hint })
      }
    }
    return findings
  }

  private async includePattern(pattern: string, file: string, chain: readonly string[]): Promise<void> {
    const matches = await matchesOf(pattern, dirname(file))
    if (matches === null) {
      this.missing.add(resolve(dirname(file), pattern))
      throw new FileError('wrong-include', `there is no ${quote(pattern)} beside this file`)
    }
    for (const folder of matches.folders) this.folders.add(resolve(folder))
    const isNamed = !hasWildcard(pattern) && matches.folders.length === 0
    for (const match of matches.files) {
      const path = resolve(match)
      if (isNamed && chain.includes(path)) throw loopError([...chain.slice(chain.indexOf(path)), path])
      // By several ways to one file: it counts where it came first.
      if (this.files.has(path)) continue
      if (chain.length >= INCLUDE_DEPTH_MAX) {
        throw new FileError('wrong-include', `files include each other more than ${INCLUDE_DEPTH_MAX} deep`)
      }
      if (this.files.size >= FILES_MAX) throw new FileError('too-large', `there are more than ${FILES_MAX} files`)
      await this.readFound(match, chain)
    }
  }

  result(): Omit<Reading, 'name' | 'folder'> {
    const files = [...this.files, ...this.missing, ...this.folders]
    return { source: mergeSources(this.sources), hash: this.hash.digest('hex'), files }
  }
}

/** Loaded where it is needed only: most configurations are YAML, and a program pays for every parser. */
async function readTomlText(text: string, file: string): Promise<Source> {
  const { readToml } = await import('./toml.ts')
  return readToml(text, file)
}

function loopError(chain: readonly string[]): FileError {
  const names = chain.map(path => relative(dirname(chain[0]!), path))
  return new FileError('wrong-include', `leads back to where it came from: ${names.join(' includes ')}`)
}

interface Includes {
  readonly patterns: readonly { readonly path: KeyPath; readonly pattern: string }[]
  readonly faults: readonly Finding[]
}

function includesOf({ value, findings }: Source): Includes {
  const include = isMap(value) ? value.include : undefined
  const known = new Set(findings.map(finding => formatPath(finding.path)))
  if (include === undefined) return { patterns: [], faults: [] }
  const items = Array.isArray(include) ? include : [include]
  const patterns: { path: KeyPath; pattern: string }[] = []
  const faults: Finding[] = []
  for (const [index, pattern] of items.entries()) {
    const path = Array.isArray(include) ? ['include', index] : ['include']
    // A variable that is missing was reported already.
    if (known.has(formatPath(path))) continue
    if (typeof pattern === 'string' && pattern !== '') patterns.push({ path, pattern })
    else faults.push(notAPath(path))
  }
  return { patterns, faults }
}

function notAPath(path: KeyPath): Finding {
  const hint = 'such as include: [conf.d/*.yaml, more.toml]'
  return { path, at: 'value', code: 'wrong-type', message: 'must be a path or a list of paths', hint }
}

/** What is left for the schema once the files are read. */
function withoutInclude(source: Source): Source {
  if (!isMap(source.value) || source.value.include === undefined) return source
  const { include: _, ...value } = source.value
  return { ...source, value }
}

/** A source of text alone, which has no folder that other files could lie in. */
export function readText(text: string, file: string): Source {
  const source = readYaml(text, file)
  const onFile = () => undefined
  const surroundings = { environment: process.env, folder: dirname(file), onFile, onMissing: onFile }
  return refusingIncludes(replacePlaceholders(source, surroundings))
}

/** `include` is for files. */
export function refusingIncludes(source: Source): Source {
  if (!isMap(source.value) || source.value.include === undefined) return source
  const message = 'only a file can include others'
  const hint = 'give the path of a file instead'
  const finding: Finding = { path: ['include'], at: 'key', code: 'wrong-include', message, hint }
  return { ...withoutInclude(source), findings: [...source.findings, finding] }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
