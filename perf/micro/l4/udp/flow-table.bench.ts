import { FlowTable, TableEntry } from '../../../../engine/l4/udp/flow-table.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'

/** In the table: a port at many addresses, and many ports at one address. */
const ENTRIES = 10_000

function tableOf(entryAt: (index: number) => TableEntry): [FlowTable<TableEntry>, () => TableEntry] {
  const table = new FlowTable<TableEntry>()
  const entries = Array.from({ length: ENTRIES }, (_, index) => entryAt(index))
  for (const entry of entries) table.add(entry)
  // In no order that the memory has.
  const next = cycle(entries.map((_, index) => entries[(index * 7919) % ENTRIES] as TableEntry))
  return [table, next]
}

const [addresses, nextAddress] = tableOf(index => new TableEntry(`10.0.${index >> 8}.${index & 255}`, 5000))
const [ports, nextPort] = tableOf(index => new TableEntry('192.0.2.1', 5000 + index))

bench('found, one of 10,000 addresses', () => {
  const { address, port } = nextAddress()
  return addresses.find(address, port)
})
bench('found, one of 10,000 ports of an address', () => {
  const { address, port } = nextPort()
  return ports.find(address, port)
})
bench('used just now', () => {
  addresses.touch(nextAddress())
  return addresses.evictee
})
bench('removed and added', () => {
  const entry = nextAddress()
  addresses.remove(entry)
  addresses.add(entry)
  return addresses.size
})

await runIfMain(import.meta)
