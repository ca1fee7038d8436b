import { expect, test } from 'vitest'
import { told } from './told.ts'

const rewrite = (path: string, to: string) => told([{ match: { path }, upstream: 'api', rewrite: { path: to } }])
const replace = (match: string, by: string) =>
  told([{ match: { path: '/x/*' }, upstream: 'api', rewrite: { regex: { match, replace: by } } }])

test.each([
  ['/users/{id}/*', '/{id}/{*}'],
  ['/*', '/x/{*}'],
  ['~^/(?P<version>v[0-9]+)/(.*)$', '/{version}/{2}'],
])('what %s catches may be used in %s', (path, to) => {
  expect(rewrite(path, to)).toEqual([])
})

test.each([
  ['/users/{id}', '/{uid}'],
  ['/users', '/{*}'],
  ['~^/(?P<version>v[0-9]+)/', '/{verson}'],
  ['~^/(a)/', '/{2}'],
  ['~^/(a)/', '/{12}'],
  ['~^/[(](?:a)\\((?i:b)/', '/{1}'],
])('what %s does not catch is refused in %s', (path, to) => {
  expect(rewrite(path, to)).toEqual(['routes[0].rewrite.path unknown-capture'])
})

test('names of the path are looked for wherever templates stand', () => {
  const wrong = '${path.nothing}'
  const route = {
    match: { path: '/x' },
    upstream: 'api',
    rewrite: { host: wrong, query: { set: { a: wrong }, add: { b: wrong } } },
    headers: { request: { set: { a: wrong } }, response: { add: { b: wrong } } },
    error_pages: [{ status: 502, respond: { body: wrong } }],
  }
  expect(told([route]).toSorted()).toEqual([
    'routes[0].error_pages[0].respond.body unknown-capture',
    'routes[0].headers.request.set.a unknown-capture',
    'routes[0].headers.response.add.b unknown-capture',
    'routes[0].rewrite.host unknown-capture',
    'routes[0].rewrite.query.add.b unknown-capture',
    'routes[0].rewrite.query.set.a unknown-capture',
  ])
  expect(told([{ match: { path: '/x' }, redirect: { to: '/{y}' } }])).toEqual(['routes[0].redirect.to unknown-capture'])
})

test('groups of a replacement are in its expression', () => {
  expect(replace('^/x/(?P<rest>.*)$', '/$1/$<rest>/$$2')).toEqual([])
  expect(replace('^/x/(?P<rest>.*)$', '/$2')).toEqual(['routes[0].rewrite.regex.replace unknown-capture'])
  expect(replace('^/x/(?P<rest>.*)$', '/$<res>')).toEqual(['routes[0].rewrite.regex.replace unknown-capture'])
  expect(replace('(', '$1')).toEqual([])
})

test('text that only looks like a value is told', () => {
  expect(told([{ match: { path: '/x' }, respond: { body: 'at ${host}', headers: { a: '$remote_addr' } } }])).toEqual([
    'routes[0].respond.body looks-like-template',
    'routes[0].respond.headers.a looks-like-template',
  ])
  expect(told([{ match: { path: '/x' }, respond: { body: 'it costs $5, ${name}' } }])).toEqual([])
})

test('ways of other languages to name what the path has caught are told, where there is such a part', () => {
  const seeming = ['routes[0].rewrite.path looks-like-template']
  expect(rewrite('~^/a/(.*)$', '/b/$1')).toEqual(seeming)
  expect(rewrite('/a/{id}', '/b/:id')).toEqual(seeming)
  expect(rewrite('/a/*', '/b/*')).toEqual(seeming)
  expect(rewrite('/a/*', '/b/$1/:id')).toEqual([])
  expect(rewrite('/a/{id}', '/b/*')).toEqual([])
  expect(rewrite('~^/a/(.*)$', '/b/$12')).toEqual([])
  const header = (value: string) =>
    told([{ match: { path: '/a/{id}' }, upstream: 'api', headers: { request: { set: { a: value } } } }])
  expect(header('{id}')).toEqual(['routes[0].headers.request.set.a looks-like-template'])
  expect(header('{other} ${path.id} $${id}')).toEqual([])
})

test.each(['%{host}', '%[src]', '{{client_ip}}', '{{ request_uri }}', '$http_x_user'])(
  '%s looks like a value',
  text => {
    const route = { match: { path: '/x' }, upstream: 'api', headers: { request: { set: { a: text } } } }
    expect(told([route])).toEqual(['routes[0].headers.request.set.a looks-like-template'])
  },
)

test('a replacement is a path, in which groups are written with a dollar sign', () => {
  const at = 'routes[0].rewrite.regex.replace'
  expect(replace('^/x/(.*)$', '/y/$1?z=1')).toEqual([`${at} wrong-path`])
  expect(replace('^/x/(.*)$', '/y/#z')).toEqual([`${at} wrong-path`])
  expect(replace('^/x/(.*)$', '/y z')).toEqual([`${at} wrong-path`])
  expect(replace('^/x/(.*)$', '/caf\u00e9')).toEqual([`${at} wrong-path`])
  expect(replace('^/x/(.*)$', '/\\1')).toEqual([`${at} looks-like-template`])
  expect(replace('^/x/(.*)$', '/${host}')).toEqual([`${at} looks-like-template`])
  expect(replace('^/x/(.*)$', '')).toEqual([])
})

test('what the pages of all routes ask the path for is in that of some route', () => {
  const page = (body: string) => ({ error_pages: [{ status: 502, respond: { body } }] })
  const route = { match: { path: '/users/{id}' }, respond: {} }
  expect(told([route], page('${path.id} ${status}'))).toEqual([])
  expect(told([route], page('${path.idd}'))).toEqual(['error_pages[0].respond.body unknown-capture'])
  expect(told([], page('${path.*}'))).toEqual(['error_pages[0].respond.body unknown-capture'])
  expect(told([route], page('$remote_addr'))).toEqual(['error_pages[0].respond.body looks-like-template'])
})
