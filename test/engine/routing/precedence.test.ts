import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createForwarding } from '../../../engine/http/head-writer.ts'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import type { RequestSource, RoutedRequest } from '../../../engine/routing/request.ts'
import { Router } from '../../../engine/routing/router.ts'
import { shadowedBy } from '../../../engine/routing/shadow.ts'
import type { Condition, HostPattern, PathMatch, RouteMatch, Snapshot, TextTest } from '../../../engine/snapshot.ts'
import { DEFAULT_POLICY } from '../../integration/routing/path-corpus.ts'
import { type TestRoute, testSnapshot } from '../../support/snapshot.ts'
import { pathMatch } from './path-match.ts'
import { ofHead } from './request-head.ts'

/**
 * A router written anew, that tries every route: the order in its own words, and predicates over a request that was never
 * bytes. The real one has to agree with it on whatever routes and requests there are.
 */
interface PlainRequest {
  readonly listener: number
  readonly host: string
  readonly path: string
  readonly method: string
  readonly version: string | null
  readonly query: readonly string[]
  readonly cookie: string | null
  readonly type: string | null
  readonly address: string
}

interface PlainRoute {
  readonly match: RouteMatch
  readonly priority: number
}

function hostMatches(pattern: HostPattern | null, host: string): boolean {
  if (pattern === null) return true
  if (typeof pattern !== 'string') return new RegExp(pattern.regex).test(host)
  return pattern.startsWith('*') ? new RegExp(`^.+\\${pattern.slice(1)}$`).test(host) : host === pattern
}

function pathMatches(match: PathMatch, path: string): boolean {
  switch (match.kind) {
    case 'exact':
      return match.path === path
    case 'prefix':
      return `${path}/`.startsWith(match.path)
    case 'regex':
      return new RegExp(match.regex).test(path)
    case 'template': {
      const pattern = match.segments.map(segment => (typeof segment === 'string' ? segment : '[^/]+')).join('/')
      return new RegExp(`^/${pattern}${match.rest ? '(/.*)?' : ''}$`).test(path)
    }
  }
}

function textMatches(test: TextTest, texts: readonly string[]): boolean {
  return test.kind === 'absent' ? texts.length === 0 : texts.some(text => textIs(test, text))
}

function textIs(test: Exclude<TextTest, { kind: 'absent' }>, text: string): boolean {
  switch (test.kind) {
    case 'exact':
      return text === test.text
    case 'prefix':
      return text.startsWith(test.text)
    case 'suffix':
      return text.endsWith(test.text)
    case 'contains':
      return text.includes(test.text)
    case 'regex':
      return new RegExp(test.regex).test(text)
    default:
      return true
  }
}

function holds(condition: Condition, request: PlainRequest): boolean {
  switch (condition.kind) {
    case 'method':
      return condition.methods.includes(request.method)
    case 'header':
      return textMatches(condition.test, request.version === null ? [] : [request.version])
    case 'query':
      return textMatches(condition.test, request.query)
    case 'cookie':
      return textMatches(condition.test, request.cookie === null ? [] : [request.cookie])
    case 'client_ip':
      return condition.blocks.some(block => request.address.startsWith(block.replace(/0\.0\.0\/8$/, '')))
    case 'content_type':
      return request.type !== null && condition.types.some(type => request.type?.startsWith(type.replace('*', '')))
    case 'client_cert':
      return textMatches(condition.test, [])
    case 'scheme':
      return condition.scheme === 'http'
    case 'grpc':
      return request.type?.startsWith('application/grpc') === true
    case 'host':
      return condition.hosts.some(host => hostMatches(host, request.host))
    case 'path':
      return pathMatches(condition.path, request.path)
    case 'all':
      return condition.conditions.every(part => holds(part, request))
    case 'any':
      return condition.conditions.some(part => holds(part, request))
    case 'not':
      return !holds(condition.condition, request)
  }
}

function leaves(condition: Condition): number {
  if (condition.kind === 'not') return leaves(condition.condition)
  if (condition.kind !== 'all' && condition.kind !== 'any') return 1
  return condition.conditions.reduce((sum, part) => sum + leaves(part), 0)
}

function hostPlace(pattern: HostPattern | null): number[] {
  if (pattern === null) return [0]
  if (typeof pattern !== 'string') return [1]
  return pattern.startsWith('*') ? [2, pattern.length] : [3]
}

/** Exact, expression, then by segments: 3 for a literal, 2 for a name, 1 for an end, 0 for the rest. */
function pathPlace(match: PathMatch): number[] {
  if (match.kind === 'exact') return [9]
  if (match.kind === 'regex') return [8]
  if (match.kind === 'prefix')
    return [
      ...match.path
        .split('/')
        .slice(2)
        .map(() => 3),
      0,
    ]
  return [...match.segments.map(segment => (typeof segment === 'string' ? 3 : 2)), match.rest ? 0 : 1]
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== (b[index] ?? -1))
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1)
}

