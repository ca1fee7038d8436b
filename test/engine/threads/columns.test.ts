import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CONNECTIONS_USED, EJECTIONS, ENDPOINT_CELLS } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { Columns } from '../../../engine/threads/columns.ts'

afterEach(() => {
  vi.useRealTimers()
})

function open(count: number): { page: StatePage; columns: Columns } {
  const page = StatePage.create(2, count)
  return { page, columns: new Columns(page) }
}

describe('columns', () => {
  it('are given in their order, each once, until there is none', () => {
    const { columns } = open(3)
    expect([columns.take(), columns.take(), columns.take(), columns.take()]).toEqual([0, 1, 2, -1])
    expect(columns.count).toBe(3)
  })

  it('that were given up are given again with all their cells at zero', () => {
    const { page, columns } = open(1)
    const column = columns.take()
    page.endpointCells[column * ENDPOINT_CELLS + EJECTIONS] = 9
    page.rows[1]!.tries[column] = 9
    columns.retire(column)
    expect(columns.take()).toBe(column)
    expect(page.endpointCells.every(cell => cell === 0)).toBe(true)
    expect(page.rows[1]!.tries[column]).toBe(0)
  })

  it('are kept as long as a request is under way there, or a connection is open, in whatever worker', () => {
    const { page, columns } = open(1)
    const column = columns.take()
    const used = column * ENDPOINT_CELLS + CONNECTIONS_USED
    page.rows[1]!.inFlight[column] = 1
    page.endpointCells[used] = 1
    columns.retire(column)
    expect(columns.take()).toBe(-1)
    page.rows[1]!.inFlight[column] = 0
    expect(columns.take()).toBe(-1)
    page.endpointCells[used] = 0
    expect(columns.take()).toBe(column)
  })

  it('are looked at now and then, and not any more when all are back', () => {
    vi.useFakeTimers()
    const { page, columns } = open(2)
    page.rows[0]!.inFlight[0] = 1
    columns.retire(columns.take())
    columns.retire(columns.take())
    vi.advanceTimersByTime(1_000)
    expect(vi.getTimerCount()).toBe(1)
    page.rows[0]!.inFlight[0] = 0
    vi.advanceTimersByTime(1_000)
    expect(vi.getTimerCount()).toBe(0)
    expect([columns.take(), columns.take()].toSorted()).toEqual([0, 1])
  })

  it('leave no timer once they are closed, whatever is given up then', () => {
    vi.useFakeTimers()
    const { columns } = open(2)
    const [first, second] = [columns.take(), columns.take()]
    columns.retire(first)
    columns.close()
    columns.retire(second)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('belong to one at a time, whatever comes and goes, and none is lost', () => {
    const step = fc.record({ kind: fc.constantFrom('take', 'take', 'give', 'give', 'rest'), pick: fc.nat(20) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 3_000, minLength: 100 }),
        (count, steps) => {
          const { page, columns } = open(count)
          const owned: number[] = []
          const busy: number[] = []
          for (const { kind, pick } of steps) {
            if (kind === 'take') {
              const column = columns.take()
              if (owned.length + busy.length === count) expect(column).toBe(-1)
              if (column < 0) continue
              expect([...owned, ...busy]).not.toContain(column)
              owned.push(column)
              page.rows[pick % 2]!.inFlight[column] = 1
              page.rows[pick % 2]!.tries[column] = 1
            } else if (kind === 'give' && owned.length > 0) {
              const [column] = owned.splice(pick % owned.length, 1) as [number]
              columns.retire(column)
              busy.push(column)
            } else if (busy.length > 0) {
              const [column] = busy.splice(pick % busy.length, 1) as [number]
              for (const row of page.rows) row.inFlight[column] = 0
            }
          }
          columns.close()
          for (const row of page.rows) row.inFlight.fill(0)
          const free = Array.from({ length: count - owned.length }, () => columns.take())
          expect([...free, ...owned].toSorted()).toEqual(Array.from({ length: count }, (_, column) => column))
          expect(columns.take()).toBe(-1)
        },
      ),
      { numRuns: 50 },
    )
  })
})
