import { METHODS } from 'node:http'
import { expect, test } from 'vitest'
import { parseMethod } from '../../../src/config/method.ts'

test('every method that the parser of requests takes may be named, but for CONNECT', () => {
  expect(METHODS.filter(method => !parseMethod(method).ok)).toEqual(['CONNECT'])
})

test.each([
  ['get', 'GET'],
  ['DELET', 'DELETE'],
  ['MSEARCH', 'M-SEARCH'],
])('%s is refused, and %s is suggested', (text, suggestion) => {
  expect(parseMethod(text)).toMatchObject({ ok: false, hint: `did you mean "${suggestion}"?` })
})

test.each(['', 'FROBNICATE', 'CONNECT', 'G T', 'GET\r\n'])('%j is refused', text => {
  expect(parseMethod(text)).toMatchObject({ ok: false })
})
