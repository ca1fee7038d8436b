import { expect, test } from 'vitest'
import { parseCheckBytes, parseCheckPath, parsePattern, parseStatusRange } from '../../../src/config/health-check.ts'

test.each(['/', '/healthz', '/healthz?deep=1&x=%20', '//', "/a;b=c,(d)'*"])('%s is asked for as it is', path => {
  expect(parseCheckPath(path)).toEqual({ ok: true, value: path })
})

test.each(['', 'healthz', '/a b', '/a\r\nx: y', '/ä', '/a#b', `/${'x'.repeat(2048)}`, '/\ud800'])(
  'the path %j is refused',
  path => {
    expect(parseCheckPath(path).ok).toBe(false)
  },
)

test('a range of statuses has both of its ends in it', () => {
  expect(parseStatusRange('200-399')).toEqual({ ok: true, value: [200, 399] })
  expect(parseStatusRange('204-204')).toEqual({ ok: true, value: [204, 204] })
})

test.each(['', '200', '200-', '-200', '200-600', '099-200', '399-200', '200 - 399', '2xx', '200-299,404'])(
  'the statuses %j are refused',
  text => {
    expect(parseStatusRange(text).ok).toBe(false)
  },
)

test('what is sent and received over TCP is bytes', () => {
  expect(parseCheckBytes('PING\r\n\0\xff')).toEqual({ ok: true, value: 'PING\r\n\0\xff' })
  expect(parseCheckBytes('x'.repeat(4096)).ok).toBe(true)
  for (const text of ['', '\u0100', '€', 'x'.repeat(4097)]) expect(parseCheckBytes(text).ok).toBe(false)
})

test('a pattern is a regular expression of at most 1024 characters', () => {
  expect(parsePattern('^(ok|fine)$')).toEqual({ ok: true, value: '^(ok|fine)$' })
  expect(parsePattern('x'.repeat(1024)).ok).toBe(true)
  for (const text of ['', '(', '[', '*', '\\', 'x'.repeat(1025)]) expect(parsePattern(text).ok, text).toBe(false)
})
