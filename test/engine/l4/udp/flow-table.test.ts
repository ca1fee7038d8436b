import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FlowTable, TableEntry } from '../../../../engine/l4/udp/flow-table.ts'

/** The same, as simple as can be: the oldest first. */
class NaiveTable {
  readonly entries: TableEntry[] = []

  find(address: string, port: number): TableEntry | null {
    return this.entries.find(entry => entry.address === address && entry.port === port) ?? null
  }

  remove(entry: TableEntry): void {
    this.entries.splice(this.entries.indexOf(entry), 1)
  }

  touch(entry: TableEntry): void {
    this.remove(entry)
    this.entries.push(entry)
  }

  get inOrder(): TableEntry[] {
    const others = this.entries.filter(({ isAssured }) => !isAssured)
    return [...others, ...this.entries.filter(({ isAssured }) => isAssured)]
  }

  get evictee(): TableEntry | null {
    const others = this.entries.filter(({ isAssured }) => !isAssured)
    return (others.length > this.entries.length / 2 ? others : this.entries)[0] ?? null
  }
}

/** Few enough to meet again and again. */
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1']
const PORTS = 4

const step = fc.record({
  what: fc.constantFrom('use', 'use', 'use', 'assure', 'remove', 'evict'),
  address: fc.constantFrom(...ADDRESSES),
  port: fc.integer({ min: 1, max: PORTS }),
})

function expectSame(table: FlowTable<TableEntry>, naive: NaiveTable): void {
  expect(table.size).toBe(naive.entries.length)
  expect(table.evictee).toBe(naive.evictee)
  expect([...table]).toEqual(naive.inOrder)
  for (const address of ADDRESSES) {
    for (let port = 1; port <= PORTS; port += 1) expect(table.find(address, port)).toBe(naive.find(address, port))
  }
}

describe('a table of flows', () => {
  it('is what a list would be, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const table = new FlowTable<TableEntry>()
        const naive = new NaiveTable()
        for (const { what, address, port } of steps) {
          const known = naive.find(address, port)
          const gone = what === 'evict' ? table.evictee : what === 'remove' ? known : null
          if (what === 'use' && known !== null) {
            table.touch(known)
            naive.touch(known)
          } else if (what === 'assure' && known !== null) {
            table.touch(known)
            naive.touch(known)
            table.assure(known)
          } else if (what === 'use') {
            const entry = new TableEntry(address, port)
            table.add(entry)
            naive.entries.push(entry)
          } else if (gone !== null) {
            table.remove(gone)
            naive.remove(gone)
          }
          expectSame(table, naive)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('may lose each of its flows while they are gone through', () => {
    const table = new FlowTable<TableEntry>()
    for (let port = 1; port <= 5; port += 1) table.add(new TableEntry('192.0.2.1', port))
    const seen: number[] = []
    for (const entry of table) {
      seen.push(entry.port)
      table.remove(entry)
    }
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect([table.size, table.evictee]).toEqual([0, null])
  })
})
