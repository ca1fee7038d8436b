import { expect, test } from 'vitest'
import { parsePathPattern } from '../../../src/config/path.ts'

test.each([
  ['/', { kind: 'exact', path: '/' }],
  ['/*', { kind: 'prefix', path: '/' }],
  ['/users', { kind: 'exact', path: '/users' }],
  ['/users/', { kind: 'exact', path: '/users/' }],
  ['/users/*', { kind: 'prefix', path: '/users/' }],
  ['/a%20b/*', { kind: 'prefix', path: '/a%20b/' }],
  ["/-._~!$&'()+,;=:@", { kind: 'exact', path: "/-._~!$&'()+,;=:@" }],
  ['/.well-known/x', { kind: 'exact', path: '/.well-known/x' }],
  ['//x', { kind: 'exact', path: '//x' }],
  // As requests are matched: letters unescaped, hexadecimal digits in upper case.
  ['/%7euser/caf%c3%a9/*', { kind: 'prefix', path: '/~user/caf%C3%A9/' }],
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
  '/\\',
])('the path %j is refused', text => {
  expect(parsePathPattern(text).ok).toBe(false)
})

test('a lone surrogate, which has no encoding, is refused without a suggestion', () => {
  expect(parsePathPattern('/\ud800')).toMatchObject({ ok: false, hint: '' })
})
