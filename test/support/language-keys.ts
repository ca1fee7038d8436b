import { configurationJsonSchema, type JsonSchema, resolved } from '../../src/config/json-schema.ts'

/** Every key of the configuration language with its schema; names chosen by the user are `*`. */
export function languageKeys(): [string, JsonSchema][] {
  return new Walk().keysOf(configurationJsonSchema())
}

/** What is referred to from several places, itself included, has its keys at the first of them. */
class Walk {
  readonly #seen = new Set<string>()

  keysOf(schema: JsonSchema, path = ''): [string, JsonSchema][] {
    const { $ref } = schema
    const known = $ref !== undefined && this.#seen.has($ref)
    if ($ref !== undefined) this.#seen.add($ref)
    const own = resolved(schema)
    const itself: [string, JsonSchema][] = path === '' || path.endsWith('*') ? [] : [[path, own]]
    return known ? itself : [...itself, ...this.#below(own, path)]
  }

  #below(schema: JsonSchema, path: string): [string, JsonSchema][] {
    const step = (inner: JsonSchema, key: string) => this.keysOf(inner, path === '' ? key : `${path}.${key}`)
    return [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => step(inner, key)),
      ...(typeof schema.additionalProperties === 'object' ? step(schema.additionalProperties, '*') : []),
      // What may be one thing or another has its keys in the one that is a map.
      ...[...(schema.items === undefined ? [] : [schema.items]), ...(schema.anyOf ?? [])]
        .flatMap(inner => this.keysOf(inner, path))
        .filter(([inner]) => inner !== path),
    ]
  }
}
