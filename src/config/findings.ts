import type * as z from 'zod'
import { isMap } from './checks/written.ts'
import { meantByForeignKey } from './foreign-keys.ts'
import { alternativesOf, jsonSchemaAt, propertiesOf } from './json-schema.ts'
import { quote } from './parsed.ts'
import type { Finding, KeyPath } from './positions.ts'
import type { ProblemCode } from './problem-codes.ts'
import { nearest } from './suggest.ts'
import { generalPath, isUnsupportedKey, unsupportedKeysIn, unsupportedValues } from './unsupported.ts'

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
  if (found === null) {
    return [{ path, at: 'value', code: 'empty-value', message: issue.message, hint: emptyHint(path) }]
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => unknownKey(path, key))
    case 'invalid_key':
      return issue.issues.map(inner => ({
        path,
        at: 'key',
        code: codeOf(inner, path.at(-1)),
        message: inner.message,
        hint: hintOf(inner),
      }))
    case 'invalid_union':
      if (issue.message === SEE_BRANCHES) return findingsOfBranches(issue, value)
      break
    case 'invalid_value':
      return [wrongValue(issue, path, found)]
    case 'invalid_type':
      return [
        { path, at: 'value', code: codeOf(issue, found), message: issue.message, hint: kindHint(issue, path, found) },
      ]
  }
  const hint = hintOf(issue) || shareHint(path, found) || zeroHint(path, found)
  return [{ path, at: 'value', code: codeOf(issue, found), message: issue.message, hint }]
}

/** 50 where 50% was meant. */
/** Elsewhere 0 often says that there is no limit. */
function zeroHint(path: KeyPath, found: unknown): string {
  if (found !== 0 && found !== -1) return ''
  const takesOff = alternativesOf(jsonSchemaAt(path)).some(({ enum: words }) => words?.includes('off'))
  return takesOff ? 'write off for none' : ''
}

function shareHint(path: KeyPath, found: unknown): string {
  if (typeof found !== 'number' || found <= 1 || found > 100) return ''
  return /A share such as/.test(jsonSchemaAt(path)?.description ?? '') ? `did you mean ${found}%?` : ''
}

/** What kind of problem an issue is. What was refused with a code of its own keeps it. */
function codeOf(issue: z.core.$ZodIssue, found: unknown): ProblemCode {
  switch (issue.code) {
    case 'custom':
      return issue.params?.code ?? 'wrong-value'
    case 'invalid_type':
      if (found === undefined) return 'missing-key'
      return issue.expected === 'int' && typeof found === 'number' ? 'out-of-range' : 'wrong-type'
    case 'too_small':
    case 'too_big':
      return 'out-of-range'
    case 'invalid_format':
      return 'wrong-name'
    default:
      return found === undefined ? 'missing-key' : 'wrong-value'
  }
}

function hintOf(issue: z.core.$ZodIssue): string {
  const hint = issue.code === 'custom' ? issue.params?.hint : ''
  return typeof hint === 'string' ? hint : ''
}

function unknownKey(parent: KeyPath, key: string): Finding {
  const path = [...parent, key]
  if (isUnsupportedKey(path))
    return { path, at: 'key', code: 'not-supported-yet', message: NOT_SUPPORTED_YET, hint: '' }
  return { path, at: 'key', code: 'unknown-key', message: 'unknown key', hint: keyHint(parent, key) }
}

