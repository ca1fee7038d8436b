import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configurationReference } from '../../../scripts/configuration-reference.ts'
import { editorJsonSchema } from '../../../src/config/editor-schema.ts'
import { configurationJsonSchema, type JsonSchema, jsonSchemaAt } from '../../../src/config/json-schema.ts'
import { languageKeys } from '../../support/language-keys.ts'

const root = new URL('../../../', import.meta.url)

test('the published JSON Schema is the one that the model gives (scripts/json-schema.ts writes it)', () => {
  expect(JSON.parse(readFileSync(new URL('config/schema.json', root), 'utf8'))).toEqual(editorJsonSchema())
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
  expect(all.get('listeners.*.timeouts.head')).toMatchObject({ default: '30s', pattern: '^[0-9]+(ms|s|m|h)$' })
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

test('every scalar says by example, by its values or by its kind what may be written', () => {
  const without: string[] = []
  const look = (schema: JsonSchema, path: string): void => {
    const { examples, enum: values, const: value, type, default: fallback } = schema
    const isScalar = type === 'string' || type === 'number' || type === 'integer'
    if (isScalar && examples === undefined && values === undefined && value === undefined && fallback === undefined) {
      without.push(path)
    }
    for (const [key, inner] of Object.entries({ ...schema.properties, ...schema.$defs })) look(inner, `${path}.${key}`)
    for (const inner of [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])]) look(inner, path)
    if (typeof schema.additionalProperties === 'object') look(schema.additionalProperties, `${path}.*`)
  }
  look(configurationJsonSchema(), '')
  expect(without).toEqual([])
})

