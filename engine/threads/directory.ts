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
import type { NameWatch } from '../upstream/names.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { EndpointStatus, EngineEvent, UpstreamControl } from './api.ts'
import { Columns } from './columns.ts'
import type { HealthWatch } from './health-watch.ts'
import { openTokens, type Tokens } from './sticky-tokens.ts'
import { type DirectoryOwner, isNamed, UpstreamDirectory } from './upstream-directory.ts'

/** Milliseconds that names get before the listeners open without those that are not resolved by then. */
const RESOLVE_MS_MAX = 10_000

export interface DirectoryOptions {
  /** Tells all workers where the endpoints of an upstream are; resolves when they know. */
  publish(upstream: number, placements: readonly EndpointPlacement[]): Promise<void>
  onEvent(event: EngineEvent): void
}

export class Directory implements DirectoryOwner {
  readonly page: StatePage
  readonly columns: Columns
  names: NameWatch | null = null
  readonly #snapshot: Snapshot
  readonly #options: DirectoryOptions
  #tokens: Tokens | null = null
  #upstreams: readonly UpstreamDirectory[] = []
  /** By upstream; `null` for those whose endpoints only requests judge. */
  #health: readonly (HealthWatch | null)[] = []
  #closed = false

  constructor(snapshot: Snapshot, page: StatePage, options: DirectoryOptions) {
    this.#snapshot = snapshot
    this.page = page
    this.#options = options
    this.columns = new Columns(page)
  }

  /** Finds out where all endpoints are; those whose names do not resolve are told of, and come later. */
  async open(): Promise<void> {
    const { upstreams } = this.#snapshot
    this.#tokens = await openTokens(upstreams)
    if (upstreams.some(({ endpoints }) => endpoints.some(isNamed))) await this.loadNames()
    if (upstreams.some(isWatched)) this.#health = await this.#openHealth()
    this.#upstreams = upstreams.map((upstream, index) => new UpstreamDirectory(upstream, index, this))
    for (const [index, upstream] of upstreams.entries()) this.#fillBudgets(upstream, index * UPSTREAM_CELLS)
    await this.names?.resolveAll(RESOLVE_MS_MAX)
    for (const upstream of this.#upstreams) upstream.run()
  }

  /** What looks names up is imported with the first of them: it is memory that most have no use for. */
  async loadNames(): Promise<NameWatch> {
    const { NameWatch } = await import('../upstream/names.ts')
    this.names ??= new NameWatch()
    if (this.#closed) this.names.close()
    return this.names
  }

  /** The same goes for active checks. */
  async #openHealth(): Promise<(HealthWatch | null)[]> {
    const { HealthWatch } = await import('./health-watch.ts')
    const onEvent = (event: EngineEvent): void => this.onEvent(event)
    return this.#snapshot.upstreams.map((upstream, index) =>
      isWatched(upstream) ? new HealthWatch(upstream, index, this.page, onEvent) : null,
    )
  }

  #fillBudgets({ retry, hedge }: UpstreamSnapshot, base: number): void {
    const cells = this.page.upstreamCells
    new Budget(cells, base + RETRY_TOKENS, base + RETRY_TRICKLE_AT, retry.budget).fill()
    if (hedge !== null) new Budget(cells, base + HEDGE_TOKENS, base + HEDGE_TRICKLE_AT, hedge.budget).fill()
  }

  get placements(): readonly (readonly EndpointPlacement[])[] {
    return this.#upstreams.map(upstream => upstream.placements)
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

  publish(upstream: number, placements: readonly EndpointPlacement[]): Promise<void> {
    return this.#options.publish(upstream, placements)
  }

  onPlaced(upstream: number, placements: readonly EndpointPlacement[]): void {
    this.#health[upstream]?.follow(placements)
  }

  onEvent(event: EngineEvent): void {
    this.#options.onEvent(event)
  }

  close(): void {
    this.#closed = true
    this.names?.close()
    this.columns.close()
    for (const upstream of this.#upstreams) upstream.close()
    for (const health of this.#health) health?.close()
  }
}

/** The supervisor has a part in the health of its endpoints. */
function isWatched({ active, passive }: UpstreamSnapshot): boolean {
  return active !== null || (passive !== null && passive.successRate !== null)
}
