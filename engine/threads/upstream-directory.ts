/**
 * The supervisor's account of one upstream: which endpoints it has, where each of them is, and what their owner wants of
 * them. Workers are told where they are; what is wanted of them stands in the state page.
 */
import { isIP } from 'node:net'
import { formatAddress } from '../net/address.ts'
import type { Answer, ServiceAnswer } from '../net/resolver.ts'
import { stampOf } from '../shared/clock.ts'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  ENDPOINT_CELLS,
  UP_SINCE,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { Address, EndpointSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import { announceChange } from '../upstream/health/announce.ts'
import type { NameOwner, NameWatch, WatchedName } from '../upstream/names.ts'
import { type EndpointPlacement, placementOf } from '../upstream/placement.ts'
import type { EndpointStatus, EngineEvent, NewEndpoint, UpstreamControl } from './api.ts'
import type { Columns } from './columns.ts'
import { endpointStatus } from './endpoint-status.ts'

/** Milliseconds between two looks at whether a drained endpoint is at rest. */
const DRAIN_POLL_MS = 20
const DRAIN_MS_MAX = 3_600_000

/** An address that an endpoint has, and what a service says of it. */
interface Place {
  readonly address: Address
  readonly weight: number
  /** Rank among the priorities of a service; 0 for others. */
  readonly rank: number
}

/** One endpoint of the configuration, or one that was added. */
interface Entry {
  readonly endpoint: EndpointSnapshot
  weight: number
  admin: number
  placements: readonly EndpointPlacement[]
  watch: WatchedName | null
}

/** What the directory needs of the supervisor. */
export interface DirectoryOwner {
  readonly page: StatePage
  readonly columns: Columns
  readonly names: NameWatch
  /** The value of the sticky cookie that leads to an address of an upstream; empty where there is none. */
  tokenOf(upstream: UpstreamSnapshot, address: string): string
  /** Tells all workers where the endpoints of an upstream are; resolves when they know. */
  publish(upstream: number, placements: readonly EndpointPlacement[]): Promise<void>
  /** The addresses of an upstream have changed: what watches them has to follow. */
  onPlaced(upstream: number, placements: readonly EndpointPlacement[]): void
  onEvent(event: EngineEvent): void
}

export class UpstreamDirectory implements UpstreamControl {
  readonly snapshot: UpstreamSnapshot
  readonly #index: number
  readonly #owner: DirectoryOwner
  readonly #entries: Entry[] = []
  /** Changes are told from now on: at the start there is nobody to be told. */
  #isRunning = false
  #closed = false

  constructor(snapshot: UpstreamSnapshot, index: number, owner: DirectoryOwner) {
    this.snapshot = snapshot
    this.#index = index
    this.#owner = owner
    for (const endpoint of snapshot.endpoints) this.#enter(endpoint)
  }

  get placements(): readonly EndpointPlacement[] {
    return this.#entries.flatMap(entry => entry.placements)
  }

  /** The workers are about to start with the placements as they are. */
  run(): void {
    this.#isRunning = true
    this.#owner.onPlaced(this.#index, this.placements)
  }

  close(): void {
    this.#closed = true
    for (const entry of this.#entries) entry.watch?.close()
  }

  #enter(endpoint: EndpointSnapshot): Entry {
    const entry: Entry = { endpoint, weight: endpoint.weight, admin: ADMIN_UP, placements: [], watch: null }
    this.#entries.push(entry)
    const { address } = endpoint
    const { names } = this.#owner
    if (address.kind === 'srv') {
      const places = (answer: ServiceAnswer) => placesOfService(answer)
      entry.watch = names.watchService(address, this.snapshot.resolver, this.#nameOwner(entry, places))
    } else if (address.kind === 'tcp' && isIP(address.host) === 0) {
      const places = (answer: Answer) =>
        answer.addresses.map(host => ({ address: { ...address, host }, weight: entry.weight, rank: 0 }))
      entry.watch = names.watchHost(address.host, this.snapshot.resolver, this.#nameOwner(entry, places))
    } else {
      this.#place(entry, [{ address, weight: endpoint.weight, rank: 0 }])
    }
    return entry
  }

  #nameOwner<A extends Answer | ServiceAnswer>(entry: Entry, places: (answer: A) => Place[]): NameOwner<A> {
    const about = { upstream: this.snapshot.name, name: entry.endpoint.name }
    return {
      onChange: answer => {
        if (this.#closed) return
        const { added, removed } = this.#place(entry, places(answer))
        if (this.#isRunning) void this.#tell(added, removed)
      },
      onError: error => this.#owner.onEvent({ kind: 'name_failed', ...about, error: error.message }),
      onRecovered: () => this.#owner.onEvent({ kind: 'name_recovered', ...about }),
    }
  }

  /** Takes over where an endpoint is. Addresses that stay keep their column, and with it their health. */
  #place(entry: Entry, places: readonly Place[]): { added: EndpointPlacement[]; removed: EndpointPlacement[] } {
    const before = new Map(entry.placements.map(placement => [formatAddress(placement.address), placement]))
    const added: EndpointPlacement[] = []
    const placements: EndpointPlacement[] = []
    let refused = 0
    for (const place of places) {
      const key = formatAddress(place.address)
      const known = before.get(key)
      before.delete(key)
      const column = known?.column ?? this.#newColumn(entry)
      if (column < 0) {
        refused += 1
        continue
      }
      const placement = this.#placementOf(entry, place, column)
      placements.push(placement)
      if (known === undefined) added.push(placement)
    }
    entry.placements = placements
    if (refused > 0) this.#tellRefused(entry, refused)
    return { added, removed: [...before.values()] }
  }

  #tellRefused({ endpoint }: Entry, count: number): void {
    const error = `${count} of its addresses are left out: there is room for ${this.#owner.columns.count} endpoints in all`
    this.#owner.onEvent({ kind: 'name_failed', upstream: this.snapshot.name, name: endpoint.name, error })
  }

  #placementOf(entry: Entry, { address, weight, rank }: Place, column: number): EndpointPlacement {
    const { endpoint } = entry
    const text = formatAddress(address)
    const isNamed =
      endpoint.address.kind === 'srv' || (address.kind === 'tcp' && text !== formatAddress(endpoint.address))
    return placementOf(endpoint, column, address, {
      // An address as the configuration writes it is better known by that.
      name: isNamed ? text : endpoint.name,
      weight,
      priority: endpoint.priority + rank,
      token: this.#owner.tokenOf(this.snapshot, `${endpoint.name} ${text}`),
    })
  }

  /** -1 when there is none. */
  #newColumn(entry: Entry): number {
    const { page, columns } = this.#owner
    const column = columns.take()
    if (column < 0) return column
    const at = column * ENDPOINT_CELLS
    page.endpointCells[at + ADMIN_STATE] = entry.admin
    if (this.snapshot.active?.start === 'unhealthy') page.endpointCells[at + CHECK_STATE] = CHECK_UNHEALTHY
    // Those of the start begin with their whole weight: there is nobody else who could bear the rest.
    if (this.#isRunning) page.endpointCells[at + UP_SINCE] = stampOf(performance.now()) || 1
    return column
  }

  async #tell(added: readonly EndpointPlacement[], removed: readonly EndpointPlacement[]): Promise<void> {
    const { placements } = this
    if (added.length + removed.length > 0) {
      this.#owner.onEvent({
        kind: 'endpoints_changed',
        upstream: this.snapshot.name,
        added: added.map(({ name }) => name),
        removed: removed.map(({ name }) => name),
      })
    }
    this.#owner.onPlaced(this.#index, placements)
    await this.#owner.publish(this.#index, placements)
    for (const { column } of removed) this.#owner.columns.retire(column)
  }

  endpoints(): readonly EndpointStatus[] {
    return this.placements.map(placement => endpointStatus(this.#owner.page, this.snapshot.name, placement))
  }

  async add(added: NewEndpoint): Promise<void> {
    const name = added.name ?? nameOf(added.address)
    if (this.#entries.some(({ endpoint }) => endpoint.name === name)) {
      throw new RangeError(`the upstream ${this.snapshot.name} has an endpoint ${name} already`)
    }
    const endpoint = { weight: 1, connectionsMax: 0, backup: false, priority: 0, route: '', ...added, name }
    checkWeight(endpoint.weight)
    const entry = this.#enter(endpoint)
    // A name comes in when it is resolved.
    await this.#tell(entry.placements, [])
  }

  async remove(name: string): Promise<void> {
    const entry = this.#find(name).entry
    this.#entries.splice(this.#entries.indexOf(entry), 1)
    entry.watch?.close()
    await this.#tell([], entry.placements)
  }

  async setWeight(name: string, weight: number): Promise<void> {
    checkWeight(weight)
    const { entry, placements } = this.#find(name)
    if (placements.length === entry.placements.length) entry.weight = weight
    entry.placements = entry.placements.map(placement =>
      placements.includes(placement) ? { ...placement, weight } : placement,
    )
    await this.#tell([], [])
  }

  async up(name: string): Promise<void> {
    this.#administer(name, ADMIN_UP)
  }

  async down(name: string): Promise<void> {
    this.#administer(name, ADMIN_DOWN)
  }

  async drain(name: string, waitMs = DRAIN_MS_MAX): Promise<void> {
    const placements = this.#administer(name, ADMIN_DRAINING)
    const deadline = performance.now() + waitMs
    const isBusy = () => placements.some(({ column }) => this.#owner.page.inFlight(column) > 0)
    // A worker may have chosen it a moment ago, and not have counted it yet: one round of messages is behind all that.
    await this.#owner.publish(this.#index, this.placements)
    while (isBusy() && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, DRAIN_POLL_MS))
    }
  }

  /** What is wanted of an endpoint stands in the state page: it counts for the next request of every worker. */
  #administer(name: string, state: number): readonly EndpointPlacement[] {
    const { page } = this.#owner
    const { entry, placements } = this.#find(name)
    if (placements.length === entry.placements.length) entry.admin = state
    for (const { column } of placements) {
      const at = column * ENDPOINT_CELLS
      const before = Atomics.exchange(page.endpointCells, at + ADMIN_STATE, state)
      if (state === ADMIN_UP && before !== ADMIN_UP) {
        Atomics.store(page.endpointCells, at + UP_SINCE, stampOf(performance.now()) || 1)
      }
    }
    announceChange(page, this.#index)
    return placements
  }

  /** By the configuration's name, all of its addresses; by an address, that one. */
  #find(name: string): { entry: Entry; placements: readonly EndpointPlacement[] } {
    for (const entry of this.#entries) {
      if (entry.endpoint.name === name) return { entry, placements: entry.placements }
    }
    for (const entry of this.#entries) {
      const placement = entry.placements.find(placed => placed.name === name)
      if (placement !== undefined) return { entry, placements: [placement] }
    }
    const known = this.#entries.map(({ endpoint }) => endpoint.name).join(', ')
    throw new RangeError(`the upstream ${this.snapshot.name} has no endpoint ${name}; it has ${known || 'none'}`)
  }
}

function nameOf(address: EndpointSnapshot['address']): string {
  return address.kind === 'srv' ? address.service : formatAddress(address)
}

function checkWeight(weight: number): void {
  if (Number.isInteger(weight) && weight >= 1 && weight <= 65_535) return
  throw new RangeError(`a weight is a whole number from 1 to 65535, not ${weight}`)
}

/** A service's priorities count from 0 here, whatever numbers it gives them; a weight of 0 is the least that there is. */
function placesOfService(answer: ServiceAnswer): Place[] {
  const ranks = [...new Set(answer.targets.map(target => target.priority))].sort((a, b) => a - b)
  const seen = new Set<string>()
  const places: Place[] = []
  for (const { addresses, port, priority, weight } of answer.targets) {
    for (const host of addresses) {
      const address: Address = { kind: 'tcp', host, port }
      const key = formatAddress(address)
      if (seen.has(key)) continue
      seen.add(key)
      places.push({ address, weight: Math.max(1, weight), rank: ranks.indexOf(priority) })
    }
  }
  return places
}
