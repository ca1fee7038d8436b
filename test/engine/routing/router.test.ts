import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Router } from '../../../engine/routing/router.ts'
import type { PathMatch, RouteMatch } from '../../../engine/snapshot.ts'
import { testSnapshot } from '../../support/snapshot.ts'

interface TestRoute {
  readonly hosts?: readonly string[] | null
  /** As the configuration writes it: exact, or a prefix that ends in `/*`. */
  readonly path?: string
  readonly priority?: number
  readonly listeners?: readonly number[] | null
}

function pathMatch(path: string): PathMatch {
  return path.endsWith('/*') ? { kind: 'prefix', path: path.slice(0, -1) } : { kind: 'exact', path }
}

function matchOf({ hosts = null, path = '/*', listeners = null }: TestRoute): RouteMatch {
  return { hosts, listeners, path: pathMatch(path) }
}

/** A router that answers the names of routes. */
function routerOf(routes: Readonly<Record<string, TestRoute>>, listener = 0): Router<string> {
  const snapshot = testSnapshot({
    listeners: [{}, {}],
    routes: Object.entries(routes).map(([name, route]) => ({
      name,
      match: matchOf(route),
      priority: route.priority ?? 0,
      to: { kind: 'respond', status: 200, fields: [], content: new Uint8Array() },
    })),
  })
  return new Router(snapshot, listener, Object.keys(routes))
}

