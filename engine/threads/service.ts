/** What is spoken on the connections of a door: HTTP, or whatever it is that goes on to an upstream as it comes. */
import { clientSideOf } from '../exchange/client-side.ts'
import type { ListenerRoutes, ServedRoutes } from '../exchange/generation.ts'
import { Http1Downstream } from '../exchange/http1-downstream.ts'
import { Http2ServerConnection } from '../exchange/http2-server-connection.ts'
import { TcpFlow } from '../l4/tcp/flow.ts'
import { Preread } from '../l4/tcp/preread.ts'
import { TcpTerms } from '../l4/tcp/terms.ts'
import type { Connection, ConnectionOwner } from '../net/connection.ts'
import { Pipe } from '../net/pipe.ts'
import type { ListenerSnapshot, TcpListenerSnapshot } from '../snapshot.ts'
import type { ThreadContext } from './thread-context.ts'

/** What a listener serves by in one generation. */
export type ServiceTerms = ListenerRoutes | TcpTerms

export interface Service {
  /** Those of the generation in force. */
  readonly settings: ListenerSnapshot | TcpListenerSnapshot
  /** It ends with the connections that it has. */
  readonly isClosing: boolean
  /** Goes by these from now on. False where they are of another kind. */
  follow(terms: ServiceTerms): boolean
  /** The connection is as it will be: what is spoken on it begins. */
  begin(connection: Connection): void
  /** What runs ends in its own time, and nothing follows. */
  close(): void
}

export function createService(context: ThreadContext, terms: ServiceTerms): Service {
  return terms instanceof TcpTerms ? new TcpService(context, terms) : new HttpService(context, terms)
}

class HttpService implements Service {
  readonly #context: ThreadContext
  readonly #served: ServedRoutes

  constructor(context: ThreadContext, routes: ListenerRoutes) {
    this.#context = context
    this.#served = { routes, isClosing: false }
  }

  get settings(): ListenerSnapshot {
    return this.#served.routes.settings
  }

  get isClosing(): boolean {
    return this.#served.isClosing
  }

  follow(terms: ServiceTerms): boolean {
    if (terms instanceof TcpTerms) return false
    this.#served.routes = terms
    return true
  }

  begin(connection: Connection): void {
    const isHttp2 = connection.tls?.alpn === 'h2'
    // Agreed on just before a reload took it away.
    if (isHttp2 && this.settings.http2 === null) {
      connection.destroy()
      return
    }
    const Side = isHttp2 ? Http2ServerConnection : Http1Downstream
    connection.guard(() => new Side(this.#context, this.#served, connection).begin())
  }

  close(): void {
    this.#served.isClosing = true
  }
}

class TcpService implements Service {
  readonly #context: ThreadContext
  #terms: TcpTerms
  #isClosing = false

  constructor(context: ThreadContext, terms: TcpTerms) {
    this.#context = context
    this.#terms = terms
  }

  get settings(): TcpListenerSnapshot {
    return this.#terms.settings
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  follow(terms: ServiceTerms): boolean {
    if (!(terms instanceof TcpTerms)) return false
    this.#terms = terms
    return true
  }

  begin(connection: Connection): void {
    connection.guard(() => new TcpFlow(this.#context, this.#terms, connection).begin())
  }

  close(): void {
    this.#isClosing = true
  }
}

/** Another generation is in force: what is without work holds on to nothing of the one before. */
export function follow({ owner }: Connection): void {
  clientSideOf(owner)?.follow()
}

/** The listener accepts no more: closes what is without work, the rest in its own time. */
export function drain({ owner }: Connection): void {
  clientSideOf(owner)?.drain()
}

/** Ends what is under way: the worker's grace is over. */
export function abort(connection: Connection): void {
  const owner: ConnectionOwner = connection.owner
  if (owner instanceof Pipe || owner instanceof TcpFlow || owner instanceof Preread) owner.abort()
  else clientSideOf(owner)?.abort()
  connection.destroy()
}