/** The nearest key of the same map, else the place of that very key one floor down, as in `limits.head`. */
function keyHint(parent: KeyPath, key: string): string {
  const foreign = meantByForeignKey(generalPath(parent), key)
  if (foreign !== null)
    return `here it is called ${foreign}${isUnsupportedWord(parent, foreign) ? `, which ${NOT_SUPPORTED_YET}` : ''}`
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

/** Whether a word in quotes is a key that comes later. */
function isUnsupportedWord(parent: KeyPath, word: string): boolean {
  return isUnsupportedKey([...parent, word.slice(1, -1)])
}

function wrongValue(issue: z.core.$ZodIssueInvalidValue, path: KeyPath, found: unknown): Finding {
  const supported = issue.values.map(String)
  if (typeof found !== 'string') {
    const code = found === undefined ? 'missing-key' : typeof found === 'object' ? 'wrong-type' : 'wrong-value'
    const hint = typeof found === 'number' ? endHint(String(found), supported) : ''
    return { path, at: 'value', code, message: issue.message, hint }
  }
  const known = unsupportedValues(path)
  if (known.includes(found)) {
    const hint = `supported: ${supported.join(', ')}`
    const message = `${quote(found)} ${NOT_SUPPORTED_YET}`
    return { path, at: 'value', code: 'not-supported-yet', message, hint }
  }
  if (issue.values.some(one => typeof one === 'number' && String(one) === found)) {
    return { path, at: 'value', code: 'wrong-type', message: issue.message, hint: `write ${found} without quotes` }
  }
  const near = nearest(found, [...supported, ...known])
  const other = wordHint(path, found) || endHint(found, supported)
  const hint = near === null ? other : `did you mean ${quote(near)}?`
  return { path, at: 'value', code: 'wrong-value', message: issue.message, hint }
}

/** What other proxies call the protocols of a listener. */
function wordHint(path: KeyPath, found: string): string {
  if (generalPath(path) !== 'listeners.*.protocol') return ''
  if (/^(tls|ssl)$/i.test(found)) return 'write tcp, and "sni" to pass TLS on by its name, or "tls" to end it here'
  if (/^(https|h2|grpc|websocket)$/i.test(found)) return 'write http'
  if (/^(dns|quic|dtls)$/i.test(found)) return 'write udp'
  return /^(stream|raw|postgres|postgresql|mysql|redis|smtp|ssh)$/i.test(found) ? 'write tcp' : ''
}

/** 1.3 where TLSv1.3 was meant. */
function endHint(found: string, supported: readonly string[]): string {
  const meant = found === '' ? undefined : supported.find(one => one.endsWith(found) && one !== found)
  return meant === undefined ? '' : `did you mean ${quote(meant)}?`
}

/** A number where text belongs is mostly a port, a duration or a size that lacks its unit, or text without quotes. */
function kindHint(issue: z.core.$ZodIssueInvalidType, path: KeyPath, found: unknown): string {
  if (issue.expected === 'boolean' && typeof found === 'string') {
    if (/^(yes|on|y)$/i.test(found)) return 'did you mean true?'
    if (/^(no|off|n)$/i.test(found)) return 'did you mean false?'
  }
  switch (issue.expected) {
    case 'object':
      return switchHint(path, found)
    case 'record':
      return Array.isArray(found) ? 'give each item a name, and write "NAME: ..." instead of "- ..."' : ''
    case 'array':
      return listHint(found)
    case 'int':
    case 'number':
      return numberHint(path, found)
    case 'string':
      if (typeof found === 'object' && path.at(-1) === 'path') return onePathHint(found)
      if (typeof found === 'object' && /^routes\.\*\.upstream$/.test(generalPath(path))) return oneUpstreamHint(found)
      return typeof found === 'number' ? unitHint(path, found) || quotesHint(path, found) : quotesHint(path, found)
    default:
      return ''
  }
}

function numberHint(path: KeyPath, found: unknown): string {
  if (typeof found === 'number' && path.at(-1) === 'weight') {
    return 'weights are in proportion to each other, such as 95 and 5'
  }
  if (typeof found !== 'string') return ''
  if (/^\d+$/.test(found)) return `write ${found} without quotes`
  const perSecond = perSecondIn(found)
  if (path.at(-1) === 'rate' && perSecond !== null) return `it is per second: write ${perSecond}`
  return /^\d+([.]\d+)?%$/.test(found) ? `write ${found.slice(0, -1)}` : ''
}

/** The number of `100/s`; `null` for other texts. */
function perSecondIn(text: string): number | null {
  const number = /^([1-9][0-9]{0,6})\s*(?:\/\s*|\s+per\s+)s(?:ec(?:ond)?)?$/i.exec(text)?.[1]
  return number === undefined ? null : Number(number)
}

/** A list of paths, or a kind of match that is a part of the text here. */
function onePathHint(found: unknown): string {
  if (Array.isArray(found)) return 'several paths are several routes, or one with "any": [{ path: ... }, { path: ... }]'
  const { exact, prefix, regex } = found as Record<string, unknown>
  if (typeof exact === 'string') return `write ${quote(exact)}`
  if (typeof prefix === 'string') return `write ${quote(`${prefix.replace(/\/$/, '')}/*`)}`
  return typeof regex === 'string' ? `write ${quote(`~${regex}`)}` : ''
}

function oneUpstreamHint(found: unknown): string {
  return Array.isArray(found) ? 'several upstreams are a "split"' : 'it is defined under "upstreams", and named here'
}

function listHint(found: unknown): string {
  if (typeof found === 'string' || typeof found === 'number') return `write it as a list: [${JSON.stringify(found)}]`
  return typeof found === 'object' ? 'begin each item with "- "' : ''
}

/** A section that is on or off by being there. */
function switchHint(path: KeyPath, found: unknown): string {
  if (typeof found === 'string') {
    const key = /^(\w+):\S/.exec(found)?.[1] ?? ''
    if (Object.hasOwn(propertiesOf(jsonSchemaAt(path)), key)) return `write a space behind "${key}:"`
    const host = path.at(-1) === 'match' ? /^Host(?:SNI)?\(`([^`]+)`\)/.exec(found)?.[1] : undefined
    if (host !== undefined) return `conditions are keys here: { host: ${quote(host)}, path: "/*" }`
  }
  if (path.at(-1) === 'client_cert' && found === true) return 'write { present: true }'
  if (/^listeners\.\*\.tls$/.test(generalPath(path))) return 'it needs { certificates: [{ cert: FILE, key: FILE }] }'
  if (Array.isArray(found)) return found.length === 1 && isMap(found[0]) ? 'there is one of it: take the "- " away' : ''
  if (typeof found === 'string' || typeof found === 'number') {
    const main = mainKeyHint(path, found)
    if (main !== '') return main
  }
  if (jsonSchemaAt(path)?.default !== undefined) return ''
  if (found === false || found === 'off') return 'leave the key out to switch it off'
  return found === true || found === 'on' ? 'write {} for all of its defaults' : ''
}

/** The key that matters most of a section, which somebody wrote without it. */
const MAIN_KEYS: readonly (readonly [place: RegExp, kind: 'string' | 'number', key: string])[] = [
  [/^(listeners|upstreams\.[^.]+\.endpoints)\.[^.]+$/, 'string', 'address'],
  [/\.match$/, 'string', 'path'],
  [/\.rewrite$/, 'string', 'path'],
  [/\.redirect$/, 'string', 'to'],
  [/\.files$/, 'string', 'root'],
  [/\.mirror$/, 'string', 'upstream'],
  [/^routes\.\*\.timeouts$/, 'string', 'total'],
  [/\.split\.\*$/, 'string', 'upstream'],
  [/\.respond$/, 'string', 'body'],
  [/\.respond$/, 'number', 'status'],
  [/\.retry$/, 'number', 'attempts'],
  [/\.sticky$/, 'string', 'cookie'],
  [/\.limits\.new_connections$/, 'number', 'rate'],
  [/^listeners\.\*\.sni\.\*$/, 'string', 'names'],
]

function mainKeyHint(path: KeyPath, found: string | number): string {
  const place = generalPath(path)
  const key = MAIN_KEYS.find(([pattern, kind]) => pattern.test(place) && kind === typeof found)?.[2]
  return key === undefined ? '' : `write { ${key}: ${typeof found === 'string' ? quote(found) : found} }`
}

function unitHint(path: KeyPath, found: number): string {
  if (path.at(-1) === 'address') return path[0] === 'listeners' ? `did you mean ":${found}"?` : 'write host:port'
  const description = jsonSchemaAt(path)?.description ?? ''
  if (/such as 250ms/.test(description)) {
    return found > 0 ? `it needs a unit: ${found}s or ${found}ms` : 'it has a unit and is longer than 0, such as 30s'
  }
  return found > 0 && Number.isFinite(found) && /A size/.test(description) ? `it needs a unit: ${found}B` : ''
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
  const message = `must be ${[...new Set(mismatches.flatMap(kindsIn))].join(' or ')}, not ${describe(found)}`
  const words = mismatches.flatMap(one => (one.code === 'invalid_value' ? one.values : []))
  const code =
    found === undefined ? 'missing-key' : words.length > 0 && typeof found === 'string' ? 'wrong-value' : 'wrong-type'
  const hint = branchHint(words, path, found) || quotesHint(path, found)
  return [{ path, at: 'value', code, message, hint }]
}

/** Whether the value is not even of the kind that an alternative is for. */
function isOfAnotherKind(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return issue.errors.every(branch => branch.some(isOfAnotherKind))
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

function kindsIn(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_type') return [KINDS[issue.expected] ?? issue.expected]
  if (issue.code === 'invalid_union') return issue.errors.flat().filter(isOfAnotherKind).flatMap(kindsIn)
  if (issue.code !== 'invalid_value') return []
  return issue.values.filter(word => typeof word === 'string' || word === true).map(String)
}

function branchHint(words: readonly unknown[], path: KeyPath, found: unknown): string {
  if (Array.isArray(found) && /^(headers|query|cookies)$/.test(String(path.at(-2)))) {
    return 'one of several values is a regular expression: { regex: "^(a|b)$" }'
  }
  if (typeof found === 'number') {
    return zeroHint(path, found) || unitHint(path, found) || (found > 0 ? mainKeyHint(path, found) : '')
  }
  if (typeof found === 'string') {
    const place = generalPath(path)
    const perSecond = perSecondIn(found)
    if (/\.new_connections$/.test(place) && perSecond !== null) return `write { rate: ${perSecond} }`
    if (place === 'listeners.*.proxy_protocol' && /^v[12]$/i.test(found)) {
      return 'both versions are read; it needs { trusted: [...] }'
    }
  }
  if (typeof found === 'string' && words.includes(true) && /^(yes|on|y)$/i.test(found)) return 'did you mean true?'
  const near = typeof found === 'string' ? nearest(found, words.map(String)) : null
  return near === null ? '' : `did you mean ${quote(near)}?`
}

/** Text that YAML takes for something else, where text may stand. */
function quotesHint(path: KeyPath, found: unknown): string {
  if (typeof found !== 'boolean' && (typeof found !== 'number' || !Number.isFinite(found))) return ''
  const quoted = String(found)
  const takesIt = alternativesOf(jsonSchemaAt(path)).some(
    ({ type, pattern, enum: words }) =>
      type === 'string' && words === undefined && (pattern === undefined || new RegExp(pattern).test(quoted)),
  )
  return takesIt ? `write it in quotes: "${quoted}"` : ''
}

function emptyHint(path: KeyPath): string {
  if (typeof path.at(-1) === 'number') return 'give it one, or take the item out'
  if (Object.keys(propertiesOf(jsonSchemaAt(path))).length > 0) {
    return 'what belongs to it is indented further than the key; without anything leave the key out'
  }
  return 'give it one, or leave the key out'
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
