import { beforeAll, describe, expect, it } from 'vitest'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import type { RoutedRequest } from '../../../engine/routing/request.ts'
import { Router } from '../../../engine/routing/router.ts'
import type { Condition, HostPattern, PathMatch } from '../../../engine/snapshot.ts'
import { DEFAULT_POLICY } from '../../integration/routing/path-corpus.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { pathMatch } from './path-match.ts'
import { ofHead } from './request-head.ts'

interface TestRoute {
  readonly hosts?: readonly HostPattern[] | null
  /** As the configuration writes it. */
  readonly path?: string | PathMatch
  readonly priority?: number
  readonly listeners?: readonly number[] | null
  readonly conditions?: readonly Condition[]
}

beforeAll(loadRegexes)

/** A router that answers the names of routes. */
function routerOf(routes: Readonly<Record<string, TestRoute>>, listener = 0): Router<string> {
  const snapshot = testSnapshot({
    listeners: [{}, {}],
    routes: Object.entries(routes).map(([name, { path = '/*', priority = 0, ...match }]) => ({
      name,
      match: { ...match, path: typeof path === 'string' ? pathMatch(path) : path },
      priority,
      to: { kind: 'respond', status: 200, fields: [], content: new Uint8Array() },
    })),
  })
  return new Router(snapshot, listener, Object.keys(routes))
}

/** Whatever `read` makes of a request that is ready for a router. */
function ask<T>(host: string, target: string, read: (request: RoutedRequest) => T, fields: readonly string[] = []): T {
  // Only HTTP/1.0 knows requests without a host.
  const lines =
    host === '' ? [`GET ${target} HTTP/1.0`, ...fields] : [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...fields]
  return ofHead(lines, request => {
    expect(request.readPath({ ...DEFAULT_POLICY, emptySegments: 'keep' })).toBe(true)
    return read(request)
  })
}

function find(router: Router<string>, host: string, target: string, ...fields: string[]): string | null {
  return ask(host, target, request => router.find(request), fields)
}

function findPaths(router: Router<string>, paths: readonly string[], host = 'h'): (string | null)[] {
  return paths.map(path => find(router, host, path))
}

function findHosts(router: Router<string>, hosts: readonly string[]): (string | null)[] {
  return hosts.map(host => find(router, host, '/'))
}

function captured(path: string, target: string): Record<string, string> | null {
  const router = routerOf({ a: { path } })
  return ask('h', target, request => (router.find(request) === null ? null : { ...request.captures }))
}

