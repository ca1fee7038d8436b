import { expect, test } from 'vitest'
import { parseQueryName, parseQueryValue } from '../../../src/config/query.ts'

test.each(['page', 'filter[a]'.replaceAll(/[[\]]/g, encodeURIComponent), 'a%20b', 'x-y_z'])(
  '%s names a field',
  name => {
    expect(parseQueryName(name)).toEqual({ ok: true, value: name })
  },
)

test.each(['', 'a=b', 'a&b', 'a b', 'é', '#', '%', '%2'])('%j names none', name => {
  expect(parseQueryName(name)).toMatchObject({ ok: false, code: 'wrong-query' })
})

test('a value may have values of the request in it, and what does not separate fields', () => {
  expect(parseQueryValue('')).toEqual({ ok: true, value: '' })
  expect(parseQueryValue('a=b/c?d')).toEqual({ ok: true, value: 'a=b/c?d' })
  expect(parseQueryValue('v-${host}')).toEqual({ ok: true, value: ['v-', { kind: 'host' }] })
  expect(parseQueryValue('a&b')).toMatchObject({ ok: false, hint: 'write "a%26b"' })
  expect(parseQueryValue('${hots}')).toMatchObject({ ok: false, code: 'unknown-value' })
})
