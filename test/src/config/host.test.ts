import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseHostPattern, parseHostRewrite } from '../../../src/config/host.ts'

/** Control characters, lone surrogates and all. */
const anyText = fc.string({ unit: fc.nat(0xffff).map(code => String.fromCharCode(code % 3 === 0 ? code : code % 256)) })

test.each([
  ['example.com', 'example.com'],
  ['API.Example.COM', 'api.example.com'],
  ['*.Example.com', '*.example.com'],
  ['*.com', '*.com'],
  ['localhost', 'localhost'],
  ['my_service', 'my_service'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '[::1]'],
  ['[2001:DB8:0::1]', '[2001:db8::1]'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
])('the host pattern %s becomes %s', (text, pattern) => {
  expect(parseHostPattern(text)).toEqual({ ok: true, value: pattern })
})

test('a host name has labels of at most 63 characters and at most 253 in all', () => {
  const label = 'a'.repeat(63)
  expect(parseHostPattern(label).ok).toBe(true)
  expect(parseHostPattern(`${label}a`).ok).toBe(false)
  expect(parseHostPattern([label, label, label, 'a'.repeat(61)].join('.')).ok).toBe(true)
  expect(parseHostPattern([label, label, label, 'a'.repeat(62)].join('.')).ok).toBe(false)
})

test.each([
  ['keep', { kind: 'keep' }],
  ['upstream', { kind: 'upstream' }],
  ['api.internal', { kind: 'set', host: 'api.internal' }],
  ['api.internal:8443', { kind: 'set', host: 'api.internal:8443' }],
  ['[::1]:80', { kind: 'set', host: '[::1]:80' }],
  ['10.0.0.1', { kind: 'set', host: '10.0.0.1' }],
])('rewrite.host: %s', (text, rewrite) => {
  expect(parseHostRewrite(text)).toEqual({ ok: true, value: rewrite })
})

test('a host pattern behind "~" is a regular expression', () => {
  expect(parseHostPattern('~^api-[0-9]+[.]example[.]com$')).toEqual({
    ok: true,
    value: { regex: '^api-[0-9]+[.]example[.]com$' },
  })
  expect(parseHostPattern('~(')).toMatchObject({ ok: false, code: 'regex-syntax' })
  expect(parseHostPattern('.example.com')).toMatchObject({ ok: false, hint: 'did you mean "*.example.com"?' })
})

test('rewrite.host may be put together from the request, of what a host can be made of', () => {
  expect(parseHostRewrite('${header.x-tenant}.internal:80')).toEqual({
    ok: true,
    value: { kind: 'set', host: [{ kind: 'header', name: 'x-tenant' }, '.internal:80'] },
  })
  for (const text of ['${host}/x', 'a b ${host}', '${hots}', '${status}.internal']) {
    expect(parseHostRewrite(text).ok).toBe(false)
  }
})

test('what rewrite.host lets through can be written into a head', () => {
  fc.assert(
    fc.property(anyText, text => {
      const parsed = parseHostRewrite(text)
      if (parsed.ok && parsed.value.kind === 'set' && typeof parsed.value.host === 'string')
        expect(parsed.value.host).toMatch(/^[A-Za-z0-9_.:[\]-]+$/)
    }),
  )
})