describe('a path', () => {
  it('that is exact takes that path and no other', () => {
    const router = routerOf({ a: { path: '/users' } })
    const paths = ['/users', '/users/', '/users/1', '/user', '/', '/Users']
    expect(findPaths(router, paths)).toEqual(['a', null, null, null, null, null])
  })

  it('that is exact may end in a slash, or have empty segments', () => {
    const router = routerOf({ a: { path: '/a/' }, b: { path: '/b//c' }, c: { path: '/' }, d: { path: '//' } })
    const paths = ['/a/', '/a', '/a//', '/b//c', '/b/c', '/b///c', '/', '//', '///']
    expect(findPaths(router, paths)).toEqual(['a', null, null, 'b', null, null, 'c', 'd', null])
  })

  it('with /* takes itself without the slash, itself, and everything below it', () => {
    const router = routerOf({ a: { path: '/users/*' } })
    const paths = ['/users', '/users/', '/users/1/2', '/usersx', '/use', '/', '//users']
    expect(findPaths(router, paths)).toEqual(['a', 'a', 'a', null, null, null, null])
  })

  it('of /* takes everything', () => {
    const router = routerOf({ a: { path: '/*', hosts: ['h'] } })
    expect(findPaths(router, ['/', '/a', '//', '/a/b/'])).toEqual(['a', 'a', 'a', 'a'])
  })

  it('with names takes any segments there, as many as it has, none of them empty', () => {
    const router = routerOf({ a: { path: '/users/{id}/orders/{order}' }, b: { path: '/{any}' } })
    const paths = ['/users/7/orders/9', '/users/7/orders/', '/users/7/orders', '/users//orders/9', '/users/7/orders/9/']
    expect(findPaths(router, paths)).toEqual(['a', null, null, null, null])
    expect(findPaths(router, ['/x', '/', '/x/', '/x/y', '//'])).toEqual(['b', null, null, null, null])
  })

  it('with names and /* takes what goes on, too', () => {
    const router = routerOf({ a: { path: '/users/{id}/*' } })
    const paths = ['/users/7', '/users/7/', '/users/7/x/y', '/users', '/users/', '/users//x']
    expect(findPaths(router, paths)).toEqual(['a', 'a', 'a', null, null, null])
  })

  it('that is an expression takes what it matches anywhere, unless it says where', () => {
    const router = routerOf({ a: { path: '~\\.php$' }, b: { path: '~^/x[0-9]+' }, c: { path: '~mid' } })
    const paths = ['/a/b.php', '/b.php/x', '/x12/y', '/y/x12', '/a/mid/b', '/amidst']
    expect(findPaths(router, paths)).toEqual(['a', null, 'b', null, 'c', 'c'])
  })

  it('is looked at in its canonical form', () => {
    const router = routerOf({ a: { path: '/admin/*' }, b: { path: '/a%2Fb' } })
    expect(findPaths(router, ['/x/../%61dmin/y', '/%61dmin', '/a%2fb', '/a/b'])).toEqual(['a', 'a', 'b', null])
  })

  it('may be one of very many', () => {
    const names = Array.from({ length: 500 }, (_, index) => `s${index}`)
    const router = routerOf(Object.fromEntries(names.map(name => [name, { path: `/x/${name}/*` }])))
    expect(names.filter(name => find(router, 'h', `/x/${name}/y`) !== name)).toEqual([])
    expect(findPaths(router, ['/x/s500', '/x/s', '/x'])).toEqual([null, null, null])
  })
})

describe('of two paths that match', () => {
  it('the exact one wins over a prefix, a longer prefix over a shorter one, whatever their order', () => {
    const router = routerOf({
      all: { path: '/*' },
      short: { path: '/a/*' },
      long: { path: '/a/b/*' },
      exact: { path: '/a/b/c' },
      bare: { path: '/a/b' },
    })
    const paths = ['/', '/a', '/a/x', '/a/b', '/a/b/', '/a/b/c', '/a/b/c/d']
    expect(findPaths(router, paths)).toEqual(['all', 'short', 'short', 'bare', 'long', 'exact', 'long'])
  })

  it('the exact one wins over an expression, that over names and prefixes', () => {
    const router = routerOf({
      prefix: { path: '/a/b/*' },
      name: { path: '/a/{x}' },
      regex: { path: '~^/a/' },
      exact: { path: '/a/b' },
    })
    expect(findPaths(router, ['/a/b', '/a/c', '/a/b/c', '/a'])).toEqual(['exact', 'regex', 'regex', null])
  })

  it('a literal segment wins over a name, a name over the rest, from the left', () => {
    const router = routerOf({
      rest: { path: '/a/*' },
      name: { path: '/a/{x}' },
      nameRest: { path: '/a/{x}/*' },
      nameLiteral: { path: '/a/{x}/c' },
      literalRest: { path: '/a/b/*' },
      literalName: { path: '/a/b/{y}' },
    })
    const paths = ['/a', '/a/x', '/a/x/', '/a/x/c', '/a/x/d', '/a/b', '/a/b/c', '/a/b/d', '/a/b/c/d']
    expect(findPaths(router, paths)).toEqual([
      'rest',
      'name',
      'nameRest',
      'nameLiteral',
      'nameRest',
      'literalRest',
      'literalName',
      'literalName',
      'literalRest',
    ])
  })

  it('that are expressions, the one that comes first wins', () => {
    const router = routerOf({ one: { path: '~^/a' }, two: { path: '~^/a/b' } })
    expect(findPaths(router, ['/a/b'])).toEqual(['one'])
  })

  it('the other one is taken where the conditions of the better one do not hold, back in another branch of the tree, too', () => {
    const conditions: Condition[] = [{ kind: 'header', name: 'x-a', test: { kind: 'present' } }]
    const router = routerOf({
      deep: { path: '/a/b/c/d', conditions },
      literal: { path: '/a/b/{x}/e' },
      name: { path: '/a/{x}/{y}/d' },
      rest: { path: '/*' },
    })
    expect([find(router, 'h', '/a/b/c/d', 'X-A: 1'), find(router, 'h', '/a/b/c/d')]).toEqual(['deep', 'name'])
    expect(findPaths(router, ['/a/b/c/e', '/a/b/c/f'])).toEqual(['literal', 'rest'])
  })
})

