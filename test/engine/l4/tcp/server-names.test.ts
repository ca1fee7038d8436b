import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ServerNameTable } from '../../../../engine/l4/tcp/server-names.ts'
import type { ServerNameRoute } from '../../../../engine/snapshot.ts'

function rule(upstream: number, names: readonly string[], alpn: readonly string[] = []): ServerNameRoute {
  return { names, alpn, upstream }
}

/** As the rules are written down: one after the other. */
function firstThatFits(rules: readonly ServerNameRoute[], name: string, alpn: readonly string[]): number {
  const fits = (pattern: string) => {
    if (pattern === '*') return true
    const suffix = pattern.slice(1)
    return pattern.startsWith('*.') ? name.endsWith(suffix) && name !== suffix : pattern === name
  }
  const found = rules.find(
    ({ names, alpn: wanted }) => names.some(fits) && (wanted.length === 0 || wanted.some(one => alpn.includes(one))),
  )
  return found?.upstream ?? -1
}

describe('rules for server names', () => {
  const table = new ServerNameTable([
    rule(1, ['shop.example', 'www.shop.example']),
    rule(2, ['*.shop.example']),
    rule(3, ['*.api.shop.example'], ['h2']),
    rule(4, ['h2.example'], ['h2', 'grpc-exp']),
    rule(5, ['h2.example']),
  ])

  it.each([
    ['shop.example', 1],
    ['www.shop.example', 1],
    ['img.shop.example', 2],
    ['a.b.c.shop.example', 2],
    ['shop.example.', 1],
    ['img.shop.example.', 2],
    ['workshop.example', -1],
    ['.shop.example', -1],
    ['example', -1],
    ['', -1],
    ['.', -1],
    ['192.0.2.7', -1],
  ])('lead %j to %i', (name, upstream) => {
    expect(table.find(name, [])).toBe(upstream)
  })

  it('go by their order, not by which is more specific', () => {
    expect(table.find('x.api.shop.example', ['h2'])).toBe(2)
  })

  it('may ask for one of some protocols', () => {
    expect(table.find('h2.example', ['\x0a\x0a', 'h2', 'http/1.1'])).toBe(4)
    expect(table.find('h2.example', ['grpc-exp'])).toBe(4)
    expect(table.find('h2.example', ['http/1.1'])).toBe(5)
    expect(table.find('h2.example', [])).toBe(5)
  })

  it('with a star alone take any name, and none', () => {
    const any = new ServerNameTable([rule(0, ['a.example']), rule(1, ['*'], ['h2']), rule(2, ['*'])])
    expect(any.find('a.example', ['h2'])).toBe(0)
    expect(any.find('b.example', ['h2'])).toBe(1)
    expect(any.find('b.example', [])).toBe(2)
    expect(any.find('', [])).toBe(2)
  })

  it('that are none take nothing', () => {
    expect(new ServerNameTable([]).find('a.example', ['h2'])).toBe(-1)
  })

  it('say the same as when each is asked in turn', () => {
    const label = fc.constantFrom('a', 'b', 'cc')
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'))
    const pattern = fc.oneof(
      name,
      name.map(suffix => `*.${suffix}`),
      fc.constant('*'),
    )
    const protocols = fc.subarray(['h2', 'http/1.1', 'x'])
    const rules = fc.array(fc.tuple(fc.array(pattern, { minLength: 1, maxLength: 3 }), protocols), { maxLength: 12 })
    fc.assert(
      fc.property(rules, fc.oneof(name, fc.constant('')), protocols, (written, asked, offered) => {
        const all = written.map(([names, alpn], index) => rule(index, names, alpn))
        expect(new ServerNameTable(all).find(asked, offered)).toBe(firstThatFits(all, asked, offered))
      }),
      { numRuns: 1_000 },
    )
  })
})
