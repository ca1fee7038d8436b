import { expect, test } from 'vitest'
import { told } from './told.ts'

const codes = (match: Record<string, unknown>) =>
  told([{ match, upstream: 'api' }])
    .filter(line => !line.includes('shadowed'))
    .map(line => line.split(' ')[1])

test.each([
  [{ path: '/users/:id' }],
  [{ path: '/:tenant/users' }],
  [{ headers: { 'x-a': '~^v' } }],
  [{ headers: { 'x-a': '*' } }],
  [{ query: { a: { exact: 'v*' } } }],
  [{ cookies: { a: '*v' } }],
  [{ any: [{ not: { headers: { 'x-a': 'v*' } } }] }],
])('%j looks like a pattern', match => {
  expect(codes(match)).toEqual(['looks-like-pattern'])
})

test.each([
  [{ path: '/v1/users:batch' }],
  [{ path: '/a/:' }],
  [{ headers: { 'if-none-match': '*' } }],
  [{ headers: { accept: 'image/*' } }],
  [{ headers: { accept: '*/*' } }],
  [{ headers: { 'x-a': { prefix: '~' } } }],
  [{ headers: { 'x-a': 'a*b*c' } }],
  [{ headers: { 'x-a': { regex: '^v*' } } }],
])('%j does not', match => {
  expect(codes(match)).toEqual([])
})

test.each([
  [{ path: '~^users' }],
  [{ path: '~/^/users$/' }],
  [{ path: '~^/a b' }],
  [{ path: '~^/caf\u00e9' }],
  [{ host: '~^API[.]' }],
  [{ host: ['~^(?P<Name>api)X'] }],
])('%j never matches', match => {
  expect(codes(match)).toEqual(['regex-never-matches'])
})

test.each([
  [{ path: '~^/users' }],
  [{ path: '~users' }],
  [{ path: '~/api/' }],
  [{ path: '~^[/a]' }],
  [{ path: '~(?i)^/Users' }],
  [{ host: '~^[A-Za-z]+[.]example' }],
  [{ host: '~(?i)^API' }],
  [{ host: '~^\\D\\S\\pL(?P<Name>a)[[:alpha:]A]$' }],
])('%j may match', match => {
  expect(codes(match)).toEqual([])
})

test('an exact test of a field that has a key of its own is told, unless it is written out', () => {
  expect(codes({ headers: { Host: 'a.example' } })).toEqual(['header-has-key'])
  expect(codes({ headers: { 'content-type': { exact: 'text/html' } } })).toEqual(['header-has-key'])
  expect(codes({ headers: { host: 'a.example:8080', 'content-type': 'text/html; charset=utf-8' } })).toEqual([])
  expect(codes({ headers: { cookie: { contains: 'a=b' }, constructor: 'a' } })).toEqual([])
  expect(codes({ cookies: { host: 'a' } })).toEqual([])
})

test('what no field value is like is refused', () => {
  expect(codes({ headers: { a: ' b' } })).toEqual(['wrong-header'])
  expect(codes({ headers: { a: { suffix: 'b\t' } } })).toEqual(['wrong-header'])
  expect(codes({ headers: { a: { contains: 'b\nc' } } })).toEqual(['wrong-header'])
  expect(codes({ headers: { a: { contains: ' b ' }, b: { prefix: 'Bearer ' }, c: { suffix: ' d' } } })).toEqual([])
  expect(codes({ cookies: { a: ' b' }, query: { a: ' b' } })).toEqual([])
})
