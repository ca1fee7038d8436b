import * as z from 'zod'
import { configurationSchema } from './schema.ts'

/** As much of JSON Schema as the model produces and this code reads. */
export interface JsonSchema {
  readonly description?: string
  readonly default?: unknown
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

let cached: JsonSchema | null = null

/** The JSON Schema of a configuration as it is written, for editors and for hints about keys. */
export function configurationJsonSchema(): JsonSchema {
  cached ??= { title: 'Sluice configuration', ...z.toJSONSchema(configurationSchema, { io: 'input' }) } as JsonSchema
  return cached
}

/** The schema of the value at `path`, or `null` where the language has none. */
export function jsonSchemaAt(path: readonly (string | number)[]): JsonSchema | null {
  let schema: JsonSchema | null = configurationJsonSchema()
  for (const step of path) {
    if (schema === null) return null
    schema = stepInto(schema, step)
  }
  return schema
}

/** The keys of a map; of the one alternative that is a map where there are several. */
export function propertiesOf(schema: JsonSchema | null): Readonly<Record<string, JsonSchema>> {
  return alternatives(schema).find(option => option.properties !== undefined)?.properties ?? {}
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | null {
  if (typeof step === 'number') return alternatives(schema).find(option => option.items !== undefined)?.items ?? null
  const properties = propertiesOf(schema)
  if (Object.hasOwn(properties, step)) return properties[step] ?? null
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : null
}

function alternatives(schema: JsonSchema | null): readonly JsonSchema[] {
  return schema === null ? [] : [schema, ...(schema.anyOf ?? [])]
}
