/** The reference of the configuration as a page, made from its schema and from the hand-written parts beside this file. */
import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { alternativesOf, configurationJsonSchema, type JsonSchema, resolved } from '../src/config/json-schema.ts'
import { DURATION_PATTERN, SHARE_PATTERN, SIZE_PATTERN } from '../src/config/units.ts'

const TEMPLATE = new URL('./configuration-docs.md', import.meta.url)

/** What stands in the template where the tables go. */
const REFERENCE_MARK = '<!-- reference -->\n'
/** Prose that a section of that path has before or behind its table. */
const NOTE_MARK = /^<!-- (before|after) (\S+) -->$/m

export function configurationReference(): string {
  const [page = '', ...notes] = readFileSync(TEMPLATE, 'utf8').split(NOTE_MARK)
  const prose = new Map<string, string>()
  for (let at = 0; at < notes.length; at += 3) prose.set(`${notes[at]} ${notes[at + 1]}`, notes[at + 2]?.trim() ?? '')
  const sections = new Sections(prose)
  sections.meet('', configurationJsonSchema())
  sections.add('', configurationJsonSchema())
  const unused = [...prose.keys()].filter(key => !sections.told.has(key))
  if (unused.length > 0) throw new Error(`the template has prose for sections that are not there: ${unused.join(', ')}`)
  return `${page.replace(REFERENCE_MARK, () => sections.text()).trimEnd()}\n`
}

class Sections {
  /** The prose that has found its place. */
  readonly told = new Set<string>()
  private readonly prose: ReadonlyMap<string, string>
  private readonly parts: string[] = []
  /** Sections with the same keys are told once: their first path by what they hold. */
  private readonly known = new Map<string, string>()

  constructor(prose: ReadonlyMap<string, string>) {
    this.prose = prose
  }

  text(): string {
    return `${this.parts.join('\n\n')}\n\n`
  }

  /** Finds out which sections there are, so that rows can refer to those that come later. */
  meet(path: string, schema: JsonSchema): void {
    if (this.known.has(signature(schema))) return
    this.known.set(signature(schema), path)
    for (const inner of sectionsIn(path, schema)) this.meet(inner.path, inner.schema)
  }

  /** A map and, behind it, what is in it. */
  add(path: string, schema: JsonSchema, about = ''): void {
    const properties = Object.entries(schema.properties ?? {})
    const rows = properties.map(([key, property]) => this.row(path, key, property, schema.required?.includes(key)))
    const table = ['| key | type | default | example | meaning |', '| --- | --- | --- | --- | --- |', ...rows].join(
      '\n',
    )
    const heading = path === '' ? '## The whole file' : `## \`${path}\``
    const name = path === '' ? '.' : path
    const parts = [heading, path === '' ? '' : words(about), this.note('before', name), table, this.note('after', name)]
    this.parts.push(parts.filter(part => part !== '').join('\n\n'))
    for (const inner of sectionsIn(path, schema)) {
      if (this.known.get(signature(inner.schema)) === inner.path) this.add(inner.path, inner.schema, inner.about)
    }
  }

  private note(where: string, path: string): string {
    const key = `${where} ${path}`
    this.told.add(key)
    return this.prose.get(key) ?? ''
  }

  private row(path: string, key: string, property: JsonSchema, isRequired = false): string {
    const schema = resolved(property)
    const fallback = isRequired ? 'required' : defaultOf(schema)
    const example = exampleOf(schema)
    const cells = [code(key), this.typeOf(schema, below(path, key)), fallback, example === null ? '' : code(example)]
    return `| ${[...cells, words(withoutUnits(schema.description ?? ''))].join(' | ')} |`
  }

  private typeOf(property: JsonSchema, path: string): string {
    const schema = resolved(property)
    if (isShare(schema)) return 'share'
    if (schema.anyOf !== undefined) return this.typeOfSeveral(schema.anyOf, path)
    if (schema.enum !== undefined) return schema.enum.map(value => code(String(value))).join(', ')
    if (schema.const !== undefined) return code(String(schema.const))
    switch (schema.type) {
      case 'object':
        return schema.properties
          ? this.link(schema, path)
          : `map of names to ${this.typeOf(openOf(schema), `${path}.*`)}`
      case 'array':
        return `list of ${this.typeOf(schema.items ?? {}, `${path}[]`)}`
      case 'boolean':
        return '`true`, `false`'
      case 'string':
        return textType(schema)
      default:
        return numberType(schema)
    }
  }

  /** `x or a list of x` reads better as a list that may be one. */
  private typeOfSeveral(options: readonly JsonSchema[], path: string): string {
    const types = [...new Set(options.map(option => this.typeOf(option, path)))]
    const [one = '', other = ''] = types
    if (types.length === 2 && other === `list of ${one}`) return `${one}, or a list of them`
    if (types.length === 2 && one === `list of ${other}`) return `${other}, or a list of them`
    return types.join(' or ')
  }

