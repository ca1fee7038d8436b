import { describe, expect, it } from 'vitest'
import { ENDPOINT_CELLS, FIRST_BYTE_US, PEAK_AT, PEAK_US, RESPONSE_US } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { decayOf, observeFirstByte, observeResponse } from '../../../engine/upstream/latency.ts'

const COLUMN = 1

/** The second of three endpoints: what it does must not touch the others. */
class Cells {
  readonly all = StatePage.create(1, 3).endpointCells

  firstByte(us: number, stamp: number): this {
    observeFirstByte(this.all, COLUMN, us, stamp)
    return this
  }

  response(us: number): this {
    observeResponse(this.all, COLUMN, us)
    return this
  }

  of(cell: number): number {
    return this.all[COLUMN * ENDPOINT_CELLS + cell]!
  }
}

describe('moving averages', () => {
  it('begin with the first sample', () => {
    const cells = new Cells().firstByte(1234.5, 10).response(5678)
    expect([cells.of(FIRST_BYTE_US), cells.of(RESPONSE_US)]).toEqual([1234, 5678])
  })

  it('take over an eighth of each further sample', () => {
    const cells = new Cells().firstByte(800, 10).firstByte(1600, 11)
    expect(cells.of(FIRST_BYTE_US)).toBe(900)
    cells.response(800).response(0)
    expect(cells.of(RESPONSE_US)).toBe(700)
  })

  it('come near to what is measured, from both sides', () => {
    const cells = new Cells().firstByte(100_000, 0)
    for (let count = 1; count <= 200; count += 1) cells.firstByte(1000, count)
    expect(Math.abs(cells.of(FIRST_BYTE_US) - 1000)).toBeLessThan(6)
    for (let count = 1; count <= 200; count += 1) cells.firstByte(50_000, 200 + count)
    expect(Math.abs(cells.of(FIRST_BYTE_US) - 50_000)).toBeLessThan(6)
  })

  it('are never 0 once something was measured: that would be nothing', () => {
    const cells = new Cells().firstByte(0, 10).response(0)
    expect([cells.of(FIRST_BYTE_US), cells.of(RESPONSE_US), cells.of(PEAK_US)]).toEqual([1, 1, 1])
  })

  it('hold the longest time that a cell can', () => {
    const cells = new Cells().firstByte(1e12, 10).response(1e12)
    expect([cells.of(FIRST_BYTE_US), cells.of(RESPONSE_US), cells.of(PEAK_US)]).toEqual(new Array(3).fill(2 ** 31 - 1))
  })

  it('count for little when they are old: what is measured now takes their place', () => {
    const cells = new Cells().firstByte(100_000, 0).response(100_000)
    cells.firstByte(1000, 60_000).response(2000)
    expect(cells.of(FIRST_BYTE_US)).toBeLessThan(1300)
    expect(cells.of(RESPONSE_US)).toBeLessThan(2300)
  })

  it("are each endpoint's own", () => {
    const cells = new Cells().firstByte(1000, 10).response(1000)
    const others = [...cells.all].filter((_, index) => Math.floor(index / ENDPOINT_CELLS) !== COLUMN)
    expect(others.every(value => value === 0)).toBe(true)
  })
})

describe('a peak', () => {
  it('is the slowest answer at once', () => {
    const cells = new Cells().firstByte(1000, 10).firstByte(90_000, 11).firstByte(1000, 12)
    expect([cells.of(PEAK_US), cells.of(PEAK_AT)]).toEqual([90_000, 11])
  })

  it('falls by the factor e in ten seconds to what is measured, however often that is', () => {
    for (const everyMs of [1, 10, 100, 1000]) {
      const cells = new Cells().firstByte(100_000, 0)
      for (let stamp = everyMs; stamp <= 10_000; stamp += everyMs) cells.firstByte(1000, stamp)
      expect(Math.abs(cells.of(PEAK_US) / (1000 + 99_000 / Math.E) - 1)).toBeLessThan(0.02)
    }
  })

  it('falls also where it is a few microseconds too high only', () => {
    const cells = new Cells().firstByte(120, 0)
    for (let stamp = 10; stamp <= 10_000; stamp += 10) cells.firstByte(100, stamp)
    expect(cells.of(PEAK_US)).toBeLessThan(110)
  })

  it('knows what time it is round the end of the shared clock', () => {
    const cells = new Cells().firstByte(100_000, 2 ** 31 - 5000).firstByte(1000, -(2 ** 31) + 5000)
    expect(Math.abs(cells.of(PEAK_US) / (1000 + 99_000 / Math.E) - 1)).toBeLessThan(0.001)
  })

  it('is forgotten after weeks in which nothing was measured, though the clock went round meanwhile', () => {
    const day = 86_400_000
    for (const days of [1, 25, 30, 49]) {
      const stamp = (days * day) | 0
      const cells = new Cells().firstByte(900_000, 0).response(900_000)
      cells.firstByte(1000, stamp).response(1000)
      expect([days, cells.of(PEAK_US), cells.of(FIRST_BYTE_US), cells.of(PEAK_AT)]).toEqual([days, 1000, 1000, stamp])
      expect([days, cells.of(RESPONSE_US)]).toEqual([days, 1000])
    }
  })

  it('does not rise where another worker is a little ahead of the clock', () => {
    const cells = new Cells().firstByte(100_000, 1000).firstByte(1000, 990)
    expect([cells.of(PEAK_US), cells.of(PEAK_AT)]).toEqual([100_000, 1000])
  })
})

describe('what a figure counts for', () => {
  it('falls with its age, by the factor e in ten seconds, to nothing', () => {
    expect(decayOf(0, 1)).toBe(1)
    expect(decayOf(-20, 1)).toBe(1)
    expect(decayOf(10_000, 1)).toBeCloseTo(1 / Math.E, 1)
    expect(decayOf(50_000, 1)).toBeCloseTo(Math.exp(-5), 2)
    expect(decayOf(2 ** 31 - 1, 1)).toBe(0)
  })

  it('falls slower where it grows old slower', () => {
    expect(decayOf(40_000, 4)).toBe(decayOf(10_000, 1))
  })
})
