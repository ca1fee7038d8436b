import { expect, test } from 'vitest'
import { checkUnused } from '../../../../src/config/checks/unused.ts'
import { formatPath } from '../../../../src/config/positions.ts'

function unused(root: Record<string, unknown>): string[] {
  const codes: string[] = []
  checkUnused(root, (code, path) => codes.push(`${formatPath(path)} ${code}`))
  return codes
}

test('an upstream that no route, split or mirror names is told', () => {
  const upstreams = { a: {}, b: {}, c: {}, d: {} }
  const routes = [{ upstream: 'a', mirror: { upstream: 'b' } }, { split: [{ upstream: 'c' }] }]
  expect(unused({ upstreams, routes })).toEqual(['upstreams.d unused-upstream'])
})

test('an upstream whose name is probably misspelt in a route is not told as well', () => {
  expect(unused({ upstreams: { users: {}, other: {} }, routes: [{ upstream: 'usrs' }] })).toEqual([
    'upstreams.other unused-upstream',
  ])
})

test('a listener that no route is for is told, unless a route is for all', () => {
  const listeners = { web: {}, admin: {} }
  const forWeb = { match: { listeners: 'web' }, respond: {} }
  expect(unused({ listeners, routes: [forWeb] })).toEqual(['listeners.admin unused-listener'])
  expect(unused({ listeners, routes: [forWeb, { respond: {} }] })).toEqual([])
})

test('without any route that is told once', () => {
  expect(unused({ listeners: { web: {} }, upstreams: { a: {} } })).toEqual(['routes no-routes'])
  expect(unused({ routes: 'none' })).toEqual([])
})

test('where a route has no action, or routes have another name, nothing is said of what that leaves unused', () => {
  const upstreams = { a: {} }
  expect(unused({ upstreams, routes: [{ match: { path: '/x' }, proxy_pass: 'http://a' }] })).toEqual([])
  expect(unused({ upstreams, locations: [] })).toEqual([])
})