  private link(schema: JsonSchema, path: string): string {
    const place = this.known.get(signature(schema)) ?? path
    return `[section](#${place.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '')})`
  }
}

function signature(schema: JsonSchema): string {
  return JSON.stringify(schema.properties)
}

function openOf(schema: JsonSchema): JsonSchema {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {}
}

function below(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** The sections right below one, each with what is to be said about it. */
function sectionsIn(path: string, schema: JsonSchema): { path: string; schema: JsonSchema; about: string }[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
    mapsIn(below(path, key), property).map(inner => ({
      ...inner,
      about: inner.schema.description ?? property.description ?? '',
    })),
  )
}

/** The maps with keys of their own that a value may be, or may have as entries or items. */
function mapsIn(path: string, schema: JsonSchema): { path: string; schema: JsonSchema }[] {
  return alternativesOf(schema).flatMap(option => [
    ...(option.properties === undefined ? [] : [{ path, schema: option }]),
    ...(option.items === undefined ? [] : mapsIn(`${path}[]`, option.items)),
    ...(typeof option.additionalProperties === 'object' ? mapsIn(`${path}.*`, option.additionalProperties) : []),
  ])
}

function textType({ pattern, description = '', format }: JsonSchema): string {
  if (pattern === DURATION_PATTERN) {
    const longest = /at most (\w+)\.$/.exec(description)?.[1]
    return longest === undefined || longest === '168h' ? 'duration' : `duration, at most ${longest}`
  }
  if (pattern === SIZE_PATTERN) return `size, ${/A size from (.+)\.$/.exec(description)?.[1]}`
  return format === 'template' ? 'template' : 'text'
}

/** A percentage, or a number from 0 to 1. */
function isShare({ anyOf = [] }: JsonSchema): boolean {
  return anyOf.some(({ pattern }) => pattern === SHARE_PATTERN)
}

function numberType({ type, minimum, maximum }: JsonSchema): string {
  const kind = type === 'integer' ? 'whole number' : 'number'
  return minimum === undefined || maximum === undefined
    ? kind
    : `${kind}, ${minimum.toLocaleString('en')} to ${maximum.toLocaleString('en')}`
}

/** The column of types says what follows in descriptions for editors. */
function withoutUnits(description: string): string {
  return description.replace(/ ?A (?:duration such as 250ms[^.]*|size from [^.]*|share such as 20% or 0\.2)\.$/, '')
}

function defaultOf(schema: JsonSchema): string {
  const { default: fallback, properties } = schema
  if (fallback === undefined || (properties !== undefined && isEmpty(fallback))) return ''
  if (fallback === '') return 'empty'
  return isEmpty(fallback) && mapsIn('', schema).length > 0 ? '' : code(inline(fallback))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** `null` for sections, which have a table of their own. */
function exampleOf(schema: JsonSchema): string | null {
  const value = exampleValue(schema)
  return value === undefined ? null : inline(value)
}

function exampleValue(property: JsonSchema): unknown {
  const schema = resolved(property)
  const { default: fallback, examples, type } = schema
  if (examples?.[0] !== undefined) return examples[0]
  if (schema.anyOf !== undefined) {
    if (isShare(schema)) return fallback === '20%' ? '10%' : '20%'
    const values = schema.anyOf.map(exampleValue).filter(value => value !== undefined)
    return values.find(value => JSON.stringify(value) !== JSON.stringify(fallback)) ?? values[0]
  }
  if (schema.enum !== undefined) return schema.enum.find(value => value !== fallback) ?? schema.enum[0]
  if (schema.const !== undefined) return schema.const
  if (type === 'boolean') return fallback !== true
  if (type === 'array') {
    const values = (schema.items && resolved(schema.items).enum) ?? [exampleValue(schema.items ?? {})]
    return values[0] === undefined ? undefined : values.slice(0, 2)
  }
  if (type !== 'object' || schema.properties !== undefined) return undefined
  const value = exampleValue(openOf(schema))
  return value === undefined ? undefined : { 'x-name': value }
}

/** A value as it stands in YAML, on one line. */
function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: true, lineWidth: 0 }).trim()
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

/** What is code in a description: quoted words and commands, values of requests, and paths. */
const CODE = /"(?<quoted>[^"\s]+|sluice [^"]+)"|\$?\{[^{}\s]+\}|(?<![\w:/])\/[\w{}/.-]+\*?/g

/** A description in Markdown, in which nothing else is taken for markup. */
function words(text: string): string {
  return text
    .replaceAll(CODE, (match, quoted?: string) => `\`${quoted ?? match}\``)
    .split(/(`[^`]*`)/)
    .map(part => (part.startsWith('`') ? part.replaceAll('|', '\\|') : part.replaceAll(/[*<|]/g, mark => `\\${mark}`)))
    .join('')
}
