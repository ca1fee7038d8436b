import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSame } from '../../../engine/threads/same.ts'

describe('pieces of a snapshot', () => {
  it.each<[unknown, unknown]>([
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [
      [1, { a: [] }],
      [1, { a: [] }],
    ],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [null, null],
    [Number.NaN, Number.NaN],
  ])('%j and %j say the same', (a, b) => {
    expect(isSame(a, b)).toBe(true)
  })

  it.each<[unknown, unknown]>([
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: 1 }, { b: 1 }],
    [{ a: undefined }, { b: undefined }],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [{}, []],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Uint8Array([1]), [1]],
    [{ 0: 1 }, new Uint8Array([1])],
    [null, {}],
    ['1', 1],
  ])('%j and %j do not', (a, b) => {
    expect(isSame(a, b)).toBe(false)
    expect(isSame(b, a)).toBe(false)
  })

  it('are the same as their copies, and other than what differs in one place', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(isSame(a, structuredClone(a))).toBe(true)
        const [one, other] = [JSON.stringify(sorted(a)), JSON.stringify(sorted(b))]
        expect(isSame(a, b)).toBe(one === other && !/-0/.test(one))
      }),
    )
  })
})

/** With keys in one order, so that text can be compared; `-0` is kept, which JSON would lose. */
function sorted(value: unknown): unknown {
  if (Object.is(value, -0)) return '-0'
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [key, sorted(one)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
