/**
 * The data plane of one thread: the sockets that accept, and the generations that they serve.
 *
 *     prepare ──ready──▶ prepared ──commit──▶ in force ──another is committed──▶ retired ──nothing runs on it──▶ gone
 *        │                  │
 *        └──── abort ───────┴─────▶ gone, with the sockets that it has opened
 */

import { Challenges } from '../exchange/challenges.ts'
import { Generation } from '../exchange/generation.ts'
import { RequestIds } from '../exchange/request-id.ts'
import { slots } from '../http1/llhttp.ts'
import { TcpTerms } from '../l4/tcp/terms.ts'
import { UdpTerms } from '../l4/udp/terms.ts'
import { UdpListener } from '../l4/udp/udp-listener.ts'
import { Intake } from '../net/intake.ts'
import { TimerWheel } from '../net/timer-wheel.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'
import { TicketKeys } from '../net/tls/ticket-keys.ts'
import { prepareRegexes } from '../routing/regex.ts'
import type { StatePage, StateRow } from '../shared/state-page.ts'
import type { Address, ChallengesSnapshot, RouteSnapshot, Snapshot, UpstreamSnapshot } from '../snapshot.ts'
import type { EndpointPlacement, UpstreamPlacement } from '../upstream/placement.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { streamListeners } from './all-listeners.ts'
import type { EngineEvent, WorkerHooks } from './api.ts'
import { Door } from './door.ts'
import { type FailureReport, FailureReports } from './failure-reports.ts'
import { openTls, prepareTls } from './listener-tls.ts'
import type { GenerationPlan } from './messages.ts'
import type { ServiceTerms } from './service.ts'
import type { ThreadContext } from './thread-context.ts'

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
  /** By listener. */
  readonly terms: readonly AnyTerms[]
  /** Those of its sockets that are new. */
  readonly doors: ReadonlyMap<number, Door>
  readonly udpListeners: ReadonlyMap<number, UdpListener>
  /** By listener that accepts connections. */
  readonly tls: readonly (ServerTls | null)[]
}

type AnyTerms = ServiceTerms | UdpTerms

/** What each listener serves by. */
function termsOf({ tcpListeners, udpListeners }: Snapshot, generation: Generation): AnyTerms[] {
  const { upstreams } = generation
  return [
    ...generation.listeners,
    ...tcpListeners.map(settings => new TcpTerms(settings, generation, upstreams)),
    ...udpListeners.map(settings => new UdpTerms(settings, generation, upstreams[settings.upstream] as Upstream)),
  ]
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
  readonly #context: ThreadContext
  readonly #ticketKeys = new TicketKeys()
  /** By socket. */
  #doors: ReadonlyMap<number, Door> = new Map()
  #udpListeners: ReadonlyMap<number, UdpListener> = new Map()
  /** Those that accept no more, as long as they have connections, or flows. */
  readonly #closing = new Set<Door | UdpListener>()
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
      onFlow: hooks.onFlow,
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
    const tls = streamListeners(snapshot).map((listener, index) =>
      openTls(listener, this.#ticketKeys, this.#doors.get(plan.sockets[index]?.socket ?? -1)?.tls ?? null),
    )
    const terms = termsOf(snapshot, generation)
    const doors = new Map<number, Door>()
    const udpListeners = new Map<number, UdpListener>()
    try {
      const addresses = await this.#openSockets(plan, terms, doors, udpListeners)
      if (this.#turn !== turn || this.#stopping) throw new Error('it was given up meanwhile')
      this.#prepared = { plan, generation, terms, doors, udpListeners, tls }
      return addresses
    } catch (error) {
      for (const socket of [...doors.values(), ...udpListeners.values()]) socket.close()
      throw error
    }
  }

  async #openSockets(
    { sockets }: GenerationPlan,
    terms: readonly AnyTerms[],
    doors: Map<number, Door>,
    udpListeners: Map<number, UdpListener>,
  ): Promise<(Address | null)[]> {
    const { worker, reusePort } = this.#options
    const addresses: (Address | null)[] = []
    for (const [index, theirs] of terms.entries()) {
      const plan = sockets[index]
      if (plan === undefined || (plan.worker >= 0 && plan.worker !== worker)) {
        addresses.push(null)
        continue
      }
      const known = this.#doors.get(plan.socket) ?? this.#udpListeners.get(plan.socket)
      if (known !== undefined) {
        addresses.push(known.address)
        continue
      }
      if (theirs instanceof UdpTerms) {
        const listener = this.#newUdpListener(theirs, new Intake(plan.limits, worker))
        udpListeners.set(plan.socket, listener)
        addresses.push(await listener.open(plan.address, reusePort))
      } else {
        const door = this.#newDoor(theirs, new Intake(plan.limits, worker))
        doors.set(plan.socket, door)
        addresses.push(await door.open(plan.address, reusePort))
      }
    }
    return addresses
  }

  #newUdpListener(terms: UdpTerms, intake: Intake): UdpListener {
    const { worker, onEvent } = this.#options
    const reports = new FailureReports(report => this.#refused(listener.name, report))
    const listener = new UdpListener(terms, this.#context, intake, {
      onFull: (name, limit) => onEvent({ kind: 'flows_full', worker, listener: name, limit }),
      onRefused: (client, reason, detail) => reports.failed(client, reason, detail),
      onEmpty: empty => this.#closing.delete(empty),
    })
    return listener
  }

  #newDoor(terms: ServiceTerms, intake: Intake): Door {
    const { worker, onEvent } = this.#options
    return new Door(terms, {
      context: this.#context,
      intake,
      onFull: (listener, limit) => onEvent({ kind: 'connections_full', worker, listener, limit }),
      onHandshakesFailed: (listener, report) => onEvent({ kind: 'handshakes_failed', worker, listener, ...report }),
      onRefused: (listener, report) => this.#refused(listener, report),
      onEmpty: door => this.#closing.delete(door),
    })
  }

  #refused(listener: string, { count, client, error: reason, detail }: FailureReport): void {
    const { worker, onEvent } = this.#options
    onEvent({ kind: 'connections_refused', worker, listener, count, client, reason, detail })
  }

  /** The generation that was made ready, or is being, will not come. */
  abort(generation: number): void {
    this.#turn += 1
    this.#received = NOTHING
    if (this.#prepared?.generation.number !== generation) return
    const { doors, udpListeners } = this.#prepared
    for (const socket of [...doors.values(), ...udpListeners.values()]) socket.close()
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
  #serve({ terms, doors, udpListeners, tls }: Prepared, { sockets }: GenerationPlan): void {
    const served = { doors: new Map<number, Door>(), udpListeners: new Map<number, UdpListener>() }
    for (const [index, theirs] of terms.entries()) {
      const { socket } = sockets[index] ?? { socket: -1 }
      if (theirs instanceof UdpTerms) {
        const listener = this.#udpListeners.get(socket) ?? udpListeners.get(socket)
        listener?.serve(theirs)
        if (listener !== undefined) served.udpListeners.set(socket, listener)
      } else {
        const door = this.#doors.get(socket) ?? doors.get(socket)
        door?.serve(theirs, tls[index] ?? null)
        if (door !== undefined) served.doors.set(socket, door)
      }
    }
    const before = [...this.#doors, ...this.#udpListeners]
    this.#doors = served.doors
    this.#udpListeners = served.udpListeners
    for (const [socket, gone] of before) {
      if (this.#doors.has(socket) || this.#udpListeners.has(socket)) continue
      this.#closing.add(gone)
      gone.close()
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
    const doors = [...this.#doors.values(), ...this.#udpListeners.values(), ...this.#closing]
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