describe('what a path has caught', () => {
  it.each<[string, string, Record<string, string>]>([
    ['/users/{id}', '/users/7', { id: '7' }],
    ['/{a}/x/{b}', '/1/x/2', { a: '1', b: '2' }],
    ['/{a}/*', '/1/2/3', { a: '1', '*': '2/3' }],
    ['/{a}/*', '/1', { a: '1', '*': '' }],
    ['/files/*', '/files/a/b', { '*': 'a/b' }],
    ['/files/*', '/files/', { '*': '' }],
    ['/files/*', '/files', { '*': '' }],
    ['/*', '/a/b', { '*': 'a/b' }],
    ['/*', '/', { '*': '' }],
    ['/*', '/a/../%62', { '*': 'b' }],
    ['/{a}', '/x%2fy%20', { a: 'x%2Fy%20' }],
    ['~^/(?P<lang>[a-z]{2})/(x)?', '/en/', { '0': '/en/', '1': 'en', lang: 'en' }],
    ['~^/(?<lang>[a-z]{2})/(x)?', '/en/x', { '0': '/en/x', '1': 'en', '2': 'x', lang: 'en' }],
    ['/a', '/a', {}],
  ])('by %s of %s is %j', (path, target, captures) => {
    expect(captured(path, target)).toEqual(captures)
  })

  it('may be called like what every object has', () => {
    const router = routerOf({ a: { path: '/{__proto__}/{constructor}' } })
    const captures = ask('h', '/1/2', request => {
      router.find(request)
      return request.captures
    })
    expect(Object.entries(captures ?? {})).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
  })

  it('is that of the route that was found, and nothing where none was', () => {
    const router = routerOf({ a: { path: '/{x}/b' }, c: { path: '/{y}/*', priority: -1 } })
    const captures = ['/1/b', '/1/c', '/'].map(target =>
      ask('h', target, request => {
        router.find(request)
        return request.captures
      }),
    )
    expect(captures.map(one => (one === null ? null : { ...one }))).toEqual([{ x: '1' }, { y: '1', '*': 'c' }, null])
  })
})