/** What has to be compared, the most important first; `null` where the route does not match. */
function placeOf({ match, priority }: PlainRoute, request: PlainRequest): number[][] | null {
  if (match.listeners !== null && !match.listeners.includes(request.listener)) return null
  if (!pathMatches(match.path, request.path) || !match.conditions.every(condition => holds(condition, request)))
    return null
  const hosts = (match.hosts ?? [null]).filter(host => hostMatches(host, request.host)).map(hostPlace)
  if (hosts.length === 0) return null
  const host = hosts.reduce((best, place) => (compareLists(place, best) > 0 ? place : best))
  const count = match.conditions.reduce((sum, condition) => sum + leaves(condition), 0)
  return [[priority], host, pathPlace(match.path), [count]]
}

function comparePlaces(a: readonly number[][], b: readonly number[][]): number {
  return a.map((list, index) => compareLists(list, b[index]!)).find(difference => difference !== 0) ?? 0
}

/** The index of the route; -1 for none. */
function chooseNaively(routes: readonly PlainRoute[], request: PlainRequest): number {
  let chosen = -1
  let best: number[][] | null = null
  for (const [index, route] of routes.entries()) {
    const place = placeOf(route, request)
    if (place === null || (best !== null && comparePlaces(place, best) <= 0)) continue
    chosen = index
    best = place
  }
  return chosen
}

// What there may be.

const hosts = fc.constantFrom<HostPattern>(
  'a.example',
  '*.example',
  'b.a.example',
  '*.a.example',
  'c',
  { regex: '^[ab]\\.' },
  { regex: 'example$' },
)

const paths = fc
  .constantFrom(
    ...['/', '/*', '/a', '/a/*', '/a/', '/a/b', '/a/b/*', '/ab', '/ab/*', '/a/b/c'],
    ...['/{x}', '/{x}/*', '/a/{x}', '/a/{x}/*', '/{x}/b', '/{x}/{y}', '/{x}/b/{z}', '/a/{x}/c', '/a/{x}/', '/{x}/b/*'],
    ...['~^/a', '~b$', '~^/[a-b]+/(?:b|c)'],
  )
  .map(pathMatch)

const texts = fc.constantFrom('1', '2', '12', '')
const textTests = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix', 'contains'), text: texts }),
  fc.record({ kind: fc.constantFrom('present', 'absent') }),
  fc.record({ kind: fc.constant('regex'), regex: fc.constantFrom('^1', '2$', '^$') }),
) as fc.Arbitrary<TextTest>

