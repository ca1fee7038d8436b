import { judgeSource } from './check.ts'
import { mapOf } from './checks/written.ts'
import { alternativesOf, configurationJsonSchema, type JsonSchema, jsonSchemaAt } from './json-schema.ts'
import { MASK } from './masking.ts'
import { type Finding, formatPath, type KeyPath, NOWHERE, type Place, type Source } from './positions.ts'
import { isSecret } from './secrets.ts'
import { readPlainObject } from './sources/plain-object.ts'
import { TlsReadings } from './tls-readings.ts'

/**
 * A configuration as it counts: all files put together, every default written out, secrets masked, in the language
 * itself. Read again, it gives the same configuration; only secrets that were written out have to be put in again.
 */

type Section = Record<string | number, unknown>

/** Of a source that passed the checks; relative paths in it begin at `folder`. */
export function effectiveConfiguration(source: Source, folder: string): Section {
  const filling = new Filling(source, folder)
  return shown(filling.result(), [], source.root) as Section
}

/** Where a default is bounded by a key beside it, the value that it has then. */
const BOUNDED_BY: Readonly<Record<string, string>> = {
  'limits.target': 'head',
  'active.timeout': 'interval',
  'passive.max_eject': 'eject',
  'http2.stream_window': 'window_max',
  'http2.connection_window': 'window_max',
}

/** Keys of listeners whose default is another one with each protocol. */
const BY_PROTOCOL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'timeouts.idle': { http: '75s', tcp: '1h' },
}

/** Checks and removals; each round that does not end takes at least one default out. */
const ROUNDS_MAX = 1000

/**
 * Writes defaults out. Some do not stand beside some other keys: written out, they would be keys without effect, which
 * are errors. So what was filled in is checked, and what the checks do not like is taken out again.
 */
class Filling {
  /** The keys that were not written, by their formatted path. */
  private readonly added = new Map<string, KeyPath>()
  /** Their formatted paths by that of the map that they are in. */
  private readonly addedIn = new Map<string, string[]>()
  private readonly bounded = new Set<string>()
  /** Taken out in this round. */
  private readonly gone = new Set<string>()
  private readonly known: ReadonlySet<string>
  private readonly written: Section
  private readonly value: unknown
  private readonly folder: string
  private readonly readings = new TlsReadings()

  constructor(source: Source, folder: string) {
    this.folder = folder
    this.known = new Set(judgeSource(source, folder, this.readings).findings.map(signature))
    this.written = mapOf(source.value)
    this.value = this.fill(configurationJsonSchema(), source.value, [])
  }

  result(): unknown {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { findings } = judgeSource(readPlainObject(this.value, ''), this.folder, this.readings)
      const disliked = findings.filter(finding => !this.known.has(signature(finding)))
      if (disliked.length === 0) return this.value
      this.gone.clear()
      for (const finding of disliked) this.yieldTo(finding)
    }
    throw new Error('the defaults contradict what is written')
  }

  private fill(schema: JsonSchema | null, value: unknown, path: KeyPath): unknown {
    if (Array.isArray(value)) {
      const items = alternativesOf(schema).find(option => option.items !== undefined)?.items ?? null
      return value.map((item, index) => this.fill(items, item, [...path, index]))
    }
    if (typeof value !== 'object' || value === null) return value
    return this.fillMap(mapSchemaOf(schema, value), value as Section, path)
  }

  private fillMap(schema: JsonSchema | null, value: Section, path: KeyPath): Section {
    const result: Section = {}
    const properties = schema?.properties ?? {}
    for (const [key, property] of Object.entries(properties)) {
      if (path.length === 0 && (key === '$schema' || key === 'include')) continue
      const inside = [...path, key]
      const fallback = alternativesOf(property)[0]?.default ?? this.dependingOn(inside)
      if (value[key] !== undefined) result[key] = this.fill(property, value[key], inside)
      else if (fallback !== undefined) {
        this.note(inside)
        result[key] = this.fill(property, fallback, inside)
      }
    }
    const open = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : null
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined && properties[key] === undefined) result[key] = this.fill(open, item, [...path, key])
    }
    return result
  }

  /** The default of a key that has another one with each protocol of its listener. */
  private dependingOn([section, name, ...key]: KeyPath): unknown {
    if (section !== 'listeners' || name === undefined) return undefined
    const { protocol = 'http' } = mapOf(mapOf(this.written.listeners)[name])
    return BY_PROTOCOL[key.join('.')]?.[String(protocol)]
  }

  private note(path: KeyPath): void {
    const name = formatPath(path)
    const map = formatPath(path.slice(0, -1))
    this.added.set(name, path)
    const beside = this.addedIn.get(map)
    if (beside === undefined) this.addedIn.set(map, [name])
    else beside.push(name)
  }

  /** Takes out what was filled in and is to blame for a finding. */
  private yieldTo({ path }: Finding): void {
    const names = path.map((_, index) => formatPath(path.slice(0, index + 1)))
    // A list is blamed for each of its items.
    if (names.some(name => this.gone.has(name))) return
    const around = names.findLast(name => this.added.has(name))
    // A key that was written is told that it does not go with another one: with one beside it, or inside of it.
    const near = [path, path.slice(0, -1)].flatMap(map => this.addedIn.get(formatPath(map)) ?? [])
    const blamed = around === undefined ? near.filter(name => this.added.has(name)) : [around]
    if (blamed.length === 0) throw new Error(`no default is to blame for what is wrong at ${formatPath(path)}`)
    for (const name of blamed) this.takeOut(name)
  }

  private takeOut(name: string): void {
    const path = this.added.get(name) ?? []
    const parent = path.slice(0, -1).reduce((value, step) => (value as Section)[step], this.value) as
      | Section
      | undefined
    const key = String(path.at(-1))
    const bound = parent?.[BOUNDED_BY[path.slice(-2).join('.')] ?? '']
    if (bound !== undefined && parent !== undefined && !this.bounded.has(name)) {
      this.bounded.add(name)
      parent[key] = bound
      return
    }
    this.added.delete(name)
    this.gone.add(name)
    if (parent !== undefined) delete parent[key]
  }
}

function signature({ path, code }: Finding): string {
  return `${code} ${formatPath(path)}`
}

/** Of the kinds of map that a value may be, the one that has its keys. */
function mapSchemaOf(schema: JsonSchema | null, value: object): JsonSchema | null {
  const maps = alternativesOf(schema).filter(option => option.properties ?? option.additionalProperties)
  const keys = Object.keys(value)
  return maps.find(option => keys.every(key => Object.hasOwn(option.properties ?? {}, key))) ?? maps[0] ?? null
}

/** The value as it may be seen, and as it can be read again. */
function shown(value: unknown, path: KeyPath, place: Place): unknown {
  const inner = (step: string | number) => place.children.get(step) ?? NOWHERE
  if (Array.isArray(value)) return value.map((item, index) => shown(item, [...path, index], inner(index)))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, shown(item, [...path, key], inner(key))]),
    )
  }
  if (isSecret(path, place, value)) return shownSecret(place)
  if (typeof value !== 'string' || jsonSchemaAt(path)?.format === 'template') return value
  return value.replaceAll(/\$\{(?=[A-Z_]|file:)|(?<=\$)\$\{/g, '$$$${')
}

/** Where a secret comes from is no secret; a default for it is one. */
function shownSecret({ written }: Place): string {
  return written === undefined || /:[-?]/.test(written.text) ? MASK : written.text
}
