import { resolve } from 'node:path'
import { type JsonSchema, jsonSchemaAt, kindsOf } from '../json-schema.ts'
import { accepted, type Parsed, quote, refused } from '../parsed.ts'
import type { Finding, KeyPath, Place, Source, Written } from '../positions.ts'
import { FileError, readValueFile, textOfBytes } from './file.ts'
import { mayHavePlaceholders, NESTING_MAX, type Piece, type Placeholder, parsePlaceholders } from './placeholders.ts'

/** Puts variables of the environment and files in place of the placeholders of a file. */

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The folder of the file; paths of other files begin there. */
  readonly folder: string
  /** Told of every file whose content was put in. */
  readonly onFile: (path: string, bytes: Uint8Array) => void
  /** Told of every file that was to be put in, and cannot be read. */
  readonly onMissing: (path: string) => void
}

/** The same source with its scalars filled in, and with a finding for each that cannot be. */
export function replacePlaceholders(source: Source, surroundings: Surroundings): Source {
  if (!source.usable) return source
  const replacer = new Replacer(surroundings)
  const { value, place } = replacer.walk({ value: source.value, place: source.root }, [])
  return { ...source, value, root: place, findings: [...source.findings, ...replacer.findings] }
}

/** A value and its place; both are the same objects as before where nothing in them had to be replaced. */
interface Placed {
  readonly value: unknown
  readonly place: Place
}

class Replacer {
  readonly findings: Finding[] = []
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  walk(placed: Placed, path: KeyPath): Placed {
    const { value, place } = placed
    if (typeof value === 'string') return mayHavePlaceholders(value) ? this.replace(value, place, path) : placed
    if (typeof value !== 'object' || value === null) return placed
    let copy: Record<string | number, unknown> | null = null
    let children: Map<string | number, Place> | null = null
    for (const [step, child] of place.children) {
      const before = (value as Record<string | number, unknown>)[step]
      const after = this.walk({ value: before, place: child }, [...path, step])
      if (after.place === child) continue
      copy ??= copyOf(value)
      children ??= new Map(place.children)
      copy[step] = after.value
      children.set(step, after.place)
    }
    return children === null ? placed : { value: copy, place: { ...place, children } }
  }

  private replace(text: string, place: Place, path: KeyPath): Placed {
    const schema = jsonSchemaAt(path)
    const expansion = new Expansion(this.surroundings, schema?.format === 'template')
    const expanded = expansion.expand(text, 0)
    if (!expanded.ok) {
      const { code, message, hint } = expanded
      this.findings.push({ path, at: 'value', code, offset: place.valueOffset, message, hint })
      return { value: text, place }
    }
    const { placeholders, isFromFile, isWhole, written } = expansion
    const value = isWhole ? inKindOf(schema, expanded.value) : expanded.value
    if (placeholders.length === 0) return { value, place: { ...place } }
    return { value, place: { ...place, written: { text: written, placeholders, isFromFile } satisfies Written } }
  }
}

/** One scalar on its way. */
class Expansion {
  readonly placeholders: string[] = []
  /** The text with absolute paths. */
  written = ''
  isFromFile = false
  /** Whether the text is one placeholder and nothing else: then its value may be a number. */
  isWhole = false
  private readonly surroundings: Surroundings
  private readonly isTemplate: boolean

  constructor(surroundings: Surroundings, isTemplate: boolean) {
    this.surroundings = surroundings
    this.isTemplate = isTemplate
  }

  expand(text: string, depth: number): Parsed<string> {
    if (depth > NESTING_MAX)
      return refused(`placeholders are nested more than ${NESTING_MAX} deep`, '', 'wrong-placeholder')
    const pieces = parsePlaceholders(text, this.isTemplate)
    if (!pieces.ok) return pieces
    if (depth === 0) this.written = text
    if (depth === 0) this.isWhole = pieces.value.length === 1 && typeof pieces.value[0] !== 'string'
    let result = ''
    for (const piece of pieces.value) {
      const value = this.valueOf(piece, depth)
      if (!value.ok) return value
      result += value.value
    }
    return accepted(result)
  }

  private valueOf(piece: Piece, depth: number): Parsed<string> {
    if (typeof piece === 'string') return accepted(piece)
    return piece.kind === 'file' ? this.fileOf(piece, depth) : this.variableOf(piece, depth)
  }

  private variableOf({ name, otherwise, message }: Placeholder, depth: number): Parsed<string> {
    this.placeholders.push(`\${${name}}`)
    const value = this.surroundings.environment[name]
    if (otherwise !== null) return value ? accepted(this.escaped(value)) : this.expand(otherwise, depth + 1)
    if (message && !value) return missing(`the environment has no ${name}: ${message}`, '')
    if (message !== null && !value) return missing(`the environment has no ${name}`, 'set it')
    if (value !== undefined) return accepted(this.escaped(value))
    return missing(`the environment has no ${name}`, `set it, or give a default: \${${name}:-...}`)
  }

  private fileOf({ name }: Placeholder, depth: number): Parsed<string> {
    const path = this.expand(name, depth + 1)
    if (!path.ok) return path
    this.placeholders.push(`\${file:${path.value}}`)
    this.isFromFile = true
    const absolute = resolve(this.surroundings.folder, path.value)
    this.written = this.written.replaceAll(`\${file:${name}}`, `\${file:${absolute}}`)
    try {
      const bytes = readValueFile(absolute)
      this.surroundings.onFile(absolute, bytes)
      return accepted(this.escaped(textOfBytes(bytes).replace(/\r?\n$/, '')))
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.surroundings.onMissing(absolute)
      return refused(`the file ${quote(path.value)}: ${error.message}`, error.hint, error.code)
    }
  }

  /** What is put into a template is text, whatever it holds. */
  private escaped(value: string): string {
    return this.isTemplate ? value.replaceAll('${', () => '$${') : value
  }
}

function missing(message: string, hint: string): Parsed<never> {
  return refused(message, hint, 'missing-variable')
}

/** The text as the number or the truth value that its key takes, if it takes one; else as it is. */
function inKindOf(schema: JsonSchema | null, text: string): unknown {
  const kinds = kindsOf(schema)
  if (kinds.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (!kinds.has('number') || !/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return text
  return Number(text)
}

function copyOf(value: object): Record<string | number, unknown> {
  const copy = Array.isArray(value) ? [...value] : Object.assign(Object.create(null), value)
  return copy as Record<string | number, unknown>
}
