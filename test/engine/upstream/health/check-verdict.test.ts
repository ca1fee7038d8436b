import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckVerdict } from '../../../../engine/upstream/health/check-verdict.ts'

/** `+` for a passed check, `-` for a failed one; gives `H` or `U` for what counts after each. */
function states(start: 'healthy' | 'unhealthy', healthy: number, unhealthy: number, results: string): string {
  const verdict = new CheckVerdict(start, healthy, unhealthy)
  return [...results]
    .map(result => {
      verdict.take(result === '+')
      return verdict.healthy ? 'H' : 'U'
    })
    .join('')
}

describe('the verdict on an endpoint', () => {
  it.each([
    ['healthy', 'H', '', ''],
    ['unhealthy', 'U', '', ''],
    // Down with the third failure in a row, up with the second pass in a row.
    ['healthy', 'H', '--+---++', 'HHHHHUUH'],
    ['healthy', 'H', '---+-++--+--+', 'HHUUUUHHHHHHH'],
    // The first check decides, if it passes.
    ['unhealthy', 'U', '+--', 'HHH'],
    ['unhealthy', 'U', '+---', 'HHHU'],
    ['unhealthy', 'U', '-+-++', 'UUUUH'],
    ['healthy', 'H', '-', 'H'],
  ] as const)('that starts %s (%s), after %s, is %s', (start, before, results, expected) => {
    expect(new CheckVerdict(start, 2, 3).healthy).toBe(before === 'H')
    expect(states(start, 2, 3, results)).toBe(expected)
  })

  it('changes with every result where the thresholds are 1', () => {
    expect(states('healthy', 1, 1, '-+-++--')).toBe('UHUHHUU')
  })

  it('tells of a change when there is one, and only then', () => {
    const verdict = new CheckVerdict('healthy', 2, 2)
    expect([false, false, false, true, true, true].map(passed => verdict.take(passed))).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ])
  })

  it('is what so many results in a row say, for any thresholds and results', () => {
    const inputs = fc.record({
      start: fc.constantFrom('healthy', 'unhealthy'),
      up: fc.integer({ min: 1, max: 4 }),
      down: fc.integer({ min: 1, max: 4 }),
      results: fc.array(fc.boolean(), { maxLength: 40 }),
    })
    fc.assert(
      fc.property(inputs, ({ start, up, down, results }) => {
        const verdict = new CheckVerdict(start, up, down)
        let healthy = start === 'healthy'
        for (const [index, passed] of results.entries()) {
          verdict.take(passed)
          const inRow = (value: boolean, count: number) =>
            index + 1 >= count && results.slice(index + 1 - count, index + 1).every(result => result === value)
          if (inRow(true, up) || (index === 0 && passed)) healthy = true
          else if (inRow(false, down)) healthy = false
          expect(verdict.healthy).toBe(healthy)
        }
      }),
    )
  })
})
