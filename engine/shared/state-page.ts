/**
 * What crosses threads: one SharedArrayBuffer. It has a row per worker, in which each cell has one writer, the worker of
 * the row, so that nothing is locked; whoever reads sums the column. A dead worker's row is zeroed where it speaks of
 * the present (in-flight, open connections) and kept where it counts what has been. Beside the rows lie the cells that
 * all workers write: see `endpoint-cells.ts` and `upstream-cells.ts`.
 */
import { WINDOW_CELLS } from './circuit-cells.ts'
import { CONNECTIONS_USED, ENDPOINT_CELLS } from './endpoint-cells.ts'
import { HISTOGRAM_BUCKETS } from './histogram.ts'
import { QUEUED, RELEASES, UPSTREAM_CELLS } from './upstream-cells.ts'

/** Counters of a row, each a double: exact up to 2^53. */
export const CONNECTIONS_OPEN = 0
export const CONNECTIONS_TOTAL = 1
export const EXCHANGES_ACTIVE = 2
export const EXCHANGES_TOTAL = 3
export const BYTES_IN = 4
export const BYTES_OUT = 5
/** Six cells: exchanges that ended without a status, then by the status's hundred. */
export const STATUS_CLASSES = 6
export const LATENCY_MAX_US = 12
/** Tries of requests beyond their first, and those of them that were hedges. */
export const RETRIES_TOTAL = 13
export const HEDGES_TOTAL = 14
/** Requests of which a copy was sent to a mirror, and those of which none was (or not all of it), because of a limit. */
export const MIRRORED_TOTAL = 15
export const MIRRORS_DROPPED = 16
/** Handshakes of TLS with clients: all that have ended well, those of them that took a session up again, and those that failed. */
export const HANDSHAKES_TOTAL = 17
export const HANDSHAKES_RESUMED = 18
export const HANDSHAKES_FAILED = 19
/** Flows of TCP and UDP: those open now, all that have ended, and those of UDP that had to go to make room for others. */
export const FLOWS_ACTIVE = 20
export const FLOWS_TOTAL = 21
export const FLOWS_EVICTED = 22
/** Datagrams that went nowhere: no endpoint, no room in the kernel, more than the client may be sent. */
export const DATAGRAMS_DROPPED = 23
/** Connections and flows that a limit on new ones, or a header of the PROXY protocol, has kept out. */
export const CONNECTIONS_REFUSED = 24
const COUNTERS = 32

/** Doubles and integers of a row are padded to whole cache lines, so that no two workers write to one. */
const CACHE_LINE_BYTES = 64

function padded(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES
}

/** How many endpoints and upstreams a page has room for. */
export interface PageSize {
  readonly endpoints: number
  readonly upstreams: number
}

