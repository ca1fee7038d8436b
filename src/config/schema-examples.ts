import type { JsonSchema } from './json-schema.ts'
import { DURATION_PATTERN, SHARE_PATTERN, SIZE_PATTERN } from './units.ts'

/** Examples for every scalar of the schema: those that it brings along, and for numbers with a unit some of the kind. */
export function withExamples(schema: JsonSchema): JsonSchema {
  const inner = {
    ...(schema.properties && { properties: mapped(schema.properties) }),
    ...(schema.$defs && { $defs: mapped(schema.$defs) }),
    ...(schema.items && { items: withExamples(schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(withExamples) }),
    ...(typeof schema.additionalProperties === 'object' && {
      additionalProperties: withExamples(schema.additionalProperties),
    }),
  }
  const examples = schema.examples ?? examplesOf(schema)
  return { ...schema, ...inner, ...(examples === null ? {} : { examples }) }
}

function mapped(schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, withExamples(schema)]))
}

/** `null` where the values say themselves what they are, and where an example has to be written. */
function examplesOf(schema: JsonSchema): readonly unknown[] | null {
  if (schema.enum !== undefined || schema.const !== undefined) return null
  if (schema.type === 'integer' || schema.type === 'number') return [numberLike(schema)]
  if (schema.type !== 'string') return null
  if (typeof schema.default === 'string' && schema.default !== '') return [schema.default]
  return (schema.pattern !== undefined && BY_PATTERN[schema.pattern]) || null
}

/** Another number than the default that somebody may well write, within the bounds. */
function numberLike({ default: fallback, minimum = 0, maximum = Number.POSITIVE_INFINITY }: JsonSchema): number {
  if (typeof fallback !== 'number') return Math.max(minimum, Math.min(maximum, 10))
  if (fallback === 0) return Math.min(maximum, 10)
  return fallback * 2 <= maximum ? fallback * 2 : fallback / 2
}

const BY_PATTERN: Readonly<Record<string, readonly string[]>> = {
  [DURATION_PATTERN]: ['10s', '1m', '250ms'],
  [SIZE_PATTERN]: ['64KiB', '1MiB'],
  [SHARE_PATTERN]: ['20%'],
}
