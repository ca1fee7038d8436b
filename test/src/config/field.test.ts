import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFieldName, parseFieldValue } from '../../../src/config/field.ts'

/** Control characters, lone surrogates and all. */
const anyText = fc.string({ unit: fc.nat(0xffff).map(code => String.fromCharCode(code % 3 === 0 ? code : code % 256)) })

test.each(['x-gateway', 'X-Gateway', 'a', "!#$%&'*+-.^_`|~09AZaz", 'content-type', 'date', 'set-cookie'])(
  'the field name %s may be set',
  name => {
    expect(parseFieldName(name)).toEqual({ ok: true, value: name })
  },
)

test.each([
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'CONNECTION',
  'keep-alive',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Upgrade',
  'Expect',
  'HTTP2-Settings',
])('the field %s, which the proxy writes itself, may not be set', name => {
  expect(parseFieldName(name).ok).toBe(false)
})

test('a name or value that is let through cannot end its field line', () => {
  fc.assert(
    fc.property(anyText, text => {
      const name = parseFieldName(text)
      if (name.ok) expect(name.value).toMatch(/^[\x21-\x7e]+$/)
      const value = parseFieldValue(text)
      if (value.ok) expect(value.value).toMatch(/^([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?$/)
    }),
  )
})

test('a field value may be empty and hold tabs, and is at most 8192 characters', () => {
  expect(parseFieldValue('').ok).toBe(true)
  expect(parseFieldValue('a\tb').ok).toBe(true)
  expect(parseFieldValue('x'.repeat(8192)).ok).toBe(true)
  expect(parseFieldValue('x'.repeat(8193)).ok).toBe(false)
  expect(parseFieldName('x'.repeat(257)).ok).toBe(false)
})
