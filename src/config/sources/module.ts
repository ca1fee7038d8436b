import { registerHooks } from 'node:module'
import { extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { quote } from '../parsed.ts'
import { type Finding, NOWHERE, type Position, positionsIn, type Source } from '../positions.ts'
import { locateIn } from './module-positions.ts'
import { readPlainObject } from './plain-object.ts'

/** A configuration that is a module in TypeScript or JavaScript: its default export, or what that gives when called. */

/** What a module gets until it has given its configuration; past it the configuration is refused. */
const MODULE_TIMEOUT_MS = 30_000

/** What `import 'sluice'` means where the folder of the configuration has no such package: what a configuration needs of it. */
const OWN_PACKAGE = new URL(
  import.meta.url.endsWith('.ts') ? '../define-config.ts' : '../define-config.js',
  import.meta.url,
).href

export interface ModuleRead {
  readonly source: Source
  /** Absolute paths of the files that the module imports, without those of packages. */
  readonly imported: readonly string[]
}

/** `text` is the module's, for positions; `name` is how errors name the file. */
export async function readModule(path: string, text: string, name: string): Promise<ModuleRead> {
  const importer = new Importer(path, text)
  try {
    const value = await withinTimeout(importer.configuration())
    const positionOf = positionsIn(text, name)
    return { source: readPlainObject(value, name, locateIn(text, positionOf)), imported: importer.files() }
  } catch (error) {
    const blamed = error instanceof SyntaxError ? await importer.syntaxErrorWithPlace(error) : error
    const place = placeOf(blamed, path)
    const position = place.line > 0 ? { ...place, file: name } : placeOfImport(blamed, text, name)
    return { source: refusedAt(position, messageOf(blamed)), imported: importer.files() }
  } finally {
    importer.close()
  }
}

let imports = 0

class Importer {
  private readonly url: string
  private readonly text: string
  private readonly urls = new Set<string>()
  private readonly hooks: { deregister(): void }
  private readonly exit = process.exit
  /** Parses JavaScript as TypeScript, whose parser tells where it gave up. */
  private isForPlace = false

  constructor(path: string, text: string) {
    this.url = pathToFileURL(resolve(path)).href
    this.text = text
    process.exit = refuseExit
    this.hooks = registerHooks({
      resolve: (specifier, context, next) => {
        const resolved = specifier === 'sluice' ? ownIfAbsent(() => next(specifier, context)) : next(specifier, context)
        const url = resolved.url.replace(/\?.*$/, '')
        if (url.startsWith('file:') && !url.includes('/node_modules/') && url !== OWN_PACKAGE) {
          if (context.parentURL !== undefined && this.urls.has(context.parentURL.replace(/\?.*$/, '')))
            this.urls.add(url)
        }
        return url === this.url ? { ...resolved, ...this.formatOfConfiguration() } : resolved
      },
    })
    this.urls.add(this.url)
  }

  async configuration(): Promise<unknown> {
    const module = (await this.import()) as { readonly default?: unknown }
    const given = module.default
    if (given === undefined)
      throw new ModuleError('has no default export', 'write: export default defineConfig({ ... })')
    const value = typeof given === 'function' ? await (given as () => unknown)() : await given
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    const what =
      typeof given === 'function' ? 'the function that is the default export returns' : 'the default export is'
    throw new ModuleError(
      `${what} no configuration but ${kindOf(value)}`,
      'an object is wanted, as defineConfig takes it',
    )
  }

  /** The same error from a parser that says where. */
  async syntaxErrorWithPlace(error: SyntaxError): Promise<unknown> {
    if (placeOf(error, fileURLToPath(this.url)).line !== 0) return error
    this.isForPlace = true
    return await this.import().then(
      () => error,
      (other: unknown) => (other instanceof SyntaxError ? other : error),
    )
  }

  files(): string[] {
    return [...this.urls].filter(url => url !== this.url).map(url => fileURLToPath(url))
  }

  close(): void {
    process.exit = this.exit
    this.hooks.deregister()
  }

  /** Evaluated anew each time: a file that was read before may have changed. */
  private import(): Promise<unknown> {
    return import(`${this.url}?read=${++imports}`)
  }

  /** Without it Node tries the file as CommonJS first where no package.json says what it is, and warns about that. */
  private formatOfConfiguration(): { format?: string } {
    if (this.isForPlace) return { format: 'module-typescript' }
    if (!/^\s*(?:export|import)\b/m.test(this.text)) return {}
    return { format: extname(this.url).endsWith('ts') ? 'module-typescript' : 'module' }
  }
}

function ownIfAbsent<Resolved>(find: () => Resolved): Resolved | { url: string; shortCircuit: true } {
  try {
    return find()
  } catch {
    return { url: OWN_PACKAGE, shortCircuit: true }
  }
}

/** It would end `sluice validate` as if all were well. */
function refuseExit(): never {
  throw new ModuleError('calls process.exit()', 'throw an error that says what is wrong')
}

class ModuleError extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

async function withinTimeout<Value>(given: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const message = `gave no configuration within ${MODULE_TIMEOUT_MS / 1000} s`
    timer = setTimeout(() => reject(new ModuleError(message, 'what does it wait for?')), MODULE_TIMEOUT_MS)
  })
  try {
    return await Promise.race([given, late])
  } finally {
    clearTimeout(timer)
  }
}

function refusedAt(position: Position, { message, hint }: { message: string; hint: string }): Source {
  const finding: Finding = { path: [], at: 'value', code: 'wrong-module', offset: 0, message, hint }
  return { value: null, root: NOWHERE, findings: [finding], usable: false, extent: 1, positionOf: () => position }
}

function messageOf(error: unknown): { message: string; hint: string } {
  if (error instanceof ModuleError) return { message: error.message, hint: error.hint }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof SyntaxError) return { message: `not a valid module: ${message}`, hint: '' }
  const isNodes = error instanceof Error && /^ERR_/.test((error as NodeJS.ErrnoException).code ?? '')
  return { message: isNodes ? message : `the module threw ${quote(message)}`, hint: '' }
}

/** Where an error says that it comes from, as far as that is in the module itself. */
function placeOf(error: unknown, path: string): { line: number; column: number } {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const absolute = resolve(path)
  for (const name of [pathToFileURL(absolute).href, absolute]) {
    const at = stack.indexOf(name)
    const match = at === -1 ? null : /^(?:\?read=\d+)?:(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length))
    if (match === null) continue
    return { line: Number(match[1]), column: Number(match[2] ?? caretColumn(stack.slice(at))) }
  }
  return { line: 0, column: 0 }
}

/** The import of what Node did not find, if the module has one such. */
function placeOfImport(error: unknown, text: string, file: string): Position {
  const wanted = error instanceof Error ? /^Cannot find \w+ '(?:.*\/)?([^'/]+)'/.exec(error.message)?.[1] : undefined
  const found = [...text.matchAll(/(?<=['"/])[^'"/\n]+(?=['"])/g)].filter(match => match[0] === wanted)
  return found.length === 1 ? positionsIn(text, file)(found[0]!.index) : { file, line: 0, column: 0 }
}

/** Below the line that they show, parsers mark the place with `^`. */
function caretColumn(shown: string): number {
  const caret = shown.split('\n').find(line => /^\s*\^+\s*$/.test(line))
  return caret === undefined ? 1 : caret.indexOf('^') + 1
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
