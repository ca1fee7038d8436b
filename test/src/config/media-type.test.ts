import { expect, test } from 'vitest'
import { parseMediaType } from '../../../src/config/media-type.ts'

test.each([
  ['application/json', 'application/json'],
  ['Image/*', 'image/*'],
  ['application/vnd.api+json', 'application/vnd.api+json'],
])('%s is the media type %s', (text, type) => {
  expect(parseMediaType(text)).toEqual({ ok: true, value: type })
})

test.each([
  ['json', 'did you mean "application/json"?'],
  ['text/html; charset=utf-8', 'write "text/html"'],
  ['*/*', 'leave "content_type" out'],
  ['*/json', ''],
  ['text', ''],
  ['', ''],
  ['constructor', ''],
])('%j is none', (text, hint) => {
  expect(parseMediaType(text)).toMatchObject({ ok: false, hint })
})
