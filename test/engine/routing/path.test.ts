import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { routingPath } from '../../../engine/routing/path.ts'

describe('the path that routes see', () => {
  it.each([
    ['/', '/'],
    ['/users/42', '/users/42'],
    ['/users/', '/users/'],
    ['//', '//'],
    ['/a//b', '/a//b'],
    ['/a;v=1/b,c', '/a;v=1/b,c'],
    ['/a.b/c..d/e.', '/a.b/c..d/e.'],
  ])('%s is as it came', (target, path) => {
    expect(routingPath(target)).toBe(path)
  })

  it.each([
    ['/a?b', '/a'],
    ['/?', '/'],
    ['/a?/../b', '/a'],
    ['/a?%2e%2e/', '/a'],
    ['?q', '/'],
    ['', '/'],
    ['*', '/'],
  ])('%j has no query: %s', (target, path) => {
    expect(routingPath(target)).toBe(path)
  })

  it.each([
    ['/a/./b', '/a/b'],
    ['/./a', '/a'],
    ['/.', '/'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/../c', '/a/c'],
    ['/a/../b/../c', '/c'],
    ['/a/b/c/../../d', '/a/d'],
    ['/a//../b', '/a/b'],
    ['/a/.hidden', '/a/.hidden'],
    ['/...', '/...'],
    ['/a/..b', '/a/..b'],
    ['/a/b..', '/a/b..'],
  ])('%s has its dot segments resolved: %s', (target, path) => {
    expect(routingPath(target)).toBe(path)
  })

  it.each([
    ['/%61dmin', '/admin'],
    ['/%41%7A%30%2D%5F%7E', '/Az0-_~'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%20b%e4', '/a%20b%E4'],
    ['/%252e', '/%252e'],
    ['/%2525', '/%2525'],
    ['/%3f?x', '/%3F'],
    ['/%zz%', '/%zz%'],
    ['/%00', '/%00'],
  ])('%s has needless encoding undone, once, and the rest in capitals: %s', (target, path) => {
    expect(routingPath(target)).toBe(path)
  })

  it.each([
    ['/public/%2e%2e/admin', '/admin'],
    ['/public/.%2E/admin', '/admin'],
    ['/a/%2e/b', '/a/b'],
    ['/public/%2e%2e%2fadmin', '/public/..%2Fadmin'],
  ])('%s cannot hide dot segments: %s', (target, path) => {
    expect(routingPath(target)).toBe(path)
  })

  it.each([
    '/..',
    '/../',
    '/../etc/passwd',
    '/a/../..',
    '/a/../../b',
    '/%2e%2e',
    '/.%2e/x',
    '/./..',
    '/a/%2E./%2e%2e/b',
  ])('does not exist for %s, which climbs above the root', target => {
    expect(routingPath(target)).toBeNull()
  })

  const segment = fc.constantFrom('', '.', '..', '%2e', '%2E', '.%2e', '%2e%2e', 'a', 'b', '%61', '...', '.a')
  const target = fc.array(segment, { minLength: 1, maxLength: 8 }).map(segments => `/${segments.join('/')}`)

  it('is the one that a browser would ask for, as long as it does not climb above the root', () => {
    fc.assert(
      fc.property(target, text => {
        const path = routingPath(text)
        if (path === null) return
        expect(path).toBe(new URL(`http://h${text}`).pathname.replaceAll('%61', 'a'))
      }),
      { numRuns: 500 },
    )
  })

  it('exists as long as no more segments are gone up than down', () => {
    fc.assert(
      fc.property(target, text => {
        const segments = text.slice(1).replaceAll(/%2e/gi, '.').split('/')
        let depth = 0
        let lowest = 0
        for (const name of segments) {
          if (name === '..') depth -= 1
          else if (name !== '.') depth += 1
          lowest = Math.min(lowest, depth)
        }
        expect(routingPath(text) === null).toBe(lowest < 0)
      }),
      { numRuns: 500 },
    )
  })

  it('begins with a slash, has no dot segment left, and does not change when it is taken for a target again', () => {
    const anything = fc.stringMatching(/^\/[!-~]{0,30}$/)
    fc.assert(
      fc.property(fc.oneof(target, anything), text => {
        const path = routingPath(text)
        if (path === null) return
        expect(path).toMatch(/^\//)
        expect(path.split('/').filter(name => name === '.' || name === '..')).toEqual([])
        if (!path.includes('?')) expect(routingPath(path)).toBe(path)
      }),
      { numRuns: 500 },
    )
  })
})
