/** The supervisor's account of all upstreams: where their endpoints are, and how they do. */

import type { StatePage } from '../shared/state-page.ts'
import {
  HEDGE_TOKENS,
  HEDGE_TRICKLE_AT,
  RETRY_TOKENS,
  RETRY_TRICKLE_AT,
  UPSTREAM_CELLS,
} from '../shared/upstream-cells.ts'
import type { Snapshot, UpstreamSnapshot } from '../snapshot.ts'
import { Budget } from '../upstream/budget.ts'
import { announceChange } from '../upstream/health/announce.ts'
import type { NameWatch } from '../upstream/names.ts'
import type { EndpointPlacement, UpstreamPlacement } from '../upstream/placement.ts'
import type { EndpointStatus, EngineEvent, UpstreamControl } from './api.ts'
import { isSameUpstream } from './changes.ts'
import { Columns } from './columns.ts'
import type { HealthWatch } from './health-watch.ts'
import { ReloadError } from './reload-error.ts'
import { isNamed } from './roster.ts'
import { openTokens, type Tokens } from './sticky-tokens.ts'
import { type DirectoryOwner, UpstreamDirectory } from './upstream-directory.ts'
import { UpstreamSlots } from './upstream-slots.ts'

/** Milliseconds that names get before the listeners open without those that are not resolved by then. */
const RESOLVE_MS_MAX = 10_000

/** Milliseconds that first checks get before a reload puts their upstream into force all the same. */
const CHECK_MS_MAX = 2000

export interface DirectoryOptions {
  /** Tells all workers where the endpoints of an upstream are; resolves when they know. */
  publish(slot: number, placements: readonly EndpointPlacement[]): Promise<void>
  onEvent(event: EngineEvent): void
}

/** What is to be freed after a reload. */
export interface Leftovers {
  /** Of upstreams that go on: as soon as all workers have taken the new configuration over. */
  retire(): void
  /** Of upstreams that are gone: when no worker knows any of them any more. */
  free(): void
}

export class Directory implements DirectoryOwner {
  readonly page: StatePage
  readonly columns: Columns
  readonly slots: UpstreamSlots
  names: NameWatch | null = null
  readonly #options: DirectoryOptions
  #snapshot: Snapshot
  #tokens: Tokens | null = null
  /** In the order of the snapshot. */
  #upstreams: readonly UpstreamDirectory[] = []
  /** In the order of a snapshot that is being made ready; `null` where there is none. */
  #next: readonly UpstreamDirectory[] | null = null
  /** By slot; none for those whose endpoints only requests judge. */
  readonly #health = new Map<number, HealthWatch>()
  /** Of endpoints that come with a configuration that is being made ready, to upstreams that serve already. */
  readonly #arriving = new Set<HealthWatch>()
  #HealthWatch: typeof HealthWatch | null = null
  #closed = false

  constructor(snapshot: Snapshot, page: StatePage, options: DirectoryOptions) {
    this.#snapshot = snapshot
    this.page = page
    this.#options = options
    this.columns = new Columns(page)
    this.slots = new UpstreamSlots(page)
  }

  /** Finds out where all endpoints are; those whose names do not resolve are told of, and come later. */
  async open(): Promise<void> {
    const { upstreams, generation } = this.#snapshot
    await this.#load(upstreams)
    this.#upstreams = upstreams.map(upstream => this.#enter(upstream, generation))
    await this.names?.resolveAll(RESOLVE_MS_MAX)
    for (const upstream of this.#upstreams) this.#run(upstream)
  }

  /** What only some upstreams need is imported with the first of them: it is memory that most have no use for. */
  async #load(upstreams: readonly UpstreamSnapshot[]): Promise<void> {
    this.#tokens ??= await openTokens(upstreams)
    if (upstreams.some(({ endpoints }) => endpoints.some(isNamed))) await this.loadNames()
    if (upstreams.some(isWatched)) this.#HealthWatch = (await import('./health-watch.ts')).HealthWatch
  }

  async loadNames(): Promise<NameWatch> {
    const { NameWatch } = await import('../upstream/names.ts')
    this.names ??= new NameWatch()
    if (this.#closed) this.names.close()
    return this.names
  }

  #enter(upstream: UpstreamSnapshot, since: number): UpstreamDirectory {
    const slot = this.slots.take()
    if (slot < 0) {
      throw new ReloadError(
        'no_room',
        `no room for the upstream ${upstream.name}: there is room for ${this.slots.count}, those counted that are gone and still busy`,
      )
    }
    this.#fillRetries(upstream, slot)
    this.#fillHedges(upstream, slot)
    try {
      return new UpstreamDirectory(upstream, slot, this, since)
    } catch (error) {
      this.slots.give(slot)
      throw error
    }
  }

