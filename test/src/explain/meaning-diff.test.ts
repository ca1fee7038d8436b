import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { effectiveConfiguration } from '../../../src/config/effective.ts'
import { readText } from '../../../src/config/sources/read.ts'
import { readSides, sideOf } from '../../../src/explain/diff-side.ts'
import { diffMeaning } from '../../../src/explain/meaning-diff.ts'
import type { ModelChange } from '../../../src/explain/model-diff.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const BASE = `
listeners: { web: { address: ":80" } }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:80 }, { address: 10.0.0.2:80 }] }
  next: { endpoints: [{ address: 10.0.1.1:80 }] }
routes:
  - { name: users, match: { path: /v1/users/* }, upstream: api }
  - { name: orders, match: { path: /v1/orders/* }, upstream: api }
  - { name: rest, upstream: next }
`

const sideFrom = (yaml: string) => sideOf(readText(yaml, 'sluice.yaml'), '.', '.')

async function changes(before: string, after: string): Promise<readonly ModelChange[]> {
  return (await diffMeaning(sideFrom(before), sideFrom(after))).changes
}

async function lines(before: string, after: string): Promise<string[]> {
  const all = await changes(before, after)
  return all.map(({ kind, path, before: was, after: is }) => `${kind} ${path}: ${was} -> ${is}`)
}

const changed = (...replacements: readonly (readonly [string, string])[]) =>
  replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`there is no ${from}`)
    return text.replace(from, to)
  }, BASE)

const SECRET = (secret: string) =>
  changed(['{ address: 10.0.0.2:80 }] }', `{ address: 10.0.0.2:80 }], sticky: { cookie: sid, secret: ${secret} } }`])

describe('two configurations', () => {
  test('that are the same have no difference', async () => {
    expect(await changes(BASE, BASE)).toEqual([])
  })

  test('differ in what is new, gone, or has another value, with units as in the language', async () => {
    const after = changed(
      ['{ address: ":80" }', '{ address: ":80", limits: { head: 40KiB }, timeouts: { head: 10s } }'],
      ['{ address: 10.0.0.2:80 }', '{ address: 10.0.0.3:80, weight: 3 }'],
      ['path: /v1/orders/* }, upstream: api', 'path: /v1/orders/*, method: POST }, respond: { status: 410 }'],
      ['  next: {', '  more: { endpoints: [{ address: 10.9.9.9:1 }] }\n  next: {'],
      [
        '  - { name: rest, upstream: next }',
        '  - { name: rest, match: { host: a.example, path: /x, method: PUT }, split: [{ upstream: next }, { upstream: more, weight: 3 }] }\n' +
          '  - { name: last, match: { host: b.example }, upstream: more }',
      ],
    )
    const told = await lines(BASE, after)
    expect(told).toEqual([
      'changed listeners.web.limits.head: 32KiB -> 40KiB',
      'changed listeners.web.timeouts.head: 30s -> 10s',
      'removed upstreams.api.endpoints[10.0.0.2:80]: weight 1 -> ',
      'added upstreams.api.endpoints[10.0.0.3:80]:  -> weight 3',
      'added upstreams.more:  -> 10.9.9.9:1',
      'added routes[orders].match.method:  -> POST',
      'removed routes[orders].upstream: api -> ',
      'added routes[orders].respond:  -> {"status":410,"body":"","headers":{}}',
      'changed routes[rest].match.path: /* -> /x',
      'added routes[rest].match.host:  -> a.example',
      'added routes[rest].match.method:  -> PUT',
      'removed routes[rest].upstream: next -> ',
      'added routes[rest].split:  -> [{"upstream":"next"},{"upstream":"more","weight":3}]',
      'added routes[last]:  -> b.example /* to upstream more',
    ])
  })

  test('that say the same in other words have no difference', async () => {
    const before = changed(['path: /v1/users/*', 'path: /v1/users/*, method: [GET, POST]'])
    const after = changed(
      ['{ address: ":80" }', '{ address: "[::]:80", timeouts: { head: 30000ms, idle: 75s }, limits: { head: 32KiB } }'],
      ['path: /v1/users/*', 'path: /v1/users/*, method: [GET, POST]'],
      ['{ name: rest,', '{ name: rest, priority: 0, match: { path: /* }, rewrite: { host: keep },'],
    )
    expect(await changes(before, after)).toEqual([])
  })

  test('differ in one key where another one of the same section is only written in another way', async () => {
    const before = changed(['{ address: ":80" }', '{ address: ":80", timeouts: { head: 1m, idle: 60s } }'])
    const after = changed(['{ address: ":80" }', '{ address: ":80", timeouts: { head: 60s, idle: 61s } }'])
    expect(await lines(before, after)).toEqual(['changed listeners.web.timeouts.idle: 60s -> 61s'])
  })

  test('of which one has every default written out have no difference', async () => {
    for (const name of ['routing', 'resilience', 'demo']) {
      const file = fileURLToPath(new URL(`../../../config/${name}.yaml`, import.meta.url))
      const text = readFileSync(file, 'utf8')
      const folder = dirname(file)
      const written = stringify(effectiveConfiguration(readText(text, file), folder))
      const [one, other] = [text, written].map(yaml => sideOf(readText(yaml, file), folder, folder))
      expect((await diffMeaning(one!, other!)).changes).toEqual([])
    }
  })

  test('with other secrets differ, and nobody is told by what', async () => {
    const [one, other] = [SECRET('0123456789abcdef'), SECRET('fedcba9876543210')]
    expect(await changes(one, one)).toEqual([])
    expect(await changes(one, other)).toEqual([
      { kind: 'changed', path: 'upstreams.api.sticky.secret', before: '(secret)', after: '(secret)' },
    ])
    const added = JSON.stringify(await changes(BASE, one))
    expect(added).toContain('(secret)')
    expect(added).not.toContain('0123456789')
  })

  test('with the same file of a secret differ where its content does', async () => {
    await using folder = await temporaryFolder()
    const text = SECRET('"${file:token}"')
    for (const name of ['a', 'b', 'c']) {
      await mkdir(folder.file(name))
      await writeFile(folder.file(`${name}/sluice.yaml`), text)
      await writeFile(folder.file(`${name}/token`), `token-of-${name === 'c' ? 'a' : name}-that-is-long`)
    }
    const differences = async (one: string, other: string) => {
      const [before, after] = await readSides(folder.file(`${one}/sluice.yaml`), folder.file(`${other}/sluice.yaml`))
      return (await diffMeaning(before, after)).changes
    }
    expect(await differences('a', 'b')).toEqual([
      { kind: 'changed', path: 'upstreams.api.sticky.secret', before: '(secret)', after: '(secret)' },
    ])
    expect(await differences('a', 'c')).toEqual([])
  })

  test('have routes with other names, and what falls back to them follows', async () => {
    const before = changed(['{ name: rest, upstream: next }', '{ name: rest, upstream: next, fallback: orders }'])
    const after = before.replace('name: orders', 'name: purchases').replace('fallback: orders', 'fallback: purchases')
    expect(await lines(before, after)).toEqual(['renamed routes[orders]: orders -> purchases'])
    const elsewhere = after.replace('fallback: purchases', 'fallback: users')
    expect(await lines(before, elsewhere)).toEqual([
      'changed routes[rest].fallback: purchases -> users',
      'renamed routes[orders]: orders -> purchases',
    ])
  })

  test('have open circuits that fall back to a route, which may have another name', async () => {
    const before = changed([
      '{ address: 10.0.1.1:80 }] }',
      '{ address: 10.0.1.1:80 }], circuit_breaker: { scope: upstream, fallback: { route: orders } } }',
    ])
    const after = before.replace('name: orders', 'name: purchases').replace('route: orders', 'route: purchases')
    expect(await lines(before, after)).toEqual(['renamed routes[orders]: orders -> purchases'])
    expect(await lines(before, before.replace('route: orders', 'route: users'))).toEqual([
      'changed upstreams.next.circuit_breaker.fallback.route: orders -> users',
    ])
  })

  test('differ where a section is there that turns something on, though it says nothing', async () => {
    const after = changed(
      ['{ address: 10.0.1.1:80 }] }', '{ address: 10.0.1.1:80 }], circuit_breaker: {} }'],
      ['{ name: rest, upstream: next }', '{ name: rest, respond: {} }'],
    )
    expect((await changes(BASE, after)).map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'added upstreams.next.circuit_breaker',
      'removed routes[rest].upstream',
      'added routes[rest].respond',
    ])
  })

  test('tell routes without a name by what they match, wherever they stand', async () => {
    const plain = BASE.replaceAll(/name: \w+, /g, '')
    const after = plain.replace('routes:\n', 'routes:\n  - { match: { path: /new }, respond: {} }\n')
    expect(await lines(plain, after)).toEqual(['added routes[{"path":"/new"}]:  -> /new answered with 200'])
  })
})

describe('the order of routes', () => {
  const routes = (...list: readonly string[]) =>
    `listeners: { web: { address: ":80" }, other: { address: ":81" } }\nroutes:\n${list.map(route => `  - ${route}\n`).join('')}`

  const a = '{ name: a, match: { path: "~^/a", headers: { x: "1" } }, respond: {} }'
  const b = '{ name: b, match: { path: "~b$", headers: { y: "2" } }, respond: {} }'

  test('is a difference where two that can both match change places', async () => {
    expect(await lines(routes(a, b), routes(b, a))).toEqual(['moved routes[b]: behind a -> before a'])
  })

  test.each([
    [
      'of another path',
      '{ name: b, match: { path: /b }, respond: {} }',
      '{ name: c, match: { path: /c }, respond: {} }',
    ],
    ['more and less specific', '{ name: b, match: { path: /b }, respond: {} }', '{ name: c, respond: {} }'],
    [
      'of another host',
      '{ name: b, match: { host: b.example }, respond: {} }',
      '{ name: c, match: { host: c.example }, respond: {} }',
    ],
    [
      'for other methods',
      '{ name: b, match: { method: GET }, respond: {} }',
      '{ name: c, match: { method: [PUT, POST] }, respond: {} }',
    ],
    [
      'for other values of a header',
      '{ name: b, match: { headers: { x: "1" } }, respond: {} }',
      '{ name: c, match: { headers: { x: "2" } }, respond: {} }',
    ],
    [
      'with and without a header',
      '{ name: b, match: { headers: { x: { present: true } } }, respond: {} }',
      '{ name: c, match: { headers: { x: { present: false } } }, respond: {} }',
    ],
    [
      'of other listeners',
      '{ name: b, match: { listeners: [web], headers: { x: "1" } }, respond: {} }',
      '{ name: c, match: { listeners: [other], query: { x: "1" } }, respond: {} }',
    ],
    [
      'with another priority',
      '{ name: b, priority: 1, match: { headers: { x: "1" } }, respond: {} }',
      '{ name: c, match: { query: { x: "1" } }, respond: {} }',
    ],
  ])('is none where no request is for both, or something else decides: %s', async (_, one, other) => {
    expect(await lines(routes(one, other), routes(other, one))).toEqual([])
  })

  test('is none where routes have only come or gone before them', async () => {
    const c = '{ name: c, match: { path: "~c", headers: { z: "3" } }, respond: {} }'
    const kinds = async (before: string, after: string) =>
      (await changes(before, after)).map(({ kind, path }) => `${kind} ${path}`)
    expect(await kinds(routes(a, b), routes(c, a, b))).toEqual(['added routes[c]'])
    expect(await kinds(routes(c, a, b), routes(a, b))).toEqual(['removed routes[c]'])
  })

  test('of many that stand in each other’s way is told in few words', async () => {
    const many = Array.from(
      { length: 300 },
      (_, index) => `{ name: r${index}, match: { path: "~x", headers: { h${index}: "1" } }, respond: {} }`,
    )
    const all = await changes(routes(...many), routes(...many.toReversed()))
    expect(all.map(({ kind }) => kind)).toEqual(Array.from({ length: 299 }, () => 'moved'))
    expect(all[0]?.before).toMatch(/^behind r\d+, .* and \d+ more$/)
  })
})
