/**
 * A named upstream of one worker: its endpoints in groups, and which of them a request goes to. What it knows of their
 * load and health is what all workers know: it lies in the state page.
 */
import type { NetContext } from '../net/connection.ts'
import { stampOf } from '../shared/clock.ts'
import {
  ADMIN_DOWN,
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_HEALTHY,
  CHECK_STATE,
  PASSIVE_STATE,
  PASSIVE_UP,
} from '../shared/endpoint-cells.ts'
import {
  EPOCH,
  HEDGE_TOKENS,
  HEDGE_TRICKLE_AT,
  RETRY_TOKENS,
  RETRY_TRICKLE_AT,
  UPSTREAM_CELLS,
} from '../shared/upstream-cells.ts'
import type { UpstreamSnapshot } from '../snapshot.ts'
import { Admission } from './admission.ts'
import { hashOf } from './balancers/key-hash.ts'
import { Budget } from './budget.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { Endpoint, type SharedState, upstreamCircuit } from './endpoint.ts'
import { UpstreamTls } from './endpoint-tls.ts'
import { Group } from './group.ts'
import type { Circuit } from './health/circuit.ts'
import { EndpointHealth, type HealthListener } from './health/endpoint-health.ts'
import { LatencyWindow } from './latency-window.ts'
import type { EndpointPlacement, UpstreamPlacement } from './placement.ts'
import { Room } from './room.ts'
import { Sticky } from './sticky.ts'

/** How much more than their share the healthy ones of a group are trusted to bear, as Envoy has it. */
const OVERPROVISIONING = 1.4

/** What keys choose their group by is not what they choose an endpoint by. */
const GROUP_SEED = 0x67726f75

/** Why `choose` has found nobody. */
export type Lack =
  /** Nobody may be chosen. */
  | 'none'
  /** Some of those that may are at their limit on connections. */
  | 'full'

export interface UpstreamOptions {
  readonly snapshot: UpstreamSnapshot
  readonly placement: UpstreamPlacement
  readonly shared: SharedState
  readonly context: NetContext
  readonly onHealth: HealthListener
}

export class Upstream {
  readonly name: string
  /** Its place among the upstreams of the state page. */
  readonly slot: number
  /** The generation that has brought these settings. */
  readonly since: number
  readonly settings: UpstreamSnapshot
  readonly retryBudget: Budget
  readonly hedgeBudget: Budget | null
  readonly health: EndpointHealth
  /** Of the upstream as a whole. */
  readonly circuit: Circuit | null
  readonly admission: Admission
  readonly room: Room
  /** Times to the first byte, for hedging after the 95th percentile; `null` where nobody asks. */
  readonly firstBytes: LatencyWindow | null
  /** Its balancer goes by how fast endpoints are: others are spared the writing to cells that all workers read. */
  readonly isTimed: boolean
  /** Somebody learns from how long tries take: they are timed from their own beginning. */
  readonly isMeasured: boolean
  sticky: Sticky | null = null
  placements: readonly EndpointPlacement[] = []
  endpoints: readonly Endpoint[] = []
  /** It is of an earlier generation: what runs here ends, and keeps no connection. */
  isRetired = false
  /** Why the last `choose` gave `null`. */
  lack: Lack = 'none'
  readonly #shared: SharedState
  readonly #context: NetContext
  readonly #tls: UpstreamTls | null
  readonly #epochCell: number
  #groups: readonly Group[] = []
  /** The one group that serves; `null` where several share the requests. */
  #only: Group | null = null
  /** Where several do: the share of the requests up to and with each group. */
  #shares: number[] = []
  #epoch = -1
  #nextChangeAtMs = 0

