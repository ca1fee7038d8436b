import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CIRCUIT_CELLS, WINDOW_CELLS } from '../../../engine/shared/circuit-cells.ts'
import * as endpointCells from '../../../engine/shared/endpoint-cells.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  CONNECTIONS_OPEN,
  CONNECTIONS_TOTAL,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  FLOWS_ACTIVE,
  LATENCY_MAX_US,
  STATUS_CLASSES,
  StatePage,
  type StateRow,
} from '../../../engine/shared/state-page.ts'
import * as upstreamCells from '../../../engine/shared/upstream-cells.ts'

const CACHE_LINE_BYTES = 64
const { ENDPOINT_CELLS } = endpointCells
const { UPSTREAM_CELLS } = upstreamCells

const KINDS = [
  'counters',
  'inFlight',
  'connections',
  'queued',
  'tries',
  'goodTries',
  'windows',
  'latency',
] as const satisfies readonly (keyof StateRow)[]

function cellsOf(row: StateRow): (Float64Array | Int32Array | Uint32Array)[] {
  return KINDS.map(kind => row[kind])
}

function spanOf(cells: Float64Array | Int32Array | Uint32Array): { start: number; end: number } {
  return { start: cells.byteOffset, end: cells.byteOffset + cells.byteLength }
}

describe('the state page', () => {
  it('has rows that do not touch: no cache line is written by two workers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 100 }), (workers, endpoints) => {
        const page = StatePage.create(workers, endpoints, endpoints % 7)
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
    for (const worker of [0, 1, 2]) {
      for (const kind of KINDS) {
        const page = StatePage.create(3, 5, 2)
        page.rows[worker]![kind].fill(7)
        const filled = page.rows.flatMap((row, index) =>
          KINDS.filter(other => row[other].some(cell => cell !== 0)).map(other => `${index} ${other}`),
        )
        expect(filled).toEqual([`${worker} ${kind}`])
        expect([...page.endpointCells, ...page.upstreamCells].every(cell => cell === 0)).toBe(true)
      }
    }
    const page = StatePage.create(3, 5, 2)
    page.endpointCells.fill(7)
    expect(page.upstreamCells.every(cell => cell === 0)).toBe(true)
    page.upstreamCells.fill(7)
    for (const row of page.rows)
      for (const cells of cellsOf(row)) expect(cells.every((cell: number) => cell === 0)).toBe(true)
  })

  it('has the cells of each endpoint and of each upstream in cache lines of their own', () => {
    const page = StatePage.create(2, 7, 3)
    expect(page.endpointCells.byteOffset % CACHE_LINE_BYTES).toBe(0)
    expect(page.upstreamCells.byteOffset % CACHE_LINE_BYTES).toBe(0)
    expect((ENDPOINT_CELLS * 4) % CACHE_LINE_BYTES).toBe(0)
    expect((UPSTREAM_CELLS * 4) % CACHE_LINE_BYTES).toBe(0)
    expect(page.endpointCells.length).toBe(7 * ENDPOINT_CELLS)
    expect(page.upstreamCells.length).toBe(3 * UPSTREAM_CELLS)
  })

  it('names cells of an endpoint, and of an upstream, that are cells of their own', () => {
    const notCells = /^(?:ENDPOINT_C.*|ADMIN_(?:UP|DRAINING|DOWN)|CHECK_(?:UN)?HEALTHY|PASSIVE_(?:UP|EJECTED|PROBING))$/
    const ofEndpoint = Object.entries(endpointCells).flatMap(([name, cell]) => (notCells.test(name) ? [] : [cell]))
    const circuit = Array.from({ length: CIRCUIT_CELLS }, (_, index) => endpointCells.ENDPOINT_CIRCUIT + index)
    expect(new Set([...ofEndpoint, ...circuit]).size).toBe(ofEndpoint.length + circuit.length)
    expect(Math.max(...ofEndpoint, ...circuit)).toBeLessThan(ENDPOINT_CELLS)
    const { UPSTREAM_CELLS: _size, UPSTREAM_CIRCUIT, ...named } = upstreamCells
    const ofUpstream = [...Object.values(named), ...circuit.map((_, index) => UPSTREAM_CIRCUIT + index)]
    expect(new Set(ofUpstream).size).toBe(ofUpstream.length)
    expect(Math.max(...ofUpstream)).toBeLessThan(UPSTREAM_CELLS)
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
    const page = StatePage.create(2, 2, 1)
    for (const row of page.rows) {
      for (const cells of cellsOf(row)) cells.fill(1)
    }
    page.clearPresent(page.rows[0]!)
    for (const kind of ['inFlight', 'connections', 'queued'] as const) {
      expect(page.rows[0]![kind].every(cell => cell === 0)).toBe(true)
    }
    const cleared = [...page.rows[0]!.counters.keys()].filter(index => page.rows[0]!.counters[index] === 0)
    expect(cleared).toEqual([CONNECTIONS_OPEN, EXCHANGES_ACTIVE, FLOWS_ACTIVE])
    for (const kind of ['tries', 'goodTries', 'windows', 'latency'] as const) {
      expect(page.rows[0]![kind].every((cell: number) => cell === 1)).toBe(true)
    }
    for (const cells of cellsOf(page.rows[1]!)) expect(cells.every((cell: number) => cell === 1)).toBe(true)
  })

  it('forgets only as much of it as was ever used: what was never touched costs no memory', () => {
    const page = StatePage.create(1, 4, 3)
    const [row] = page.rows
    for (const cells of [row!.inFlight, row!.connections, row!.queued]) cells.fill(1)
    page.clearPresent(row!, { endpoints: 2, upstreams: 1 })
    expect([[...row!.inFlight], [...row!.connections], [...row!.queued]]).toEqual([
      [0, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 1, 1],
    ])
    const releases = [0, 1, 2].map(slot => page.upstreamCells[slot * UPSTREAM_CELLS + upstreamCells.RELEASES])
    expect(releases).toEqual([1, 0, 0])
  })

  it('makes the cells of an upstream ready for another, and touches no other', () => {
    const page = StatePage.create(2, 2, 3)
    page.upstreamCells.fill(7)
    for (const row of page.rows) row.windows.fill(7)
    page.clearUpstream(1)
    for (const [index, cell] of page.upstreamCells.entries()) {
      expect(cell).toBe(Math.floor(index / UPSTREAM_CELLS) === 1 ? 0 : 7)
    }
    for (const row of page.rows) {
      for (const [index, cell] of row.windows.entries())
        expect(cell).toBe(Math.floor(index / WINDOW_CELLS) === 3 ? 0 : 7)
    }
  })

  it('gives back once what a dead worker held of connections and of places in queues, and wakes who waits', () => {
    const page = StatePage.create(3, 2, 2)
    const used = (endpoint: number) => page.endpointCells[endpoint * ENDPOINT_CELLS + endpointCells.CONNECTIONS_USED]
    const queued = (upstream: number) => page.upstreamCells[upstream * UPSTREAM_CELLS + upstreamCells.QUEUED]
    for (const [index, row] of page.rows.entries()) {
      row.connections.set([index + 1, 10])
      row.queued.set([2, index])
    }
    page.endpointCells[endpointCells.CONNECTIONS_USED] = 6
    page.endpointCells[ENDPOINT_CELLS + endpointCells.CONNECTIONS_USED] = 30
    page.upstreamCells[upstreamCells.QUEUED] = 6
    page.upstreamCells[UPSTREAM_CELLS + upstreamCells.QUEUED] = 3
    for (let times = 0; times < 2; times += 1) {
      page.clearPresent(page.rows[1]!)
      expect([used(0), used(1), queued(0), queued(1)]).toEqual([4, 20, 4, 2])
    }
    page.clearPresent(page.rows[0]!)
    page.clearPresent(page.rows[2]!)
    expect([used(0), used(1), queued(0), queued(1)]).toEqual([0, 0, 0, 0])
    expect(page.upstreamCells[upstreamCells.RELEASES]).toBe(4)
    expect(page.upstreamCells[UPSTREAM_CELLS + upstreamCells.RELEASES]).toBe(4)
  })

  it('makes a column ready for another endpoint: all of it, and no other', () => {
    const page = StatePage.create(2, 3, 1)
    const fill = () => {
      page.endpointCells.fill(7)
      for (const row of page.rows) for (const kind of ['tries', 'goodTries', 'windows'] as const) row[kind].fill(7)
    }
    fill()
    page.clearColumn(1)
    const zeros = (cells: Int32Array | Uint32Array) => [...cells.keys()].filter(index => cells[index] === 0)
    const range = (size: number) => Array.from({ length: size }, (_, index) => size + index)
    expect(zeros(page.endpointCells)).toEqual(range(ENDPOINT_CELLS))
    for (const row of page.rows) {
      expect(zeros(row.tries)).toEqual([1])
      expect(zeros(row.goodTries)).toEqual([1])
      expect(zeros(row.windows)).toEqual(range(WINDOW_CELLS))
    }
  })
})
