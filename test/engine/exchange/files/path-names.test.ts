import { describe, expect, it } from 'vitest'
import { pathNames, withoutPrefix } from '../../../../engine/exchange/files/path-names.ts'

const named = (names: string[], isFolder = false) => ({ kind: 'names', names, isFolder })

describe('the names in a path', () => {
  it.each([
    ['/', [], true],
    ['/a', ['a'], false],
    ['/a/b.txt', ['a', 'b.txt'], false],
    ['/a/', ['a'], true],
    ['/with%20space', ['with space'], false],
    ['/%C3%A4%E2%82%AC', ['ä€'], false],
    ['/100%25', ['100%'], false],
    ['/a;v=1/b', ['a;v=1', 'b'], false],
    ['/a..b/...', null, false],
    ['/a.', ['a.'], false],
    ['/%0A', ['\n'], false],
  ])('are decoded, segment by segment: %s', (path, names, isFolder) => {
    expect(pathNames(path)).toEqual(names === null ? { kind: 'hidden' } : named(names, isFolder))
  })

  it('are decoded once', () => {
    expect(pathNames('/%252e%252e/%252Fetc')).toEqual(named(['%2e%2e', '%2Fetc']))
  })

  it.each(['/.env', '/.git/config', '/a/.htpasswd', '/..', '/../x', '/./x', '/%2e%2e/x', '/.%2e/', '/%2Egit/config'])(
    'are nobody’s business with a dot in front: %s',
    path => {
      expect(pathNames(path)).toEqual({ kind: 'hidden' })
    },
  )

  it('may be in .well-known, where that is the first folder', () => {
    expect(pathNames('/.well-known/acme-challenge/x')).toEqual(named(['.well-known', 'acme-challenge', 'x']))
    expect(pathNames('/a/.well-known/x')).toEqual({ kind: 'hidden' })
    expect(pathNames('/.well-known/.secret')).toEqual({ kind: 'hidden' })
    expect(pathNames('/.well-knownx')).toEqual({ kind: 'hidden' })
  })

  it.each([
    '//a',
    '/a//b',
    '/a%2Fb',
    '/..%2fetc',
    '/a%5C..%5Cb',
    '/a\\b',
    '/a%00',
    '/%FF',
    '/%C0%AF',
    '/%',
    '',
    'a',
    'a/b',
  ])('are none where no file can be called so: %j', path => {
    expect(pathNames(path).kind).not.toBe('names')
  })
})

describe('a prefix', () => {
  it.each([
    ['/static/a.js', '/static', '/a.js'],
    ['/static/', '/static', '/'],
    ['/static', '/static', ''],
    ['/statics/a.js', '/static', '/statics/a.js'],
    ['/other', '/static', '/other'],
    ['/a', '', '/a'],
    ['/a/b/c', '/a/b', '/c'],
  ])('comes off whole segments only: %s without %s', (path, prefix, rest) => {
    expect(withoutPrefix(path, prefix)).toBe(rest)
  })
})