  constructor(options: UpstreamOptions) {
    const { snapshot, shared, context } = options
    const { slot, since, endpoints } = options.placement
    const { page, row } = shared
    this.name = snapshot.name
    this.slot = slot
    this.since = since
    this.settings = snapshot
    this.#shared = shared
    this.#context = context
    this.#tls = snapshot.tls === null ? null : new UpstreamTls(snapshot.tls)
    const base = slot * UPSTREAM_CELLS
    this.#epochCell = base + EPOCH
    const cells = page.upstreamCells
    this.retryBudget = new Budget(cells, base + RETRY_TOKENS, base + RETRY_TRICKLE_AT, snapshot.retry.budget)
    const { hedge, adaptiveConcurrency } = snapshot
    this.hedgeBudget =
      hedge === null ? null : new Budget(cells, base + HEDGE_TOKENS, base + HEDGE_TRICKLE_AT, hedge.budget)
    this.firstBytes = hedge !== null && hedge.afterMs === 0 ? new LatencyWindow() : null
    this.isTimed = isTimed(snapshot)
    this.circuit = upstreamCircuit(snapshot.circuitBreaker, shared, slot)
    this.health = new EndpointHealth(snapshot, slot, page, row, options.onHealth)
    const concurrency = adaptiveConcurrency === null ? null : new ConcurrencyLimit(adaptiveConcurrency)
    this.isMeasured =
      this.isTimed || this.firstBytes !== null || concurrency !== null || snapshot.circuitBreaker !== null
    const { circuit, retryBudget, hedgeBudget } = this
    this.admission = new Admission({ circuit, concurrency, retryBudget, hedgeBudget, workers: page.rows.length })
    this.room = new Room(snapshot.queue, slot, shared, context)
    this.update(endpoints)
  }

  /** Makes what its connections are encrypted by ready. @throws {Error} where OpenSSL can make nothing of it. */
  openTls(): void {
    try {
      this.#tls?.open()
    } catch (error) {
      const { message } = error as Error
      throw new Error(`upstream ${this.name}: its certificates or keys cannot be used: ${message}`)
    }
  }

  /** Takes over where its endpoints are now. Those that go are left to what runs on them. */
  update(placements: readonly EndpointPlacement[]): void {
    this.placements = placements
    const known = new Map(this.endpoints.map(endpoint => [endpoint.column, endpoint]))
    this.endpoints = placements.map(placement => {
      const endpoint = known.get(placement.column) ?? this.#open(placement)
      known.delete(placement.column)
      endpoint.weight = placement.weight
      endpoint.priority = placement.priority
      endpoint.host = placement.host
      endpoint.permits.max = placement.connectionsMax
      return endpoint
    })
    for (const gone of known.values()) {
      gone.isGone = true
      gone.pool.close()
    }
    if (this.isRetired) this.close()
    this.health.setEndpoints(this.endpoints)
    this.#groups = groupsOf(this.endpoints).map(group => new Group(group, this.settings, this.#shared))
    this.sticky = this.settings.sticky === null ? null : new Sticky(this.settings.sticky, this.endpoints)
    // At once, and not with the next request: an origin that is drained is to be rid of connections that nobody uses.
    this.#refresh(this.#shared.page.upstreamCells[this.#epochCell] as number, performance.now())
    this.room.setEndpoints(this.endpoints)
  }

  #open(placement: EndpointPlacement): Endpoint {
    return new Endpoint(placement, this.settings, this.#shared, this.#context, this.room, this.#tls)
  }

  /** Looks again at who may be chosen, where something has changed. @hotpath */
  #sync(nowMs: number): void {
    const epoch = this.#shared.page.upstreamCells[this.#epochCell] as number
    if (epoch !== this.#epoch || nowMs >= this.#nextChangeAtMs) this.#refresh(epoch, nowMs)
  }