const conditions = fc.letrec<{ any: Condition }>(tie => ({
  any: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc.record({ kind: fc.constant('method'), methods: fc.constantFrom(['GET'], ['POST', 'PUT']) }),
    fc.record({ kind: fc.constant('header'), name: fc.constant('x-version'), test: textTests }),
    fc.record({ kind: fc.constant('query'), name: fc.constant('q'), test: textTests }),
    fc.record({ kind: fc.constant('cookie'), name: fc.constant('id'), test: textTests }),
    fc.record({ kind: fc.constant('client_ip'), blocks: fc.constantFrom(['10.0.0.0/8'], ['192.0.2.1', '11.0.0.0/8']) }),
    fc.record({ kind: fc.constant('content_type'), types: fc.constantFrom(['text/*'], ['text/plain', 'image/png']) }),
    fc.record({ kind: fc.constant('host'), hosts: fc.array(hosts, { minLength: 1, maxLength: 2 }) }),
    fc.record({ kind: fc.constant('path'), path: paths }),
    fc.record({
      kind: fc.constantFrom('all', 'any'),
      conditions: fc.array(tie('any'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not'), condition: tie('any') }),
  ) as fc.Arbitrary<Condition>,
})).any

const routes = fc.array(
  fc.record({
    match: fc.record({
      listeners: fc.constantFrom(null, null, [0], [1], [0, 1]),
      hosts: fc.option(fc.uniqueArray(hosts, { minLength: 1, maxLength: 3 }), { nil: null }),
      path: paths,
      conditions: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(conditions, { maxLength: 2 }) },
      ),
    }),
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  }),
  { maxLength: 12, size: 'max' },
)

const requests = fc.array(
  fc.record<PlainRequest>({
    listener: fc.constantFrom(0, 1),
    host: fc.constantFrom('a.example', 'b.a.example', 'x.example', 'x.a.example', 'example', 'c', 'b.b'),
    path: fc.constantFrom(
      '/',
      '/a',
      '/a/',
      '/a/b',
      '/a/b/',
      '/a/b/c',
      '/a/x',
      '/ab',
      '/ab/c',
      '/abc',
      '/x/b',
      '/x/b/c/d',
    ),
    method: fc.constantFrom('GET', 'POST', 'HEAD'),
    version: fc.option(texts, { nil: null }),
    query: fc.array(texts, { maxLength: 2 }),
    cookie: fc.option(texts, { nil: null }),
    type: fc.constantFrom(null, 'text/plain', 'text/html', 'image/png'),
    address: fc.constantFrom('10.0.0.1', '11.2.3.4', '192.0.2.1', '192.0.2.2'),
  }),
  { minLength: 1, maxLength: 5 },
)

function snapshotOf(table: readonly PlainRoute[]): Snapshot {
  const to: TestRoute['to'] = { kind: 'respond', status: 200, fields: [], content: new Uint8Array() }
  return testSnapshot({ listeners: [{}, {}], routes: table.map(route => ({ ...route, to })) })
}

/** The request in bytes, with one or the other thing written in another way. */
function ask<T>(plain: PlainRequest, read: (request: RoutedRequest) => T): T {
  const query = plain.query.map(value => `%71=${value.replace('1', '%31')}`).join('&')
  const lines = [
    `${plain.method} ${plain.path.replace('a', '%61')}${query === '' ? '' : `?x&${query}`} HTTP/1.1`,
    `Host: ${plain.host.toUpperCase()}:80`,
    ...(plain.version === null ? [] : [`X-Version: ${plain.version}`]),
    ...(plain.cookie === null ? [] : [`Cookie: x=y; id=${plain.cookie}`]),
    ...(plain.type === null ? [] : [`Content-Type: ${plain.type.toUpperCase()};charset=utf-8`]),
  ]
  const source: RequestSource = {
    listener: `listener${plain.listener}`,
    client: `${plain.address}:1`,
    forwarding: createForwarding(false, false, plain.address, 'http', 80),
    isTrusted: () => false,
  }
  const readRouted = (request: RoutedRequest): T => {
    expect(request.readPath(DEFAULT_POLICY)).toBe(true)
    return read(request)
  }
  return ofHead(lines, readRouted, source)
}

beforeAll(loadRegexes)

describe('whatever routes and requests there are', () => {
  it('the route that is found is the one that looking at them all would choose', () => {
    fc.assert(
      fc.property(routes, requests, (table, plains) => {
        const snapshot = snapshotOf(table)
        const routers = [0, 1].map(listener => new Router(snapshot, listener, [...table.keys()]))
        for (const plain of plains) {
          const router = routers[plain.listener]!
          const expected = chooseNaively(table, plain)
          expect(ask(plain, request => router.find(request)) ?? -1).toBe(expected)
          if (router.only !== null) expect(router.only).toBe(expected)
        }
      }),
      { numRuns: 1_000 },
    )
  }, 60_000)

  it('the first candidate that matches is the route that is found, and all that match do so for the naive one', () => {
    fc.assert(
      fc.property(routes, requests, (table, plains) => {
        const snapshot = snapshotOf(table)
        for (const plain of plains) {
          const router = new Router(snapshot, plain.listener, [...table.keys()])
          const [found, candidates] = ask(plain, request => [router.find(request), router.candidates(request)] as const)
          expect(candidates.find(({ matches }) => matches)?.route ?? null).toBe(found)
          const matching = candidates.filter(({ matches }) => matches).map(({ order }) => order)
          const expected = [...table.keys()].filter(index => placeOf(table[index]!, plain) !== null)
          expect(matching.toSorted((a, b) => a - b)).toEqual(expected)
        }
      }),
      { numRuns: 200 },
    )
  }, 60_000)

  it('a route that is said to be shadowed is never found, and the one that shadows it comes before it', () => {
    let shadowed = 0
    fc.assert(
      fc.property(routes, requests, (table, plains) => {
        const snapshot = snapshotOf(table)
        const shadows = shadowedBy(snapshot.routes, 2)
        shadowed += shadows.size
        for (const plain of plains) {
          const router = new Router(snapshot, plain.listener, [...table.keys()])
          const [found, candidates] = ask(plain, request => [router.find(request), router.candidates(request)] as const)
          expect(shadows.has(found ?? -1)).toBe(false)
          const matching = candidates.filter(({ matches }) => matches).map(({ order }) => order)
          for (const [route, shadow] of shadows) {
            if (matching.includes(route)) expect(matching.slice(0, matching.indexOf(route))).toContain(shadow)
          }
        }
      }),
      { numRuns: 500 },
    )
    expect(shadowed).toBeGreaterThan(100)
  }, 60_000)
})
