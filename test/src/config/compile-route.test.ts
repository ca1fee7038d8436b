import { expect, test } from 'vitest'
import type { RouteSnapshot } from '../../../engine/snapshot.ts'
import { checkConfiguration } from '../../../src/config/load.ts'

/** The compiled form of what is written for a route. */
function compiled(route: Record<string, unknown>): RouteSnapshot {
  const { snapshot } = checkConfiguration(
    {
      listeners: { web: { address: '127.0.0.1:0' }, other: { address: '127.0.0.1:0' } },
      upstreams: {
        api: { endpoints: [{ address: '10.0.0.1:3000' }], retry: { on: ['connect', 503], max_backoff: '40ms' } },
        canary: { endpoints: [{ address: '10.0.0.2:3000' }], retry: 'off' },
      },
      routes: [
        { match: { path: '/sorry' }, name: 'sorry', respond: {} },
        { upstream: 'api', ...route },
      ],
    },
    'route',
  )
  return snapshot.routes[1] as RouteSnapshot
}

const answering = (action: Record<string, unknown>) => compiled({ upstream: undefined, ...action })

test('conditions of a match are compiled kind by kind, and those inside of others too', () => {
  const { match } = compiled({
    match: {
      listeners: 'other',
      host: ['A.example', '~^b[0-9]$'],
      path: '/users/{id}/*',
      method: 'GET',
      headers: { 'X-Version': '2', 'x-debug': { present: false }, 'x-on': { present: true } },
      query: { q: { contains: 'x' } },
      cookies: { sid: { prefix: 'a' }, id: { suffix: 'b' }, exact: { exact: 'c' } },
      client_ip: '10.0.0.0/8',
      content_type: ['Application/JSON'],
      any: [{ path: '/x', method: ['PUT', 'PUT'] }, { host: '*.example' }],
      not: { headers: { 'user-agent': { regex: 'bot' } } },
      all: [{ query: { a: '' } }],
    },
  })
  expect(match).toEqual({
    listeners: [1],
    hosts: ['a.example', { regex: '^b[0-9]$' }],
    path: { kind: 'template', segments: ['users', { name: 'id' }], rest: true },
    conditions: [
      { kind: 'method', methods: ['GET'] },
      { kind: 'client_ip', blocks: ['10.0.0.0/8'] },
      { kind: 'content_type', types: ['application/json'] },
      { kind: 'header', name: 'x-version', test: { kind: 'exact', text: '2' } },
      { kind: 'header', name: 'x-debug', test: { kind: 'absent' } },
      { kind: 'header', name: 'x-on', test: { kind: 'present' } },
      { kind: 'query', name: 'q', test: { kind: 'contains', text: 'x' } },
      { kind: 'cookie', name: 'sid', test: { kind: 'prefix', text: 'a' } },
      { kind: 'cookie', name: 'id', test: { kind: 'suffix', text: 'b' } },
      { kind: 'cookie', name: 'exact', test: { kind: 'exact', text: 'c' } },
      { kind: 'all', conditions: [{ kind: 'query', name: 'a', test: { kind: 'exact', text: '' } }] },
      {
        kind: 'any',
        conditions: [
          {
            kind: 'all',
            conditions: [
              { kind: 'path', path: { kind: 'exact', path: '/x' } },
              { kind: 'method', methods: ['PUT'] },
            ],
          },
          { kind: 'host', hosts: ['*.example'] },
        ],
      },
      {
        kind: 'not',
        condition: { kind: 'header', name: 'user-agent', test: { kind: 'regex', regex: 'bot' } },
      },
    ],
  })
})

test('the weight of a target is 1, and 0 beside a condition, unless it is written', () => {
  const { action } = answering({
    split: [
      { upstream: 'api' },
      { upstream: 'canary', when: { cookies: { beta: '1' } } },
      { upstream: 'canary', when: { method: 'GET' }, weight: 5 },
    ],
    split_on: { header: 'X-User' },
  })
  expect(action).toMatchObject({
    kind: 'split',
    by: { kind: 'header', name: 'x-user' },
    targets: [
      { upstream: 0, weight: 1, when: null },
      { upstream: 1, weight: 0, when: [{ kind: 'cookie', name: 'beta', test: { kind: 'exact', text: '1' } }] },
      { upstream: 1, weight: 5, when: [{ kind: 'method', methods: ['GET'] }] },
    ],
  })
  expect(answering({ split: [{ upstream: 'api' }] }).action).toMatchObject({ by: null })
})

test('a redirect is temporary and keeps the query unless it says otherwise', () => {
  const old = { path: '/old/*' }
  expect(answering({ match: old, redirect: { to: '/new/{*}' } }).action).toEqual({
    kind: 'redirect',
    status: 302,
    to: ['/new/', { kind: 'capture', name: '*' }],
    keepsQuery: true,
  })
  expect(
    answering({ match: old, redirect: { to: 'https://a.example/', status: 308, keep_query: false } }).action,
  ).toEqual({ kind: 'redirect', status: 308, to: 'https://a.example/', keepsQuery: false })
})

test('files have defaults; a relative root begins in the folder of the configuration', () => {
  const files = { root: process.cwd(), index: ['index.html'], precompressed: [], stripPrefix: '', cacheControl: '' }
  expect(answering({ files: { root: '.' } }).action).toEqual({ kind: 'files', files: { ...files, fallback: '' } })
  const written = {
    root: '/',
    index: 'home.html',
    precompressed: ['br', 'gzip'],
    strip_prefix: '/app/',
    cache_control: 'no-cache',
    fallback: '/index.html',
  }
  expect(answering({ files: written }).action).toEqual({
    kind: 'files',
    files: {
      root: '/',
      index: ['home.html'],
      precompressed: ['br', 'gzip'],
      stripPrefix: '/app',
      cacheControl: 'no-cache',
      fallback: 'index.html',
    },
  })
})

