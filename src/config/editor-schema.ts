import { configurationJsonSchema, type JsonSchema } from './json-schema.ts'

/**
 * The JSON Schema that is published: that of the model, but for what stands in a file before its placeholders are replaced.
 * `${PORT}` may be a number, a duration or one of some words; an editor must not call it wrong.
 */
export function editorJsonSchema(): JsonSchema {
  return withPlaceholders(configurationJsonSchema())
}

/** A variable of the environment, or the content of a file. */
const PLACEHOLDER = '\\$\\{(?:[A-Z]|file:)'
const PLACEHOLDER_TEXT: JsonSchema = { type: 'string', pattern: PLACEHOLDER }

function withPlaceholders({ oneKeyOf, ...schema }: JsonSchema): JsonSchema {
  const inside = {
    ...schema,
    ...(oneKeyOf && { oneOf: oneKeyOf.map(key => ({ required: [key] })) }),
    ...(schema.properties && { properties: mapped(schema.properties) }),
    ...(schema.$defs && { $defs: mapped(schema.$defs) }),
    ...(schema.items && { items: withPlaceholders(schema.items) }),
    ...(typeof schema.additionalProperties === 'object' && {
      additionalProperties: withPlaceholders(schema.additionalProperties),
    }),
  }
  if (inside.anyOf !== undefined) return { ...inside, anyOf: alternativesWith(inside.anyOf) }
  if (isText(inside)) return widened(inside)
  if (!isScalar(inside)) return inside
  const { type, enum: values, const: value, minimum, maximum, ...about } = inside
  const kind = Object.entries({ type, enum: values, const: value, minimum, maximum })
  const rest: JsonSchema = Object.fromEntries(kind.filter(([, bound]) => bound !== undefined))
  return { ...about, anyOf: [rest, PLACEHOLDER_TEXT] }
}

function mapped(schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, withPlaceholders(schema)]))
}

/** One alternative takes placeholders; none needs more than one. */
function alternativesWith(alternatives: readonly JsonSchema[]): JsonSchema[] {
  const all = alternatives.map(option => (isScalar(option) ? option : withPlaceholders(option)))
  const takesText = all.some(isText)
  return takesText || !alternatives.some(isScalar) ? all : [...all, PLACEHOLDER_TEXT]
}

function widened(schema: JsonSchema): JsonSchema {
  return schema.pattern === undefined ? schema : { ...schema, pattern: `${schema.pattern}|${PLACEHOLDER}` }
}

function isText({ type, enum: values, const: value }: JsonSchema): boolean {
  return type === 'string' && values === undefined && value === undefined
}

/** Of a kind that no text is: a number, true or false, one of some words. */
function isScalar({ type, enum: values, const: value }: JsonSchema): boolean {
  return type === 'integer' || type === 'number' || type === 'boolean' || values !== undefined || value !== undefined
}
