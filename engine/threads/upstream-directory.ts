/**
 * The supervisor's account of one upstream, from one configuration to the next: which endpoints it has, where each of them
 * is, and what their owner wants of them. Workers are told where they are; what is wanted of them stands in the state page.
 */
import { formatAddress } from '../net/address.ts'
import { CIRCUIT_STATE } from '../shared/circuit-cells.ts'
import { stampOf } from '../shared/clock.ts'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  ADMIN_UP,
  ENDPOINT_CELLS,
  UP_SINCE,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import { UPSTREAM_CELLS, UPSTREAM_CIRCUIT } from '../shared/upstream-cells.ts'
import type { UpstreamSnapshot } from '../snapshot.ts'
import { circuitState, endpointStatus } from '../upstream/endpoint-status.ts'
import { announceChange } from '../upstream/health/announce.ts'
import type { NameWatch } from '../upstream/names.ts'
import type { EndpointPlacement, UpstreamPlacement } from '../upstream/placement.ts'
import type { CircuitState, EndpointStatus, EngineEvent, NewEndpoint, UpstreamControl } from './api.ts'
import { ColumnLeases } from './column-leases.ts'
import type { Columns } from './columns.ts'
import { checkWeight, completeEndpoint } from './new-endpoint.ts'
import { type Entry, isNamed, Roster, type RosterOwner, type Wish } from './roster.ts'
import { spareTheLast } from './spare-the-last.ts'

/** Milliseconds between two looks at whether a drained endpoint is at rest. */
const DRAIN_POLL_MS = 20
const DRAIN_MS_MAX = 3_600_000

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
  publish(slot: number, placements: readonly EndpointPlacement[]): Promise<void>
  /** The addresses of an upstream have changed: what watches them has to follow. */
  onPlaced(slot: number, placements: readonly EndpointPlacement[]): void
  onEvent(event: EngineEvent): void
}

export class UpstreamDirectory implements UpstreamControl {
  /** Its place in the state page. */
  readonly slot: number
  readonly #owner: DirectoryOwner
  readonly #rosterOwner: RosterOwner
  readonly #leases: ColumnLeases
  #roster: Roster
  /** The generation that has brought `#roster`. */
  #since: number
  /** Is being made ready to follow `#roster`. */
  #next: Roster | null = null
  /** Why it can be changed no more; empty as long as it can. */
  #closedBecause = ''
  /** Its columns, and its slot, may be somebody else's by now. */
  #isRemoved = false

  /** Names of the snapshot need `owner.names` to be there. */
  constructor(snapshot: UpstreamSnapshot, slot: number, owner: DirectoryOwner, since = 1) {
    this.slot = slot
    this.#owner = owner
    this.#since = since
    this.#leases = new ColumnLeases(owner.columns)
    this.#rosterOwner = rosterOwner(owner, this.#leases, (added, removed) => void this.#tell(added, removed))
    this.#roster = new Roster(snapshot, this.#rosterOwner, null)
  }

  get snapshot(): UpstreamSnapshot {
    return this.#roster.snapshot
  }

  get placements(): readonly EndpointPlacement[] {
    return this.#roster.placements
  }

