import fc from 'fast-check'
import { RE2JS } from 're2js'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { compileRegex, loadRegexes, prepareRegexes, RegexError, takeOverlong } from '../../../engine/routing/regex.ts'
import { testSnapshot } from '../../support/snapshot.ts'

const respond = { kind: 'respond', status: 200, fields: [], content: new Uint8Array(8) } as const

describe('the library', () => {
  it('is loaded for a snapshot that has an expression somewhere in its routes, and needed before one is compiled', async () => {
    await prepareRegexes(testSnapshot({ routes: [{ to: respond }, { match: { hosts: ['a'] }, to: respond }] }))
    expect(() => compileRegex('a')).toThrow('before the library is loaded')
    const condition = { kind: 'header', name: 'a', test: { kind: 'regex', regex: 'b' } } as const
    const not = { kind: 'not', condition } as const
    await prepareRegexes(testSnapshot({ routes: [{ match: { conditions: [not] }, to: respond }] }))
    expect(compileRegex('a').test('bar')).toBe(true)
  })
})

describe('an expression', () => {
  beforeAll(loadRegexes)

  it.each([
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['^abc$', 'abc', true],
    ['a$', 'a\nb', false],
    ['(?i)ABC', 'xabcx', true],
    ['^\\d{2}$', '12', true],
    ['\\.(php|asp)$', '/x.php', true],
    ['^.$', 'é', true],
    ['', '', true],
  ])('%s on %j gives %j', (source, text, matches) => {
    expect(compileRegex(source).test(text)).toBe(matches)
  })

  it('catches groups by number and by name, in both ways of writing, and leaves out those that took no part', () => {
    const regex = compileRegex('(?<a>x)|(?P<b>y)(z)?')
    expect({ ...regex.match('-x-') }).toEqual({ '0': 'x', '1': 'x', a: 'x' })
    expect({ ...regex.match('yz') }).toEqual({ '0': 'yz', '2': 'y', '3': 'z', b: 'y' })
    expect(regex.match('q')).toBeNull()
  })

  it.each([
    ['a(b)?', 'abaca', '[$1]', '[b][]c[]'],
    ['(?<first>\\w)(\\w)', 'ab cd', '$2$<first>', 'ba dc'],
    ['b', 'abc', '$$1', 'a$1c'],
    ['b', 'abc', '<$0>', 'a<b>c'],
    ['b', 'abc', "$&$`$'$x$", "a$&$`$'$x$c"],
    ['(b)', 'abc', '$1$2$<none>', 'abc'],
    ['(b)', 'abc', '$10', 'ab0c'],
    ['x', 'abc', 'y', 'abc'],
    ['^/old/', '/old/a/old/b', '/new/', '/new/a/old/b'],
    ['', 'ab', '-', '-a-b-'],
  ])('%s in %j, replaced by %j, gives %j', (source, text, by, replaced) => {
    expect(compileRegex(source).replaceAll(text, by)).toBe(replaced)
  })

  it('is replaced by one thing after another', () => {
    const regex = compileRegex('(a)')
    expect(['<$1>', '$$', '', '<$1>'].map(by => regex.replaceAll('bab', by))).toEqual(['b<a>b', 'b$b', 'bb', 'b<a>b'])
  })

  it('says which groups a replacement names that it does not have', () => {
    expect(compileRegex('(?<a>x)(y)').missingGroups('$0$1$2$3$<a>$<b>$$4')).toEqual(['3', 'b'])
  })

  it('matches and replaces what the one of JavaScript does, where both mean the same', () => {
    const sources = fc.constantFrom('a', 'a+b?', '^a', 'b$', '(a|b)c', '[ab]{2}', '(?:ab)*c', '', 'a*?b', '\\bab')
    fc.assert(
      fc.property(sources, fc.stringMatching(/^[abc ]{0,12}$/), (source, text) => {
        const regex = compileRegex(source)
        expect(regex.test(text)).toBe(new RegExp(source).test(text))
        expect(regex.replaceAll(text, '<$1>')).toBe(
          text.replaceAll(new RegExp(source, 'g'), (all, group) => {
            expect(all).toBeTypeOf('string')
            return `<${typeof group === 'string' ? group : ''}>`
          }),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['[', 'missing closing ]: `[`'],
    ['(', 'missing closing ): `(`'],
    ['*a', 'missing argument to repetition operator: `*`'],
    ['(?=a)', 'invalid or unsupported Perl syntax: `(?=` (looking ahead or behind takes more than linear time)'],
    ['a(?!b)', 'invalid or unsupported Perl syntax: `(?!` (looking ahead or behind takes more than linear time)'],
    ['(?<=a)b', 'invalid named capture: `(?<=a)b` (looking ahead or behind takes more than linear time)'],
    ['(a)\\1', 'invalid escape sequence: `\\1` (a group cannot be referred to)'],
    ['(?<a>x)(?<a>y)', 'duplicate capture group name: `a`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'],
    ['(a{100}){10}', 'it is too large: 1022 steps, at most 500 may be (repetitions count in full)'],
    ['\\', 'trailing backslash at end of expression'],
  ])('%s is refused: %s', (source, message) => {
    expect(() => compileRegex(source)).toThrow(new RegexError(message))
  })

  it('comes to an end on any text, soon: nothing is tried twice', () => {
    const sources = ['(a+)+$', '(a|aa)+$', '^(a|a?)+$', '(x+x+)+y', '(.*a){12}$', '([a-z]+)*\\d']
    for (const source of sources) {
      const text = `${'a'.repeat(longest(source) - 1)}!`
      expect(compileRegex(source).test(text)).toBe(false)
      expect(compileRegex(source).match(text)).toBeNull()
    }
    expect(takeOverlong()).toBe(false)
  })

  it.each(['a', 'a{40}', 'a{490}'])('says so, once, where it may not look at all of a text: %s', source => {
    const regex = compileRegex(source)
    const text = 'a'.repeat(longest(source))
    expect([regex.test(text), regex.match(text)?.[0]?.[0], takeOverlong()]).toEqual([true, 'a', false])
    expect([regex.test(`${text}a`), takeOverlong(), takeOverlong()]).toEqual([false, true, false])
    expect([regex.match(`${text}a`), takeOverlong()]).toEqual([null, true])
    expect([regex.replaceAll(`${text}a`, ''), takeOverlong()]).toEqual([`${text}a`, true])
  })

  it('replaces all or nothing: where too much is found, the text stays as it is, and that is told', () => {
    const regex = compileRegex('a.*b|a')
    expect([regex.replaceAll('a'.repeat(400), 'x'), takeOverlong()]).toEqual(['x'.repeat(400), false])
    expect([regex.replaceAll('a'.repeat(8_192), 'x'), takeOverlong()]).toEqual(['a'.repeat(8_192), true])
  })

  it('keeps little of what it has found out, whatever texts it is given', () => {
    const program = RE2JS.compile('(?:[ab]*a[ab]{22})[xy]')
    const compile = vi.spyOn(RE2JS, 'compile').mockReturnValueOnce(program)
    const regex = compileRegex('')
    compile.mockRestore()
    const { dfa } = program.re2()
    let kept = 0
    for (let seed = 1; seed <= 20; seed += 1) {
      regex.test(lettersOf(seed, 10_000))
      kept = Math.max(kept, dfa.stateCount)
    }
    // Each takes 200 bytes at least.
    expect(kept).toBeGreaterThan(100)
    expect(kept).toBeLessThan(1_300)
  })
})

/** How many characters an expression may look at. */
function longest(source: string): number {
  return Math.floor(524_288 / RE2JS.compile(source).programSize())
}

/** An x, so that there is something to look for, and letters in no order. */
function lettersOf(seed: number, count: number): string {
  let state = seed
  const letters = Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >> 16) % 2 === 0 ? 'a' : 'b'
  })
  return `x ${letters.join('')}`
}
