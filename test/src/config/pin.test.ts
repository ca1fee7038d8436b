import { expect, test } from 'vitest'
import { parsePin } from '../../../src/config/pin.ts'

const BASE64 = 'ogtcGg0FSFDrwFGIJC7f4kF2D48Zf4dtEsdu3hZsJKo='
const HEX = Buffer.from(BASE64, 'base64').toString('hex')

test.each([
  BASE64,
  BASE64.slice(0, -1),
  `sha256/${BASE64}`,
  `sha256//${BASE64}`,
  `pin-sha256="${BASE64}"`,
  HEX,
  HEX.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:'),
])('a pin is a hash in base64 or in hexadecimal, as tools write it: %s', text => {
  expect(parsePin(text)).toEqual({ ok: true, value: BASE64 })
})

test.each(['', 'abc', `${BASE64}x`, `sha1/${BASE64.slice(0, 28)}`, HEX.slice(2)])('anything else is none: %j', text => {
  expect(parsePin(text).ok).toBe(false)
})
