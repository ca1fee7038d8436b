/** What is different between two configurations in effect: not in how they are written, but in what they mean. */
import { isSame } from '../../engine/threads/same.ts'
import { alternativesOf, jsonSchemaAt } from '../config/json-schema.ts'
import type { KeyPath } from '../config/positions.ts'
import { parseDuration, parseShare, parseSize } from '../config/units.ts'
import { type Model, Secret } from './diff-side.ts'
import { summaryOf } from './section-summary.ts'
import { written } from './written-value.ts'

export interface ModelChange {
  readonly kind: 'added' | 'removed' | 'changed' | 'renamed' | 'moved'
  /** Sections are separated by dots; what has a name or an address is called by that: `routes[users].priority`. */
  readonly path: string
  /** As the configuration writes it; empty where there was nothing, or where it would say nothing. */
  readonly before: string
  readonly after: string
}

/** What tells the items of a list apart, by the last step of the list's path; others count as a whole. */
const IDENTITIES: Readonly<Record<string, (item: Model) => unknown>> = {
  routes: ({ name }) => name,
  endpoints: ({ address, srv }) => address ?? srv,
  split: ({ upstream }) => upstream,
}

/** Where a value stands: as people call it, and in the language. */
interface Spot {
  readonly text: string
  readonly path: KeyPath
}

/** The order of routes is looked at elsewhere. */
export function diffModels(before: unknown, after: unknown): ModelChange[] {
  return diffValues({ text: '', path: [] }, before, after)
}

function diffValues(spot: Spot, before: unknown, after: unknown): ModelChange[] {
  const { text: path } = spot
  if (before === undefined && after === undefined) return []
  if (before === undefined) return isVoid(spot, after) ? [] : [addition(path, after)]
  if (after === undefined) return isVoid(spot, before) ? [] : [removal(path, before)]
  if (before instanceof Secret || after instanceof Secret) return diffSecrets(path, before, after)
  if (isMap(before) && isMap(after)) return diffMaps(spot, before, after)
  const identity = IDENTITIES[/[^.[\]]*$/.exec(path)?.[0] ?? '']
  if (identity !== undefined && isListOfMaps(before) && isListOfMaps(after)) {
    const lists = [keyed(before, identity), keyed(after, identity)] as const
    if (lists[0] !== null && lists[1] !== null) return diffKeyed(spot, lists[0], lists[1])
  }
  if (meansTheSame(before, after)) return []
  return [{ kind: 'changed', path, before: written(before), after: written(after) }]
}

function addition(path: string, value: unknown): ModelChange {
  return { kind: 'added', path, before: '', after: summaryOf(path, value) }
}

function removal(path: string, value: unknown): ModelChange {
  return { kind: 'removed', path, before: summaryOf(path, value), after: '' }
}

/** Defaults are written out where they have a meaning, and are not there where they have none. */
function isVoid({ path }: Spot, value: unknown): boolean {
  // What has a name is there or not, whatever it says.
  return typeof path.at(-1) === 'string' && isDefault(path, value)
}

function isDefault(path: KeyPath, value: unknown): boolean {
  const fallback = alternativesOf(jsonSchemaAt(path))[0]?.default
  // Without a default, a section turns something on by being there.
  if (fallback === undefined) return false
  if (isSame(fallback, value)) return true
  return isMap(value) && Object.entries(value).every(([key, item]) => isDefault([...path, key], item))
}

function diffSecrets(path: string, before: unknown, after: unknown): ModelChange[] {
  if (before instanceof Secret && before.equals(after)) return []
  return [{ kind: 'changed', path, before: '(secret)', after: '(secret)' }]
}

function diffMaps({ text, path }: Spot, before: Model, after: Model): ModelChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap(key => {
    const spot = { text: text === '' ? key : `${text}.${key}`, path: [...path, key] }
    return diffValues(spot, before[key], after[key])
  })
}

/** `null` where the identities do not tell the items apart. */
function keyed(items: readonly Model[], identity: (item: Model) => unknown): Map<string, Model> | null {
  const map = new Map<string, Model>()
  for (const item of items) {
    const key = identity(item)
    if (typeof key !== 'string' || map.has(key)) return null
    map.set(key, item)
  }
  return map
}

function diffKeyed(
  { text, path }: Spot,
  before: ReadonlyMap<string, Model>,
  after: ReadonlyMap<string, Model>,
): ModelChange[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])]
  return keys.flatMap(key => {
    const spot = { text: `${text}[${key}]`, path: [...path, 0] }
    return diffValues(spot, before.get(key), after.get(key))
  })
}

/** `60s` and `1m`, `GET` and `[GET]` are one. */
function meansTheSame(before: unknown, after: unknown): boolean {
  const [one, other] = [listed(before), listed(after)]
  return isSame(one, other) || (one.length === other.length && one.every((item, index) => isEqual(item, other[index])))
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

function isEqual(before: unknown, after: unknown): boolean {
  if (typeof before !== 'string' || typeof after !== 'string') return isSame(before, after)
  return before === after || READERS.some(read => read(before) !== null && read(before) === read(after))
}

const MAXIMUM = Number.MAX_SAFE_INTEGER

const READERS: readonly ((text: string) => number | null)[] = [
  text => valueOfParsed(parseDuration(text, 0, MAXIMUM)),
  text => valueOfParsed(parseSize(text, 0, MAXIMUM)),
  text => valueOfParsed(parseShare(text)),
]

function valueOfParsed(parsed: { readonly ok: boolean; readonly value?: number }): number | null {
  return parsed.ok ? (parsed.value ?? null) : null
}

function isMap(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret)
}

function isListOfMaps(value: unknown): value is readonly Model[] {
  return Array.isArray(value) && value.every(isMap)
}
