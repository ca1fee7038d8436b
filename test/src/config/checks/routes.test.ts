import { expect, test } from 'vitest'
import { told } from './told.ts'

const at = (path: string, more: Record<string, unknown>) => ({ match: { path }, ...more })

test('a route does one thing', () => {
  expect(told([at('/a', {})])).toEqual(['routes[0] no-action'])
  for (const action of [{ respond: {} }, { split: [{ upstream: 'api' }] }, { files: { root: '.' } }]) {
    expect(told([at('/a', { upstream: 'api', ...action })])).toContain(
      `routes[0].${Object.keys(action)[0]} conflicting-keys`,
    )
  }
})

test('what only a request to an upstream can have is refused on a route that answers by itself', () => {
  const keys = { rewrite: {}, timeouts: {}, importance: 'low', retry: {}, fallback: 'api-itself', mirror: {} }
  for (const [key, value] of Object.entries(keys)) {
    expect(told([at('/a', { respond: {}, [key]: value })])).toEqual([`routes[0].${key} no-effect`])
  }
  expect(told([at('/a', { respond: {}, headers: { request: {} } })])).toEqual(['routes[0].headers.request no-effect'])
  expect(told([at('/a', { respond: {}, headers: { response: {} } })])).toEqual([])
  expect(told([at('/a', { respond: {}, error_pages: [] })])).toEqual(['routes[0].error_pages no-effect'])
})

test('names of listeners, upstreams and routes exist', () => {
  expect(
    told([
      { match: { path: '/a', listeners: ['wbe'] }, upstream: 'apy', fallback: 'x', mirror: { upstream: 'y' } },
      { match: { path: '/b', listeners: 'wbe' }, respond: {} },
    ]).toSorted(),
  ).toEqual([
    'routes[0].fallback unknown-route',
    'routes[0].match.listeners[0] unknown-listener',
    'routes[0].mirror.upstream unknown-upstream',
    'routes[0].upstream unknown-upstream',
    'routes[1].match.listeners unknown-listener',
  ])
})

test('a mirror to where all requests go is told, to where some go is not', () => {
  const mirror = { upstream: 'api' }
  expect(told([at('/a', { upstream: 'api', mirror })])).toEqual(['routes[0].mirror.upstream mirror-to-itself'])
  expect(told([at('/a', { split: [{ upstream: 'api' }, { upstream: 'canary' }], mirror })])).toEqual([])
})

test('edits of fields that contradict each other are refused', () => {
  const edits = (request: Record<string, unknown>) => told([at('/a', { upstream: 'api', headers: { request } })])
  const path = 'routes[0].headers.request'
  expect(edits({ remove: ['X-A', 'x-b'], set: { 'x-a': '1' }, add: { 'x-b': '2' } })).toEqual([
    `${path}.remove[0] conflicting-keys`,
    `${path}.remove[1] conflicting-keys`,
  ])
  expect(edits({ rename: { 'x-a': 'x-b' }, set: { 'x-b': '1' } })).toEqual([`${path}.rename.x-a conflicting-keys`])
  expect(edits({ rename: { 'x-a': 'x-b', 'x-b': 'x-c' } })).toEqual([`${path}.rename.x-a conflicting-keys`])
  expect(edits({ rename: { 'x-a': 'X-A' }, set: { 'x-b': '1' }, add: { 'x-b': '2' } })).toEqual([])
})

test('edits of the path and the query that contradict each other are refused', () => {
  const edits = (rewrite: Record<string, unknown>) => told([at('/a/*', { upstream: 'api', rewrite })])
  expect(edits({ path: '/x', add_prefix: '/y' })).toEqual(['routes[0].rewrite.add_prefix conflicting-keys'])
  expect(edits({ query: { clear: true, remove: ['a'] } })).toEqual(['routes[0].rewrite.query.remove[0] no-effect'])
  expect(edits({ query: { set: { a: '1' }, remove: ['a'] } })).toEqual([
    'routes[0].rewrite.query.remove[0] conflicting-keys',
  ])
})

test('a prefix that paths of the route never have is told', () => {
  const strip = (path: string, prefix: string) =>
    told([at(path, { upstream: 'api', rewrite: { strip_prefix: prefix } })])
  expect(strip('/api/*', '/api')).toEqual([])
  expect(strip('/api/*', '/api/v1')).toEqual([])
  expect(strip('/*', '/api')).toEqual([])
  expect(strip('/{x}/*', '/api')).toEqual([])
  expect(strip('/apis/*', '/api')).toEqual(['routes[0].rewrite.strip_prefix prefix-never-there'])
  expect(strip('/api', '/api/v1')).toEqual(['routes[0].rewrite.strip_prefix prefix-never-there'])
})

test('what retries of a route leave out is as in the upstream, so that it contradicts nothing', () => {
  expect(told([at('/a', { upstream: 'api', retry: { per_try_timeout: '1s' } })])).toEqual([])
  expect(told([at('/a', { upstream: 'api', retry: { per_try_timeout: '1s', on: ['reset'] } })])).toEqual([
    'routes[0].retry.per_try_timeout no-effect',
  ])
})

test('conditions without anything in them are refused', () => {
  expect(told([{ match: { path: '/a', not: {}, any: [{}], all: [{ not: {} }] }, respond: {} }]).toSorted()).toEqual([
    'routes[0].match.all[0].not empty-condition',
    'routes[0].match.any[0] empty-condition',
    'routes[0].match.not empty-condition',
  ])
})
