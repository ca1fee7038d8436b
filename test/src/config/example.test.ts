import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ConfigurationError, type Problem } from '../../../src/config/errors.ts'
import { parseConfiguration } from '../../../src/config/load.ts'

/** The language by example, features that are still to come included. */
const text = readFileSync(join(import.meta.dirname, 'example.yaml'), 'utf8')

/** A folder with the certificates that the example names. */
const folder = mkdtempSync(join(tmpdir(), 'sluice-example-'))
const file = join(folder, 'example.yaml')

beforeAll(() => {
  const certificates = join(import.meta.dirname, 'golden', 'certs')
  mkdirSync(join(folder, 'certs'))
  for (const [from, to] of [
    ['good.crt', 'example.crt'],
    ['good.key', 'example.key'],
    ['ca.crt', 'clients.pem'],
    ['ca.crt', 'ca.pem'],
  ] as const) {
    copyFileSync(join(certificates, from), join(folder, 'certs', to))
    chmodSync(join(folder, 'certs', to), 0o600)
  }
})

afterAll(() => rmSync(folder, { recursive: true }))

function problemsOf(example: string): readonly Problem[] {
  try {
    return parseConfiguration(example, file).warnings
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}

test('the example is refused for the keys and values of features to come, each by its name, and for nothing else', () => {
  const problems = problemsOf(text)
  expect(problems.filter(({ severity }) => severity === 'error').map(({ key, code }) => `${key} ${code}`)).toEqual(
    ['runtime.offload_threads', 'runtime.state_file', 'admin', 'routes[0].plugins'].map(
      key => `${key} not-supported-yet`,
    ),
  )
})

test('what is worth a look in the example is a folder that is not there', () => {
  const warnings = problemsOf(text).filter(({ severity }) => severity === 'warning')
  expect(warnings.map(({ key, code }) => `${key} ${code}`)).toEqual(['routes[4].files.root files-root-missing'])
})

test('the example without those keys is accepted', () => {
  const value = parse(text)
  for (const { key, severity } of problemsOf(text)) if (severity === 'error') remove(value, key)
  const { snapshot } = parseConfiguration(stringify(value), file)
  expect(snapshot.listeners.map(({ name }) => name)).toEqual(['web', 'secure', 'plain'])
  expect(snapshot.tcpListeners).toMatchObject([
    { name: 'postgres', upstream: 1, serverNames: [], proxyProtocol: null },
    {
      name: 'passthrough',
      upstream: -1,
      serverNames: [
        { names: ['*.internal.example.com'], alpn: [], upstream: 2 },
        { names: ['*'], alpn: [], upstream: 1 },
      ],
    },
  ])
  expect(snapshot.udpListeners).toMatchObject([{ name: 'dns', upstream: 3, idleMs: 30_000, responses: 1 }])
  expect(snapshot.upstreams).toHaveLength(5)
  expect(snapshot.routes.map(({ name, action }) => [name, action.kind])).toEqual([
    ['users', 'forward'],
    ['split', 'split'],
    ['old', 'redirect'],
    ['teapot', 'respond'],
    ['site', 'files'],
  ])
})

/** `key` as problems write it: `routes[0].plugins`. */
function remove(value: unknown, key: string): void {
  const steps = key.replaceAll(/\[(\d+)\]/g, '.$1').split('.')
  const last = steps.pop()
  let at = value as Record<string, unknown>
  for (const step of steps) at = at[step] as Record<string, unknown>
  delete at[String(last)]
}
