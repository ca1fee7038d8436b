import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalPath } from '../../../engine/routing/path.ts'
import { DEFAULT_PATHS, parsePathPattern, parsePathPrefix, parsePathTemplate } from '../../../src/config/path.ts'

test.each([
  ['/', { kind: 'exact', path: '/' }],
  ['/*', { kind: 'prefix', path: '/' }],
  ['/users', { kind: 'exact', path: '/users' }],
  ['/users/', { kind: 'exact', path: '/users/' }],
  ['/users/*', { kind: 'prefix', path: '/users/' }],
  ['/a%20b/*', { kind: 'prefix', path: '/a%20b/' }],
  ["/-._~!$&'()+,;=:@", { kind: 'exact', path: "/-._~!$&'()+,;=:@" }],
  ['/.well-known/x', { kind: 'exact', path: '/.well-known/x' }],
  ['/a%2Fb;v=1', { kind: 'exact', path: '/a%2Fb;v=1' }],
  ['/users/{id}', { kind: 'template', segments: ['users', { name: 'id' }], rest: false }],
  ['/{a}/x/{_b2}/*', { kind: 'template', segments: [{ name: 'a' }, 'x', { name: '_b2' }], rest: true }],
  ['/users/{id}/', { kind: 'template', segments: ['users', { name: 'id' }, ''], rest: false }],
  ['~^/v(?P<version>[0-9]+)/', { kind: 'regex', regex: '^/v(?P<version>[0-9]+)/' }],
])('the path %s is read', (text, match) => {
  expect(parsePathPattern(text)).toEqual({ ok: true, value: match })
})

test.each([
  'users',
  '',
  '/a b',
  '/a\r\n',
  '/a?b',
  '/a#b',
  '/*/*',
  '/a*',
  '/%',
  '/%2',
  '/%zz',
  '/..',
  '/%2e%2E/b',
  '/a/./b',
  '/ü',
  '/users/{id',
  '/users/x{id}',
  '/{id}/{id}',
  '/{2x}',
  '/{*}',
  '~',
  '~ ^/x',
  '~(',
  '/\\',
])('the path %j is refused', text => {
  expect(parsePathPattern(text).ok).toBe(false)
})

test.each([
  ['//x', '/x'],
  ['/%7euser/caf%c3%a9/*', '/~user/caf%C3%A9/*'],
  ['/a/../b/{id}', '/b/{id}'],
  ['/a/./{id}/*', '/a/{id}/*'],
  ['/a%2fb', '/a%2Fb'],
])('the pattern %s, which no path of a request is like, is refused with the canonical form %s', (text, form) => {
  expect(parsePathPattern(text)).toMatchObject({ ok: false, code: 'path-not-canonical', hint: `write "${form}"` })
})

test.each([
  ['users', '/users'],
  ['= /users', '/users'],
  ['^/users', '~^/users'],
  ['*', '/*'],
])('for %s, %s is suggested', (text, meant) => {
  expect(parsePathPattern(text)).toMatchObject({ ok: false, hint: `did you mean "${meant}"?` })
})

test('whatever passes for a pattern is a form that canonical paths have', () => {
  const piece = fc.constantFrom('/', 'a', '.', '..', '%2e', '%2F', '%7e', ';', '*', '{x}', '{', '}', '%', 'é', '//')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      const parsed = parsePathPattern(`/${pieces.join('')}`)
      if (!parsed.ok || parsed.value.kind === 'template' || parsed.value.kind === 'regex') return
      expect(canonicalPath(parsed.value.path, DEFAULT_PATHS)).toBe(parsed.value.path)
    }),
  )
})

test.each([
  ['/users/{id}', ['/users/', { kind: 'capture', name: 'id' }]],
  ['/{*}', ['/', { kind: 'capture', name: '*' }]],
  ['${path}/x', [{ kind: 'path' }, '/x']],
  ['/plain', '/plain'],
])('a path is put together by %s', (text, template) => {
  expect(parsePathTemplate(text)).toEqual({ ok: true, value: template })
})

test.each(['x', '{id}', '/a?b', '/a//b', '/../x', '/%', '/a b', '/{id', '/${status}', '/%2e%2e/{*}'])(
  'no path is put together by %s',
  text => {
    expect(parsePathTemplate(text).ok).toBe(false)
  },
)

test.each([
  ['/api', '/api'],
  ['/api/', '/api'],
  ['/a/b', '/a/b'],
])('the prefix %s is %s', (text, prefix) => {
  expect(parsePathPrefix(text)).toEqual({ ok: true, value: prefix })
})

test.each(['api', '/', '/api/*', '/a//b', '/a/..', '/a b', '/{id}'])('%s is no prefix', text => {
  expect(parsePathPrefix(text).ok).toBe(false)
})

test('a lone surrogate, which has no encoding, is refused without a suggestion', () => {
  expect(parsePathPattern('/\ud800')).toMatchObject({ ok: false, hint: '' })
})
