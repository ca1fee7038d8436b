import * as z from 'zod'
import { configurationSchema } from './schema.ts'
import { withExamples } from './schema-examples.ts'

/** As much of JSON Schema as the model produces and this code reads. */
export interface JsonSchema {
  readonly title?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly type?: string
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  /** A value that is written and never shown: a secret. */
  readonly writeOnly?: boolean
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly propertyNames?: JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  /** Not of JSON Schema: keys of which one has to be there, and no more. What is published has `oneOf` for it. */
  readonly oneKeyOf?: readonly string[]
  readonly oneOf?: readonly JsonSchema[]
}

let cached: JsonSchema | null = null

/** The JSON Schema of a configuration as it is written, for editors and for hints about keys. */
export function configurationJsonSchema(): JsonSchema {
  cached ??= withExamples({
    title: 'Sluice configuration',
    ...(z.toJSONSchema(configurationSchema, { io: 'input', override: keepWhatIsWritten }) as JsonSchema),
  })
  return cached
}

/**
 * Where what is written is transformed, its default and its examples are left out, because they are what comes out. Ours
 * are always what is written: of the defaults only lists and maps are concerned, and those are the same on both sides.
 */
function keepWhatIsWritten({ zodSchema, jsonSchema }: Parameters<Override>[0]): void {
  const { def } = zodSchema._zod
  if (def.type === 'default' && typeof def.defaultValue === 'object') jsonSchema.default ??= def.defaultValue
  const examples = z.globalRegistry.get(zodSchema)?.examples
  if (Array.isArray(examples)) jsonSchema.examples ??= examples
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>

/** The schema of the value at `path`, or `null` where the language has none. */
export function jsonSchemaAt(path: readonly (string | number)[]): JsonSchema | null {
  let schema: JsonSchema | null = configurationJsonSchema()
  for (const step of path) {
    if (schema === null) return null
    schema = stepInto(schema, step)
  }
  return schema === null ? null : resolved(schema)
}

/** The keys of a map; of the one alternative that is a map where there are several. */
export function propertiesOf(schema: JsonSchema | null): Readonly<Record<string, JsonSchema>> {
  return alternativesOf(schema).find(option => option.properties !== undefined)?.properties ?? {}
}

/** The kinds of scalar that a value may be: `string`, `number` (whole ones too), `boolean`. */
export function kindsOf(schema: JsonSchema | null): ReadonlySet<string> {
  const kinds = new Set<string>()
  for (const option of alternativesOf(schema)) {
    if (option.type !== undefined) kinds.add(option.type === 'integer' ? 'number' : option.type)
    for (const value of [...(option.enum ?? []), option.const]) if (value !== undefined) kinds.add(typeof value)
  }
  return kinds
}

/** The schema itself and every alternative that it has, with what they refer to in their place. */
export function alternativesOf(schema: JsonSchema | null): readonly JsonSchema[] {
  if (schema === null) return []
  const own = resolved(schema)
  return [own, ...(own.anyOf ?? []).flatMap(alternativesOf)]
}

/** What a schema that only refers to another one stands for; what it says itself goes first. */
export function resolved(schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema
  const { $ref, ...own } = schema
  const name = /^#\/\$defs\/(.+)$/.exec($ref)?.[1]
  const target = name === undefined ? configurationJsonSchema() : configurationJsonSchema().$defs?.[name]
  if (target === undefined) throw new Error(`${$ref} is not in the schema`)
  return { ...resolved(target), ...own }
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | null {
  const options = alternativesOf(schema)
  if (typeof step === 'number') return options.find(option => option.items !== undefined)?.items ?? null
  const properties = propertiesOf(schema)
  if (Object.hasOwn(properties, step)) return properties[step] ?? null
  const open = options.find(option => typeof option.additionalProperties === 'object')?.additionalProperties
  return typeof open === 'object' ? open : null
}
