import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { ColumnLeases } from '../../../engine/threads/column-leases.ts'
import { Columns } from '../../../engine/threads/columns.ts'

function open(count: number) {
  const columns = new Columns(StatePage.create(1, count))
  return { columns, leases: new ColumnLeases(columns) }
}

describe('the columns of an upstream', () => {
  it('are those of the address, for whoever has it, and are given up by the last', () => {
    const { leases } = open(4)
    const before = new Set<number>()
    const first = leases.take('a', before)
    expect(first).toEqual({ column: 0, isNew: true })
    expect(leases.take('a', new Set())).toEqual({ column: 0, isNew: false })
    expect(leases.give(0)).toBe(false)
    expect(leases.give(0)).toBe(true)
    expect(leases.give(0)).toBe(false)
    expect(leases.take('a', before)).toEqual({ column: 1, isNew: true })
  })

  it('are two for one who has an address twice', () => {
    const { leases } = open(4)
    const own = new Set([leases.take('a', new Set()).column])
    expect(leases.take('a', own)).toEqual({ column: 1, isNew: true })
    own.add(1)
    const next = new Set([leases.take('a', new Set()).column])
    expect([...next, leases.take('a', next).column].toSorted()).toEqual([0, 1])
  })

  it('come to an end', () => {
    const { leases, columns } = open(1)
    leases.take('a', new Set())
    expect(leases.take('b', new Set())).toEqual({ column: -1, isNew: false })
    expect(leases.take('a', new Set())).toEqual({ column: 0, isNew: false })
    leases.give(0)
    leases.give(0)
    leases.retire([0])
    expect(leases.take('b', new Set())).toEqual({ column: 0, isNew: true })
    columns.close()
  })

  it('belong to one address at a time, whoever takes and gives', () => {
    const step = fc.record({ holder: fc.nat(2), address: fc.constantFrom('a', 'b', 'c'), gives: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const { leases, columns } = open(20)
        const held = Array.from({ length: 3 }, () => new Map<number, string>())
        for (const { holder, address, gives } of steps) {
          const own = held[holder]!
          const [column] = [...own].find(([, whose]) => whose === address) ?? []
          if (gives && column !== undefined) {
            own.delete(column)
            const isLast = leases.give(column)
            expect(isLast).toBe(held.every(one => !one.has(column)))
            if (isLast) leases.retire([column])
          } else if (!gives) {
            const lease = leases.take(address, new Set(own.keys()))
            if (lease.column < 0) continue
            own.set(lease.column, address)
            for (const one of held) expect(one.get(lease.column) ?? address).toBe(address)
          }
        }
        columns.close()
      }),
    )
  })
})
