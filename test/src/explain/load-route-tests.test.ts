import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { loadRouteTests, parseRouteTests } from '../../../src/explain/load-route-tests.ts'
import { routeTestsJsonSchema } from '../../../src/explain/route-test-schema.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

function problemsOf(text: string, path = 'routes.test.yaml'): string[] {
  try {
    parseRouteTests(text, path)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  return []
}

const YAML = `
config: sluice.yaml
tests:
  - request: GET http://a/x
    headers: { x-a: "1", x-b: [a, b] }
    expect: { route: null, status: 404 }
`
const TOML = `
config = "sluice.yaml"
[[tests]]
request = "GET http://a/x"
headers = { x-a = "1", x-b = ["a", "b"] }
expect = { error = "no_route", status = 404 }
`

describe('a file of route tests', () => {
  test('is YAML, JSON or TOML', () => {
    const tests = parseRouteTests(YAML, 'x.yaml')
    expect(tests).toEqual({
      config: 'sluice.yaml',
      tests: [
        {
          request: 'GET http://a/x',
          headers: { 'x-a': '1', 'x-b': ['a', 'b'] },
          from: '127.0.0.1',
          expect: { route: null, status: 404 },
        },
      ],
    })
    expect(parseRouteTests(JSON.stringify(parse(YAML)), 'x.json')).toEqual(tests)
    expect(parseRouteTests(TOML, 'x.toml').tests[0]?.headers).toEqual(tests.tests[0]?.headers)
  })

  test('tells everything that is wrong with it at once, with its place and what was probably meant', () => {
    expect(
      problemsOf(`
config: 7
tests:
  - request: GET /x
    exspect: {}
    expect:
      rout: users
      status: 999
      action: forwrd
      request_headers: { x-a: 1 }
  - { request: http://a/, from: here, headers: { "x y": "1" }, expect: { headers: {} } }
`),
    ).toEqual([
      'routes.test.yaml:2:9: config: must be text, not the number 7; write it in quotes: "7" [wrong-type]',
      'routes.test.yaml:4:14: tests[0].request: "/x" is not a URL such as http://api.example.com/v1/users [wrong-value]',
      'routes.test.yaml:5:5: tests[0].exspect: unknown key; did you mean "expect"? [unknown-key]',
      'routes.test.yaml:7:7: tests[0].expect.rout: unknown key; did you mean "route"? [unknown-key]',
      'routes.test.yaml:8:15: tests[0].expect.status: must be a status from 100 to 599 [out-of-range]',
      'routes.test.yaml:9:15: tests[0].expect.action: must be one of forward, split, respond, redirect, files, error, not the text "forwrd"; did you mean "forward"? [wrong-value]',
      'routes.test.yaml:10:31: tests[0].expect.request_headers.x-a: must be text or null, not the number 1; write it in quotes: "1" [wrong-type]',
      'routes.test.yaml:11:33: tests[1].from: "here" is not an IP address [wrong-value]',
      'routes.test.yaml:11:48: tests[1].headers: "x y" is not a name of a field [wrong-value]',
      'routes.test.yaml:11:74: tests[1].expect.headers: unknown key; did you mean "request_headers" or "response_headers"? [unknown-key]',
    ])
  })

  test.each([
    ['', 'routes.test.yaml:1:1: the file is empty; it needs "tests" [empty-value]'],
    ['tests: []', 'routes.test.yaml:1:8: tests: needs at least one test [out-of-range]'],
    ['[]', 'routes.test.yaml:1:1: must be a map of keys and values, not a list [wrong-type]'],
    ['tests: {}', 'routes.test.yaml:1:8: tests: must be a list, not a map; begin each item with "- " [wrong-type]'],
    ['tests: [{ request: http://a/ }]', 'routes.test.yaml:1:9: tests[0].expect: is missing [missing-key]'],
    ['tests: [{ expect: {} }]', 'routes.test.yaml:1:9: tests[0].request: is missing [missing-key]'],
  ])('says what is wrong where little of it is right: %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  test('tells syntax errors in every language, with their place', () => {
    expect(problemsOf('tests: [')[0]).toMatch(/^routes\.test\.yaml:1:\d+: /)
    expect(problemsOf('tests = [', 'routes.test.toml')[0]).toMatch(/^routes\.test\.toml:\d+:\d+: /)
    expect(problemsOf('{"tests": [{]}', 'routes.test.json')[0]).toMatch(/^routes\.test\.json:1:\d+: /)
  })

  test('that cannot be read is named', async () => {
    await using folder = await temporaryFolder()
    const problem = (name: string) => loadRouteTests(folder.file(name)).catch((error: Error) => error.message)
    expect(await problem('none.yaml')).toBe(`${folder.file('none.yaml')}: there is no such file [unreadable-file]`)
    expect(await problem('tests.ts')).toContain('is no file of tests; names end in .yaml, .yml, .toml or .json')
  })
})

describe('the published schema of tests', () => {
  const folder = new URL('../../../config/', import.meta.url)
  const published = JSON.parse(readFileSync(new URL('routes-test.schema.json', folder), 'utf8'))

  test('is the one that files are checked with', () => {
    expect(published).toEqual(routeTestsJsonSchema())
  })

  test.each(['demo.routes.test.yaml', 'l4.routes.test.yaml', 'routing.routes.test.yaml'])(
    'takes config/%s, and refuses what is wrong',
    name => {
      const validate = new Ajv2020({ strict: false }).compile(published)
      const tests = parse(readFileSync(new URL(name, folder), 'utf8'))
      expect(validate(tests)).toBe(true)
      expect(validate({ ...tests, test: [] })).toBe(false)
      expect(validate({ tests: [{ request: 'http://a/', expect: { status: 42 } }] })).toBe(false)
    },
  )

  test('describes every key', () => {
    const { properties } = published.properties.tests.items
    for (const map of [published.properties, properties, properties.expect.properties]) {
      for (const [key, schema] of Object.entries<{ description?: string }>(map)) {
        expect([key, schema.description]).toEqual([key, expect.any(String)])
      }
    }
  })
})
