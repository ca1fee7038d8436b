import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { jsonSchemaAt } from '../../../src/config/json-schema.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { isUnsupportedKey } from '../../../src/config/unsupported.ts'
import { closeKeys } from '../../support/certificate-files.ts'
import { languageKeys } from '../../support/language-keys.ts'

/** The configuration language by example, future features included. */
const text = readFileSync(join(import.meta.dirname, 'whole-language.yaml'), 'utf8')

beforeAll(closeKeys)

function problems() {
  try {
    parseConfiguration(text, join(import.meta.dirname, 'whole-language.yaml'))
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
  }
  throw new Error('the example of the whole language was accepted')
}

test('the example of the whole language is refused for what is not supported yet and for nothing else', () => {
  const errors = problems().filter(({ severity }) => severity === 'error')
  expect(errors.filter(({ code }) => code !== 'not-supported-yet')).toEqual([])
  expect(errors).not.toEqual([])
})

test('what is worth a look in the example is a folder that is not there', () => {
  const warnings = problems().filter(({ severity }) => severity === 'warning')
  expect(warnings.map(({ key, code }) => `${key} ${code}`)).toEqual(['routes[4].files.root files-root-missing'])
})

test('the refusal names each key and value of the example that is not supported yet', async () => {
  const errors = problems().filter(({ severity }) => severity === 'error')
  const lines = errors.map(({ line, column, key, message }) => `${line}:${column} ${key}: ${message}`)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(import.meta.dirname, 'whole-language.expected.txt'))
})

test('every key of the example is either supported or refused as not supported yet', () => {
  expect(keysOfExample().filter(path => jsonSchemaAt(path) === null)).toEqual([])
})

test('every key of the language occurs in the example', () => {
  const written = keysOfExample().map(path => generalKey(path.filter(step => typeof step === 'string').join('.')))
  // Without other files there is nothing that could be included.
  const isThere = new Set([...written, 'include'])
  expect(
    languageKeys()
      .map(([key]) => generalKey(key))
      .filter(key => !isThere.has(key)),
  ).toEqual([])
})

/** Names are `*`, and conditions are those of a match wherever they stand. */
function generalKey(key: string): string {
  return key
    .replace(/^(listeners|upstreams)\.[^.]+/, '$1.*')
    .replace(/^routes\.split\.when(?=\.)/, 'routes.match')
    .replace(/^routes\.match(?:\.(?:all|any|not))+(?=\.)/, 'routes.match')
    .replace(
      /\.(?:headers|query|cookies|client_cert)\.[^.]+\.(exact|prefix|suffix|contains|regex|present)$/,
      '.headers.*.$1',
    )
}

/** The path of every key, without those that are not supported yet and what is below them. */
function keysOfExample(): (string | number)[][] {
  const paths: (string | number)[][] = []
  const visit = (node: Node | null, path: (string | number)[]) => {
    if (isSeq(node)) for (const [index, item] of node.items.entries()) visit(item as Node, [...path, index])
    if (!isMap(node)) return
    for (const pair of node.items) {
      const inside = [...path, isScalar(pair.key) ? String(pair.key.value) : '']
      if (isUnsupportedKey(inside)) continue
      paths.push(inside)
      visit(pair.value as Node | null, inside)
    }
  }
  visit(parseDocument(text).contents, [])
  return paths
}
