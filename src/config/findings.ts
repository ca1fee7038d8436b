import type * as z from 'zod'
import { jsonSchemaAt, propertiesOf } from './json-schema.ts'
import { quote } from './parsed.ts'
import type { Finding, KeyPath } from './positions.ts'
import { nearest } from './suggest.ts'
import { isUnsupportedKey, unsupportedKeysIn, unsupportedValues } from './unsupported.ts'

/** Turns what zod found into words for whoever wrote the configuration. */

const NOT_SUPPORTED_YET = 'is not supported yet'

/** Given to zod as the error map; messages that a schema brings along itself go first. */
export function issueMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code !== 'unrecognized_keys' && issue.code !== 'custom') return 'is missing'
  if (issue.input === null) return 'has no value'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${describe(issue.input)}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}, not ${describe(issue.input)}`
    case 'invalid_union':
      return SEE_BRANCHES
    default:
      return undefined
  }
}

/** The message of a union that has none of its own: the alternative that fits best says more. */
const SEE_BRANCHES = ''

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys and values',
  record: 'a map of names and values',
  array: 'a list',
}

/** The findings of one issue: each unknown key counts by itself. `value` is the whole configuration. */
export function findingsOf(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  const path = issue.path as KeyPath
  const found = valueAt(value, path)
  if (found === null) return [{ path, at: 'value', message: issue.message, hint: emptyHint(path) }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => unknownKey(path, key))
    case 'invalid_key':
      return issue.issues.map(inner => ({ path, at: 'key', message: inner.message, hint: hintOf(inner) }))
    case 'invalid_union':
      if (issue.message === SEE_BRANCHES) return findingsOfBranches(issue, value)
      break
    case 'invalid_value':
      return [wrongValue(issue, path, found)]
    case 'invalid_type':
      return [{ path, at: 'value', message: issue.message, hint: kindHint(issue, path, found) }]
  }
  return [{ path, at: 'value', message: issue.message, hint: hintOf(issue) }]
}

function hintOf(issue: z.core.$ZodIssue): string {
  const hint = issue.code === 'custom' ? issue.params?.hint : ''
  return typeof hint === 'string' ? hint : ''
}

function unknownKey(parent: KeyPath, key: string): Finding {
  const path = [...parent, key]
  if (isUnsupportedKey(path)) return { path, at: 'key', message: NOT_SUPPORTED_YET, hint: '' }
  return { path, at: 'key', message: 'unknown key', hint: keyHint(parent, key) }
}

/** The nearest key of the same map, else the place of that very key one floor down, as in `limits.head`. */
function keyHint(parent: KeyPath, key: string): string {
  const properties = propertiesOf(jsonSchemaAt(parent))
  const sibling = nearest(key, [...Object.keys(properties), ...unsupportedKeysIn(parent)])
  if (sibling !== null) return `did you mean ${quote(sibling)}?`
  const below = Object.entries(properties)
    .filter(([, schema]) => Object.hasOwn(propertiesOf(schema), key))
    .map(([section]) => quote(`${section}.${key}`))
  if (below.length > 0) return `did you mean ${below.join(' or ')}?`
  const known = Object.keys(properties).filter(name => name !== '$schema')
  return known.length === 0 ? '' : `known here: ${known.join(', ')}`
}

function wrongValue(issue: z.core.$ZodIssueInvalidValue, path: KeyPath, found: unknown): Finding {
  if (typeof found !== 'string') return { path, at: 'value', message: issue.message, hint: '' }
  const supported = issue.values.map(String)
  const known = unsupportedValues(path)
  if (known.includes(found)) {
    const hint = `supported: ${supported.join(', ')}`
    return { path, at: 'value', message: `${quote(found)} ${NOT_SUPPORTED_YET}`, hint }
  }
  const near = nearest(found, [...supported, ...known])
  return { path, at: 'value', message: issue.message, hint: near === null ? '' : `did you mean ${quote(near)}?` }
}

/** A number where text belongs is mostly a port, a duration or a size that lacks its unit, or text without quotes. */
function kindHint(issue: z.core.$ZodIssueInvalidType, path: KeyPath, found: unknown): string {
  if (issue.expected === 'boolean' && typeof found === 'string') {
    if (/^(yes|on|y)$/i.test(found)) return 'did you mean true?'
    if (/^(no|off|n)$/i.test(found)) return 'did you mean false?'
  }
  if (issue.expected === 'object') return switchHint(path, found)
  if (issue.expected !== 'string') return ''
  if (typeof found === 'boolean') return `write it in quotes: "${found}"`
  if (typeof found !== 'number') return ''
  return unitHint(path, found) || `write it in quotes: "${found}"`
}

/** A section that is on or off by being there. */
function switchHint(path: KeyPath, found: unknown): string {
  if (jsonSchemaAt(path)?.default !== undefined) return ''
  if (found === false || found === 'off') return 'leave the key out to switch it off'
  return found === true || found === 'on' ? 'write {} for all of its defaults' : ''
}

function unitHint(path: KeyPath, found: number): string {
  const description = jsonSchemaAt(path)?.description ?? ''
  const unit = /such as 250ms/.test(description) ? 's' : /A size/.test(description) ? 'B' : ''
  return unit === '' ? '' : `it needs a unit: ${found}${unit}`
}

/** Of the alternatives that a value may be, what the one says whose kind it has. */
function findingsOfBranches(issue: z.core.$ZodIssueInvalidUnion, value: unknown): Finding[] {
  const path = issue.path as KeyPath
  const fitting = issue.errors.find(branch => !branch.some(isOfAnotherKind))
  if (fitting !== undefined) {
    return fitting.flatMap(one => findingsOf({ ...one, path: [...issue.path, ...one.path] }, value))
  }
  const found = valueAt(value, path)
  const mismatches = issue.errors.flat().filter(isOfAnotherKind)
  const message = `must be ${[...new Set(mismatches.flatMap(alternativesOf))].join(' or ')}, not ${describe(found)}`
  const words = mismatches.flatMap(one => (one.code === 'invalid_value' ? one.values : []))
  return [{ path, at: 'value', message, hint: branchHint(words, path, found) }]
}

/** Whether the value is not even of the kind that an alternative is for. */
function isOfAnotherKind(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return issue.errors.every(branch => branch.some(isOfAnotherKind))
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

function alternativesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_type') return [KINDS[issue.expected] ?? issue.expected]
  if (issue.code === 'invalid_union') return issue.errors.flat().filter(isOfAnotherKind).flatMap(alternativesOf)
  return issue.code === 'invalid_value' ? issue.values.filter(word => typeof word === 'string') : []
}

function branchHint(words: readonly unknown[], path: KeyPath, found: unknown): string {
  if (typeof found === 'number') return unitHint(path, found)
  const near = typeof found === 'string' ? nearest(found, words.map(String)) : null
  return near === null ? '' : `did you mean ${quote(near)}?`
}

function emptyHint(path: KeyPath): string {
  return typeof path.at(-1) === 'number' ? 'give it one, or take the item out' : 'give it one, or leave the key out'
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = (current as Record<string | number, unknown>)[step]
  }
  return current
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `one of ${values.join(', ')}`
}

/** A value in a message, short whatever it is. */
function describe(value: unknown): string {
  if (typeof value === 'string') return `the text ${quote(value)}`
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return `a ${typeof value}`
}