describe('a validator that is not ours', () => {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(editorJsonSchema())
  const verdict = (value: unknown) => (validate(value) ? [] : validate.errors)

  test.each(readdirSync(new URL('config', root)).filter(name => /(?<![.]test)[.]yaml$/.test(name)))(
    'takes config/%s',
    name => {
      expect(verdict(parse(readFileSync(new URL(`config/${name}`, root), 'utf8')))).toEqual([])
    },
  )

  test('takes every default and every example of a key where it stands', () => {
    const wrong: string[] = []
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const { $defs } = configurationJsonSchema()
    for (const [path, schema] of languageKeys()) {
      const values = [schema.default, ...(schema.examples ?? [])].filter(value => value !== undefined)
      // The default of a section is that its keys have theirs.
      if (JSON.stringify(values) === '[{}]' || values.length === 0) continue
      const check = ajv.compile({ ...schema, $defs })
      for (const value of values) if (!check(value)) wrong.push(`${path}: ${JSON.stringify(value)}`)
    }
    expect(wrong).toEqual([])
  })

  test.each([
    [{ listeners: { web: { address: ':1', adress: ':1' } } }, 'adress'],
    [{ listeners: { web: { address: ':1', limits: { head: 5 } } } }, 'head'],
    [{ listeners: { web: { address: ':1' } }, routes: [{ match: { all: [{ paht: '/' }] }, respond: {} }] }, 'paht'],
    [{ listeners: { web: { address: ':1' } }, include: 7 }, 'include'],
  ])('refuses what is wrong: %j', (value, where) => {
    expect(JSON.stringify(verdict(value))).toContain(where)
  })

  const LISTENERS = { web: { address: ':8080' } }
  const UPSTREAMS = { api: { endpoints: [{ address: 'api:80' }] } }

  test.each([
    { match: { path: 'users' }, upstream: 'api' },
    { match: { path: '/a*b' }, upstream: 'api' },
    { match: { path: '/a?b' }, upstream: 'api' },
    { match: { method: 'get' }, upstream: 'api' },
    { match: { method: ['GET', 'POTS'] }, upstream: 'api' },
    { match: { headers: { a: 2 } }, upstream: 'api' },
    { match: { headers: { a: {} } }, upstream: 'api' },
    { match: { headers: { a: { prefix: 'b', suffix: 'c' } } }, upstream: 'api' },
    { match: { headers: { 'a b': 'c' } }, upstream: 'api' },
    { match: { host: '*' }, upstream: 'api' },
    { match: { host: 'https://example.com/' }, upstream: 'api' },
    { match: { host: ['example.com:80'] }, upstream: 'api' },
    { match: { client_ip: 'localhost' }, upstream: 'api' },
    { match: { content_type: 'json' }, upstream: 'api' },
    { match: { any: { path: '/a' } }, upstream: 'api' },
    { match: { any: [] }, upstream: 'api' },
    { match: {} },
    { upstream: 'api', respond: {} },
    { split: [] },
    { split: [{ weight: 1 }] },
    { split: [{ upstream: 'api', weight: '5' }] },
    { split: [{ upstream: 'api' }], split_on: 'cookie' },
    { split: [{ upstream: 'api' }], split_on: {} },
    { split: [{ upstream: 'api' }], split_on: { cookie: 'a', header: 'b' } },
    { redirect: { to: '/a', status: 300 } },
    { redirect: { status: 301 } },
    { upstream: 'api', mirror: { upstream: 'api', percent: 101 } },
    { upstream: 'api', timeouts: { total: 5 } },
    { upstream: 'api', timeouts: { total: '5 s' } },
    { upstream: 'api', error_pages: [{ status: 200, respond: {} }] },
    { upstream: 'api', error_pages: [{ status: '5xx', respond: {} }] },
    { upstream: 'api', rewrite: { path: 'a' } },
    { upstream: 'api', rewrite: { strip_prefix: 'a' } },
    { upstream: 'api', headers: { request: { set: { 'a b': 'c' } } } },
    { upstream: 'api', headers: { request: { set: { a: '' } } } },
    { upstream: 'api', retry: 3 },
    { upstream: 'api', importance: 'urgent' },
    { files: { index: 'index.html' } },
    { files: { root: '.', precompressed: ['brotli'] } },
    { name: 'a b', upstream: 'api' },
  ])('refuses the route %j', route => {
    expect(verdict({ listeners: LISTENERS, upstreams: UPSTREAMS, routes: [route] })).not.toEqual([])
  })

  test.each([
    { listeners: {} },
    { listeners: { web: { address: 'localhost' } } },
    { listeners: LISTENERS, upstreams: { api: { endpoints: [{ weight: 2 }] } } },
    { listeners: LISTENERS, upstreams: { api: { endpoints: [{ address: 'a:1', service: '_http._tcp.a' }] } } },
  ])('refuses %j', value => {
    expect(verdict(value)).not.toEqual([])
  })

  test('takes what a file has before its placeholders are replaced, wherever it stands', () => {
    const value = {
      runtime: { workers: '${WORKERS:-auto}', shutdown_grace: '${GRACE:-30s}' },
      log: { level: '${LOG_LEVEL:-info}', access: { enabled: '${LOG_ACCESS:-true}' } },
      listeners: { web: { address: '${LISTEN}' } },
      upstreams: { api: { endpoints: [{ address: 'api:${PORT}', weight: '${WEIGHT}' }], sticky: { cookie: 'a' } } },
      routes: [
        {
          match: { client_ip: '${OFFICE}', method: '${METHOD}' },
          redirect: { to: '/a', status: '${STATUS}' },
          priority: '${file:priority}',
          retry: '${RETRY:-off}',
        },
      ],
    }
    expect(verdict(value)).toEqual([])
  })

  test('takes every configuration that the checks take', async () => {
    const golden = new URL('test/src/config/golden/', root)
    const names = readdirSync(golden).filter(name => name.endsWith('.yaml'))
    const taken: string[] = []
    for (const name of names) {
      const lines = readFileSync(new URL(name.replace('.yaml', '.txt'), golden), 'utf8')
        .trimEnd()
        .split('\n')
      if (lines.every(line => line.includes(': warning: '))) taken.push(`test/src/config/golden/${name}`)
    }
    expect(taken.length).toBeGreaterThan(3)
    for (const name of taken)
      expect([name, verdict(parse(readFileSync(new URL(name, root), 'utf8')))]).toEqual([name, []])
    const recipes = [...readFileSync(new URL('docs/cookbook.md', root), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
    const configurations = recipes.map(match => match[1] ?? '').filter(text => !text.startsWith('tests:'))
    expect(configurations.length).toBeGreaterThan(20)
    for (const text of configurations) expect([text, verdict(parse(text))]).toEqual([text, []])
  })
})

describe('docs/configuration.md', () => {
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8')

  test('is what the schema gives (if this fails: run node scripts/configuration-docs.ts)', () => {
    expect(page).toBe(configurationReference())
  })

  test('has a row for every key, with its type, its default, its meaning and, if it is a scalar, an example', () => {
    const rows = new Map<string, string[]>()
    let section = ''
    for (const line of page.slice(page.indexOf('# Reference')).split('\n')) {
      section = /^## `([^`]+)`$/.exec(line)?.[1] ?? (line.startsWith('## ') ? '' : section)
      const cells = line.split(/(?<!\\) \| /)
      if (cells.length === 5) rows.set(`${section}.${cells[0]!.replaceAll(/[|` ]/g, '')}`.replace(/^\./, ''), cells)
    }
    const told = new Set([...rows.keys()].map(key => key.replaceAll('[]', '')))
    // What has the same keys as another section is told there.
    const shared =
      /\.(?:all|any|not|when|query|cookies|headers)\.|^routes\.(?:split_on|error_pages)\.|\.client_cert\.\w+\.|^upstreams\.\*\.http2\./
    const missing = languageKeys()
      .map(([path]) => path)
      .filter(path => !told.has(path) && !shared.test(path))
    expect(missing).toEqual([])
    const bare = [...rows].filter(([key, [, type, , , meaning]]) => key !== 'key' && (!type || !meaning?.trim()))
    expect(bare).toEqual([])
  })

  test('refers to sections that are there', () => {
    const anchors = [...page.matchAll(/^## `?([^`\n]+)`?$/gm)].map(([, name]) =>
      name!.toLowerCase().replaceAll(/[^a-z0-9_-]/g, ''),
    )
    const broken = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(match => match[1]!).filter(to => !anchors.includes(to))
    expect(broken).toEqual([])
  })
})
