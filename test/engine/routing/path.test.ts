import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalPath, plainPathEnd } from '../../../engine/routing/path.ts'
import type { PathPolicy } from '../../../engine/snapshot.ts'
import { DEFAULT_POLICY, PATH_CASES } from '../../integration/routing/path-corpus.ts'

/** Of those in origin form that get as far as this: a `#` is refused with the target. */
const CASES = PATH_CASES.filter(({ target }) => target.startsWith('/') && !target.includes('#')).map(
  ({ target, policy, path }) => [target.replace(/\?.*$/s, ''), path, policy] as const,
)

const ALL_KEPT: PathPolicy = { ...DEFAULT_POLICY, emptySegments: 'keep' }

function endOf(target: string): number {
  const bytes = Buffer.from(`xx${target}`, 'latin1')
  const end = plainPathEnd(bytes, 2, bytes.length)
  return end < 0 ? end : end - 2
}

const policies = fc.record<PathPolicy>({
  dotSegments: fc.constantFrom('normalise', 'refuse'),
  emptySegments: fc.constantFrom('normalise', 'keep', 'refuse'),
  encodedSlashes: fc.constantFrom('normalise', 'keep', 'refuse'),
  parameters: fc.constantFrom('normalise', 'keep', 'refuse'),
})

describe('the canonical form of a path', () => {
  it.each(CASES)('of %j is %j under %j', (target, path, policy) => {
    expect(canonicalPath(target, policy)).toBe(path)
  })

  it.each([
    ['', '/'],
    ['*', '/'],
  ])('of %j is %j', (target, path) => {
    expect(canonicalPath(target, DEFAULT_POLICY)).toBe(path)
  })

  it('does not exist for what does not begin with a slash', () => {
    expect(['a', '**', '%2F', '?'].map(target => canonicalPath(target, DEFAULT_POLICY))).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  const segment = fc.constantFrom('', '.', '..', '%2e', '%2E', '.%2e', '%2e%2e', 'a', 'b', '%61', '...', '.a')
  const target = fc.array(segment, { minLength: 1, maxLength: 8 }).map(segments => `/${segments.join('/')}`)

  it('is the one that a browser would ask for, as long as it does not climb above the root and empty segments are kept', () => {
    fc.assert(
      fc.property(target, text => {
        const path = canonicalPath(text, ALL_KEPT)
        if (path === null) return
        expect(path).toBe(new URL(`http://h${text}`).pathname.replaceAll('%61', 'a'))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['normalise', false],
    ['keep', true],
  ] as const)(
    'exists as long as no more segments are gone up than down (empty segments: %s)',
    (emptySegments, counts) => {
      fc.assert(
        fc.property(target, text => {
          const segments = text.slice(1).replaceAll(/%2e/gi, '.').split('/')
          let depth = 0
          let lowest = 0
          for (const name of segments) {
            if (name === '..') depth -= 1
            else if (name !== '.' && (name !== '' || counts)) depth += 1
            lowest = Math.min(lowest, depth)
          }
          expect(canonicalPath(text, { ...DEFAULT_POLICY, emptySegments }) === null).toBe(lowest < 0)
        }),
        { numRuns: 500 },
      )
    },
  )

  const confusing = fc
    .array(
      fc.constantFrom(
        '/',
        '//',
        '.',
        '..',
        '%2e',
        '%2f',
        '%5C',
        ';',
        '%3b',
        'a',
        '%61',
        '%25',
        '%2',
        '%c0',
        '%AF',
        '[',
        '%5B',
      ),
      { maxLength: 12 },
    )
    .map(parts => `/${parts.join('')}`)
  const anything = fc.oneof(target, confusing, fc.stringMatching(/^\/[!-~]{0,30}$/))

  it('stays as it is when it is taken for a path again, under the same policy', () => {
    fc.assert(
      fc.property(anything, policies, (text, policy) => {
        const path = canonicalPath(text, policy)
        if (path !== null) expect(canonicalPath(path, policy)).toBe(path)
      }),
      { numRuns: 3_000 },
    )
  })

  it('has no dot segment, however often and in whatever way it is read', () => {
    fc.assert(
      fc.property(anything, policies, (text, policy) => {
        const path = canonicalPath(text, policy)
        if (path === null) return
        expect(path).toMatch(/^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/)
        const readings = [path, path.replaceAll(/%2F|%5C/g, '/'), path.replaceAll(/%3B/g, ';')]
        for (const reading of readings.flatMap(one => [one, one.replaceAll(/;[^/]*/g, '')])) {
          expect(reading.split('/').filter(name => name === '.' || name === '..')).toEqual([])
        }
        if (policy.emptySegments !== 'keep') expect(path).not.toMatch(/\/\//)
        if (policy.encodedSlashes !== 'keep') expect(path).not.toMatch(/%2F|%5C/)
        if (policy.parameters !== 'keep') expect(path).not.toMatch(/;/)
      }),
      { numRuns: 3_000 },
    )
  })

  it('is decoded once: what a second decoding would make of it is left to nobody', () => {
    expect(canonicalPath('/%25%32%65%25%32%65/', DEFAULT_POLICY)).toBe('/%252e%252e/')
  })

  it('takes no longer for what is hard than for what is long', () => {
    const hard = [
      '/'.repeat(8_000),
      '/a'.repeat(4_000) + '/..'.repeat(4_000),
      `/${'%2e'.repeat(2_600)}`,
      `/${';'.repeat(8_000)}`,
    ]
    expect(hard.map(path => canonicalPath(path, DEFAULT_POLICY)?.length)).toEqual([1, 1, 2_601, 8_001])
  })
})

describe('a path that needs no look', () => {
  it.each([
    ['/', 1],
    ['/?a', 1],
    ['/a/b', 4],
    ['/a/b?c//%', 4],
    ["/-._~!$&'()*+,=:@", 17],
    ['/a.b/c..', 8],
    ['/a?', 2],
  ])('%s ends at %i', (target, end) => {
    expect(endOf(target)).toBe(end)
  })

  it.each([
    '',
    '*',
    '?a',
    'http://a/',
    '//',
    '/a//',
    '/.',
    '/a/.b',
    '/%61',
    '/a;b',
    '/a\\',
    '/\x80',
    '/a b',
    '/[',
    '/#',
  ])('%j is none', target => {
    expect(endOf(target)).toBe(-1)
  })

  it('is its canonical form under any policy', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/[ -~\x80-\xff]{0,12}$/), policies, (text, policy) => {
        const end = endOf(text)
        if (end < 0) return
        const path = text.slice(0, end)
        expect(canonicalPath(path, policy)).toBe(path)
      }),
      { numRuns: 3_000 },
    )
  })
})
