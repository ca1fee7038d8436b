import { expect, test } from 'vitest'
import { told } from './told.ts'

const answer = (match: Record<string, unknown>, more: Record<string, unknown> = {}) => ({ match, respond: {}, ...more })

test('a route behind one with the same match, or below one of higher priority that takes more, is told', () => {
  expect(told([answer({ path: '/a/*' }), answer({ path: '/a/*' })])).toEqual(['routes[1] route-shadowed'])
  expect(told([answer({ path: '/a' }), answer({ path: '/*' }, { priority: 1 })])).toContain('routes[0] route-shadowed')
})

test('a more specific route, or one for another listener, is not', () => {
  expect(told([answer({ path: '/a/*' }), answer({ path: '/a/b' }), answer({ path: '/a/*', method: 'GET' })])).toEqual(
    [],
  )
  const listeners = { one: { address: ':1' }, two: { address: ':2' } }
  expect(told([answer({ listeners: 'one' }), answer({ listeners: ['two'] })], { listeners })).toEqual([])
})

test('a match that is wrong in itself is left to the schema, and takes nothing from others', () => {
  expect(told([answer({ path: 'a' }), answer({ path: 'a' }), answer({ listeners: [7] }), answer({ any: 7 })])).toEqual(
    [],
  )
})

test('conditions that exclude each other are told once, not as shadowed too', () => {
  const never = { path: '/a', method: 'GET', all: [{ method: 'POST' }] }
  expect(told([answer({ path: '/a', method: 'GET' }), answer(never)])).toEqual(['routes[1].match route-unreachable'])
})

test('a path that ends in a slash is told where nothing takes what is below it, and something should', () => {
  const forward = (path: string) => ({ match: { path }, upstream: 'api' })
  expect(told([forward('/a/')])).toEqual(['routes[0].match.path exact-slash'])
  expect(told([forward('/a/'), forward('/a/*')])).toEqual([])
  expect(told([forward('/a/'), forward('/a/{id}')])).toEqual([])
  expect(told([forward('/a/'), forward('/a/b/*')])).toEqual([])
  expect(told([forward('/a/'), forward('/a/'), forward('/ab/*')])).toContain('routes[0].match.path exact-slash')
  expect(told([answer({ path: '/a/' })])).toEqual([])
})

test('the same is told of "/" where its upstream is asked for nothing else', () => {
  const home = { match: { path: '/' }, upstream: 'home' }
  const upstreams = { home: { endpoints: [] }, other: { endpoints: [] } }
  const other = { match: { path: '/x' }, upstream: 'other' }
  const codes = (...routes: unknown[]) => told(routes, { upstreams }).filter(line => line.includes('exact-slash'))
  expect(codes(home, other)).toEqual(['routes[0].match.path exact-slash'])
  expect(codes(home, { ...other, match: {} })).toEqual([])
  expect(codes(home, { ...home, match: { path: '/assets/*' } }, other)).toEqual([])
})

test('an exact path that is taken off as a prefix, or for which a folder is served, is told', () => {
  const prefix = 'routes[0].match.path exact-prefix'
  const strip = (path: string, strip_prefix: string) => ({
    match: { path },
    upstream: 'api',
    rewrite: { strip_prefix },
  })
  expect(told([strip('/a', '/a')])).toEqual([prefix])
  expect(told([strip('/a', '/a/')])).toEqual([prefix])
  expect(told([strip('/a', '/a'), strip('/a/*', '/a')])).toEqual([])
  expect(told([strip('/a/b', '/a')])).toEqual([])
  const files = (path: string) => ({ match: { path }, files: { root: '/' } })
  expect(told([files('/static')])).toEqual([prefix])
  expect(told([files('/robots.txt')])).toEqual([])
  expect(told([files('/static/*')])).toEqual([])
})

test('a route with a key that nobody knows, or with an empty match, takes nothing from others', () => {
  expect(told([{ path: '/a', respond: {} }, answer({ path: '/b' }), answer({ path: '/c' })])).toEqual([])
  expect(told([{ match: null, path: '/a', respond: {} }, answer({ path: '/b' })])).toEqual([])
  expect(told([{ match: null, respond: {} }, answer({ path: '/b' })])).toEqual([])
})

test('a route that others fall back to has requests although it can never match', () => {
  const first = { name: 'first', upstream: 'api', fallback: 'second' }
  const second = { name: 'second', respond: {} }
  const shadows = (...routes: unknown[]) =>
    told(routes).filter(line => line.includes('shadowed') && !/itself|[23]\]/.test(line))
  expect(shadows(first, second)).toEqual([])
  expect(shadows({ ...first, fallback: undefined }, second)).toEqual(['routes[1] route-shadowed'])
  const endpoints = [{ address: '10.0.0.1:80' }]
  const upstreams = { api: { endpoints, circuit_breaker: { fallback: { route: 'second' } } } }
  expect(told([{ upstream: 'api' }, second], { upstreams })).not.toContain('routes[1] route-shadowed')
})
