/** A socket of a worker that accepts, and what is served there: one generation after the other. */

import { Connection } from '../net/connection.ts'
import type { StreamHandle } from '../net/handles.ts'
import { ListenError } from '../net/listen-error.ts'
import { Listener, type ListenerOwner } from '../net/listener.ts'
import { type ChallengeCertificate, Handshakes, type HandshakesOwner } from '../net/tls/handshakes.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'
import {
  CONNECTIONS_OPEN,
  CONNECTIONS_TOTAL,
  HANDSHAKES_FAILED,
  HANDSHAKES_RESUMED,
  HANDSHAKES_TOTAL,
} from '../shared/state-page.ts'
import type { Address } from '../snapshot.ts'
import { type HandshakeReport, HandshakeReports } from './handshake-reports.ts'
import { abort, createService, drain, follow, type Service, type ServiceTerms } from './service.ts'
import type { ThreadContext } from './thread-context.ts'

export interface DoorOptions {
  readonly context: ThreadContext
  /** A listener is at its limit on connections. */
  readonly onFull: (listener: string, limit: number) => void
  /** Clients have not come to terms with it about TLS. */
  readonly onHandshakesFailed: (listener: string, report: HandshakeReport) => void
  /** It was closed, and its last connection is gone. */
  readonly onEmpty: (door: Door) => void
}

export class Door implements ListenerOwner {
  readonly #options: DoorOptions
  readonly #listener: Listener
  /** Of connections that come now: those that came on other terms have their own, and end by them. */
  #service: Service
  /** `null` as long as its connections are not encrypted. */
  #handshakes: Handshakes | null = null
  #tls: ServerTls | null = null
  readonly #reports: HandshakeReports
  #address: Address | null = null

  /** Nothing is served before `serve`. */
  constructor(terms: ServiceTerms, options: DoorOptions) {
    this.#options = options
    this.#listener = new Listener(this)
    this.#service = createService(options.context, terms)
    const { onHandshakesFailed } = options
    this.#reports = new HandshakeReports(report => onHandshakesFailed(this.#service.settings.name, report))
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
    for (const connection of this.#listener.connections) follow(connection)
    this.#listener.serve(terms.settings.limits.connectionsMax)
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
    handle.setNoDelay?.(true)
    const connection = new Connection(context.net, handle)
    connection.counter = listener
    if (this.#handshakes !== null) return this.#handshakes.accept(connection)
    this.#service.begin(connection)
    return connection
  }

  /** Of a listener whose connections are encrypted. */
  #secured(tls: ServerTls): HandshakesOwner {
    const { challenges, row } = this.#options.context
    const { counters } = row
    const count = (counter: number) => {
      counters[counter] = (counters[counter] as number) + 1
    }
    const owner: HandshakesOwner = {
      tls,
      get challenges(): ReadonlyMap<string, ChallengeCertificate> | null {
        return challenges.tls
      },
      onSecure: connection => {
        count(HANDSHAKES_TOTAL)
        if (connection.tls.resumed) count(HANDSHAKES_RESUMED)
        // Begun just before a reload asked for more.
        if (demandOf(owner.tls) < demandOf(this.#tls)) connection.destroy()
        else this.#service.begin(connection)
      },
      onHandshakeFailed: (client, error, detail) => {
        count(HANDSHAKES_FAILED)
        this.#reports.failed(client, error, detail)
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
    for (const connection of this.#listener.connections) drain(connection)
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
