import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BYTES_IN,
  BYTES_OUT,
  CONNECTIONS_OPEN,
  CONNECTIONS_TOTAL,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  LATENCY_MAX_US,
  STATUS_CLASSES,
  StatePage,
  type StateRow,
} from '../../../engine/shared/state-page.ts'

const CACHE_LINE_BYTES = 64

function cellsOf(row: StateRow): (Float64Array | Int32Array | Uint32Array)[] {
  return [row.counters, row.inFlight, row.latency]
}

function spanOf(cells: Float64Array | Int32Array | Uint32Array): { start: number; end: number } {
  return { start: cells.byteOffset, end: cells.byteOffset + cells.byteLength }
}

describe('the state page', () => {
  it('has rows that do not touch: no cache line is written by two workers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 100 }), (workers, endpoints) => {
        const page = StatePage.create(workers, endpoints)
        const rows = page.rows.map(row => cellsOf(row).map(spanOf))
        const lines = rows.map(
          spans =>
            new Set(
              spans.flatMap(({ start, end }) => {
                const first = Math.floor(start / CACHE_LINE_BYTES)
                return Array.from({ length: Math.ceil(end / CACHE_LINE_BYTES) - first }, (_, line) => first + line)
              }),
            ),
        )
        for (const [row, own] of lines.entries()) {
          for (const others of lines.slice(row + 1)) expect(own.isDisjointFrom(others)).toBe(true)
        }
      }),
    )
  })

  it('has cells that do not overlap: what fills one kind leaves the others and the other rows at zero', () => {
    const kinds = ['counters', 'inFlight', 'latency'] as const
    for (const worker of [0, 1, 2]) {
      for (const kind of kinds) {
        const page = StatePage.create(3, 5)
        page.rows[worker]![kind].fill(7)
        const filled = page.rows.flatMap((row, index) =>
          kinds.filter(other => row[other].some(cell => cell !== 0)).map(other => `${index} ${other}`),
        )
        expect(filled).toEqual([`${worker} ${kind}`])
      }
    }
  })

  it('names counters that are cells of their own', () => {
    const single = [
      CONNECTIONS_OPEN,
      CONNECTIONS_TOTAL,
      EXCHANGES_ACTIVE,
      EXCHANGES_TOTAL,
      BYTES_IN,
      BYTES_OUT,
      LATENCY_MAX_US,
    ]
    const classes = Array.from({ length: 6 }, (_, index) => STATUS_CLASSES + index)
    const cells = [...single, ...classes]
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...cells)).toBeLessThan(StatePage.create(1, 0).rows[0]!.counters.length)
  })

  it('is one page for all who open its buffer', () => {
    const page = StatePage.create(2, 3)
    const inWorker = new StatePage(page.buffer, 2, 3)
    inWorker.rows[1]!.inFlight[2] = 4
    inWorker.rows[0]!.counters[BYTES_OUT] = 2 ** 53 - 1
    expect(page.inFlight(2)).toBe(4)
    expect(page.counter(BYTES_OUT)).toBe(2 ** 53 - 1)
  })

  it('adds up its columns', () => {
    const page = StatePage.create(3, 2)
    for (const [index, row] of page.rows.entries()) {
      row.counters[EXCHANGES_TOTAL] = 10 ** index
      row.inFlight[1] = index + 1
      row.latency[8] = 4_000_000_000
    }
    expect(page.counter(EXCHANGES_TOTAL)).toBe(111)
    expect(page.inFlight(0)).toBe(0)
    expect(page.inFlight(1)).toBe(6)
    expect(page.latency()[8]).toBe(12_000_000_000)
  })

  it('forgets the present of a dead worker and nothing else', () => {
    const page = StatePage.create(2, 2)
    for (const row of page.rows) {
      for (const cells of cellsOf(row)) cells.fill(1)
    }
    page.clearPresent(page.rows[0]!)
    expect([...page.rows[0]!.inFlight]).toEqual([0, 0])
    const cleared = [...page.rows[0]!.counters.keys()].filter(index => page.rows[0]!.counters[index] === 0)
    expect(cleared).toEqual([CONNECTIONS_OPEN, EXCHANGES_ACTIVE])
    expect(page.rows[0]!.latency.every(count => count === 1)).toBe(true)
    for (const cells of cellsOf(page.rows[1]!)) expect(cells.every((cell: number) => cell === 1)).toBe(true)
  })
})