describe('a host', () => {
  it('that is exact wins over a wildcard, a longer wildcard over a shorter one, those over expressions, any of them over none', () => {
    const router = routerOf({
      any: {},
      regex: { hosts: [{ regex: 'example\\.(com|net)$' }] },
      wide: { hosts: ['*.example.com'] },
      narrow: { hosts: ['*.api.example.com'] },
      exact: { hosts: ['v1.api.example.com'] },
    })
    const hosts = [
      'v1.api.example.com',
      'v2.api.example.com',
      'api.example.com',
      'x.y.example.com',
      'example.com',
      'a',
      '',
    ]
    expect(findHosts(router, hosts)).toEqual(['exact', 'narrow', 'wide', 'wide', 'regex', 'any', 'any'])
  })

  it('with a wildcard takes any number of labels, and at least one', () => {
    const router = routerOf({ a: { hosts: ['*.example.com'] } })
    const hosts = ['a.example.com', 'a.b.example.com', 'example.com', '.example.com', 'badexample.com', 'a.example.org']
    expect(findHosts(router, hosts)).toEqual(['a', 'a', null, null, null, null])
  })

  it('is compared whatever its case, without port, and without the dot at the end of a full name', () => {
    const router = routerOf({ a: { hosts: ['a.example'] }, b: { hosts: ['*.b.example'] }, c: { hosts: ['[::1]'] } })
    const hosts = [
      'A.Example',
      'a.example:8080',
      'a.example:',
      'a.example.',
      'a.example.:80',
      'a.example..',
      'a.example.x',
    ]
    expect(findHosts(router, hosts)).toEqual(['a', 'a', 'a', 'a', 'a', null, null])
    expect(findHosts(router, ['X.B.example:1', 'x.b.example.', '[::1]:80', '[::1]', '1'])).toEqual([
      'b',
      'b',
      'c',
      'c',
      null,
    ])
  })

  it('is looked at before the path; where it has no route for the path, the next host that fits is asked', () => {
    const router = routerOf({
      exactPath: { path: '/deep/exact/path' },
      wild: { hosts: ['*.example.com'], path: '/w/*' },
      exactHost: { hosts: ['a.example.com'], path: '/e/*' },
    })
    const paths = ['/e/1', '/w/1', '/deep/exact/path', '/nowhere']
    expect(findPaths(router, paths, 'a.example.com')).toEqual(['exactHost', 'wild', 'exactPath', null])
  })

  it('may be one of several of a route', () => {
    const router = routerOf({ a: { hosts: ['a.example', 'b.example', '*.c.example', { regex: '^d[0-9]$' }] } })
    expect(findHosts(router, ['a.example', 'b.example', 'x.c.example', 'd1', 'd.example'])).toEqual([
      'a',
      'a',
      'a',
      'a',
      null,
    ])
  })

  it('gives a route with several the place of the one that fits', () => {
    const router = routerOf({
      several: { hosts: ['*.example', 'b.example'] },
      wild: { hosts: ['*.a.example'] },
      exact: { hosts: ['b.example'], path: '/x' },
    })
    expect(findHosts(router, ['x.a.example', 'c.example', 'b.example'])).toEqual(['wild', 'several', 'several'])
    expect(find(router, 'b.example', '/x')).toBe('exact')
  })

  it('by an expression has the order of the configuration only where all else is alike', () => {
    const router = routerOf({
      one: { hosts: [{ regex: '^a' }] },
      two: { hosts: [{ regex: 'b$' }] },
      path: { hosts: [{ regex: 'b$' }], path: '/x' },
    })
    expect([find(router, 'ab', '/'), find(router, 'ab', '/x'), find(router, 'cb', '/')]).toEqual(['one', 'path', 'two'])
  })

  it('may have as many labels as a name has room for', () => {
    const router = routerOf({ a: { hosts: ['*.b.example'] }, b: { hosts: ['*.x.y.z'] } })
    const labels = 'a.'.repeat(120)
    expect(findHosts(router, [`${labels}b.example`, `${labels}x.y.z`, `${labels}c.example`])).toEqual(['a', 'b', null])
  })
})

describe('priority', () => {
  it('wins over host and path', () => {
    const router = routerOf({
      exact: { hosts: ['a.example'], path: '/x' },
      first: { path: '/*', priority: 1 },
      last: { hosts: ['a.example'], path: '/x', priority: -1 },
    })
    expect(find(router, 'a.example', '/x')).toBe('first')
  })

  it('lets the next one take what the higher one does not', () => {
    const router = routerOf({ low: {}, high: { path: '/admin/*', priority: 10 } })
    expect(findPaths(router, ['/admin', '/'])).toEqual(['high', 'low'])
  })
})

