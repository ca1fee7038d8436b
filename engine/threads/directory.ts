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
import { NameWatch } from '../upstream/names.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import type { EndpointStatus, EngineEvent, UpstreamControl } from './api.ts'
import { Columns } from './columns.ts'
import { HealthWatch } from './health-watch.ts'
import { openTokens, type Tokens } from './sticky-tokens.ts'
import { type DirectoryOwner, UpstreamDirectory } from './upstream-directory.ts'

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
  readonly names = new NameWatch()
  readonly #snapshot: Snapshot
  readonly #options: DirectoryOptions
  #tokens: Tokens | null = null
  #upstreams: readonly UpstreamDirectory[] = []
  #health: readonly HealthWatch[] = []

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
    this.#upstreams = upstreams.map((upstream, index) => new UpstreamDirectory(upstream, index, this))
    this.#health = upstreams.map(
      (upstream, index) => new HealthWatch(upstream, index, this.page, event => this.onEvent(event)),
    )
    for (const [index, upstream] of upstreams.entries()) this.#fillBudgets(upstream, index * UPSTREAM_CELLS)
    await this.names.resolveAll(RESOLVE_MS_MAX)
    for (const upstream of this.#upstreams) upstream.run()
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
    this.names.close()
    this.columns.close()
    for (const upstream of this.#upstreams) upstream.close()
    for (const health of this.#health) health.close()
  }
}