  #fillRetries({ retry }: UpstreamSnapshot, slot: number): void {
    const base = slot * UPSTREAM_CELLS
    new Budget(this.page.upstreamCells, base + RETRY_TOKENS, base + RETRY_TRICKLE_AT, retry.budget).fill()
  }

  #fillHedges({ hedge }: UpstreamSnapshot, slot: number): void {
    if (hedge === null) return
    const base = slot * UPSTREAM_CELLS
    new Budget(this.page.upstreamCells, base + HEDGE_TOKENS, base + HEDGE_TRICKLE_AT, hedge.budget).fill()
  }

  /** It is in force, for the first time or anew: whoever watches its health follows. */
  #run(upstream: UpstreamDirectory): void {
    const { slot, snapshot } = upstream
    const known = this.#health.get(slot)
    if (!isWatched(snapshot)) {
      known?.release()
      this.#health.delete(slot)
    } else if (known !== undefined) {
      known.configure(snapshot)
    } else {
      this.#watch(upstream)
    }
    upstream.run()
  }

  #watch({ slot, snapshot }: UpstreamDirectory): HealthWatch | null {
    if (this.#HealthWatch === null) return null
    const watch = new this.#HealthWatch(snapshot, slot, this.page, event => this.onEvent(event))
    this.#health.set(slot, watch)
    return watch
  }

  /**
   * Makes the upstreams of another snapshot ready beside those in force: slots, columns, names (as far as they resolve in
   * time), until `adopt` or `abandon`. Nothing of what is in force is touched.
   *
   * @throws {ReloadError} where there is no room; then nothing stays of it.
   */
  async prepare(snapshot: Snapshot): Promise<void> {
    const known = new Map(this.#upstreams.map(upstream => [upstream.snapshot.name, upstream]))
    const touched = snapshot.upstreams.filter(upstream => {
      const before = known.get(upstream.name)?.snapshot
      return before === undefined || !isSameUpstream(before, upstream)
    })
    const isTouched = new Set(touched)
    await this.#load(touched)
    const next: UpstreamDirectory[] = []
    this.#next = next
    try {
      for (const upstream of snapshot.upstreams) {
        const before = known.get(upstream.name)
        if (before !== undefined && isTouched.has(upstream)) before.prepare(upstream)
        next.push(before ?? this.#enter(upstream, snapshot.generation))
      }
      await this.names?.resolveAll(RESOLVE_MS_MAX)
      this.#assertRoom(next, touched)
      await this.#checkNew(next, snapshot)
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  /** Endpoints that have to be found well first: requests will come at once. */
  async #checkNew(next: readonly UpstreamDirectory[], { upstreams }: Snapshot): Promise<void> {
    const inForce = new Set(this.#upstreams)
    const ill = next.flatMap((upstream, index) => {
      const settings = upstreams[index] as UpstreamSnapshot
      return settings.active?.start === 'unhealthy' ? [{ upstream, settings }] : []
    })
    await Promise.all(
      ill.map(({ upstream, settings }) =>
        inForce.has(upstream) ? this.#checkArrivals(upstream, settings) : this.#checkAll(upstream),
      ),
    )
  }

  async #checkAll(upstream: UpstreamDirectory): Promise<void> {
    const watch = this.#watch(upstream)
    watch?.follow(upstream.placements)
    await watch?.checkedOnce(CHECK_MS_MAX)
  }

  /** Its others are watched by what is in force, which takes these over later. */
  async #checkArrivals(upstream: UpstreamDirectory, settings: UpstreamSnapshot): Promise<void> {
    const { arrivals, slot } = upstream
    if (arrivals.length === 0 || this.#HealthWatch === null) return
    const unjudged = { ...settings, passive: null }
    const watch = new this.#HealthWatch(unjudged, slot, this.page, event => this.onEvent(event))
    this.#arriving.add(watch)
    watch.follow(arrivals)
    await watch.checkedOnce(CHECK_MS_MAX)
    watch.close()
    this.#arriving.delete(watch)
  }

  #assertRoom(next: readonly UpstreamDirectory[], touched: readonly UpstreamSnapshot[]): void {
    const names = new Set(touched.map(({ name }) => name))
    const full = next.find(upstream => names.has(upstream.snapshot.name) && upstream.lacksRoom)
    if (full === undefined) return
    throw new ReloadError(
      'no_room',
      `no room for the endpoints of the upstream ${full.snapshot.name}: there is room for ${this.columns.count} in all, those counted that are gone and still busy`,
    )
  }

  /** The snapshot that was made ready is given up. */
  abandon(): void {
    const next = this.#next
    this.#next = null
    if (next === null) return
    const inForce = new Set(this.#upstreams)
    for (const upstream of next) {
      upstream.abandon()
      if (inForce.has(upstream)) continue
      // No worker has ever served it.
      this.#health.get(upstream.slot)?.close()
      this.#health.delete(upstream.slot)
      upstream.retire(upstream.dissolve())
      this.slots.give(upstream.slot)
    }
    for (const upstream of this.#upstreams) upstream.abandon()
  }

  /** The snapshot that was made ready is in force. */
  adopt(snapshot: Snapshot): Leftovers {
    const next = this.#next ?? []
    const stays = new Set(next)
    const gone = this.#upstreams.filter(upstream => !stays.has(upstream))
    const kept = new Set(this.#upstreams)
    const { generation } = snapshot
    this.#snapshot = snapshot
    this.#upstreams = next
    this.#next = null
    const retired = next.map(upstream => {
      if (!kept.has(upstream)) this.#run(upstream)
      return { upstream, columns: upstream.isPrepared ? this.#follow(upstream, generation) : [] }
    })
    const dissolved = gone.map(upstream => ({ upstream, columns: this.#dissolve(upstream) }))
    return {
      retire: () => {
        for (const { upstream, columns } of retired) upstream.retire(columns)
      },
      free: () => {
        for (const { upstream, columns } of dissolved) {
          upstream.retire(columns)
          this.slots.give(upstream.slot)
        }
      },
    }
  }

  #follow(upstream: UpstreamDirectory, generation: number): number[] {
    const before = upstream.snapshot
    const columns = upstream.adopt(generation)
    if (before.hedge === null) this.#fillHedges(upstream.snapshot, upstream.slot)
    this.#run(upstream)
    announceChange(this.page, upstream.slot)
    return columns
  }

  #dissolve(upstream: UpstreamDirectory): number[] {
    this.#health.get(upstream.slot)?.close()
    this.#health.delete(upstream.slot)
    return upstream.dissolve()
  }

  /** Where the upstreams of the snapshot in force are, in its order. */
  get placements(): readonly UpstreamPlacement[] {
    return this.#upstreams.map(upstream => upstream.placement)
  }

  /** The same for the snapshot that is being made ready, which is to be that generation. */
  nextPlacements(generation: number): readonly UpstreamPlacement[] {
    return (this.#next ?? []).map(upstream => upstream.nextPlacement(generation))
  }

  endpoints(): readonly EndpointStatus[] {
    return this.#upstreams.flatMap(upstream => upstream.endpoints())
  }

  upstream(name: string): UpstreamControl {
    const found = this.#upstreams.find(({ snapshot }) => snapshot.name === name)
    if (found !== undefined) return found
    const known = this.#snapshot.upstreams.map(upstream => upstream.name).join(', ')
    throw new RangeError(`there is no upstream ${name}; there is ${known || 'none'}`)
  }

  tokenOf(upstream: UpstreamSnapshot, address: string): string {
    return this.#tokens?.of(upstream, address) ?? ''
  }

  publish(slot: number, placements: readonly EndpointPlacement[]): Promise<void> {
    return this.#options.publish(slot, placements)
  }

  onPlaced(slot: number, placements: readonly EndpointPlacement[]): void {
    this.#health.get(slot)?.follow(placements)
  }

  onEvent(event: EngineEvent): void {
    this.#options.onEvent(event)
  }

  close(): void {
    this.#closed = true
    this.names?.close()
    this.columns.close()
    for (const upstream of new Set([...this.#upstreams, ...(this.#next ?? [])])) upstream.close()
    for (const health of [...this.#health.values(), ...this.#arriving]) health.close()
  }
}

/** The supervisor has a part in the health of its endpoints. */
function isWatched({ active, passive }: UpstreamSnapshot): boolean {
  return active !== null || (passive !== null && passive.successRate !== null)
}
