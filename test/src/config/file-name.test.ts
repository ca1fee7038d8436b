import { expect, test } from 'vitest'
import { parseFileBelow, parseFileName, parseFolder } from '../../../src/config/file-name.ts'

test('a folder is a path, absolute or not', () => {
  for (const folder of ['.', 'public', '../www', '/srv/www/']) expect(parseFolder(folder).ok).toBe(true)
  for (const folder of ['', '~/www', 'a\0b']) expect(parseFolder(folder).ok).toBe(false)
  expect(parseFolder('file:///srv/www')).toMatchObject({ hint: 'write "/srv/www"' })
})

test('an index is the name of a file', () => {
  expect(parseFileName('index.html')).toEqual({ ok: true, value: 'index.html' })
  for (const name of ['', '.', '..', 'a/b', '/a', 'a\0']) expect(parseFileName(name).ok).toBe(false)
})

test('a fallback lies below the root', () => {
  expect(parseFileBelow('/errors/404.html')).toEqual({ ok: true, value: 'errors/404.html' })
  for (const name of ['', '/', 'a/', '../a', 'a/../b', 'a//b', './a', 'a\0'])
    expect(parseFileBelow(name).ok).toBe(false)
})
