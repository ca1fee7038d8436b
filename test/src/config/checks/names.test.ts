import { expect, test } from 'vitest'
import { KnownNames } from '../../../../src/config/checks/names.ts'

function hintsFor(names: readonly string[], wrong: readonly string[]): string[] {
  const hints: string[] = []
  const known = new KnownNames('upstream', names)
  for (const name of wrong) known.check(name, [], (_, __, ___, hint = '') => hints.push(hint))
  return hints
}

test('a name that is not there is refused with the nearest one, or with a few that there are', () => {
  expect(hintsFor(['api', 'canary'], ['api', 'cannary', 'zebra'])).toEqual([
    'did you mean "canary"?',
    'there is api, canary',
  ])
  expect(hintsFor([], ['api'])).toEqual([''])
})

test('only the first of many wrong names are compared with all others, so that thousands do not take minutes', () => {
  const names = Array.from({ length: 40 }, (_, index) => `upstream-${index}`)
  const hints = hintsFor(
    names,
    names.map(name => `${name}x`),
  )
  expect(hints).toHaveLength(40)
  expect(hints.slice(0, 20)).not.toContain('')
  expect(new Set(hints.slice(20))).toEqual(new Set(['']))
})
