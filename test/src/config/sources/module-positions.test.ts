import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type KeyPath, positionsIn } from '../../../../src/config/positions.ts'
import { locateIn } from '../../../../src/config/sources/module-positions.ts'

/** The place of a key in the text as `line:column`, or `null`. */
function placeOf(text: string, path: KeyPath): string | null {
  const place = locateIn(text, positionsIn(text, 'a.ts'))(path)
  return place === null ? null : `${place.line}:${place.column}`
}

const TEXT = `import { defineConfig } from 'sluice'
// routes: in a comment
const name = 'web'
const shared = { timeouts: { idle: '5s' } }
export default defineConfig({
  listeners: { [name]: { address: ':1' }, two: { address: ':2', 'limits': { head: '4KiB' } } },
  upstreams: { api: { endpoints: [{ address: \`\${name}: { port: 1 }\` }, { address: 'b:1', weight: 2 }] } },
  routes: [
    { match: { path: '/a' }, respond: { body: "text: { body: 1 }", status: 200 } },
    { match: { path: '/b' }, ...shared, upstream: name === 'x' ? 'a' : 'api', importance },
  ],
})
`

describe('a key in the text of a module', () => {
  test.each<[KeyPath, string]>([
    [['listeners'], '6:3'],
    [['listeners', 'two', 'address'], '6:50'],
    [['listeners', 'two', 'limits', 'head'], '6:77'],
    [['upstreams', 'api', 'endpoints', 1, 'weight'], '7:90'],
    [['routes', 0], '9:5'],
    [['routes', 0, 'respond', 'status'], '9:68'],
    [['routes', 1, 'match', 'path'], '10:16'],
    [['routes', 1, 'upstream'], '10:41'],
    [['routes', 1, 'importance'], '10:79'],
  ])('is where the literal has it: %j', (path, place) => {
    expect(placeOf(TEXT, path)).toBe(place)
  })

  test('is the one of its name where no literal has the whole path', () => {
    expect(placeOf(TEXT, ['routes', 1, 'timeouts', 'idle'])).toBe('4:30')
  })

  test('is nowhere, rather than somewhere, where there are several or none', () => {
    expect(placeOf(TEXT, ['listeners', 'web', 'address'])).toBe(null)
    expect(placeOf(TEXT, ['resolver', 'timeout'])).toBe(null)
    expect(placeOf(TEXT, [])).toBe(null)
  })

  test('is looked for in any text without an error', () => {
    const mark = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ':',
      ',',
      '"',
      "'",
      '`',
      '/',
      '*',
      '\n',
      'a',
      'b',
      ' ',
      '$',
    )
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 60 }), marks => {
        const text = marks.join('')
        const place = locateIn(text, positionsIn(text, 'a.ts'))(['a'])
        if (place !== null) expect(text.split('\n')[place.line - 1]?.slice(place.column - 1)).toMatch(/^['"]?a/)
      }),
    )
  })
})