describe('a path', () => {
  it('that is exact takes that path and no other', () => {
    const router = routerOf({ a: { path: '/users' } })
    expect(['/users', '/users/', '/users/1', '/user', '/', '/Users'].map(path => router.find('h', path))).toEqual([
      'a',
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('with /* takes itself without the slash, itself, and everything below it', () => {
    const router = routerOf({ a: { path: '/users/*' } })
    expect(
      ['/users', '/users/', '/users/1/2', '/usersx', '/use', '/', '//users'].map(path => router.find('h', path)),
    ).toEqual(['a', 'a', 'a', null, null, null, null])
  })

  it('of /* takes everything', () => {
    const router = routerOf({ a: { path: '/*', hosts: ['h'] } })
    expect(['/', '/a', '//', '/a/b/'].map(path => router.find('h', path))).toEqual(['a', 'a', 'a', 'a'])
  })

  it('that is exact wins over a prefix, a longer prefix over a shorter one, whatever their order', () => {
    const router = routerOf({
      all: { path: '/*' },
      short: { path: '/a/*' },
      long: { path: '/a/b/*' },
      exact: { path: '/a/b/c' },
      bare: { path: '/a/b' },
    })
    expect(['/', '/a', '/a/x', '/a/b', '/a/b/', '/a/b/c', '/a/b/c/d'].map(path => router.find('h', path))).toEqual([
      'all',
      'short',
      'short',
      'bare',
      'long',
      'exact',
      'long',
    ])
  })
})

describe('a host', () => {
  it('that is exact wins over a wildcard, a longer wildcard over a shorter one, any of them over none', () => {
    const router = routerOf({
      any: {},
      wide: { hosts: ['*.example.com'] },
      narrow: { hosts: ['*.api.example.com'] },
      exact: { hosts: ['v1.api.example.com'] },
    })
    const hosts = ['v1.api.example.com', 'v2.api.example.com', 'api.example.com', 'x.y.example.com', 'example.com', '']
    expect(hosts.map(host => router.find(host, '/'))).toEqual(['exact', 'narrow', 'wide', 'wide', 'any', 'any'])
  })

  it('with a wildcard takes any number of labels, and at least one', () => {
    const router = routerOf({ a: { hosts: ['*.example.com'] } })
    const hosts = ['a.example.com', 'a.b.example.com', 'example.com', '.example.com', 'badexample.com', 'a.example.org']
    expect(hosts.map(host => router.find(host, '/'))).toEqual(['a', 'a', null, null, null, null])
  })

  it('is looked at before the path; where it has no route for the path, the next host that fits is asked', () => {
    const router = routerOf({
      exactPath: { path: '/deep/exact/path' },
      wild: { hosts: ['*.example.com'], path: '/w/*' },
      exactHost: { hosts: ['a.example.com'], path: '/e/*' },
    })
    const paths = ['/e/1', '/w/1', '/deep/exact/path', '/nowhere']
    expect(paths.map(path => router.find('a.example.com', path))).toEqual(['exactHost', 'wild', 'exactPath', null])
  })

  it('may be one of several of a route', () => {
    const router = routerOf({ a: { hosts: ['a.example', 'b.example', '*.c.example'] } })
    const hosts = ['a.example', 'b.example', 'x.c.example', 'd.example']
    expect(hosts.map(host => router.find(host, '/'))).toEqual(['a', 'a', 'a', null])
  })
})

describe('priority', () => {
  it('wins over host and path', () => {
    const router = routerOf({
      exact: { hosts: ['a.example'], path: '/x' },
      first: { path: '/*', priority: 1 },
      last: { hosts: ['a.example'], path: '/x', priority: -1 },
    })
    expect(router.find('a.example', '/x')).toBe('first')
  })

  it('lets the next one take what the higher one does not', () => {
    const router = routerOf({ low: {}, high: { path: '/admin/*', priority: 10 } })
    expect([router.find('h', '/admin'), router.find('h', '/')]).toEqual(['high', 'low'])
  })
})

describe('of two routes that match alike', () => {
  it('the one that comes first in the configuration takes the request', () => {
    const router = routerOf({
      one: { path: '/a' },
      two: { path: '/a' },
      three: { path: '/b/*' },
      four: { path: '/b/*' },
    })
    expect([router.find('h', '/a'), router.find('h', '/b/c')]).toEqual(['one', 'three'])
  })
})

describe('a listener', () => {
  it('has the routes that name it, and those that name none', () => {
    const routes = {
      all: { path: '/all' },
      zero: { listeners: [0], path: '/zero' },
      one: { listeners: [1], path: '/one' },
    }
    const found = [0, 1].map(listener => {
      const router = routerOf(routes, listener)
      return ['/all', '/zero', '/one'].map(path => router.find('h', path))
    })
    expect(found).toEqual([
      ['all', 'zero', null],
      ['all', null, 'one'],
    ])
  })
})

describe('the route that takes everything', () => {
  it('is known in advance where it comes first', () => {
    expect(routerOf({ a: {} }).only).toBe('a')
    expect(routerOf({ a: {}, b: {} }).only).toBe('a')
    expect(routerOf({ a: { path: '/x' }, b: { priority: 1 } }).only).toBe('b')
  })

  it.each<[string, Record<string, TestRoute>]>([
    ['there is none', {}],
    ['it has a host', { a: { hosts: ['h'] } }],
    ['it has a path', { a: { path: '/a/*' } }],
    ['another has the root alone', { a: {}, b: { path: '/' } }],
    ['another is more specific', { a: {}, b: { path: '/b' } }],
    ['another has a host', { a: {}, b: { hosts: ['h'] } }],
    ['another has a higher priority', { a: {}, b: { path: '/b/*', priority: 1 } }],
  ])('is not where %s', (_, routes) => {
    expect(routerOf(routes).only).toBeNull()
  })
})

describe('whatever routes there are', () => {
  const hosts = fc.constantFrom('a.example', '*.example', 'b.a.example', '*.a.example', 'c')
  const paths = fc.constantFrom('/', '/*', '/a', '/a/*', '/a/', '/a/b', '/a/b/*', '/ab', '/ab/*', '/a/b/c')
  const routeArbitrary = fc.record({
    hosts: fc.option(fc.uniqueArray(hosts, { minLength: 1, maxLength: 3 }), { nil: null }),
    path: paths,
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  })

  function matchesHost(pattern: string | null, host: string): boolean {
    if (pattern === null || pattern === host) return true
    return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
  }

  function matchesPath(pattern: string, path: string): boolean {
    if (!pattern.endsWith('/*')) return pattern === path
    return path.startsWith(pattern.slice(0, -1)) || path === pattern.slice(0, -2)
  }

  /** How specific a route is for a request; `null` where it does not match. */
  function rank(
    route: Required<Pick<TestRoute, 'path' | 'priority' | 'hosts'>>,
    host: string,
    path: string,
  ): number[] | null {
    const patterns = (route.hosts ?? [null]).filter(pattern => matchesHost(pattern, host))
    if (patterns.length === 0 || !matchesPath(route.path, path)) return null
    const hostRanks = patterns.map(pattern => (pattern === null ? 0 : pattern === host ? 1_000 : pattern.length))
    return [route.priority, Math.max(...hostRanks), route.path.endsWith('/*') ? 0 : 1, route.path.length]
  }

  function compare(a: readonly number[], b: readonly number[]): number {
    const at = a.findIndex((value, index) => value !== b[index])
    return at < 0 ? 0 : a[at]! - b[at]!
  }

  it('the one that is found is the one that looking at them all would choose', () => {
    const host = fc.constantFrom('a.example', 'b.a.example', 'x.example', 'x.a.example', 'example', 'c', '')
    const path = fc.constantFrom('/', '/a', '/a/', '/a/b', '/a/b/', '/a/b/c', '/a/x', '/ab', '/ab/c', '/abc', '//')
    fc.assert(
      fc.property(
        fc.array(routeArbitrary, { maxLength: 10, size: 'max' }),
        host,
        path,
        (routes, requestHost, requestPath) => {
          let best: { index: number; rank: number[] } | null = null
          for (const [index, route] of routes.entries()) {
            const own = rank(route, requestHost, requestPath)
            if (own !== null && (best === null || compare(own, best.rank) > 0)) best = { index, rank: own }
          }
          const router = routerOf(Object.fromEntries(routes.map((route, index) => [`${index}`, route])))
          const expected = best === null ? null : `${best.index}`
          expect(router.find(requestHost, requestPath)).toBe(expected)
          if (router.only !== null) expect(router.only).toBe(expected)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
