import { configurationJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts'

function keysOf(schema: JsonSchema, path = ''): [string, JsonSchema][] {
  const below = (inner: JsonSchema, step: string) => keysOf(inner, path === '' ? step : `${path}.${step}`)
  return [
    ...(path === '' || path.endsWith('*') ? [] : [[path, schema] as [string, JsonSchema]]),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => below(inner, key)),
    ...(typeof schema.additionalProperties === 'object' ? below(schema.additionalProperties, '*') : []),
    // What may be one thing or another has its keys in the one that is a map.
    ...[...(schema.items === undefined ? [] : [schema.items]), ...(schema.anyOf ?? [])]
      .flatMap(inner => keysOf(inner, path))
      .filter(([inner]) => inner !== path),
  ]
}

/** Every key of the configuration language with its schema; names chosen by the user are `*`. */
export function languageKeys(): [string, JsonSchema][] {
  return keysOf(configurationJsonSchema())
}
