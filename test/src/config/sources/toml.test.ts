import { describe, expect, test } from 'vitest'
import { formatPath, offsetOf } from '../../../../src/config/positions.ts'
import { readToml } from '../../../../src/config/sources/toml.ts'
import { configurationFolder } from '../../../support/configuration-folder.ts'

function findingsOf(text: string): string[] {
  const { findings, positionOf, root } = readToml(text, 'a.toml')
  return findings.map(finding => {
    const { line, column } = positionOf(offsetOf(root, finding))
    return `${line}:${column} ${formatPath(finding.path)} ${finding.message}`
  })
}

function dataOf(text: string): unknown {
  const source = readToml(text, 'a.toml')
  expect(source.findings).toEqual([])
  return JSON.parse(JSON.stringify(source.value))
}

describe('TOML', () => {
  test('becomes maps, lists and scalars, whichever way they are written', () => {
    const text = `
title = "x"
a.b."c.d" = 1
list = [1, 2.5, true, 'raw\\n', [ "in" ], { x = 1, y.z = 2 }]
[server.web]
address = ":80"
[[routes]]
n = 1
[[routes]]
[routes.match]
path = "/b"
[[routes.inner]]
deep = true
`
    expect(dataOf(text)).toEqual({
      title: 'x',
      a: { b: { 'c.d': 1 } },
      list: [1, 2.5, true, 'raw\\n', ['in'], { x: 1, y: { z: 2 } }],
      server: { web: { address: ':80' } },
      routes: [{ n: 1 }, { match: { path: '/b' }, inner: [{ deep: true }] }],
    })
  })

  test('has dates and times as the text that they are', () => {
    expect(dataOf('at = 1979-05-27T07:32:00Z\nday = 1979-05-27\n')).toEqual({
      at: '1979-05-27T07:32:00Z',
      day: '1979-05-27',
    })
  })

  test('with a byte order mark or Windows line ends is where it is', () => {
    expect(findingsOf('\ufeffa = 1\r\nb = \r\n')).toEqual(['2:4  not valid TOML: a value is missing'])
  })

  test.each([
    ['a = 1\nb 2\n', '2:3  not valid TOML: an equals sign is missing behind the key'],
    ['a = 1\na = 2\n', '2:1  a key or a table stands here a second time'],
    ['[x]\n[y]\n[x]\n', '3:2  a key or a table stands here a second time'],
    ['a = "b\n', '1:7  not valid TOML: a text has no closing quote'],
    ['a = "\\q"\n', '1:7  not valid TOML: Invalid character in escape sequence'],
  ])('that breaks the rules is refused with line and column: %j', (text, expected) => {
    expect(findingsOf(text)).toEqual([expected])
  })

  test('has no key that reaches a prototype', () => {
    expect(findingsOf('[a]\n__proto__ = 1\nb.__proto__.c = 2\n')).toEqual([
      '2:1 a.__proto__ is not a usable key',
      '3:3 a.b.__proto__ is not a usable key',
    ])
  })

  test('that is nested without end is refused, whatever the parser makes of it', () => {
    const dotted = `${'a.'.repeat(100)}b = 1\n`
    expect(findingsOf(dotted)).toEqual(['1:129 a.a.a.a maps and lists are nested more than 64 deep'])
    const deep = readToml(`a = ${'['.repeat(5000)}${']'.repeat(5000)}`, 'a.toml')
    expect([deep.usable, deep.findings[0]?.message]).toEqual([false, 'maps and lists are nested more than 64 deep'])
  })
})

test('a configuration in TOML is the same as one in YAML, and its errors point at keys and values', async () => {
  await using folder = await configurationFolder({
    'a.toml': `
[listeners.web]
address = "127.0.0.1:8080"
limits = { fields = 50, head = "8KiB" }

[[upstreams.api.endpoints]]
address = "10.0.0.1:3000"
weight = 3

[[routes]]
name = "api"
match.path = "/v1/*"
upstream = "api"
`,
    'a.yaml': `
listeners: { web: { address: 127.0.0.1:8080, limits: { fields: 50, head: 8KiB } } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:3000, weight: 3 }] } }
routes: [{ name: api, match: { path: /v1/* }, upstream: api }]
`,
    'wrong.toml': `
[listeners.web]
adress = "127.0.0.1:8080"
limits.fields = "many"

[[upstreams.api.endpoints]]
address = "10.0.0.1"

[[routes]]
upstream = "api"

[[routes]]
upstream = "apo"
match = { path = "v1" }
`,
  })
  expect((await folder.load('a.toml')).snapshot).toEqual((await folder.load('a.yaml')).snapshot)
  expect(await folder.refusal('wrong.toml')).toEqual([
    'wrong.toml:2:12: listeners.web.address: is missing [missing-key]',
    'wrong.toml:3:1: listeners.web.adress: unknown key; did you mean "address"? [unknown-key]',
    'wrong.toml:4:17: listeners.web.limits.fields: must be a whole number from 1 to 1000 [wrong-type]',
    'wrong.toml:7:11: upstreams.api.endpoints[0].address: "10.0.0.1" has no port [wrong-address]',
    'wrong.toml:13:12: routes[1].upstream: there is no upstream named "apo"; did you mean "api"? [unknown-upstream]',
    'wrong.toml:14:18: routes[1].match.path: "v1" must start with "/"; did you mean "/v1"? [wrong-path]',
  ])
})
