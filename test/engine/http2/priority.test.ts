import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_PRIORITY, INCREMENTAL, readPriority } from '../../../engine/http2/priority.ts'
import { latin } from './wire.ts'

function read(value: string): number {
  const bytes = latin(`--${value}--`)
  return readPriority(bytes, 2, 2 + value.length)
}

describe('a priority (RFC 9218)', () => {
  it.each([
    ['', 3],
    ['u=0', 0],
    ['u=7', 7],
    ['u=3', 3],
    ['i', 3 | INCREMENTAL],
    ['i=?1', 3 | INCREMENTAL],
    ['i=?0', 3],
    ['u=5, i', 5 | INCREMENTAL],
    ['i, u=5', 5 | INCREMENTAL],
    ['u=5,i', 5 | INCREMENTAL],
    ['u=5 \t,\t i', 5 | INCREMENTAL],
    ['  u=5  ', 5],
    ['u=1, u=2', 2],
    ['i, i=?0', 3],
    ['u=2;a=b;c, i;d="e"', 2 | INCREMENTAL],
    ['x=1, u=2, y="a, u=9", z=(1 2);q, *=tok/en:x', 2],
    ['b=:aGVsbG8=:, u=1', 1],
    ['d=@1659578233, u=1', 1],
    ['s=%"f%c3%bc", u=1', 1],
    ['l=( a  "b" ?1 1.5 ), u=1', 1],
    ['e=(), u=1', 1],
  ])('of %j is %i', (value, priority) => {
    expect(read(value)).toBe(priority)
  })

  it.each(['u=8', 'u=-1', 'u=1.0', 'u="1"', 'u', 'u=?1', 'u=tok', 'u=(1)', 'u=99'])(
    'of %j has the urgency of none (section 4.1)',
    value => {
      expect(read(value)).toBe(DEFAULT_PRIORITY)
      expect(read(`${value}, i`)).toBe(DEFAULT_PRIORITY | INCREMENTAL)
    },
  )

  it.each(['i=1', 'i="a"', 'i=(?1)', 'i=tok'])('of %j is not incremental: that is no boolean', value => {
    expect(read(`u=1, ${value}`)).toBe(1)
  })

  it.each([
    'u=1,',
    ',u=1',
    'u=1,,i',
    'u=1 i',
    'U=1',
    'u =1',
    'u= 1',
    'u=1, 9',
    'u=1, x="',
    'u=1, x=(1',
    'u=1, x=(1,2)',
    'u=1, x=?2',
    'u=1, x=:a',
    'u=1, x=1.',
    'u=1, x=\xe4',
    'u=1, x=1234567890123456',
    'u=1;',
    'u=1\r',
    '=1',
    '\t',
  ])('of %j does not parse, and counts as none', value => {
    expect(read(value)).toBe(DEFAULT_PRIORITY)
  })

  it('longer than anything that is meant for us counts as none', () => {
    expect(read(`u=1, x="${'a'.repeat(300)}"`)).toBe(DEFAULT_PRIORITY)
  })

  it('is found in whatever comes', () => {
    const piece = fc.constantFrom(
      'u',
      'i',
      '=',
      '1',
      ',',
      ' ',
      ';',
      '?1',
      '(',
      ')',
      '"',
      ':',
      '@',
      '%',
      'a',
      '\x00',
      '\xff',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
        const priority = read(pieces.join(''))
        expect(priority & ~15).toBe(0)
      }),
    )
  })
})