describe('of two routes that match alike', () => {
  it('the one that comes first in the configuration takes the request', () => {
    const router = routerOf({
      one: { path: '/a' },
      two: { path: '/a' },
      three: { path: '/b/*' },
      four: { path: '/b/*' },
      five: { path: '/c/{x}' },
      six: { path: '/c/{y}' },
    })
    expect(findPaths(router, ['/a', '/b/c', '/c/d'])).toEqual(['one', 'three', 'five'])
  })

  it('the one with more conditions does, counted through all, any and not', () => {
    const header = (name: string): Condition => ({ kind: 'header', name, test: { kind: 'present' } })
    const router = routerOf({
      none: {},
      one: { conditions: [header('a')] },
      two: { conditions: [{ kind: 'any', conditions: [header('b'), { kind: 'not', condition: header('c') }] }] },
    })
    const found = [[], ['A: 1', 'C: 1'], ['A: 1'], ['A: 1', 'B: 1']].map(fields => find(router, 'h', '/', ...fields))
    expect(found).toEqual(['two', 'one', 'two', 'two'])
  })
})

describe('a listener', () => {
  it('has the routes that name it, and those that name none', () => {
    const routes = {
      all: { path: '/all' },
      zero: { listeners: [0], path: '/zero' },
      one: { listeners: [1], path: '/one' },
    }
    const found = [0, 1].map(listener => findPaths(routerOf(routes, listener), ['/all', '/zero', '/one']))
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

  it('is found, and has caught the whole path', () => {
    const router = routerOf({ a: {} })
    const captures = ask('h', '/x//y?z', request => [router.find(request), { ...request.captures }])
    expect(captures).toEqual(['a', { '*': 'x//y' }])
  })

  const method: Condition = { kind: 'method', methods: ['GET'] }
  it.each<[string, Record<string, TestRoute>]>([
    ['there is none', {}],
    ['it has a host', { a: { hosts: ['h'] } }],
    ['it has a path', { a: { path: '/a/*' } }],
    ['it has a condition', { a: { conditions: [method] } }],
    ['another has a condition', { a: {}, b: { conditions: [method] } }],
    ['another has the root alone', { a: {}, b: { path: '/' } }],
    ['another is more specific', { a: {}, b: { path: '/b' } }],
    ['another has a host', { a: {}, b: { hosts: ['h'] } }],
    ['another has a higher priority', { a: {}, b: { path: '/b/*', priority: 1 } }],
  ])('is not where %s', (_, routes) => {
    expect(routerOf(routes).only).toBeNull()
  })
})

describe('the candidates', () => {
  it('are all routes in the order of precedence, each with what it has against the request', () => {
    const router = routerOf({
      rest: {},
      host: { hosts: ['b.example', '*.c.example', { regex: '^d' }] },
      path: { hosts: ['a.example'], path: '/v1/{x}' },
      header: {
        hosts: ['*.example'],
        path: '/v2/*',
        conditions: [
          { kind: 'method', methods: ['POST', 'PUT'] },
          { kind: 'header', name: 'x-version', test: { kind: 'exact', text: '2' } },
        ],
      },
    })
    const candidates = ask('a.example', '/v2/x?y', request => router.candidates(request), ['X-Version: 1'])
    expect(candidates).toMatchObject([
      { route: 'path', order: 2, matches: false, failed: ['path: wanted /v1/{x}, found /v2/x'] },
      {
        route: 'host',
        order: 1,
        matches: false,
        failed: ['host: wanted b.example or *.c.example or ~^d, found a.example'],
      },
      {
        route: 'header',
        order: 3,
        matches: false,
        failed: ['method: wanted POST or PUT, found GET', 'header x-version: wanted "2", found "1"'],
      },
      { route: 'rest', order: 0, matches: true, failed: [] },
    ])
  })

  it('have the place of that of their hosts that fits', () => {
    const router = routerOf({ several: { hosts: ['a.example', '*.example'] }, exact: { hosts: ['b.example'] } })
    const names = (host: string) => ask(host, '/', request => router.candidates(request).map(({ route }) => route))
    expect([names('a.example'), names('b.example'), names('c.example')]).toEqual([
      ['several', 'exact'],
      ['exact', 'several'],
      ['exact', 'several'],
    ])
  })
})
