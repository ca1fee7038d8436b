import { configurationJsonSchema, type JsonSchema, jsonSchemaAt } from './json-schema.ts'
import { MASK, SEARCHED_LENGTH_MIN, scrubbed } from './masking.ts'
import { type Finding, type KeyPath, type Place, placeAt, type Source } from './positions.ts'
import type { ProblemCode } from './problem-codes.ts'

/**
 * What must not be shown: the values of keys that the schema says are secrets, private keys, and whatever came from a file
 * by `${file:PATH}`, wherever it stands.
 */

/** What is wrong before there is a value: these name variables and files. */
const OF_PLACEHOLDERS: ReadonlySet<ProblemCode> = new Set([
  'missing-variable',
  'unreadable-file',
  'too-large',
  'wrong-encoding',
])

export function isSecret(path: KeyPath, place: Place | null, value: unknown): boolean {
  return place?.written?.isFromFile === true || jsonSchemaAt(path)?.writeOnly === true || isPrivateKey(value)
}

function isPrivateKey(value: unknown): value is string {
  return typeof value === 'string' && value.includes('PRIVATE KEY-----')
}

/** The findings as they may be told: without secrets, and with the variables that a value came from. */
export function tellable(findings: readonly Finding[], source: Source): Finding[] {
  if (findings.length === 0) return []
  const secrets = secretsIn(source)
  return findings.map(finding => {
    const place = placeAt(source.root, finding.path)
    const tells = !OF_PLACEHOLDERS.has(finding.code) && isSecret(finding.path, place, null)
    const hidden = tells ? withoutValue(finding) : finding
    const origin = place?.written === undefined ? '' : ` (from ${[...new Set(place.written.placeholders)].join(', ')})`
    const message = `${scrubbed(hidden.message, secrets)}${origin}`
    return { ...hidden, message, hint: scrubbed(hidden.hint, secrets) }
  })
}

/** Messages quote values, and hints guess at them. */
function withoutValue(finding: Finding): Finding {
  const message = finding.message
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, `"${MASK}"`)
    .replaceAll(/\bthe number [^\s,;]+/g, `the number ${MASK}`)
  const hint = /"|did you mean|write it/.test(finding.hint) ? '' : finding.hint
  return { ...finding, message, hint }
}

/** The texts that are looked for where something is shown: a secret may have been used by name elsewhere. */
export function secretsIn({ value, root }: Source): string[] {
  const values = [
    ...valuesOfSecretKeys(value).map(({ value }) => value),
    ...valuesFromFiles(value, root),
    ...privateKeysIn(value, new Set()),
  ]
  const texts = values.filter(text => typeof text === 'string').flatMap(text => [text, ...constantsOf(text)])
  return [...new Set(texts)].filter(text => text.length >= SEARCHED_LENGTH_MIN)
}

/** A secret may stand in a template, beside what differs with the request. */
function constantsOf(text: string): string[] {
  return text.includes('${') ? text.split(/\$\{[^}]*\}/).map(constant => constant.trim()) : []
}

function valuesFromFiles(value: unknown, place: Place): unknown[] {
  if (place.written?.isFromFile) return [value]
  if (typeof value !== 'object' || value === null) return []
  const items = value as Record<string | number, unknown>
  return [...place.children].flatMap(([step, child]) => valuesFromFiles(items[step], child))
}

/** An object that was made by a program may contain itself. */
function privateKeysIn(value: unknown, seen: Set<object>): string[] {
  if (isPrivateKey(value)) return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  return Object.values(value).flatMap(item => privateKeysIn(item, seen))
}

interface Found {
  readonly path: KeyPath
  readonly value: unknown
}

/** What stands at the keys for secrets. */
function valuesOfSecretKeys(value: unknown): Found[] {
  secretKeys ??= pathsOfSecrets(configurationJsonSchema(), [])
  return secretKeys.flatMap(steps => {
    const start: Found[] = [{ path: [], value }]
    return steps.reduce((found, step) => found.flatMap(one => below(one, step)), start)
  })
}

function below({ path, value }: Found, step: string): Found[] {
  if (typeof value !== 'object' || value === null) return []
  const isList = Array.isArray(value)
  if (step !== '*' && (isList || !Object.hasOwn(value, step))) return []
  const entries = step === '*' ? Object.entries(value) : [[step, (value as Record<string, unknown>)[step]] as const]
  return entries.map(([key, item]) => ({ path: [...path, isList ? Number(key) : key], value: item }))
}

/** The paths of the language's keys for secrets; `*` is any name or any place in a list. */
let secretKeys: readonly (readonly string[])[] | null = null

function pathsOfSecrets(schema: JsonSchema, path: readonly string[]): (readonly string[])[] {
  // What refers to itself, such as conditions within conditions, has no secrets.
  if (schema.$ref !== undefined) return []
  if (schema.writeOnly === true) return [path]
  const { properties = {}, items, anyOf = [], additionalProperties } = schema
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => pathsOfSecrets(inner, [...path, key])),
    ...(items === undefined ? [] : pathsOfSecrets(items, [...path, '*'])),
    ...(typeof additionalProperties === 'object' ? pathsOfSecrets(additionalProperties, [...path, '*']) : []),
    ...anyOf.flatMap(inner => pathsOfSecrets(inner, path)),
  ]
}

/** Masks that were taken for secrets: what `config show` has printed was made a configuration again. */
export function findMasks(value: unknown): Finding[] {
  return valuesOfSecretKeys(value)
    .filter(found => found.value === MASK)
    .map(({ path }) => {
      const message = `${MASK} is what stands for a secret where it is not shown`
      const hint = 'write the secret itself, or ${file:PATH}'
      return { path, at: 'value', code: 'masked-secret', message, hint }
    })
}
