import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configurationJsonSchema, jsonSchemaAt, propertiesOf } from '../../../src/config/json-schema.ts'
import { languageKeys } from '../../support/language-keys.ts'

const root = new URL('../../../', import.meta.url)

test('the published JSON Schema is the one that the model gives (scripts/json-schema.ts writes it)', () => {
  expect(JSON.parse(readFileSync(new URL('config/schema.json', root), 'utf8'))).toEqual(configurationJsonSchema())
})

test('every key has a description for editors', () => {
  const without = languageKeys().filter(([, schema]) => (schema.description ?? '') === '')
  expect(without.map(([path]) => path)).toEqual([])
})

test('every map refuses keys that it does not know', () => {
  const open = languageKeys().filter(
    ([, schema]) => schema.properties !== undefined && schema.additionalProperties !== false,
  )
  expect(open.map(([path]) => path)).toEqual([])
})

test('the schema tells editors the defaults and the patterns', () => {
  const all = new Map(languageKeys())
  expect(all.get('listeners.*.limits.head')).toMatchObject({ default: '32KiB', type: 'string' })
  expect(all.get('listeners.*.timeouts.idle')).toMatchObject({ default: '75s', pattern: '^[0-9]+(ms|s|m|h)$' })
  expect(all.get('upstreams.*.pool.pipelining')).toMatchObject({ default: 1, type: 'integer', minimum: 1 })
  expect(all.get('upstreams.*.retry.budget')).toMatchObject({
    default: '20%',
    anyOf: [
      { type: 'string', pattern: '^[0-9]+([.][0-9]+)?%$' },
      { type: 'number', minimum: 0, maximum: 1 },
    ],
  })
})

test('the schema tells editors where a section may be switched off', () => {
  for (const key of ['retry', 'health.passive']) {
    const schema = jsonSchemaAt(['upstreams', 'any', ...key.split('.')])
    expect(schema?.anyOf?.[1]).toEqual({ enum: ['off', false] })
  }
})

test('the reference in docs/configuration.md covers every key with its default', () => {
  const reference = readFileSync(new URL('docs/configuration.md', root), 'utf8')
  const rows = new Map<string, string>()
  let section = ''
  for (const line of reference.split('\n')) {
    const heading = /^#+ .*`([^`]+)`/.exec(line)
    if (heading !== null) section = heading[1]!
    const row = /^\| `([^`]+)` \|.*$/.exec(line)
    if (row !== null) rows.set(`${section}.${row[1]}`.replace(/^\./, ''), line)
  }
  const missing: string[] = []
  for (const [path, schema] of languageKeys()) {
    const inner = schema.items ?? schema.additionalProperties
    const sections = [schema, ...(typeof inner === 'object' ? [inner] : [])]
    const isSection = sections.some(section => Object.keys(propertiesOf(section)).length > 0)
    if (isSection || path === '$schema') continue
    const name = path.replace(/^routes\./, 'routes[].').replace('.endpoints.', '.endpoints[].')
    const row = [...rows].find(([key]) => key === name)?.[1]
    if (row === undefined) missing.push(name)
    else if (schema.default !== undefined && typeof schema.default !== 'object' && schema.default !== '') {
      if (!row.includes(`\`${schema.default}\``)) missing.push(`the default of ${name}: ${schema.default}`)
    }
  }
  expect(missing).toEqual([])
})
