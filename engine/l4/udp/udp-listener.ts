/** What one listener of UDP takes in one worker: which datagrams become flows, and by which terms. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatAddress } from '../../net/address.ts'
import { hostOf, plainAddress } from '../../net/ends.ts'
import type { Intake } from '../../net/intake.ts'
import { ListenError } from '../../net/listen-error.ts'
import type { DatagramSource } from '../../net/udp-handles.ts'
import {
  CONNECTIONS_REFUSED,
  DATAGRAMS_DROPPED,
  FLOWS_ACTIVE,
  FLOWS_EVICTED,
  FLOWS_TOTAL,
} from '../../shared/state-page.ts'
import type { Address, ConnectionLimits } from '../../snapshot.ts'
import type { FlowContext } from '../flow-context.ts'
import type { UdpTerms } from './terms.ts'
import { UdpFlow, type UdpFlowOwner } from './udp-flow.ts'
import { type PortServer, type Stranger, UdpPort } from './udp-port.ts'

export interface UdpListenerOwner {
  /** The table of flows is full, and the oldest idle ones go; told once until there is room again. */
  onFull(listener: string, limit: number): void
  /** A datagram was kept out: by a limit on flows, or for what stands in the place of a header of the PROXY protocol. */
  onRefused(client: string, reason: string, detail: string): void
  /** It was closed, and its last flow is gone. */
  onEmpty(listener: UdpListener): void
}

/** Share of the limit below which there is room again. */
const ROOM = 0.9

/** Flows that go for each new one where there are too many: a limit that was lowered is reached step by step. */
const EVICTED_AT_ONCE = 2

export class UdpListener implements PortServer, UdpFlowOwner {
  readonly context: FlowContext
  readonly #owner: UdpListenerOwner
  /** Of its socket: what all workers let in. */
  readonly #intake: Intake
  #terms: UdpTerms
  #port: UdpPort | null = null
  #isClosing = false
  #isFull = false
  #count = 0

  /** Nothing is taken before `serve`. */
  constructor(terms: UdpTerms, context: FlowContext, intake: Intake, owner: UdpListenerOwner) {
    this.#terms = terms
    this.context = context
    this.#intake = intake
    this.#owner = owner
  }

  get name(): string {
    return this.#terms.settings.name
  }

  /** Flows that are open. */
  get count(): number {
    return this.#count
  }

  /** Where it takes datagrams; `null` before it does. */
  get address(): Address | null {
    return this.#port?.address ?? null
  }

  /** Binds, and takes nothing before `serve`. Rejects with `ListenError`; gives the address it got. */
  async open(address: Address, reusePort: boolean): Promise<Address> {
    try {
      if (address.kind === 'unix') throw new Error('datagrams are taken at IP addresses, not at paths')
      const host = isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host
      this.#port = UdpPort.open(this.context, host, address.port, reusePort)
      return this.#port.address
    } catch (error) {
      throw ListenError.of(this.name, address, error as NodeJS.ErrnoException)
    }
  }

  /** New flows go by these from now on. */
  serve(terms: UdpTerms): void {
    this.#terms = terms
    this.#limit(terms.settings.limits)
    this.#port?.serve(this, terms.introducers)
  }

  /** Where clients are to be counted from now on, the flows that they have already count as well. */
  #limit(limits: ConnectionLimits): void {
    const intake = this.#intake
    intake.configure(limits)
    if (!intake.countsClients) return
    for (const flow of this.#port?.flows ?? []) {
      if (flow.isCounted || flow.owner !== this) continue
      flow.isCounted = true
      intake.count(hostOf(flow.client))
    }
  }

  onStranger(stranger: Stranger, bytes: Buffer): void {
    const host = hostOf(stranger.client)
    const refusal = this.#intake.admit(host)
    if (refusal !== '') {
      this.#refuse(stranger.client, refusal, this.#intake.describe(refusal))
      return
    }
    const port = this.#port as UdpPort
    const terms = this.#terms
    this.#makeRoom(port, terms.settings.limits.connectionsMax)
    const flow = new UdpFlow(this, port, terms, stranger, this.#intake.countsClients)
    terms.generation.enter()
    this.#add(FLOWS_ACTIVE, 1)
    this.#count += 1
    port.flows.add(flow)
    flow.begin(bytes)
  }

  onHeaderError({ address, port }: DatagramSource, reason: string, detail: string): void {
    this.#refuse({ kind: 'tcp', host: plainAddress(address), port }, reason, detail)
  }

  #refuse(client: Address, reason: string, detail: string): void {
    this.#add(CONNECTIONS_REFUSED, 1)
    this.#add(DATAGRAMS_DROPPED, 1)
    this.#owner.onRefused(formatAddress(client), reason, detail)
  }

  #makeRoom({ flows }: UdpPort, limit: number): void {
    if (flows.size < limit) {
      if (this.#isFull && flows.size < limit * ROOM) this.#isFull = false
      return
    }
    if (!this.#isFull) {
      this.#isFull = true
      this.#owner.onFull(this.name, limit)
    }
    for (let gone = 0; gone < EVICTED_AT_ONCE && flows.size >= limit; gone += 1) this.#evict(flows.evictee)
  }

  #evict(flow: UdpFlow | null): void {
    if (flow === null) return
    this.#add(FLOWS_EVICTED, 1)
    flow.end('flow_evicted')
  }

  makeWay(flow: UdpFlow): boolean {
    const evictee = this.#port?.flows.evictee ?? null
    if (evictee === null || evictee === flow) return false
    this.#evict(evictee)
    return true
  }

  onFlowEnd({ isCounted, client }: UdpFlow): void {
    if (isCounted) this.#intake.leave(hostOf(client))
    this.#add(FLOWS_ACTIVE, -1)
    this.#add(FLOWS_TOTAL, 1)
    this.#count -= 1
    this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (!this.#isClosing || this.#count > 0) return
    this.#port?.leave()
    this.#port = null
    this.#owner.onEmpty(this)
  }

  /** Takes no new flows; those that run end in their own time. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#port?.unserve(this)
    this.#endIfEmpty()
  }

  /** Ends what still runs. */
  abort(): void {
    for (const flow of this.#port?.flows ?? []) if (flow.owner === this) flow.end('shutdown')
  }

  #add(counter: number, change: number): void {
    const { counters } = this.context.row
    counters[counter] = (counters[counter] as number) + change
  }
}
