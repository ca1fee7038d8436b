import { slots } from '../../../engine/http1/llhttp.ts'
import type { NetContext } from '../../../engine/net/connection.ts'
import { TimerWheel } from '../../../engine/net/timer-wheel.ts'
import { stampOf } from '../../../engine/shared/clock.ts'
import { ENDPOINT_CELLS } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage, type StateRow } from '../../../engine/shared/state-page.ts'
import type { UpstreamSnapshot } from '../../../engine/snapshot.ts'
import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { announceChange } from '../../../engine/upstream/health/announce.ts'
import type { HealthChange } from '../../../engine/upstream/health/endpoint-health.ts'
import { type EndpointPlacement, placementOf } from '../../../engine/upstream/placement.ts'
import { Upstream } from '../../../engine/upstream/upstream.ts'
import { endpointSnapshot, type TestEndpoint, type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'

/** The address of the endpoint with that name: nobody listens there, and nobody dials. */
export function endpointNamed(name: string, more: Partial<TestEndpoint> = {}): TestEndpoint {
  return { address: { kind: 'tcp', host: `10.0.0.${name.charCodeAt(0)}`, port: 80 }, name, ...more }
}

/** One upstream as several workers have it, on one state page, at a time that tests say. */
export class Crew {
  readonly page: StatePage
  readonly snapshot: UpstreamSnapshot
  readonly workers: readonly Upstream[]
  readonly changes: string[] = []
  readonly wheels: readonly TimerWheel[]
  placements: readonly EndpointPlacement[]
  /** `performance.now()` of all that happens. */
  nowMs = 1_000_000

  constructor(settings: TestUpstream, workers = 1) {
    this.snapshot = upstreamSnapshot('crew', settings)
    this.page = StatePage.create(workers, 32, 1)
    this.placements = settings.endpoints.map((endpoint, column) => this.place(endpoint as TestEndpoint, column))
    this.wheels = this.page.rows.map(() => new TimerWheel(() => this.nowMs))
    this.workers = this.page.rows.map((row, index) => this.#worker(row, this.wheels[index]!))
  }

  place(endpoint: TestEndpoint, column: number): EndpointPlacement {
    const snapshot = endpointSnapshot(endpoint)
    return placementOf(snapshot, column, snapshot.address as never, { token: `token-of-${snapshot.name}` })
  }

  #worker(row: StateRow, wheel: TimerWheel): Upstream {
    const onFault = (error: unknown): void => {
      throw error
    }
    const context: NetContext = { slots, wheel, onFault }
    return new Upstream({
      snapshot: this.snapshot,
      placement: { slot: 0, since: 1, endpoints: this.placements },
      shared: { page: this.page, row },
      context,
      onHealth: (_, endpoint, change: HealthChange) => this.changes.push(`${endpoint} ${change}`),
    })
  }

  get upstream(): Upstream {
    return this.workers[0]!
  }

  endpoint(name: string, worker = 0): Endpoint {
    return this.workers[worker]!.endpoints.find(one => one.name === name)!
  }

  get stamp(): number {
    return stampOf(this.nowMs)
  }

  /** Writes a cell of an endpoint, and lets everybody look. */
  set(name: string, cell: number, value: number): void {
    this.page.endpointCells[this.endpoint(name).column * ENDPOINT_CELLS + cell] = value
    announceChange(this.page, 0)
  }

  cell(name: string, cell: number): number {
    return this.page.endpointCells[this.endpoint(name).column * ENDPOINT_CELLS + cell]!
  }

  /** The name of the endpoint that a request goes to; a dash for nobody. */
  choose(tried: readonly string[] = [], key = '', worker = 0): string {
    const upstream = this.workers[worker]!
    const set = new Set(tried.map(name => this.endpoint(name, worker)))
    const endpoint = upstream.choose(key, set.size === 0 ? null : set, this.nowMs)
    upstream.health.entry = 0
    return endpoint?.name ?? '-'
  }

  /** How many of so many requests each gets. */
  counts(requests: number): Record<string, number> {
    const counts: Record<string, number> = {}
    for (let request = 0; request < requests; request += 1) {
      const name = this.choose()
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }
}
