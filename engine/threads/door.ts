/**
 * A socket of a worker that accepts, and what is served there: one generation after the other.
 *
 *     accepted ──▶ header of the PROXY protocol ──▶ limits ──▶ handshake of TLS ──▶ served
 *                  (of peers that send one)           │            (where it is encrypted)
 *                       └── malformed, late ──────────┴─ too many ──▶ refused: counted, told, closed
 */
import { Connection } from '../net/connection.ts'
import { endsOf, nameOf, peerOf } from '../net/ends.ts'
import type { StreamHandle } from '../net/handles.ts'
import type { Intake } from '../net/intake.ts'
import { ListenError } from '../net/listen-error.ts'
import { Listener, type ListenerOwner } from '../net/listener.ts'
import { HeaderReader, type HeaderReaderOwner } from '../net/proxy-protocol/header-reader.ts'
import { type ChallengeCertificate, Handshakes, type HandshakesOwner } from '../net/tls/handshakes.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'
import {
  CONNECTIONS_OPEN,
  CONNECTIONS_REFUSED,
  CONNECTIONS_TOTAL,
  HANDSHAKES_FAILED,
  HANDSHAKES_RESUMED,
  HANDSHAKES_TOTAL,
} from '../shared/state-page.ts'
import type { Address, ConnectionLimits } from '../snapshot.ts'
import { type FailureReport, FailureReports } from './failure-reports.ts'
import { Guest } from './guest.ts'
import { ProxyPeers } from './proxy-peers.ts'
import { abort, createService, drain, follow, type Service, type ServiceTerms } from './service.ts'
import type { ThreadContext } from './thread-context.ts'

export interface DoorOptions {
  readonly context: ThreadContext
  /** Of its socket: what all workers let in. */
  readonly intake: Intake
  /** A listener is at its limit on connections. */
  readonly onFull: (listener: string, limit: number) => void
  /** Clients have not come to terms with it about TLS. */
  readonly onHandshakesFailed: (listener: string, report: FailureReport) => void
  /** Clients were kept out by its limits, or for what stood in the place of a header of the PROXY protocol. */
  readonly onRefused: (listener: string, report: FailureReport) => void
  /** It was closed, and its last connection is gone. */
  readonly onEmpty: (door: Door) => void
}

export class Door implements ListenerOwner, HeaderReaderOwner {
  readonly #options: DoorOptions
  readonly #listener: Listener
  /** Of connections that come now: those that came on other terms have their own, and end by them. */
  #service: Service
  /** `null` as long as its connections are not encrypted. */
  #handshakes: Handshakes | null = null
  #tls: ServerTls | null = null
  /** Who begins with a header. */
  #proxyPeers: ProxyPeers
  readonly #handshakeReports: FailureReports
  readonly #refusalReports: FailureReports
  #address: Address | null = null

  /** Nothing is served before `serve`. */
  constructor(terms: ServiceTerms, options: DoorOptions) {
    this.#options = options
    this.#listener = new Listener(this)
    this.#service = createService(options.context, terms)
    this.#proxyPeers = new ProxyPeers(terms.settings)
    const { onHandshakesFailed, onRefused } = options
    this.#handshakeReports = new FailureReports(report => onHandshakesFailed(this.#service.settings.name, report))
    this.#refusalReports = new FailureReports(report => onRefused(this.#service.settings.name, report))
  }

  /** Connections that are open. */
  get count(): number {
    return this.#listener.connections.size
  }

  /** Where it accepts; `null` before it does. */
  get address(): Address | null {
    return this.#address
  }

  /** What connections are encrypted by that come now; `null` where they are not. */
  get tls(): ServerTls | null {
    return this.#tls
  }