test('edits of the path come in their order: strip_prefix, regex, add_prefix', () => {
  const rewrite = { add_prefix: '/v2/', regex: { match: 'a', replace: '$0' }, strip_prefix: '/v1' }
  expect(compiled({ rewrite }).path).toEqual([
    { kind: 'strip_prefix', prefix: '/v1' },
    { kind: 'regex', regex: 'a', by: '$0' },
    { kind: 'add_prefix', prefix: '/v2' },
  ])
  expect(compiled({ match: { path: '/{id}' }, rewrite: { path: '/{id}' } }).path).toEqual([
    { kind: 'replace', path: ['/', { kind: 'capture', name: 'id' }] },
  ])
})

test('edits of the query are none unless one is written', () => {
  expect(compiled({ rewrite: { query: { clear: false, remove: [] } } }).query).toBe(null)
  const query = { clear: true, set: { a: '${client_ip}' }, add: { b: '1' } }
  expect(compiled({ rewrite: { query } }).query).toEqual({
    clear: true,
    remove: [],
    set: [['a', [{ kind: 'client_ip' }]]],
    add: [['b', '1']],
  })
})

test('edits of fields keep the names that are written and compare those that are there in lower case', () => {
  const { request, response } = compiled({
    headers: {
      request: {
        rename: { 'X-Old': 'X-New' },
        remove: ['X-Gone', 'x-gone'],
        set: { 'X-Set': 'a' },
        add: { 'X-Add': 'b' },
      },
      response: { set: { 'x-by': '${endpoint}${status}' } },
    },
  })
  expect(request).toEqual({
    rename: [['x-old', 'X-New']],
    remove: ['x-gone'],
    set: [['X-Set', 'a']],
    add: [['X-Add', 'b']],
  })
  expect(response.set).toEqual([['x-by', [{ kind: 'endpoint' }, { kind: 'status' }]]])
})

test('a mirror copies everything, within bounds, unless it says otherwise', () => {
  expect(compiled({ mirror: { upstream: 'canary' } }).mirror).toEqual({
    upstream: 1,
    share: 1,
    concurrencyMax: 100,
    contentBytesMax: 262_144,
  })
  const mirror = { upstream: 'canary', percent: 12.5, concurrency: 7, content: '1KiB' }
  expect(compiled({ mirror }).mirror).toEqual({ upstream: 1, share: 0.125, concurrencyMax: 7, contentBytesMax: 1024 })
})

test('error pages have their statuses as ranges, the status of the error, and plain text, unless they say otherwise', () => {
  const pages = [
    { status: 502, respond: {} },
    {
      status: [404, '500-503'],
      intercept: true,
      respond: { status: 200, body: '${status}', headers: { 'Content-Type': 'text/html' } },
    },
  ]
  const compiledPages = [
    { statuses: [[502, 502]], intercepts: false, status: 0, fields: [], content: '' },
    {
      statuses: [
        [404, 404],
        [500, 503],
      ],
      intercepts: true,
      status: 200,
      fields: [['Content-Type', 'text/html']],
      content: [{ kind: 'status' }],
    },
  ]
  expect(compiled({ error_pages: pages }).errorPages).toEqual(compiledPages)
  const { snapshot } = checkConfiguration(
    { listeners: { web: { address: ':0' } }, routes: [{ respond: {} }], error_pages: pages },
    'top',
  )
  expect(snapshot.errorPages).toEqual(compiledPages)
})

test('a fallback is the place of a route', () => {
  expect(compiled({ fallback: 'sorry' }).fallback).toBe(0)
})

test('what the retries of a route do not say is as in those of its upstream', () => {
  expect(compiled({}).retry).toBe(null)
  expect(compiled({ retry: { attempts: 1 } }).retry).toMatchObject({
    attempts: 1,
    onConnect: true,
    onReset: false,
    statuses: [503],
    backoffMs: 25,
    backoffMaxMs: 40,
  })
  // The upstream's longest wait would be shorter than this first one.
  expect(compiled({ retry: { backoff: '100ms' } }).retry).toMatchObject({ backoffMs: 100, backoffMaxMs: 1000 })
  expect(compiled({ retry: 'off' }).retry).toMatchObject({ attempts: 0, onConnect: false })
})

test('retries of a route whose upstream has none begin with the defaults; those of a split with its first target', () => {
  expect(compiled({ upstream: 'canary', retry: { attempts: 3 } }).retry).toMatchObject({
    attempts: 3,
    onConnect: true,
    onReset: true,
    backoffMs: 25,
  })
  const split = [{ upstream: 'api' }, { upstream: 'canary' }]
  expect(answering({ split, retry: { attempts: 2 } }).retry).toMatchObject({ attempts: 2, statuses: [503] })
})

test('deadlines of a route are taken over, 0 where there is none', () => {
  expect(compiled({ timeouts: { idle: '7s', response: '1s' } }).timeouts).toEqual({
    responseMs: 1_000,
    idleMs: 7_000,
    totalMs: 0,
  })
})

test('what a field must be like is compared byte by byte, so that UTF-8 is found', () => {
  const { match } = compiled({ match: { headers: { a: 'ü', b: { contains: '☕' } }, query: { c: 'ü' } } })
  expect(match.conditions.map(condition => 'test' in condition && condition.test)).toEqual([
    { kind: 'exact', text: '\u00c3\u00bc' },
    { kind: 'contains', text: '\u00e2\u0098\u0095' },
    { kind: 'exact', text: 'ü' },
  ])
})
