import { expect, test } from 'vitest'
import { told } from './told.ts'

const redirect = (path: string, to: string, match: Record<string, unknown> = {}) => ({
  match: { path, ...match },
  redirect: { to },
})

test.each([
  ['/a', '/a'],
  ['/a/*', '/a/b'],
  ['/a/*', '/a/{*}'],
  ['/{x}', '/{x}'],
  ['/*', '/login'],
  ['/a/*', '/a?x=1'],
])('a redirect of %s to %s leads back', (path, to) => {
  expect(told([redirect(path, to)])).toEqual(['routes[0].redirect.to redirect-loop'])
})

test.each([
  ['/a', '/b'],
  ['/a/*', '/b/{*}'],
  ['/{x}', '/y/{x}'],
  ['/*', 'https://example.com/{*}'],
  ['~^/a', '/a'],
])('a redirect of %s to %s does not, as far as can be seen', (path, to) => {
  expect(told([redirect(path, to)])).toEqual([])
})

test('a redirect to a path that another route takes, or under a condition, may be meant', () => {
  expect(told([redirect('/*', '/login'), { match: { path: '/login' }, respond: {} }])).toEqual([])
  expect(told([redirect('/*', '/app/{*}'), { match: { path: '/app/*' }, respond: {} }])).toEqual([])
  expect(told([redirect('/*', '/app/1'), { match: { path: '~^/app/[0-9]+$' }, respond: {} }])).toEqual([])
  expect(told([redirect('/*', '/login', { cookies: { sid: { present: false } } })])).toEqual([])
})
