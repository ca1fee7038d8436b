import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cookieAttributes, parseCookieDomain, parseCookieName, parseCookiePath } from '../../../src/config/cookie.ts'

test('names, paths and domains that are let through end neither their attribute nor their field line', () => {
  const text = fc.string({ unit: fc.nat(0xff).map(code => String.fromCharCode(code)) })
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        text.map(behind => `/${behind}`),
      ),
      written => {
        for (const parse of [parseCookieName, parseCookiePath, parseCookieDomain]) {
          const parsed = parse(written)
          if (parsed.ok) expect(parsed.value).toMatch(/^[\x20-\x3a\x3c-\x7e]+$/)
        }
      },
    ),
  )
})

test.each([
  ['example.com', true],
  ['Example.com', true],
  ['localhost', true],
  ['.example.com', false],
  ['example.com.', false],
  ['10.0.0.1', false],
  ['::1', false],
  ['', false],
])('whether the domain %j may be had: %s', (text, may) => {
  expect(parseCookieDomain(text).ok).toBe(may)
})

test('attributes that are not wanted are not written', () => {
  const bare = { path: '/', domain: undefined, ttlMs: 0, secure: false, httpOnly: false, sameSite: 'strict' } as const
  expect(cookieAttributes(bare)).toBe('; Path=/; SameSite=Strict')
  expect(cookieAttributes({ ...bare, httpOnly: true, ttlMs: 3_600_000, secure: true })).toBe(
    '; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict',
  )
})