/** Hands out parts of the buffer, one after the other, each beginning with a cache line. */
class Layout {
  readonly #buffer: SharedArrayBuffer
  #offset: number

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#buffer = buffer
    this.#offset = offset
  }

  #take(bytes: number): number {
    const offset = this.#offset
    this.#offset += padded(bytes)
    return offset
  }

  doubles(count: number): Float64Array {
    return new Float64Array(this.#buffer, this.#take(count * 8), count)
  }

  integers(count: number): Int32Array {
    return new Int32Array(this.#buffer, this.#take(count * 4), count)
  }

  naturals(count: number): Uint32Array {
    return new Uint32Array(this.#buffer, this.#take(count * 4), count)
  }
}

/** One worker's row. */
export class StateRow {
  readonly counters: Float64Array
  /** Requests under way, by endpoint. */
  readonly inFlight: Int32Array
  /** Connections open or being opened, by endpoint: only of those with a limit on them. */
  readonly connections: Int32Array
  /** Requests that wait for a connection, by upstream. */
  readonly queued: Int32Array
  /** Tries that have ended, by endpoint: all of them, and those that were neither failures nor 5xx. */
  readonly tries: Uint32Array
  readonly goodTries: Uint32Array
  /** Windows of circuits, `WINDOW_CELLS` each: of the endpoints, then of the upstreams. */
  readonly windows: Int32Array
  /** Durations of whole exchanges, by bucket. */
  readonly latency: Uint32Array

  constructor(buffer: SharedArrayBuffer, offset: number, { endpoints, upstreams }: PageSize) {
    const layout = new Layout(buffer, offset)
    this.counters = layout.doubles(COUNTERS)
    this.inFlight = layout.integers(endpoints)
    this.connections = layout.integers(endpoints)
    this.queued = layout.integers(upstreams)
    this.tries = layout.naturals(endpoints)
    this.goodTries = layout.naturals(endpoints)
    this.windows = layout.integers((endpoints + upstreams) * WINDOW_CELLS)
    this.latency = layout.naturals(HISTOGRAM_BUCKETS)
  }

  static bytes({ endpoints, upstreams }: PageSize): number {
    const integers = [endpoints, endpoints, upstreams, endpoints, endpoints, (endpoints + upstreams) * WINDOW_CELLS]
    const sum = integers.reduce((bytes, count) => bytes + padded(count * 4), 0)
    return padded(COUNTERS * 8) + sum + padded(HISTOGRAM_BUCKETS * 4)
  }
}

export class StatePage {
  readonly buffer: SharedArrayBuffer
  readonly size: PageSize
  /** `ENDPOINT_CELLS` for each endpoint. */
  readonly endpointCells: Int32Array
  /** `UPSTREAM_CELLS` for each upstream. */
  readonly upstreamCells: Int32Array
  readonly rows: readonly StateRow[]

  constructor(buffer: SharedArrayBuffer, workers: number, endpoints: number, upstreams = 0) {
    this.buffer = buffer
    this.size = { endpoints, upstreams }
    const layout = new Layout(buffer, 0)
    this.endpointCells = layout.integers(endpoints * ENDPOINT_CELLS)
    this.upstreamCells = layout.integers(upstreams * UPSTREAM_CELLS)
    const first = commonBytes(this.size)
    const stride = StateRow.bytes(this.size)
    this.rows = Array.from({ length: workers }, (_, row) => new StateRow(buffer, first + row * stride, this.size))
  }

  static create(workers: number, endpoints: number, upstreams = 0): StatePage {
    const size = { endpoints, upstreams }
    const bytes = commonBytes(size) + StateRow.bytes(size) * workers
    return new StatePage(new SharedArrayBuffer(bytes), workers, endpoints, upstreams)
  }

  get endpoints(): number {
    return this.size.endpoints
  }

  /** Sum of a counter over all workers. */
  counter(index: number): number {
    return this.rows.reduce((sum, row) => sum + (row.counters[index] as number), 0)
  }

  /** Requests under way at an endpoint, over all workers. */
  inFlight(endpoint: number): number {
    return this.rows.reduce((sum, row) => sum + (row.inFlight[endpoint] as number), 0)
  }

  /** The latency buckets of all workers, added up. */
  latency(): Float64Array {
    const sum = new Float64Array(HISTOGRAM_BUCKETS)
    for (const row of this.rows) {
      for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
        sum[bucket] = (sum[bucket] as number) + (row.latency[bucket] as number)
      }
    }
    return sum
  }

  /**
   * Forgets what a row says of the present: its worker is gone. What it held of common goods is given back. `used` is how
   * much of the page ever was: what was never touched is to cost no memory.
   */
  clearPresent(row: StateRow, used: PageSize = this.size): void {
    row.counters[CONNECTIONS_OPEN] = 0
    row.counters[EXCHANGES_ACTIVE] = 0
    row.counters[FLOWS_ACTIVE] = 0
    row.inFlight.fill(0, 0, used.endpoints)
    for (const [column, held] of row.connections.subarray(0, used.endpoints).entries()) {
      if (held !== 0) Atomics.sub(this.endpointCells, column * ENDPOINT_CELLS + CONNECTIONS_USED, held)
    }
    row.connections.fill(0, 0, used.endpoints)
    for (const [upstream, waiting] of row.queued.subarray(0, used.upstreams).entries()) {
      if (waiting !== 0) Atomics.sub(this.upstreamCells, upstream * UPSTREAM_CELLS + QUEUED, waiting)
    }
    row.queued.fill(0, 0, used.upstreams)
    for (let upstream = 0; upstream < used.upstreams; upstream += 1) {
      const cell = upstream * UPSTREAM_CELLS + RELEASES
      Atomics.add(this.upstreamCells, cell, 1)
      Atomics.notify(this.upstreamCells, cell)
    }
  }

  /** Makes a column ready for another endpoint. Its last one must have no request and no connection left anywhere. */
  clearColumn(column: number): void {
    this.endpointCells.fill(0, column * ENDPOINT_CELLS, (column + 1) * ENDPOINT_CELLS)
    for (const row of this.rows) {
      row.tries[column] = 0
      row.goodTries[column] = 0
      row.windows.fill(0, column * WINDOW_CELLS, (column + 1) * WINDOW_CELLS)
    }
  }

  /** Makes the cells of an upstream ready for another one. No worker may know its last one any more. */
  clearUpstream(upstream: number): void {
    this.upstreamCells.fill(0, upstream * UPSTREAM_CELLS, (upstream + 1) * UPSTREAM_CELLS)
    const window = (this.size.endpoints + upstream) * WINDOW_CELLS
    for (const row of this.rows) row.windows.fill(0, window, window + WINDOW_CELLS)
  }
}

function commonBytes({ endpoints, upstreams }: PageSize): number {
  return padded(endpoints * ENDPOINT_CELLS * 4) + padded(upstreams * UPSTREAM_CELLS * 4)
}
