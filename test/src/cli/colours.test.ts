import { describe, expect, test } from 'vitest'
import { paintFor, plain, wantsColours } from '../../../src/cli/colours.ts'
import { describeFailure } from '../../../src/cli/failure.ts'
import { ConfigurationError } from '../../../src/config/errors.ts'

describe('colours', () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [true, { TERM: 'xterm' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [false, { FORCE_COLOR: '1', TERM: 'dumb' }, false],
  ])('on a terminal (%s) with %j: %s', (isTerminal, env, expected) => {
    expect(wantsColours(isTerminal, env)).toBe(expected)
  })

  test('are put around text, and nothing around none', () => {
    const paint = paintFor({ isTTY: true }, {})
    expect(paint('red', 'no')).toBe('\u001b[31mno\u001b[39m')
    expect(paint('red', '')).toBe('')
    expect(paintFor({}, {})('red', 'no')).toBe('no')
  })

  test('change nothing of the words of a problem', () => {
    const place = { file: 'a.yaml', line: 1, column: 2, key: 'x.y', hint: 'did you mean "z"?' } as const
    const error = new ConfigurationError([
      { ...place, severity: 'error', code: 'unknown-key', message: 'unknown key' },
      { ...place, line: 0, severity: 'warning', code: 'route-shadowed', message: 'can never match: a: b' },
    ])
    const coloured = describeFailure(error, paintFor({ isTTY: true }, {}))
    expect(coloured).toContain('\u001b[31m')
    expect(coloured).toContain('\u001b[33m')
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(describeFailure(error, plain))
  })
})
