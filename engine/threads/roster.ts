/**
 * The endpoints of an upstream as one configuration has them (and those that were added since), and where each of them is.
 * For a while there may be two for one upstream: the one in force, and the next, which is being made ready.
 */
import { isIP } from 'node:net'
import { formatAddress } from '../net/address.ts'
import type { Answer, ServiceAnswer } from '../net/resolver.ts'
import { stampOf } from '../shared/clock.ts'
import {
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  ENDPOINT_CELLS,
  UP_SINCE,
} from '../shared/endpoint-cells.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { EndpointSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import type { NameOwner, NameWatch, WatchedName } from '../upstream/names.ts'
import { type EndpointPlacement, hostOf, placementOf } from '../upstream/placement.ts'
import type { EngineEvent } from './api.ts'
import type { ColumnLeases } from './column-leases.ts'
import { type Place, placesOfHost, placesOfService } from './places.ts'
import { isSame } from './same.ts'

/** What the owner wants of an endpoint; `null` for nothing in particular. */
export interface Wish {
  weight: number | null
  /** One of `ADMIN_*`. */
  admin: number | null
}

/** One endpoint of the configuration, or one that was added. */
export interface Entry {
  readonly endpoint: EndpointSnapshot
  /** Of all its addresses, those that come later too. */
  readonly wish: Wish
  /** Of single addresses, by their text: they count before `wish`, and outlast the address. */
  readonly wishes: Map<string, Wish>
  places: readonly Place[]
  /** Those of `places` that there is room for. */
  placements: readonly EndpointPlacement[]
  /** `null` for one without a name, and as long as nobody looks it up. */
  watch: WatchedName | null
}

/** What a roster needs of others. */
export interface RosterOwner {
  readonly page: StatePage
  readonly leases: ColumnLeases
  /** `null` until somebody has loaded what looks names up. */
  readonly names: NameWatch | null
  /** How many columns there are for all. */
  readonly columnCount: number
  /** The value of the sticky cookie that leads to an address; empty where there is none. */
  tokenOf(upstream: UpstreamSnapshot, address: string): string
  /** A name has other addresses now. Not called before `run`. */
  onMoved(added: readonly EndpointPlacement[], removed: readonly EndpointPlacement[]): void
  onEvent(event: EngineEvent): void
}

export class Roster {
  readonly snapshot: UpstreamSnapshot
  readonly entries: Entry[] = []
  /** Endpoints that have come to stay had no room. */
  lacksRoom = false
  readonly #owner: RosterOwner
  readonly #own = new Set<number>()
  /** Changes are told from now on: before that there is nobody to be told. */
  #isRunning = false
  #closed = false

  /** Names of the snapshot need `owner.names` to be there. `before` is the one that it is to follow, if there is one. */
  constructor(snapshot: UpstreamSnapshot, owner: RosterOwner, before: Roster | null) {
    this.snapshot = snapshot
    this.#owner = owner
    const known = before === null ? null : before.#byName()
    try {
      for (const endpoint of snapshot.endpoints) this.enter(endpoint, known?.get(endpoint.name) ?? null)
    } catch (error) {
      this.close()
      owner.leases.retire(this.release(this.placements))
      throw error
    }
  }

  get placements(): readonly EndpointPlacement[] {
    return this.entries.flatMap(entry => entry.placements)
  }

  /** It is in force: those that come from now on begin with slow start. */
  run(): void {
    this.#isRunning = true
  }

  /**
   * It follows `before`, from which it takes what is wanted of endpoints by hand; those that `before` has not got come up
   * just now.
   */
  follow(before: Roster): void {
    const old = before.#byName()
    for (const entry of this.entries) inherit(entry, old.get(entry.endpoint.name) ?? null)
    const known = new Set(before.placements.map(({ column }) => column))
    for (const { column } of this.placements) if (!known.has(column)) this.#comesUp(column)
    this.run()
  }

