import { expect, test } from 'vitest'
import { parseFieldTemplate, parseLocation } from '../../../src/config/field-template.ts'

test('a field value may have values of the request in it, on the way back those of the response too', () => {
  expect(parseFieldTemplate('by ${host}', false)).toEqual({ ok: true, value: ['by ', { kind: 'host' }] })
  expect(parseFieldTemplate('${status}', true)).toEqual({ ok: true, value: [{ kind: 'status' }] })
  expect(parseFieldTemplate('${status}', false).ok).toBe(false)
})

test.each(['', ' x', 'x ', 'a\r\nb', 'é', '${host}\n'])('%j cannot be the value of a field', text => {
  expect(parseFieldTemplate(text, true)).toMatchObject({ ok: false, code: 'wrong-header' })
})

test.each([
  '/',
  '/new/{*}',
  'https://example.com/{id}?x=1#y',
  '${scheme}://www.${host}${path}',
  '${path}/',
  '//cdn.example/x',
])('a redirect goes to %s', text => {
  expect(parseLocation(text).ok).toBe(true)
})

test.each([
  ['new', 'did you mean "/new"?'],
  ['example.com/new', 'did you mean "https://example.com/new"?'],
  ['/a b', 'write "/a%20b"'],
  ['', ''],
])('no redirect goes to %j', (text, hint) => {
  expect(parseLocation(text)).toMatchObject({ ok: false, code: 'wrong-location', hint })
})
