import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import * as z from 'zod'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { configurationJsonSchema } from '../../../src/config/json-schema.ts'
import { type Configuration, checkConfiguration, parseConfiguration } from '../../../src/config/load.ts'
import type { KeyPath } from '../../../src/config/positions.ts'
import { goldenFolder } from '../../support/certificate-files.ts'
import { runsOf } from '../../support/thorough.ts'

/** All that the language has for upstreams and routes, as its example has it, and what they need around them. */
function wholeConfiguration(): unknown {
  const text = readFileSync(join(import.meta.dirname, 'whole-language.yaml'), 'utf8')
  const { resolver, listeners, upstreams, routes, error_pages } = parse(
    text.replaceAll('golden/certs/', `${goldenFolder}/certs/`),
  )
  const { tls: _, ...api } = upstreams.api
  const { everything, passthrough, flows, datagrams } = listeners
  // Keys that are decrypted take their time.
  const [{ passphrase: ___, ...certificate }] = everything.tls.certificates
  const certificates = [{ ...certificate, key: `${goldenFolder}/certs/good.key` }]
  const [users, ...others] = routes
  const { plugins: __, match, ...rest } = users
  return {
    resolver,
    listeners: {
      web: { address: '127.0.0.1:0', paths: { dot_segments: 'refuse', parameters: 'keep' } },
      secure: { address: '127.0.0.1:0' },
      everything: { ...everything, address: '127.0.0.1:0', tls: { ...everything.tls, certificates } },
      passthrough,
      flows,
      datagrams,
    },
    upstreams: { ...upstreams, api, 'everything-of-tls': withoutOwn(upstreams['everything-of-tls']) },
    routes: [{ ...rest, match }, ...others],
    error_pages,
  }
}

/** Likewise. */
function withoutOwn(upstream: { tls: Record<string, unknown> }): unknown {
  const { cert: _, key: __, passphrase: ___, ...tls } = upstream.tls
  return { ...upstream, tls }
}

const WHOLE = wholeConfiguration()
const PATHS = pathsOf(WHOLE)

function pathsOf(value: unknown, path: KeyPath = []): KeyPath[] {
  if (typeof value !== 'object' || value === null) return [path]
  const steps = Object.entries(value).map(([key, item]) => [Array.isArray(value) ? Number(key) : key, item] as const)
  return [path, ...steps.flatMap(([step, item]) => pathsOf(item, [...path, step]))]
}

/** A copy with another value at the path; `undefined` takes the key out. */
function changed(value: unknown, [step, ...rest]: KeyPath, replacement: unknown): unknown {
  if (step === undefined) return replacement
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>
  copy[step] = changed(copy[step], rest, replacement)
  if (copy[step] !== undefined) return copy
  if (Array.isArray(copy)) return copy.filter(item => item !== undefined)
  delete copy[step]
  return copy
}

/** What a bound, a unit or a type may be missed by. */
const ODD = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, false, 'on', 'off', '', [], {}, [null], [[]], { a: {} }),
  fc.constantFrom<unknown>(0, -0, -1, 0.1, 1, 1.5, 65_535, 65_536, 1e9, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
  fc.constantFrom<unknown>('0ms', '1ms', '168h', '169h', '00000001s', '1e3s', '0%', '100%', '100.001%', '0B', '9GiB'),
  fc.constantFrom<unknown>('constructor', '__proto__', { toString: 1, valueOf: 1 }, '\u0000', '\ud800', 'é'),
  fc.constantFrom<unknown>(
    'unix:/x',
    '[::1]:80',
    '1.1.1.1:80',
    '_http._tcp.a.b',
    'hash',
    'maglev',
    'https',
    'path',
    502,
    '/{x}/*',
    '~^/(?P<x>.*)$',
    '${client_ip}',
    '${path.x}{*}',
    '${',
    '$<x>',
  ),
  fc.string(),
  fc.double(),
  fc.anything({ maxDepth: 2, withNullPrototype: true }),
)

function accepted(value: unknown): Configuration | null {
  try {
    return checkConfiguration(value, 'any')
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    expect(error.problems.length).toBeGreaterThan(0)
    for (const { file, message } of error.problems) expect([file, message]).not.toContain('')
    return null
  }
}

/** Numbers that are none, and what is not there: nothing of the kind may reach the engine. */
function holesOf(value: unknown): unknown[] {
  if (value instanceof Uint8Array) return []
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(holesOf)
  return value === undefined || (typeof value === 'number' && !Number.isFinite(value)) ? [value] : []
}

test('the configuration that all of this begins with is accepted', () => {
  expect(accepted(WHOLE)).not.toBe(null)
})

test('whatever stands in a place of a configuration, it is refused in words, or accepted without a hole', () => {
  const schema = z.fromJSONSchema(configurationJsonSchema() as Parameters<typeof z.fromJSONSchema>[0])
  fc.assert(
    fc.property(fc.constantFrom(...PATHS), ODD, (path, odd) => {
      const value = changed(WHOLE, path, odd)
      const configuration = accepted(value)
      if (configuration === null) return
      expect(holesOf(configuration.snapshot)).toEqual([])
      // Editors must not complain of what the proxy takes.
      expect(schema.safeParse(value).error).toBe(undefined)
    }),
    runsOf(240, 4),
  )
})

test('two changes at once are refused in words, too', () => {
  const change = fc.tuple(fc.constantFrom(...PATHS), ODD)
  fc.assert(
    fc.property(change, change, ([one, odd], [other, also]) => {
      let value = changed(WHOLE, one, odd)
      if (other.length > 0 && holds(value, other)) value = changed(value, other, also)
      const configuration = accepted(value)
      if (configuration !== null) expect(holesOf(configuration.snapshot)).toEqual([])
    }),
    runsOf(240, 4),
  )
})

test('YAML, JSON and an object say the same, and are refused for the same', () => {
  const written = fc.oneof(
    fc.constantFrom<unknown>(undefined, null, true, 'off', '', [], {}, 0, 1, 65_536, '5s', '50%', 'constructor'),
    fc.string({ unit: 'grapheme-ascii' }),
    fc.integer(),
  )
  const outcome = (take: () => Configuration): unknown => {
    try {
      return take().snapshot
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      // Where others are named, only what was written has lines.
      const text = error.problems.map(({ key, message, hint }) => `${key}: ${message}; ${hint}`)
      return text.map(problem => problem.replace(/ \(line \d+\)/g, '')).toSorted()
    }
  }
  fc.assert(
    fc.property(fc.constantFrom(...PATHS.filter(path => path.length > 1)), written, (path, item) => {
      const value = changed(WHOLE, path, item)
      const direct = outcome(() => checkConfiguration(value, 'any'))
      expect(outcome(() => parseConfiguration(stringify(value), 'any'))).toEqual(direct)
      expect(outcome(() => parseConfiguration(JSON.stringify(value), 'any'))).toEqual(direct)
    }),
    runsOf(100, 5),
  )
})

function holds(value: unknown, path: KeyPath): boolean {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return false
    current = (current as Record<string | number, unknown>)[step]
  }
  return true
}
