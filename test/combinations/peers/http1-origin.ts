import { createServer, type Socket } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import type { Bytes } from '../../support/bytes.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import type { Field } from '../../support/strict-head.ts'
import { parseRequestHead } from '../../support/strict-request.ts'
import { resetSocket } from './connect.ts'
import {
  comparable,
  Incoming,
  lengthOf,
  type OriginExchange,
  onlyValueOf,
  type RequestHead,
  type ResponseSpec,
  type Serve,
  type Trust,
  type Whole,
} from './exchange.ts'
import { type ContentFraming, Http1Link, Http1Writer } from './http1-link.ts'

class Exchange implements OriginExchange {
  readonly incoming = new Incoming()
  readonly head: RequestHead
  readonly connection: number
  readonly gone: Promise<void>
  readonly #socket: Socket
  readonly #writer: Http1Writer

  constructor(head: RequestHead, connection: number, link: Http1Link) {
    this.head = head
    this.connection = connection
    this.gone = link.closed
    this.#socket = link.socket
    this.#writer = new Http1Writer(link.socket)
  }

  async request(): Promise<RequestHead & Whole> {
    return { ...this.head, ...(await this.incoming.whole()) }
  }

  interim(status: number, ...fields: Field[]): void {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
    this.#socket.write(`HTTP/1.1 ${status} Interim\r\n${lines.join('')}\r\n`, 'latin1')
  }

  async respond(spec: ResponseSpec = {}): Promise<void> {
    const { status = 200, fields = [] } = spec
    const saysNoLength = status === 204 || status === 304 || (this.head.method === 'HEAD' && spec.content === undefined)
    await this.#writer.head(`HTTP/1.1 ${status} Reason`, fields, spec, saysNoLength)
  }

  write(bytes: Bytes): Promise<void> {
    return this.#writer.write(bytes)
  }

  end(trailers?: readonly Field[]): Promise<void> {
    return this.#writer.end(trailers)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  reset(): void {
    resetSocket(this.#socket)
  }

  cut(): void {
    this.#socket.destroy()
  }
}

class Connection extends Http1Link {
  readonly #index: number
  readonly #serve: Serve

  constructor(socket: Socket, index: number, serve: Serve) {
    super(socket)
    this.#index = index
    this.#serve = serve
  }

  protected readHead(bytes: Buffer): { end: number; framing: ContentFraming; incoming: Incoming } | null {
    const step = parseRequestHead(bytes)
    if (step.kind === 'malformed') throw new Error(step.reason)
    if (step.kind !== 'complete') return null
    const { method, target, fields, framing, end } = step.value
    const head = {
      method,
      target,
      authority: onlyValueOf(fields, 'host') ?? '',
      fields: comparable(fields),
      length: lengthOf(fields),
    }
    const exchange = new Exchange(head, this.#index, this)
    // When the content that came along has been taken, too.
    setImmediate(() => this.#serve(exchange))
    return { end, framing: framing.kind === 'undeclared' ? { kind: 'none' } : framing, incoming: exchange.incoming }
  }

  protected onClosed(): void {
    this.socket.end()
  }
}

export interface VersionedOrigin extends Listening {
  /** What the origin could not read. */
  takeFailures(): Error[]
  /** Cuts all connections. */
  cutAll(): void
}

export async function http1Origin(serve: Serve, trust: Trust | null, unixPath?: string): Promise<VersionedOrigin> {
  const connections: Connection[] = []
  const accept = (socket: Socket) => {
    connections.push(new Connection(socket, connections.length, serve))
  }
  const server =
    trust === null
      ? createServer({ noDelay: true }, accept)
      : createSecureServer({ noDelay: true, cert: trust.chain, key: trust.key, ALPNProtocols: ['http/1.1'] }, accept)
  const listening = await listenOn(server, unixPath)
  return {
    ...listening,
    takeFailures: () => connections.flatMap(({ failures }) => failures.splice(0)),
    cutAll() {
      for (const { socket } of connections) socket.destroy()
    },
  }
}