  /** Accepts; those who come wait for `serve`. Rejects with `ListenError`. */
  async open(address: Address, reusePort: boolean): Promise<Address> {
    try {
      this.#address = await this.#listener.listen(address, reusePort)
      return this.#address
    } catch (error) {
      throw ListenError.of(this.#service.settings.name, address, error as NodeJS.ErrnoException)
    }
  }

  /**
   * Serves by these from the next request on, of connections that are open too. Where clients have to do more than before (encrypt,
   * show a certificate), or something else is spoken, those that came without end with their response instead.
   */
  serve(terms: ServiceTerms, tls: ServerTls | null): void {
    const isSameKind = this.#service.follow(terms)
    if (!isSameKind || demandOf(tls) > demandOf(this.#tls)) this.#beginAnew(terms)
    this.#tls = tls
    if (tls === null) this.#handshakes = null
    else if (this.#handshakes === null) this.#handshakes = new Handshakes(this.#secured(tls))
    else this.#handshakes.owner.tls = tls
    this.#proxyPeers = new ProxyPeers(terms.settings)
    this.#limit(terms.settings.limits)
    for (const connection of this.#listener.connections) follow(connection)
    this.#listener.serve(terms.settings.limits.connectionsMax)
  }

  /** Where clients are to be counted from now on, those that are in already count as well. */
  #limit(limits: ConnectionLimits): void {
    const { intake } = this.#options
    intake.configure(limits)
    if (!intake.countsClients) return
    for (const connection of this.#listener.connections) {
      if (!(connection.owner instanceof HeaderReader)) Guest.count(connection, intake)
    }
  }

  #beginAnew(terms: ServiceTerms): void {
    this.#service.close()
    this.#service = createService(this.#options.context, terms)
    // What comes of handshakes that are under way is closed: see `onSecure`.
    this.#handshakes = null
    for (const connection of this.#listener.connections) drain(connection)
  }

  onAccept(listener: Listener, handle: StreamHandle): Connection {
    const { context } = this.#options
    const { counters } = context.row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) + 1
    counters[CONNECTIONS_TOTAL] = (counters[CONNECTIONS_TOTAL] as number) + 1
    const connection = new Connection(context.net, handle)
    connection.counter = listener
    connection.peer = peerOf(handle)
    const { timeoutMs } = this.#proxyPeers
    // Gone by RST: what it has sent could still be read, but nobody can tell any more who has sent it.
    if (connection.peer === null && !connection.isConnected()) connection.destroy()
    else if (this.#proxyPeers.has(connection.peer)) new HeaderReader(this, timeoutMs).begin(connection)
    else this.#letIn(connection, 0, 0)
    return connection
  }

  onHeader(connection: Connection, start: number, end: number): void {
    this.#letIn(connection, start, end)
  }

  onHeaderRefused(connection: Connection, error: string, detail: string): void {
    this.#refused(connection, error, detail)
    connection.destroy()
  }

  /** Bytes `start` to `end` of the slot memory have come already: what follows has to begin with them. */
  #letIn(connection: Connection, start: number, end: number): void {
    const { intake, context } = this.#options
    const refusal = intake.isOpen ? '' : Guest.admit(connection, intake)
    if (refusal !== '') {
      this.#refused(connection, refusal, intake.describe(refusal))
      connection.reset()
      return
    }
    if (this.#handshakes !== null) {
      const received = start === end ? null : Buffer.from(context.net.slots.memory.subarray(start, end))
      this.#handshakes.accept(connection, received)
      return
    }
    this.#service.begin(connection)
    if (start < end && !connection.closed) connection.owner.onRead(connection, start, end)
  }

  #refused(connection: Connection, error: string, detail: string): void {
    const { counters } = this.#options.context.row
    counters[CONNECTIONS_REFUSED] = (counters[CONNECTIONS_REFUSED] as number) + 1
    this.#refusalReports.failed(nameOf(endsOf(connection).client), error, detail)
  }

  /** Of a listener whose connections are encrypted. */
  #secured(tls: ServerTls): HandshakesOwner {
    const { challenges, row } = this.#options.context
    const { counters } = row
    const count = (counter: number) => {
      counters[counter] = (counters[counter] as number) + 1
    }
    const service = this.#service
    const owner: HandshakesOwner = {
      tls,
      get challenges(): ReadonlyMap<string, ChallengeCertificate> | null {
        return challenges.tls
      },
      onSecure: connection => {
        count(HANDSHAKES_TOTAL)
        if (connection.tls.resumed) count(HANDSHAKES_RESUMED)
        // Begun just before a reload that asks for more, or speaks something else.
        if (service !== this.#service) connection.destroy()
        else service.begin(connection)
      },
      onHandshakeFailed: (client, error, detail) => {
        count(HANDSHAKES_FAILED)
        this.#handshakeReports.failed(client, error, detail)
      },
    }
    return owner
  }

  onReleased(): void {
    const { counters } = this.#options.context.row
    counters[CONNECTIONS_OPEN] = (counters[CONNECTIONS_OPEN] as number) - 1
    this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (this.#service.isClosing && this.count === 0) this.#options.onEmpty(this)
  }

  onFull(): void {
    const { name, limits } = this.#service.settings
    this.#options.onFull(name, limits.connectionsMax)
  }

  /** Stops accepting, and closes what is idle; what runs there ends in its own time, and nothing follows. */
  close(): void {
    this.#service.close()
    this.#listener.close()
    for (const connection of this.#listener.connections) {
      // Nothing has begun there.
      if (connection.owner instanceof HeaderReader) connection.destroy()
      else drain(connection)
    }
    this.#endIfEmpty()
  }

  /** Ends what still runs. */
  abort(): void {
    for (const connection of this.#listener.connections) abort(connection)
  }
}

const DEMANDS = ['none', 'request', 'require']

/** What a client has to do, the more the higher; 0 where its connection is not even encrypted. */
function demandOf(tls: ServerTls | null): number {
  return tls === null ? 0 : 1 + DEMANDS.indexOf(tls.settings.clientAuth.mode)
}