  /** Of several with one name, the first. */
  #byName(): ReadonlyMap<string, Entry> {
    return new Map(this.entries.toReversed().map(entry => [entry.endpoint.name, entry]))
  }

  /**
   * `old` is what the roster before it has by that name.
   *
   * @throws {TypeError} for a DNS server that is none; then nothing of it stays.
   */
  enter(endpoint: EndpointSnapshot, old: Entry | null = null): Entry {
    const wish: Wish = { weight: null, admin: null }
    const entry: Entry = { endpoint, wish, wishes: new Map(), places: [], placements: [], watch: null }
    inherit(entry, old)
    const { address } = endpoint
    if (isNamed(endpoint) || address.kind === 'srv') {
      if (this.#owner.names !== null) this.watch(entry, this.#owner.names)
      // Until it is looked up anew: what it had last goes on.
      if (old !== null && isSame(old.endpoint.address, address)) this.#place(entry, old.places)
    } else {
      this.#place(entry, [{ address, host: null, weight: null, rank: 0 }])
    }
    this.entries.push(entry)
    return entry
  }

  /** @throws {TypeError} for a DNS server that is none. */
  watch(entry: Entry, names: NameWatch): void {
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
        if (this.#isRunning) this.#owner.onMoved(added, removed)
        else this.#owner.leases.retire(this.release(removed))
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
      const column = known?.column ?? this.#takeColumn(entry, key)
      if (column < 0) {
        refused += 1
        continue
      }
      const placement = this.#placementOf(entry, place, column)
      placements.push(placement)
      if (known === undefined) added.push(placement)
    }
    entry.places = places
    entry.placements = placements
    if (refused > 0) this.#lacks(entry, refused)
    return { added, removed: [...before.values()] }
  }

  #lacks({ endpoint }: Entry, count: number): void {
    this.lacksRoom = true
    if (!isNamed(endpoint)) return
    const error = `${count} of its addresses are left out: there is room for ${this.#owner.columnCount} endpoints in all`
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

  /** -1 when there is none. One that the roster before it has keeps what is known of it. */
  #takeColumn(entry: Entry, address: string): number {
    const { page, leases } = this.#owner
    const { column, isNew } = leases.take(address, this.#own)
    if (column < 0) return column
    this.#own.add(column)
    if (!isNew) return column
    const at = column * ENDPOINT_CELLS
    page.endpointCells[at + ADMIN_STATE] = entry.wishes.get(address)?.admin ?? entry.wish.admin ?? ADMIN_UP
    if (this.snapshot.active?.start === 'unhealthy') page.endpointCells[at + CHECK_STATE] = CHECK_UNHEALTHY
    // Those of the start begin with their whole weight: there is nobody else who could bear the rest.
    if (this.#isRunning) this.#comesUp(column)
    return column
  }

  #comesUp(column: number): void {
    this.#owner.page.endpointCells[column * ENDPOINT_CELLS + UP_SINCE] = stampOf(performance.now()) || 1
  }

  /** They are not where it is any more. Gives the columns that are to be retired once the workers know. */
  release(gone: readonly EndpointPlacement[]): number[] {
    return gone.flatMap(({ column }) => {
      this.#own.delete(column)
      return this.#owner.leases.give(column) ? [column] : []
    })
  }

  leave(entry: Entry): void {
    const at = this.entries.indexOf(entry)
    if (at >= 0) this.entries.splice(at, 1)
    entry.watch?.close()
  }

  /** Nobody watches its names any more. */
  close(): void {
    this.#closed = true
    for (const { watch } of this.entries) watch?.close()
  }
}

/** What is wanted of it by hand is wanted of its successor, but for its weight: that is the configuration's. */
function inherit({ wish, wishes }: Entry, old: Entry | null): void {
  if (old === null) return
  wish.admin = old.wish.admin
  wishes.clear()
  for (const [address, { admin }] of old.wishes) if (admin !== null) wishes.set(address, { weight: null, admin })
}

/** Its addresses are found by asking somebody. */
export function isNamed({ address }: EndpointSnapshot): boolean {
  return address.kind === 'srv' || (address.kind === 'tcp' && isIP(address.host) === 0)
}