  #refresh(epoch: number, nowMs: number): void {
    this.#epoch = epoch
    const stamp = stampOf(nowMs)
    let nextChangeMs = Number.POSITIVE_INFINITY
    for (const group of this.#groups) {
      group.refresh(stamp)
      nextChangeMs = Math.min(nextChangeMs, group.nextChangeMs)
    }
    this.#closeIdleOfDrained()
    this.#nextChangeAtMs = nowMs + nextChangeMs
    this.#divide()
  }

  /** An origin that is about to stop need not wait for connections that nobody uses. */
  #closeIdleOfDrained(): void {
    const { endpointCells } = this.#shared.page
    for (const { cells, pool } of this.endpoints) {
      if (endpointCells[cells + ADMIN_STATE] !== ADMIN_UP) pool.closeIdle(pool.idleCount)
    }
  }

  /** Which groups serve: the first as far as its healthy part can bear it, then the next; the backups when nobody else is left. */
  #divide(): void {
    const shares: number[] = []
    let sum = 0
    for (const group of this.#groups) {
      const rest = 1 - sum
      if (!group.isBackup || sum === 0) sum += Math.min(rest, group.hasAvailable ? group.health * OVERPROVISIONING : 0)
      shares.push(sum)
    }
    this.#shares = sum === 0 ? shares : shares.map(share => share / sum)
    const serving = this.#groups.filter((_, index) => (this.#shares[index] as number) > (this.#shares[index - 1] ?? 0))
    this.#only = serving.length === 1 ? (serving[0] as Group) : null
  }

  /**
   * An endpoint for a request, or `null`: then `lack` says why. `tried` are those that it has been to; `key` as in
   * `Balancer.pick`. @hotpath
   */
  choose(key: string, tried: ReadonlySet<Endpoint> | null, nowMs: number): Endpoint | null {
    this.#sync(nowMs)
    this.lack = 'none'
    this.health.entry = 0
    const first = this.#only ?? this.#groupByShare(key)
    if (first === null) return null
    const endpoint = this.#chooseIn(first, key, tried, nowMs)
    return endpoint ?? this.#chooseElsewhere(first, key, tried, nowMs)
  }

  /** Requests with a key stay in one group, as they stay at one endpoint. */
  #groupByShare(key: string): Group | null {
    const chance = key === '' ? Math.random() : (hashOf(key, GROUP_SEED) >>> 0) / 2 ** 32
    // Rounding may leave the last share just below 1.
    const draw = chance * (this.#shares.at(-1) ?? 0)
    const index = this.#shares.findIndex(share => draw < share)
    return this.#groups[index] ?? null
  }

  #chooseElsewhere(but: Group, key: string, tried: ReadonlySet<Endpoint> | null, nowMs: number): Endpoint | null {
    for (const group of this.#groups) {
      if (group === but || !group.hasAvailable) continue
      const endpoint = this.#chooseIn(group, key, tried, nowMs)
      if (endpoint !== null) return endpoint
    }
    return null
  }

  /** @hotpath */
  #chooseIn(group: Group, key: string, tried: ReadonlySet<Endpoint> | null, nowMs: number): Endpoint | null {
    const { balancer, endpoints } = group
    let excluded = tried === null ? null : exclusionOf(endpoints, tried)
    let knowsFull = false
    for (;;) {
      const place = balancer.pick(key, excluded, nowMs)
      if (place < 0) return null
      const endpoint = endpoints[place] as Endpoint
      const hasRoom = endpoint.permits.max === 0 || this.#hasRoom(endpoint)
      if (hasRoom && (!endpoint.gated || this.health.enter(endpoint, stampOf(nowMs)))) return endpoint
      excluded ??= new Uint8Array(endpoints.length)
      excluded[place] = 1
      if (hasRoom || knowsFull) continue
      // All that are full at once: one after the other would take a pick for each.
      knowsFull = true
      this.#excludeFull(endpoints, excluded)
    }
  }

  #hasRoom(endpoint: Endpoint): boolean {
    if (!endpoint.permits.isFull || endpoint.pool.hasSpare) return true
    this.lack = 'full'
    return false
  }

  #excludeFull(endpoints: readonly Endpoint[], excluded: Uint8Array): void {
    for (const [place, endpoint] of endpoints.entries()) {
      if (endpoint.permits.max > 0 && !this.#hasRoom(endpoint)) excluded[place] = 1
    }
  }

  /** What `choose` has given last is not used. */
  unchoose(endpoint: Endpoint): void {
    const { health } = this
    health.leave(endpoint, health.entry, stampOf(performance.now()))
    health.entry = 0
  }

  /** Whether a session that belongs to the endpoint may go on there: draining does not end it. */
  keepsSession(endpoint: Endpoint): boolean {
    return (
      !endpoint.isGone &&
      this.#shared.page.endpointCells[endpoint.cells + ADMIN_STATE] !== ADMIN_DOWN &&
      this.#isWell(endpoint) &&
      endpoint.circuit?.isClosed !== false &&
      (endpoint.permits.max === 0 || this.#hasRoom(endpoint))
    )
  }

  /** Neither do active checks fail, nor is it ejected. */
  #isWell({ cells }: Endpoint): boolean {
    const { endpointCells } = this.#shared.page
    if (endpointCells[cells + CHECK_STATE] !== CHECK_HEALTHY) return false
    return this.settings.passive === null || endpointCells[cells + PASSIVE_STATE] === PASSIVE_UP
  }

  /**
   * Milliseconds until a circuit lets a request through again, where `choose` has found nobody because of the circuits of
   * endpoints; -1 where they are not what stands in the way.
   */
  circuitLeftMs(nowMs: number): number {
    const { endpointCells } = this.#shared.page
    const stamp = stampOf(nowMs)
    const left = this.endpoints
      .filter(endpoint => endpointCells[endpoint.cells + ADMIN_STATE] === ADMIN_UP && this.#isWell(endpoint))
      .flatMap(({ circuit }) => (circuit === null || circuit.isClosed ? [] : Math.max(0, circuit.leftMs(stamp))))
    return left.length === 0 ? -1 : Math.min(...left)
  }

  /** Whether an endpoint that is not among `tried` may be chosen. */
  hasOther(tried: ReadonlySet<Endpoint>, nowMs: number): boolean {
    this.#sync(nowMs)
    return this.#groups.some(({ endpoints, members }) =>
      endpoints.some((endpoint, place) => members.available[place] === 1 && !tried.has(endpoint)),
    )
  }

  /**
   * Of several endpoints no more than one may be chosen, the one that is kept because it is the last; those that are yet to
   * show whether they are back do not count.
   */
  isDown(nowMs: number): boolean {
    this.#sync(nowMs)
    const isUp = ({ gated }: Endpoint, isAvailable: number | undefined) => isAvailable === 1 && !gated
    const up = this.#groups.reduce(
      (sum, { endpoints, members }) =>
        sum + endpoints.filter((endpoint, place) => isUp(endpoint, members.available[place])).length,
      0,
    )
    return this.endpoints.length > 1 && up <= 1
  }

  /** Lets go of idle connections, now and as they become idle. */
  close(): void {
    for (const { pool } of this.endpoints) pool.close()
  }

  /** Another generation is in force, in which it is another one or gone: what runs here ends here. */
  retire(): void {
    this.isRetired = true
    this.close()
    this.room.wake()
  }
}

function isTimed({ balance, measure }: UpstreamSnapshot): boolean {
  if (balance === 'power_of_two') return measure !== 'connections'
  return balance === 'least_time' || balance === 'peak_ewma'
}

function exclusionOf(endpoints: readonly Endpoint[], tried: ReadonlySet<Endpoint>): Uint8Array {
  return Uint8Array.from(endpoints, endpoint => (tried.has(endpoint) ? 1 : 0))
}

/** By priority, the backups last. */
function groupsOf(endpoints: readonly Endpoint[]): Endpoint[][] {
  const groups = new Map<number, Endpoint[]>()
  for (const endpoint of endpoints) {
    const rank = endpoint.backup ? Number.POSITIVE_INFINITY : endpoint.priority
    const group = groups.get(rank)
    if (group === undefined) groups.set(rank, [endpoint])
    else group.push(endpoint)
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group)
}
