import { beforeAll, describe, expect, it } from 'vitest'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import { shadowedBy } from '../../../engine/routing/shadow.ts'
import type { Condition, HostPattern } from '../../../engine/snapshot.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { pathMatch } from './path-match.ts'

beforeAll(loadRegexes)

interface TestRoute {
  readonly hosts?: readonly HostPattern[]
  readonly path?: string
  readonly priority?: number
  readonly listeners?: readonly number[]
  readonly conditions?: readonly Condition[]
}

/** Pairs of names: the shadowed route and the one that shadows it. */
function shadows(routes: Readonly<Record<string, TestRoute>>): string[][] {
  const names = Object.keys(routes)
  const snapshot = testSnapshot({
    listeners: [{}, {}],
    routes: Object.values(routes).map(({ path = '/*', priority = 0, ...match }) => ({
      match: { ...match, path: pathMatch(path) },
      priority,
      to: { kind: 'respond', status: 200, fields: [], content: new Uint8Array() },
    })),
  })
  return [...shadowedBy(snapshot.routes, 2)].map(pair => pair.map(index => names[index]!))
}

const method: Condition = { kind: 'method', methods: ['GET'] }
const header: Condition = { kind: 'header', name: 'a', test: { kind: 'exact', text: '1' } }

describe('a route is shadowed', () => {
  it.each<[string, Record<string, TestRoute>]>([
    ['by one that is alike and comes before it', { a: {}, b: {} }],
    ['by one of the same shape with other names', { a: { path: '/{x}/y' }, b: { path: '/{z}/y' } }],
    ['by the same expression', { a: { path: '~^/x' }, b: { path: '~^/x' } }],
    ['by one for the same host', { a: { hosts: ['x', 'y'] }, b: { hosts: ['y'] } }],
    ['by the same expression for the host', { a: { hosts: [{ regex: 'x' }] }, b: { hosts: [{ regex: 'x' }] } }],
    ['by a wider path of higher priority', { a: { path: '/a/*', priority: 1 }, b: { path: '/a/b' } }],
    ['by a wider template of higher priority', { a: { path: '/{x}/*', priority: 1 }, b: { path: '/a/b/*' } }],
    ['by an expression of higher priority', { a: { path: '~^/a', priority: 1 }, b: { path: '/a/b' } }],
    ['by an expression that comes before names anyway', { a: { path: '/*', priority: 1 }, b: { path: '~x' } }],
    ['by one for any host of higher priority', { a: { priority: 1 }, b: { hosts: ['x', { regex: 'y' }] } }],
    ['by a wildcard of higher priority', { a: { hosts: ['*.x'], priority: 1 }, b: { hosts: ['y.x', '*.z.x'] } }],
    [
      'by an expression for the host of higher priority',
      { a: { hosts: [{ regex: 'x$' }], priority: 1 }, b: { hosts: ['y.x'] } },
    ],
    ['by one with the same conditions', { a: { conditions: [method] }, b: { conditions: [method] } }],
    [
      'by one with fewer conditions of higher priority',
      { a: { conditions: [method], priority: 1 }, b: { conditions: [header, method] } },
    ],
    ['by one for more listeners', { a: { listeners: [0, 1] }, b: { listeners: [1] } }],
    ['by one that names all listeners', { a: { listeners: [0, 1] }, b: {} }],
  ])('%s', (_, routes) => {
    expect(shadows(routes)).toEqual([['b', 'a']])
  })

  it('by the first in the order of precedence, of several', () => {
    expect(shadows({ a: {}, b: { priority: 1 }, c: {} })).toEqual([
      ['a', 'b'],
      ['c', 'b'],
    ])
  })

  it('by one that comes later in the configuration and before it in precedence', () => {
    expect(shadows({ a: { path: '/a' }, b: { priority: 1 } })).toEqual([['a', 'b']])
  })
})

describe('a route is not shadowed', () => {
  it.each<[string, Record<string, TestRoute>]>([
    ['by one that is less specific', { a: {}, b: { path: '/b' }, c: { hosts: ['x'] }, d: { conditions: [method] } }],
    ['by one for other hosts', { a: { hosts: ['x'] }, b: { hosts: ['x', 'y'] } }],
    ['by a narrower wildcard', { a: { hosts: ['*.y.x'], priority: 1 }, b: { hosts: ['*.x'] } }],
    ['by a wildcard for the name without it', { a: { hosts: ['*.x'], priority: 1 }, b: { hosts: ['x'] } }],
    ['by one for a host where it has any', { a: { hosts: ['x'], priority: 1 }, b: {} }],
    ['by one for other listeners', { a: { listeners: [0], priority: 1 }, b: {} }],
    ['by one with other conditions', { a: { conditions: [method], priority: 1 }, b: { conditions: [header] } }],
    ['by one with more conditions', { a: { conditions: [method, header] }, b: { conditions: [header] } }],
    ['by a prefix that is longer', { a: { path: '/a/b/*', priority: 1 }, b: { path: '/a/*' } }],
    ['by a template that ends', { a: { path: '/a/{x}', priority: 1 }, b: { path: '/a/{x}/*' } }],
    ['by names where it has an empty segment', { a: { path: '/{x}/{y}', priority: 1 }, b: { path: '/a/' } }],
    ['by an expression that is written in another way', { a: { path: '~^/a', priority: 1 }, b: { path: '~^/ab' } }],
    ['by two that together take all it could', { a: { listeners: [0] }, b: { listeners: [1] }, c: {} }],
  ])('%s', (_, routes) => {
    expect(shadows(routes)).toEqual([])
  })

  it('and one is found behind a condition that all have', () => {
    const common = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`r${index}`, { path: `/p${index}`, conditions: [method] }]),
    )
    const routes = { ...common, a: { conditions: [method, header] }, b: { conditions: [header, method] } }
    expect(shadows(routes)).toEqual([['b', 'a']])
  })

  it('by an expression among more than a hundred, as far as is looked at', () => {
    const expressions = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`r${index}`, { path: `~^/p${index}$`, priority: 1 }]),
      )
    expect(shadows({ ...expressions(100), last: { path: '/p7' } })).toEqual([['last', 'r7']])
    expect(shadows({ ...expressions(101), last: { path: '/p7' } })).toEqual([])
  })

  it('among thousands, and that is known soon', () => {
    const routes = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, index) => [
        `r${index}`,
        { hosts: [`h${index % 300}`], path: `/v1/p${index}/{x}` },
      ]),
    )
    expect(shadows({ ...routes, last: { hosts: ['h7'], path: '/v1/p7/{y}' } })).toEqual([['last', 'r7']])
  })
})
