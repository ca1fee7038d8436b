/**
 * A bound socket, and the flows of its clients. It outlives the listener that has opened it for as long as that has flows; where the
 * same address is listened on again meanwhile, the new listener takes the socket over, and the flows of the old one stay where they
 * are: two sockets could not have the address, or would share its clients by chance.
 */
import { plainAddress } from '../../net/ends.ts'
import type { ProxyHeader } from '../../net/proxy-protocol/header.ts'
import { HEADER_MALFORMED, HEADER_MISSING } from '../../net/proxy-protocol/header-reader.ts'
import { MISSING, parseProxyHeader } from '../../net/proxy-protocol/parse.ts'
import type { DatagramSource } from '../../net/udp-handles.ts'
import { UdpSocket, type UdpSocketOwner } from '../../net/udp-socket.ts'
import type { AddressBlocks } from '../../shared/address-blocks.ts'
import { DATAGRAMS_DROPPED } from '../../shared/state-page.ts'
import type { Address } from '../../snapshot.ts'
import type { FlowContext } from '../flow-context.ts'
import { FlowTable } from './flow-table.ts'
import type { UdpFlow } from './udp-flow.ts'

/** Who has sent a datagram that no flow has. */
export interface Stranger {
  /** What its flow is found by. */
  readonly address: string
  readonly port: number
  /** Whose datagram it is. */
  readonly client: Address
  /** Where answers go. */
  readonly source: DatagramSource
  /** What has told of the client; `null` where it has come itself. */
  readonly header: ProxyHeader | null
}

/** What takes new flows. */
export interface PortServer {
  onStranger(stranger: Stranger, bytes: Buffer): void
  /** What should begin with a header of the PROXY protocol does not. `detail` is a text for the log. */
  onHeaderError(source: DatagramSource, reason: string, detail: string): void
}

/** Those of each worker that are open, by its context. */
const openPorts = new WeakMap<FlowContext, Set<UdpPort>>()

/** The first byte of version 2. */
const VERSION_2 = 13

export class UdpPort implements UdpSocketOwner {
  readonly flows = new FlowTable<UdpFlow>()
  readonly #context: FlowContext
  readonly #socket: UdpSocket
  readonly address: Address
  /** `null` where new flows are not taken (any more). */
  #server: PortServer | null = null
  /** Whose datagrams begin with a header: as the last that served had it. */
  #introducers: AddressBlocks | null = null
  /** Listeners that need it. */
  #users = 1

  private constructor(context: FlowContext, host: string, port: number, reusePort: boolean) {
    this.#context = context
    this.#socket = UdpSocket.bind(host, port, reusePort, this)
    this.address = this.#socket.address
  }

  /** That of the address where it only waits for the end of its flows, or a new one. @throws with the system's error as `code`. */
  static open(context: FlowContext, host: string, port: number, reusePort: boolean): UdpPort {
    const ports = openPorts.get(context) ?? new Set()
    openPorts.set(context, ports)
    for (const known of ports) {
      const { address } = known
      if (known.#server !== null || address.kind !== 'tcp') continue
      if (address.host !== host || address.port !== port) continue
      known.#users += 1
      return known
    }
    const opened = new UdpPort(context, host, port, reusePort)
    ports.add(opened)
    return opened
  }

  /** New flows go to `server` from now on. */
  serve(server: PortServer, introducers: AddressBlocks | null): void {
    if (this.#server === null) this.#socket.read()
    this.#server = server
    this.#introducers = introducers
  }

  /** `server` takes no new flows. */
  unserve(server: PortServer): void {
    if (this.#server === server) this.#server = null
  }

  /** A listener needs it no more. */
  leave(): void {
    this.#users -= 1
    if (this.#users > 0) return
    this.#socket.close()
    openPorts.get(this.#context)?.delete(this)
  }

  /** To the client of a flow; gives what `UdpSocket.sendTo` gives. @hotpath */
  reply({ source }: UdpFlow, bytes: Buffer): number {
    return this.#socket.sendTo(bytes, source.address, source.port)
  }

  /** @hotpath */
  onDatagram(bytes: Buffer, source: DatagramSource): void {
    try {
      if (this.#introducers?.has(plainHost(source.address)) === true) {
        this.#introduced(bytes, source)
        return
      }
      const flow = this.flows.find(source.address, source.port)
      if (flow === null || flow.isStranded) this.#begin(flow, bytes, source, null, bytes)
      else flow.receive(bytes)
    } catch (error) {
      this.#context.net.onFault(error)
    }
  }

  /** Nothing that an unconnected socket is told says whom it is about. */
  onSocketError(): void {}

  /** A header stands in front of it. */
  #introduced(bytes: Buffer, source: DatagramSource): void {
    const parsed = parseProxyHeader(bytes)
    if (parsed.kind !== 'whole' || bytes[0] !== VERSION_2) {
      const reason = parsed === MISSING || bytes.length === 0 ? HEADER_MISSING : HEADER_MALFORMED
      const detail =
        parsed.kind === 'malformed' ? parsed.reason : 'a datagram has to begin with a whole header of version 2'
      if (this.#server === null) this.#passOn(bytes, source)
      else this.#server.onHeaderError(source, reason, detail)
      return
    }
    const content = bytes.subarray(parsed.length)
    const header = parsed.header.source?.kind === 'tcp' ? parsed.header : null
    const { address, port } = keyOf(source, header)
    const flow = this.flows.find(address, port)
    if (flow === null || flow.isStranded) this.#begin(flow, content, source, header, bytes)
    else flow.receive(content)
  }

  /** `before` is the flow that it would belong to, were its endpoint not down; `whole` are `bytes` with their header. */
  #begin(
    before: UdpFlow | null,
    bytes: Buffer,
    source: DatagramSource,
    header: ProxyHeader | null,
    whole: Buffer,
  ): void {
    if (this.#server === null) {
      if (before === null) this.#passOn(whole, source)
      else before.receive(bytes)
      return
    }
    before?.end('')
    const { address, port } = header === null ? source : keyOf(source, header)
    const client = header?.source ?? { kind: 'tcp', host: plainHost(source.address), port: source.port }
    this.#server.onStranger({ address, port, client, source, header }, bytes)
  }

  /**
   * Nobody new is taken here. But where a listener on all addresses has come after one on this address alone, the system still gives
   * its datagrams to this socket as long as there is one.
   */
  #passOn(bytes: Buffer, source: DatagramSource): void {
    for (const other of openPorts.get(this.#context) ?? []) {
      if (other.#server === null || !covers(other.address, this.address)) continue
      other.onDatagram(bytes, source)
      return
    }
    this.#drop()
  }

  #drop(): void {
    const { counters } = this.#context.row
    counters[DATAGRAMS_DROPPED] = (counters[DATAGRAMS_DROPPED] as number) + 1
  }
}

/** `all` is every address of the other's family, at the same port. */
function covers(all: Address, one: Address): boolean {
  if (all.kind !== 'tcp' || one.kind !== 'tcp' || all.port !== one.port) return false
  return all.host === '::' || (all.host === '0.0.0.0' && !one.host.includes(':'))
}

/** Several clients stand behind one port of whoever tells of them. */
function keyOf(
  source: DatagramSource,
  header: ProxyHeader | null,
): { readonly address: string; readonly port: number } {
  const client = header?.source
  if (client?.kind !== 'tcp') return source
  return { address: `${source.address} ${source.port} ${client.host}`, port: client.port }
}

/** As `plainAddress`; of IPv4, as most are, without a look at it. @hotpath */
function plainHost(address: string): string {
  return address.includes(':') ? plainAddress(address) : address
}