  get placement(): UpstreamPlacement {
    return { slot: this.slot, since: this.#since, endpoints: this.placements }
  }

  /** As it will be in the generation that is being made ready. */
  nextPlacement(generation: number): UpstreamPlacement {
    const next = this.#next
    return next === null ? this.placement : { slot: this.slot, since: generation, endpoints: next.placements }
  }

  /** Those of its endpoints in the configuration that is being made ready that it has not got now. */
  get arrivals(): readonly EndpointPlacement[] {
    return this.#next?.placements.filter(({ column }) => !this.#leases.isShared(column)) ?? []
  }

  /** Another configuration of it is being made ready. */
  get isPrepared(): boolean {
    return this.#next !== null
  }

  /** Some of its endpoints had no room. */
  get lacksRoom(): boolean {
    return (this.#next ?? this.#roster).lacksRoom
  }

  /** The workers are about to start with the placements as they are. */
  run(): void {
    this.#roster.run()
    this.#owner.onPlaced(this.slot, this.placements)
  }

  /** Makes another configuration of it ready, until `adopt` or `abandon`. */
  prepare(snapshot: UpstreamSnapshot): void {
    this.#next = new Roster(snapshot, this.#rosterOwner, this.#roster)
  }

  abandon(): void {
    const next = this.#next
    this.#next = null
    if (next === null) return
    next.close()
    // No worker has ever counted in those that are its own.
    this.#leases.retire(next.release(next.placements))
  }

  /** The other configuration is in force. Gives the columns that are to be retired once the workers know. */
  adopt(since: number): number[] {
    const next = this.#next
    if (next === null) return []
    const before = this.#roster
    before.close()
    next.follow(before)
    this.#roster = next
    this.#next = null
    this.#since = since
    const retired = before.release(before.placements)
    if (retired.length > 0) spareTheLast(this.#owner.page, this.placements)
    return retired
  }

  retire(columns: readonly number[]): void {
    this.#leases.retire(columns)
  }

  /** It is in no configuration any more. Gives its columns, which are to be retired once no worker knows it. */
  dissolve(): number[] {
    this.close('a reload has taken it out of the configuration')
    this.#isRemoved = true
    return this.#roster.release(this.placements)
  }

  /** `because` is what is said to whoever wants to change it. */
  close(because = 'the proxy has stopped'): void {
    this.#closedBecause ||= because
    this.#roster.close()
    this.#next?.close()
  }

  get #closed(): boolean {
    return this.#closedBecause !== ''
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
    const retired = this.#roster.release(removed)
    this.#owner.onPlaced(this.slot, placements)
    await this.#owner.publish(this.slot, placements)
    this.#leases.retire(retired)
  }

  endpoints(): readonly EndpointStatus[] {
    if (this.#isRemoved) return []
    return this.placements.map(placement => endpointStatus(this.#owner.page, this.snapshot, placement))
  }

  circuit(): CircuitState | null {
    const { circuitBreaker } = this.snapshot
    if (this.#isRemoved || circuitBreaker === null || circuitBreaker.scope === 'endpoint') return null
    const cell = this.slot * UPSTREAM_CELLS + UPSTREAM_CIRCUIT + CIRCUIT_STATE
    return circuitState(this.#owner.page.upstreamCells[cell] as number)
  }

  async add(added: NewEndpoint): Promise<void> {
    this.#assertOpen()
    const endpoint = completeEndpoint(added)
    const { name } = endpoint
    if (this.#roster.entries.some(entry => entry.endpoint.name === name)) {
      throw new RangeError(`the upstream ${this.snapshot.name} has an endpoint ${name} already`)
    }
    const entry = this.#roster.enter(endpoint)
    if (isNamed(endpoint)) {
      if (entry.watch === null) await this.#watchLate(entry)
      return
    }
    if (entry.placements.length === 0) {
      this.#roster.leave(entry)
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
    if (this.#closed || !this.#roster.entries.includes(entry)) return
    try {
      this.#roster.watch(entry, names)
    } catch (error) {
      this.#roster.leave(entry)
      throw error
    }
  }

  async remove(name: string): Promise<void> {
    const [first] = this.#find(name)
    if (!first.isWhole) {
      const whole = first.entry.endpoint.name
      throw new RangeError(`${name} is an address of ${whole}: remove ${whole}, or take the address down`)
    }
    this.#roster.leave(first.entry)
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
    await this.#owner.publish(this.slot, this.placements)
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
    announceChange(page, this.slot)
    return placements
  }

  /** By the configuration's name, all of its addresses; by an address, that one, of whatever names it is. */
  #find(name: string): [Target, ...Target[]] {
    this.#assertOpen()
    const whole = this.#roster.entries.find(({ endpoint }) => endpoint.name === name)
    if (whole !== undefined) return [{ entry: whole, placements: whole.placements, isWhole: true }]
    const [first, ...others] = this.#roster.entries.flatMap((entry): Target[] => {
      const placements = entry.placements.filter(placement => placement.name === name)
      return placements.length === 0 ? [] : [{ entry, placements, isWhole: false }]
    })
    if (first !== undefined) return [first, ...others]
    const known = this.#roster.entries.map(({ endpoint }) => endpoint.name).join(', ')
    throw new RangeError(`the upstream ${this.snapshot.name} has no endpoint ${name}; it has ${known || 'none'}`)
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error(`${this.#closedBecause}: the upstream ${this.snapshot.name} cannot be changed`)
  }
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

function rosterOwner(owner: DirectoryOwner, leases: ColumnLeases, onMoved: RosterOwner['onMoved']): RosterOwner {
  return {
    page: owner.page,
    leases,
    columnCount: owner.columns.count,
    get names() {
      return owner.names
    },
    tokenOf: (upstream, address) => owner.tokenOf(upstream, address),
    onMoved,
    onEvent: event => owner.onEvent(event),
  }
}
