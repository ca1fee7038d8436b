/**
 * The data plane of one thread: the sockets that accept, and the generations that they serve.
 *
 *     prepare ──ready──▶ prepared ──commit──▶ in force ──another is committed──▶ retired ──nothing runs on it──▶ gone
 *        │                  │
 *        └──── abort ───────┴─────▶ gone, with the sockets that it has opened
 */

import { Challenges } from '../exchange/challenges.ts'
import { Generation, type ListenerRoutes } from '../exchange/generation.ts'
import { RequestIds } from '../exchange/request-id.ts'
import type { WorkerContext } from '../exchange/worker-context.ts'
import { slots } from '../http1/llhttp.ts'
import { TimerWheel } from '../net/timer-wheel.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'
import { TicketKeys } from '../net/tls/ticket-keys.ts'
import { prepareRegexes } from '../routing/regex.ts'
import type { StatePage, StateRow } from '../shared/state-page.ts'
import type { Address, ChallengesSnapshot, RouteSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import type { EndpointPlacement, UpstreamPlacement } from '../upstream/placement.ts'
import type { EngineEvent, WorkerHooks } from './api.ts'
import { Door } from './door.ts'
import { openTls, prepareTls } from './listener-tls.ts'
import type { GenerationPlan } from './messages.ts'

/** Milliseconds between two looks at whether the last exchange has ended. */
const DRAIN_POLL_MS = 20

export interface DataPlaneOptions {
  readonly worker: number
  readonly page: StatePage
  readonly hooks: WorkerHooks
  /** Other workers listen on the same addresses. */
  readonly reusePort: boolean
  readonly onEvent: (event: EngineEvent) => void
  /** Nothing runs any more on generations before that one. */
  readonly onOldest?: (generation: number) => void
}

/** A generation that is not in force yet. */
interface Prepared {
  readonly plan: GenerationPlan
  readonly generation: Generation
  /** Those of its sockets that are new. */
  readonly doors: ReadonlyMap<number, Door>
  /** By listener. */
  readonly tls: readonly (ServerTls | null)[]
}

/** What has come of a generation before the order to make it ready. */
interface Received {
  readonly routes: readonly RouteSnapshot[]
  readonly upstreams: readonly UpstreamSnapshot[]
  readonly placements: readonly UpstreamPlacement[]
}

const NOTHING: Received = { routes: [], upstreams: [], placements: [] }

export class DataPlane {
  readonly #options: DataPlaneOptions
  readonly #context: WorkerContext
  readonly #ticketKeys = new TicketKeys()
  /** By socket. */
  #doors: ReadonlyMap<number, Door> = new Map()
  /** Those that accept no more, as long as they have connections. */
  readonly #closing = new Set<Door>()
  #generation: Generation | null = null
  /** Earlier ones that something still runs on. */
  readonly #retired = new Set<Generation>()
  #prepared: Prepared | null = null
  /** Rises with each generation that is made ready, or given up: what is being made ready is wanted as long as it is the same. */
  #turn = 0
  /** Of the generation that is to be made ready next, what has come so far. */
  #received: Received = NOTHING
  #stopping = false
  /** What has moved before there was a generation. */
  readonly #moved = new Map<number, readonly EndpointPlacement[]>()

  constructor(options: DataPlaneOptions) {
    this.#options = options
    const { page, worker, hooks } = options
    const row = page.rows[worker] as StateRow
    this.#context = {
      net: { slots, wheel: new TimerWheel(), onFault: error => this.#fault(error) },
      row,
      shared: { page, row },
      requestIds: new RequestIds(),
      challenges: new Challenges(),
      onExchange: hooks.onExchange,
    }
  }

  #fault(error: unknown): void {
    const { worker, onEvent } = this.#options
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    onEvent({ kind: 'connection_fault', worker, error: message, stack: stack ?? '' })
  }

  /** The first generation: prepared and in force. Rejects with `ListenError`. */
  async start(plan: GenerationPlan): Promise<(Address | null)[]> {
    const addresses = await this.prepare(plan)
    this.commit(plan.snapshot.generation, [])
    for (const [slot, placements] of this.#moved) this.place(slot, placements)
    this.#moved.clear()
    return addresses
  }

  /** Routes of the generation that `prepare` makes ready, before those of its snapshot. */
  receiveRoutes(more: readonly RouteSnapshot[]): void {
    const { routes } = this.#received
    this.#received = { ...this.#received, routes: [...routes, ...more] }
  }

  /** The same for its upstreams. */
  receiveUpstreams(more: readonly UpstreamSnapshot[], theirPlacements: readonly UpstreamPlacement[]): void {
    const { upstreams, placements } = this.#received
    this.#received = {
      ...this.#received,
      upstreams: [...upstreams, ...more],
      placements: [...placements, ...theirPlacements],
    }
  }

  /**
   * Makes a generation ready beside the one in force, and opens the sockets that are new, without serving by it. Gives where
   * its listeners are; `null` for those that another worker has. Rejects, with `ListenError` where that is the reason, and
   * then nothing of it stays.
   */
  async prepare(plan: GenerationPlan): Promise<(Address | null)[]> {
    this.#turn += 1
    const turn = this.#turn
    const { routes, upstreams, placements } = this.#received
    this.#received = NOTHING
    const snapshot = {
      ...plan.snapshot,
      routes: [...routes, ...plan.snapshot.routes],
      upstreams: [...upstreams, ...plan.snapshot.upstreams],
    }
    await prepareRegexes(snapshot)
    await prepareTls(snapshot)
    this.setTicketSecrets(plan.ticketSecrets)
    const { shared, net } = this.#context
    const { onEvent } = this.#options
    const generation = await Generation.build({
      snapshot,
      placements: [...placements, ...plan.upstreams],
      before: this.#generation,
      shared,
      context: net,
      onHealth: (upstream, endpoint, change, reason) =>
        onEvent({ kind: 'endpoint_health', upstream, endpoint, change, reason }),
    })
    for (const upstream of generation.upstreams) upstream.openTls()
    const tls = snapshot.listeners.map((listener, index) =>
      openTls(listener, this.#ticketKeys, this.#doors.get(plan.sockets[index]?.socket ?? -1)?.tls ?? null),
    )
    const doors = new Map<number, Door>()
    try {
      const addresses = await this.#openDoors(plan, generation, doors)
      if (this.#turn !== turn || this.#stopping) throw new Error('it was given up meanwhile')
      this.#prepared = { plan, generation, doors, tls }
      return addresses
    } catch (error) {
      for (const door of doors.values()) door.close()
      throw error
    }
  }

  async #openDoors(
    { sockets }: GenerationPlan,
    generation: Generation,
    opened: Map<number, Door>,
  ): Promise<(Address | null)[]> {
    const addresses: (Address | null)[] = []
    for (const [index, routes] of generation.listeners.entries()) {
      const plan = sockets[index]
      if (plan === undefined || (plan.worker >= 0 && plan.worker !== this.#options.worker)) {
        addresses.push(null)
        continue
      }
      const known = this.#doors.get(plan.socket)
      if (known !== undefined) {
        addresses.push(known.address)
        continue
      }
      const door = this.#newDoor(routes)
      opened.set(plan.socket, door)
      addresses.push(await door.open(plan.address, this.#options.reusePort))
    }
    return addresses
  }

  #newDoor(routes: ListenerRoutes): Door {
    const { worker, onEvent } = this.#options
    return new Door(routes, {
      context: this.#context,
      onFull: (listener, limit) => onEvent({ kind: 'connections_full', worker, listener, limit }),
      onHandshakesFailed: (listener, report) => onEvent({ kind: 'handshakes_failed', worker, listener, ...report }),
      onEmpty: door => this.#closing.delete(door),
    })
  }

  /** The generation that was made ready, or is being, will not come. */
  abort(generation: number): void {
    this.#turn += 1
    this.#received = NOTHING
    if (this.#prepared?.generation.number !== generation) return
    for (const door of this.#prepared.doors.values()) door.close()
    this.#prepared = null
  }

  /** Serves by the generation that was made ready, from the next request on. Gives the earliest that something runs on. */
  commit(number: number, moved: readonly UpstreamPlacement[]): number {
    const prepared = this.#prepared
    if (prepared?.generation.number !== number) throw new Error(`generation ${number} was not made ready`)
    const { generation, plan } = prepared
    const before = this.#generation
    this.#prepared = null
    for (const { slot, endpoints } of moved)
      for (const upstream of generation.upstreamsAt(slot)) upstream.update(endpoints)
    this.#generation = generation
    this.#serve(prepared, plan)
    if (before !== null) this.#retire(before, generation)
    return this.#oldest()
  }

  /** What is new accepts before anything that is gone does no more. */
  #serve({ generation, doors: opened, tls }: Prepared, { sockets }: GenerationPlan): void {
    const before = this.#doors
    const doors = new Map<number, Door>()
    for (const [index, routes] of generation.listeners.entries()) {
      const { socket } = sockets[index] ?? { socket: -1 }
      const door = before.get(socket) ?? opened.get(socket)
      if (door === undefined) continue
      doors.set(socket, door)
      door.serve(routes, tls[index] ?? null)
    }
    this.#doors = doors
    for (const [socket, door] of before) {
      if (doors.has(socket)) continue
      this.#closing.add(door)
      door.close()
    }
  }

  #retire(before: Generation, next: Generation): void {
    this.#retired.add(before)
    before.retire(next, () => {
      this.#retired.delete(before)
      this.#options.onOldest?.(this.#oldest())
    })
    next.lead(new Set([...this.#retired].flatMap(({ upstreams }) => upstreams)))
  }

  #oldest(): number {
    const numbers = [...this.#retired].map(({ number }) => number)
    return Math.min(this.#generation?.number ?? 0, ...numbers)
  }

  /** The endpoints of an upstream are others now. */
  place(slot: number, placements: readonly EndpointPlacement[]): void {
    if (this.#generation === null) {
      this.#moved.set(slot, placements)
      return
    }
    const generations = [this.#generation, ...this.#retired]
    // What is as it was is the same object in several of them.
    for (const upstream of new Set(generations.flatMap(generation => generation.upstreamsAt(slot)))) {
      upstream.update(placements)
    }
  }

  /** Tickets for TLS sessions are made of the first of them from now on. */
  setTicketSecrets(secrets: readonly Uint8Array[]): void {
    this.#ticketKeys.set(secrets)
  }

  /** What authorities are answered from now on that issue certificates. */
  challenge(challenges: ChallengesSnapshot): void {
    this.#context.challenges.set(challenges)
  }

  /** Stops accepting, closes what is idle, waits for the rest up to `graceMs`, then cuts it. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    if (this.#prepared !== null) this.abort(this.#prepared.generation.number)
    const doors = [...this.#doors.values(), ...this.#closing]
    for (const door of doors) door.close()
    this.#generation?.close()
    const openCount = () => doors.reduce((sum, { count }) => sum + count, 0)
    const deadline = performance.now() + graceMs
    while (openCount() > 0 && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, Math.min(DRAIN_POLL_MS, graceMs)))
    }
    for (const door of doors) door.abort()
  }
}
