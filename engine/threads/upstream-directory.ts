/**
 * The supervisor's account of one upstream: which endpoints it has, where each of them is, and what their owner wants of
 * them. Workers are told where they are; what is wanted of them stands in the state page.
 */
import { isIP } from 'node:net'
import { formatAddress } from '../net/address.ts'
import type { Answer, ServiceAnswer } from '../net/resolver.ts'
import { CIRCUIT_STATE } from '../shared/circuit-cells.ts'
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
import { UPSTREAM_CELLS, UPSTREAM_CIRCUIT } from '../shared/upstream-cells.ts'
import type { EndpointSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import { announceChange } from '../upstream/health/announce.ts'
import type { NameOwner, NameWatch, WatchedName } from '../upstream/names.ts'
import { type EndpointPlacement, hostOf, placementOf } from '../upstream/placement.ts'
import type { CircuitState, EndpointStatus, EngineEvent, NewEndpoint, UpstreamControl } from './api.ts'
import type { Columns } from './columns.ts'
import { circuitState, endpointStatus } from './endpoint-status.ts'
import { checkWeight, completeEndpoint } from './new-endpoint.ts'
import { type Place, placesOfHost, placesOfService } from './places.ts'
import { spareTheLast } from './spare-the-last.ts'

/** Milliseconds between two looks at whether a drained endpoint is at rest. */
const DRAIN_POLL_MS = 20
const DRAIN_MS_MAX = 3_600_000

/** What the owner wants of an endpoint; `null` for nothing in particular. */
interface Wish {
  weight: number | null
  /** One of `ADMIN_*`. */
  admin: number | null
}

/** One endpoint of the configuration, or one that was added. */
interface Entry {
  readonly endpoint: EndpointSnapshot
  /** Of all its addresses, those that come later too. */
  readonly wish: Wish
  /** Of single addresses, by their text: they count before `wish`, and outlast the address. */
  readonly wishes: Map<string, Wish>
  placements: readonly EndpointPlacement[]
  /** `null` for one without a name, and as long as nobody looks it up. */
  watch: WatchedName | null
}

/** What a name that an owner uses stands for: a whole entry, or one address of it. */
interface Target {
  readonly entry: Entry
  readonly placements: readonly EndpointPlacement[]
  readonly isWhole: boolean
}

/** What the directory needs of the supervisor. */
export interface DirectoryOwner {
  readonly page: StatePage
  readonly columns: Columns
  /** `null` until `loadNames` has been called. */
  readonly names: NameWatch | null
  loadNames(): Promise<NameWatch>
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

  /** Names of the snapshot need `owner.names` to be there. */
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
    const wish: Wish = { weight: null, admin: null }
    const entry: Entry = { endpoint, wish, wishes: new Map(), placements: [], watch: null }
    const { address } = endpoint
    if (!isNamed(endpoint) && address.kind !== 'srv')
      this.#place(entry, [{ address, host: null, weight: null, rank: 0 }])
    else if (this.#owner.names !== null) this.#watch(entry, this.#owner.names)
    this.#entries.push(entry)
    return entry
  }

  /** @throws {TypeError} for a DNS server that is none. */
  #watch(entry: Entry, names: NameWatch): void {
    const { address } = entry.endpoint
    const { resolver } = this.snapshot
    if (address.kind === 'srv') {
      entry.watch = names.watchService(address, resolver, this.#nameOwner(entry, placesOfService))
    } else if (address.kind === 'tcp') {
      const places = (answer: Answer) => placesOfHost(answer, address.port)
      entry.watch = names.watchHost(address.host, resolver, this.#nameOwner(entry, places))
    }
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
      const column = known?.column ?? this.#newColumn(entry, key)
      if (column < 0) {
        refused += 1
        continue
      }
      const placement = this.#placementOf(entry, place, column)
      placements.push(placement)
      if (known === undefined) added.push(placement)
    }
    entry.placements = placements
    if (refused > 0 && isNamed(entry.endpoint)) this.#tellRefused(entry, refused)
    return { added, removed: [...before.values()] }
  }

  #tellRefused({ endpoint }: Entry, count: number): void {
    const error = `${count} of its addresses are left out: there is room for ${this.#owner.columns.count} endpoints in all`
    this.#owner.onEvent({ kind: 'name_failed', upstream: this.snapshot.name, name: endpoint.name, error })
  }

  #placementOf(entry: Entry, { address, host, weight, rank }: Place, column: number): EndpointPlacement {
    const { endpoint } = entry
    const text = formatAddress(address)
    return placementOf(endpoint, column, address, {
      // An address as the configuration writes it is better known by that.
      name: isNamed(endpoint) ? text : endpoint.name,
      weight: entry.wishes.get(text)?.weight ?? entry.wish.weight ?? weight ?? endpoint.weight,
      priority: endpoint.priority + rank,
      token: this.#owner.tokenOf(this.snapshot, `${endpoint.name} ${text}`),
      ...(host === null || address.kind !== 'tcp' ? {} : { host: hostOf({ ...address, host }) }),
    })
  }

  /** -1 when there is none. */
  #newColumn(entry: Entry, address: string): number {
    const { page, columns } = this.#owner
    const column = columns.take()
    if (column < 0) return column
    const at = column * ENDPOINT_CELLS
    page.endpointCells[at + ADMIN_STATE] = entry.wishes.get(address)?.admin ?? entry.wish.admin ?? ADMIN_UP
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
    if (removed.length > 0) spareTheLast(this.#owner.page, placements)
    this.#owner.onPlaced(this.#index, placements)
    await this.#owner.publish(this.#index, placements)
    for (const { column } of removed) this.#owner.columns.retire(column)
  }

  endpoints(): readonly EndpointStatus[] {
    return this.placements.map(placement => endpointStatus(this.#owner.page, this.snapshot.name, placement))
  }

  circuit(): CircuitState | null {
    const { circuitBreaker } = this.snapshot
    if (circuitBreaker === null || circuitBreaker.scope === 'endpoint') return null
    const cell = this.#index * UPSTREAM_CELLS + UPSTREAM_CIRCUIT + CIRCUIT_STATE
    return circuitState(this.#owner.page.upstreamCells[cell] as number)
  }

  async add(added: NewEndpoint): Promise<void> {
    this.#assertOpen()
    const endpoint = completeEndpoint(added)
    const { name } = endpoint
    if (this.#entries.some(entry => entry.endpoint.name === name)) {
      throw new RangeError(`the upstream ${this.snapshot.name} has an endpoint ${name} already`)
    }
    const entry = this.#enter(endpoint)
    if (isNamed(endpoint)) {
      if (entry.watch === null) await this.#watchLate(entry)
      return
    }
    if (entry.placements.length === 0) {
      this.#leave(entry)
      const { count } = this.#owner.columns
      throw new RangeError(
        `no room for ${name}: there is room for ${count} endpoints in all, those counted that are gone and still busy`,
      )
    }
    await this.#tell(entry.placements, [])
  }

  /** The first name of all: what looks names up has yet to come. */
  async #watchLate(entry: Entry): Promise<void> {
    const names = await this.#owner.loadNames()
    // It may have been removed meanwhile.
    if (this.#closed || !this.#entries.includes(entry)) return
    try {
      this.#watch(entry, names)
    } catch (error) {
      this.#leave(entry)
      throw error
    }
  }

  #leave(entry: Entry): void {
    const at = this.#entries.indexOf(entry)
    if (at >= 0) this.#entries.splice(at, 1)
    entry.watch?.close()
  }

  async remove(name: string): Promise<void> {
    const [first] = this.#find(name)
    if (!first.isWhole) {
      const whole = first.entry.endpoint.name
      throw new RangeError(`${name} is an address of ${whole}: remove ${whole}, or take the address down`)
    }
    this.#leave(first.entry)
    await this.#tell([], first.entry.placements)
  }

  async setWeight(name: string, weight: number): Promise<void> {
    const targets = this.#find(name)
    checkWeight(weight)
    for (const target of targets) {
      const { entry, placements } = target
      for (const wish of wishesOf(target)) wish.weight = weight
      entry.placements = entry.placements.map(placement =>
        placements.includes(placement) ? { ...placement, weight } : placement,
      )
    }
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
    // A worker may have chosen it a moment ago, and not have counted it yet: one round of messages is behind all that.
    await this.#owner.publish(this.#index, this.placements)
    while (!this.#closed && placements.some(place => this.#isDraining(place)) && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, DRAIN_POLL_MS))
    }
  }

  /** It has work, and is still meant to end it. */
  #isDraining({ column }: EndpointPlacement): boolean {
    const { page } = this.#owner
    const admin = Atomics.load(page.endpointCells, column * ENDPOINT_CELLS + ADMIN_STATE)
    return admin === ADMIN_DRAINING && page.inFlight(column) > 0
  }

  /** What is wanted of an endpoint stands in the state page: it counts for the next request of every worker. */
  #administer(name: string, state: number): readonly EndpointPlacement[] {
    const { page } = this.#owner
    const targets = this.#find(name)
    for (const target of targets) {
      for (const wish of wishesOf(target)) wish.admin = state
    }
    const placements = targets.flatMap(target => target.placements)
    for (const { column } of placements) {
      const at = column * ENDPOINT_CELLS
      // Before the state: it is to begin with slow start at once.
      const isNew = state === ADMIN_UP && Atomics.load(page.endpointCells, at + ADMIN_STATE) !== ADMIN_UP
      if (isNew) Atomics.store(page.endpointCells, at + UP_SINCE, stampOf(performance.now()) || 1)
      Atomics.store(page.endpointCells, at + ADMIN_STATE, state)
    }
    if (state !== ADMIN_UP) spareTheLast(page, this.placements)
    announceChange(page, this.#index)
    return placements
  }

  /** By the configuration's name, all of its addresses; by an address, that one, of whatever names it is. */
  #find(name: string): [Target, ...Target[]] {
    this.#assertOpen()
    const whole = this.#entries.find(({ endpoint }) => endpoint.name === name)
    if (whole !== undefined) return [{ entry: whole, placements: whole.placements, isWhole: true }]
    const [first, ...others] = this.#entries.flatMap((entry): Target[] => {
      const placements = entry.placements.filter(placement => placement.name === name)
      return placements.length === 0 ? [] : [{ entry, placements, isWhole: false }]
    })
    if (first !== undefined) return [first, ...others]
    const known = this.#entries.map(({ endpoint }) => endpoint.name).join(', ')
    throw new RangeError(`the upstream ${this.snapshot.name} has no endpoint ${name}; it has ${known || 'none'}`)
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error(`the proxy has stopped: the upstream ${this.snapshot.name} cannot be changed`)
  }
}

/** Its addresses are found by asking somebody. */
export function isNamed({ address }: EndpointSnapshot): boolean {
  return address.kind === 'srv' || (address.kind === 'tcp' && isIP(address.host) === 0)
}

/** Where what is wanted of a target is kept. What was wanted of its addresses one by one is over. */
function wishesOf({ entry, placements, isWhole }: Target): Wish[] {
  if (isWhole) return [entry.wish, ...entry.wishes.values()]
  return placements.map(({ address }) => {
    const key = formatAddress(address)
    const wish = entry.wishes.get(key) ?? { weight: null, admin: null }
    entry.wishes.set(key, wish)
    return wish
  })
}
