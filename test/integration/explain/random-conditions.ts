import fc from 'fast-check'
import type { Condition, PathMatch, TextTest } from '../../../engine/snapshot.ts'

/** What random routes ask of requests. */

export const WORDS = ['a', 'b', 'cc', 'users', 'orders'] as const
export const HOSTS = ['a.example', 'b.example', 'x.a.example', 'y.x.a.example', 'other.test'] as const
const NAMES = ['x-one', 'x-two', 'x-three'] as const
const VALUES = ['1', '2', 'three', 'three-and'] as const

export const word = fc.constantFrom(...WORDS)
export const name = fc.constantFrom(...NAMES)
export const value = fc.constantFrom(...VALUES)

const exactPath = fc.array(word, { maxLength: 3 }).map(words => `/${words.join('/')}`)

export const path: fc.Arbitrary<PathMatch> = fc.oneof(
  exactPath.map(written => ({ kind: 'exact', path: written }) as const),
  exactPath.map(written => ({ kind: 'prefix', path: written === '/' ? '/' : `${written}/` }) as const),
  fc.tuple(fc.array(fc.option(word, { nil: null }), { maxLength: 3 }), fc.boolean()).map(([segments, rest]) => {
    const named = segments.map((segment, index) => segment ?? { name: `n${index}` })
    return { kind: 'template', segments: [...named, { name: 'last' }], rest } as const
  }),
  fc
    .constantFrom('^/users/(?<id>[a-z]+)$', 'orders', '/(a|b)/', 'c+$')
    .map(regex => ({ kind: 'regex', regex }) as const),
)

const test: fc.Arbitrary<TextTest> = fc.oneof(
  fc
    .tuple(fc.constantFrom('exact' as const, 'prefix' as const, 'suffix' as const, 'contains' as const), value)
    .map(([kind, text]) => ({ kind, text })),
  fc.constantFrom('^[0-9]$', 'e+').map(regex => ({ kind: 'regex', regex }) as const),
  fc.constantFrom('present' as const, 'absent' as const).map(kind => ({ kind })),
)

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc
    .subarray(['GET', 'POST', 'HEAD', 'DELETE'], { minLength: 1 })
    .map(methods => ({ kind: 'method', methods }) as const),
  fc
    .tuple(fc.constantFrom('header' as const, 'query' as const, 'cookie' as const), name, test)
    .map(([kind, field, one]) => ({ kind, name: field, test: one })),
  fc
    .subarray(['10.0.0.0/8', '10.1.0.0/16', '127.0.0.1'], { minLength: 1 })
    .map(blocks => ({ kind: 'client_ip', blocks }) as const),
  fc
    .subarray(['application/json', 'text/*'], { minLength: 1 })
    .map(types => ({ kind: 'content_type', types }) as const),
  path.map(one => ({ kind: 'path', path: one }) as const),
  fc.constantFrom(...HOSTS, '*.a.example').map(host => ({ kind: 'host', hosts: [host] }) as const),
)

const condition: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('all' as const, 'any' as const), fc.array(leaf, { minLength: 1, maxLength: 3 }))
      .map(([kind, conditions]) => ({ kind, conditions })),
  },
  { weight: 1, arbitrary: leaf.map(one => ({ kind: 'not', condition: one }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .array(leaf, { minLength: 2, maxLength: 3 })
      .map(all => ({ kind: 'not', condition: { kind: 'any', conditions: all } }) as const),
  },
)

export const conditions = fc.array(condition, { maxLength: 2 })
