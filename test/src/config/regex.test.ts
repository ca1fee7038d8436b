import { expect, test } from 'vitest'
import { groupCount, groupNames, parseMarkedRegex, parseRegex, regexOf } from '../../../src/config/regex.ts'

test.each(['^/v[0-9]+$', '(?i)abc', '(?P<id>\\d+)', '(?<id>x)', 'a{1,50}', '[[:alpha:]]', '\\pL'])(
  'the expression %s is taken as it is',
  text => {
    expect(parseRegex(text)).toEqual({ ok: true, value: text })
  },
)

test.each([
  ['a(', 'regex-syntax'],
  ['[z-a]', 'regex-syntax'],
  ['*a', 'regex-syntax'],
  ['a{2,1}', 'regex-syntax'],
  ['', 'regex-syntax'],
  ['a(?=b)', 'regex-not-linear'],
  ['(?!a)b', 'regex-not-linear'],
  ['(?<=a)b', 'regex-not-linear'],
  ['(?<!a)b', 'regex-not-linear'],
  ['(?>a)', 'regex-not-linear'],
  ['(a)\\1', 'regex-not-linear'],
  ['(?P<x>a)(?P=x)', 'regex-not-linear'],
  ['(?<x>a)\\k<x>', 'regex-not-linear'],
  ['a{1001}', 'regex-too-large'],
  ['(a{100}){100}', 'regex-too-large'],
  ['[a-z]{900}', 'regex-too-large'],
  ['x'.repeat(1025), 'regex-too-large'],
])('the expression %s is refused: %s', (text, code) => {
  expect(parseRegex(text)).toMatchObject({ ok: false, code })
})

test('what other proxies write behind "~" is refused with what is written here', () => {
  expect(parseMarkedRegex('~ ^/x')).toMatchObject({ hint: 'did you mean "~^/x"?' })
  expect(parseMarkedRegex('~* ^/x')).toMatchObject({ hint: 'did you mean "~(?i)^/x"?' })
  expect(parseMarkedRegex('~^/x')).toEqual({ ok: true, value: '^/x' })
})

test('the names of groups are found, and none is in what is no expression', () => {
  expect(groupNames('(?P<a>x)(y)(?<b>z)')).toEqual(['a', 'b'])
  expect(regexOf('(')).toBe(null)
  expect(regexOf('(?P<a>x)')?.missingGroups('$<a>$1$<b>')).toEqual(['b'])
})

test('groups are counted as the engine counts them', () => {
  expect(groupCount('^/(a)/(?P<b>c)/(?:d)/(?<e>f)$')).toBe(3)
  expect(groupCount('\\(a\\) [(] [^)(]+ \\Q(\\E (?i)b')).toBe(0)
  for (const text of ['(a)|[]()](b)', '([[:alpha:](]+)(\\pL)(\\p{Greek}?)']) {
    const count = groupCount(text)
    expect(regexOf(text)?.missingGroups(`$${count}$${count + 1}`)).toEqual([String(count + 1)])
  }
})
