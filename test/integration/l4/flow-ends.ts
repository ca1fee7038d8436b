import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../../../engine/snapshot.ts'
import { Bell, within } from '../../support/bell.ts'
import type { Bytes } from '../../support/bytes.ts'
import { listenOn } from '../../support/listen.ts'

/** Either end of a flow. Its own side stays open when the other one has ended. */
export class FlowEnd {
  readonly socket: Socket
  readonly #bell = new Bell()
  #chunks: Buffer[] = []
  count = 0
  hasFin = false
  /** `ECONNRESET` and its like; empty without an error. */
  error = ''
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.count += bytes.length
      this.#bell.ring()
    })
    socket.on('end', () => {
      this.hasFin = true
      this.#bell.ring()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message
    })
    socket.on('close', () => {
      this.isClosed = true
      this.#bell.ring()
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  #until(condition: () => boolean, what: string, deadlineMs = 5_000): Promise<void> {
    const wait = async () => {
      while (!condition()) await this.#bell.wait()
    }
    return within(wait(), deadlineMs, () => `${what}; ${this.count} bytes, ${this.error || 'no error'}`)
  }

  /** What has come, once it is so much. */
  async bytes(count: number, deadlineMs?: number): Promise<Buffer> {
    await this.#until(() => this.count >= count || this.isClosed, `${count} bytes`, deadlineMs)
    return this.received
  }

  async text(text: string): Promise<void> {
    const { length } = Buffer.from(text)
    const received = (await this.bytes(length)).toString()
    if (received !== text) throw new Error(`${JSON.stringify(received)} instead of ${JSON.stringify(text)}`)
  }

  fin(deadlineMs?: number): Promise<void> {
    return this.#until(() => this.hasFin, 'a FIN', deadlineMs)
  }

  async reset(deadlineMs?: number): Promise<void> {
    await this.#until(() => this.isClosed, 'a RST', deadlineMs)
    if (this.error !== 'ECONNRESET') throw new Error(`closed with ${this.error || 'FIN'} instead of a RST`)
  }

  closed(): Promise<void> {
    return this.#until(() => this.isClosed, 'the end')
  }

  send(bytes: Bytes): Promise<void> {
    return new Promise(resolve => this.socket.write(bytes, () => resolve()))
  }

  end(bytes: Bytes = ''): void {
    this.socket.end(bytes)
  }

  /** Of an encrypted one: of the socket below, of which TLS knows nothing. */
  sendReset(): void {
    const below = belowTls(this.socket)
    if (below === undefined) this.socket.resetAndDestroy()
    else below.reset()
  }
}

interface BelowTls {
  reset(): void
  close(): void
}

/** The socket that an encrypted one is upon. */
export function belowTls(socket: Socket): BelowTls | undefined {
  return (socket as unknown as { _handle: { _parent?: BelowTls } | null })._handle?._parent
}

export interface FlowOrigin extends AsyncDisposable {
  readonly address: Address
  readonly port: number
  /** Those that have come, in order. */
  readonly ends: readonly FlowEnd[]
  /** The one with that index, once it has come. */
  end(index: number): Promise<FlowEnd>
  close(): Promise<void>
}

/** An endpoint that does what a test has its ends do. */
export function flowOrigin(path?: string): Promise<FlowOrigin> {
  return flowOriginOn(createServer({ allowHalfOpen: true, noDelay: true }), 'connection', path)
}

/** The same on a server of another kind, which tells of its connections by that event. */
export async function flowOriginOn(server: Server, event: string, path?: string): Promise<FlowOrigin> {
  const ends: FlowEnd[] = []
  const bell = new Bell()
  server.on(event, (socket: Socket) => {
    ends.push(new FlowEnd(socket))
    bell.ring()
  })
  const listening = await listenOn(server, path)
  const end = (index: number) => {
    const wait = async () => {
      for (;;) {
        const found = ends[index]
        if (found !== undefined) return found
        await bell.wait()
      }
    }
    return within(wait(), 5_000, () => `connection ${index}; ${ends.length} so far`)
  }
  return { ...listening, ends, end }
}

export async function flowClient(port: number): Promise<FlowEnd> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const end = new FlowEnd(socket)
  await once(socket, 'connect')
  return end
}

/** A client that is met with RST, whenever that comes. */
export async function refusedClient(port: number): Promise<void> {
  await new FlowEnd(connect({ port, host: '127.0.0.1', allowHalfOpen: true })).reset()
}
