import { createServer, type Socket } from 'node:net'
import { Bell } from './bell.ts'
import { type Bytes, quote } from './bytes.ts'
import { type Listening, listenOn } from './listen.ts'
import { sendSplit, write } from './send-split.ts'
import { readChunked, readLength } from './strict-content.ts'
import type { Step } from './strict-head.ts'
import { parseRequest, parseRequestHead, type RequestHead, type StrictRequest } from './strict-request.ts'

/** What a script does with the connection that it plays the origin on. */
export interface ScriptedConnection {
  /** Number of the connection, from 0. */
  readonly index: number
  /** What has come and no `expect` has taken. */
  readonly unread: Buffer
  readonly open: boolean
  /** Resolves when the other side has ended or cut the connection. */
  readonly closed: Promise<'fin' | 'reset'>
  /** Waits for a request head and takes it off; its content stays unread. */
  expectHead(): Promise<RequestHead>
  /** Waits for the content that belongs to a head and takes it off, decoded. */
  expectContent(head: RequestHead): Promise<Buffer>
  /** Waits for a whole request and takes it off. */
  expectRequest(): Promise<StrictRequest>
  /** Waits for `count` more bytes and takes them off. */
  expectBytes(count: number): Promise<Buffer>
  /** Resolves when the kernel has taken the bytes. */
  send(bytes: Bytes): Promise<void>
  /** As `send`, each piece between the offsets in a segment of its own. */
  sendSplit(bytes: Bytes, offsets: readonly number[]): Promise<void>
  /** Sends FIN; what comes is still read. */
  close(): void
  /** Sends RST. */
  reset(): void
  /** Stops reading, answers nothing and keeps the connection until the origin is closed. */
  stall(): Promise<never>
}

export type Script = (connection: ScriptedConnection) => Promise<void>

export interface ScriptedOrigin extends Listening {
  readonly connections: readonly ScriptedConnection[]
  /** Takes off the errors of scripts: what they could not read. */
  takeFailures(): Error[]
}

class Gone extends Error {}

class Connection implements ScriptedConnection {
  readonly index: number
  readonly closed: Promise<'fin' | 'reset'>
  unread: Buffer = Buffer.alloc(0)
  open = true
  readonly #socket: Socket
  readonly #bell = new Bell()

  constructor(index: number, socket: Socket) {
    this.index = index
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => {
      this.unread = this.unread.length === 0 ? (chunk as Buffer) : Buffer.concat([this.unread, chunk as Buffer])
      this.#bell.ring()
    })
    this.closed = new Promise(resolve => {
      socket.on('end', () => resolve('fin'))
      socket.on('close', () => resolve('reset'))
    })
    const ended = () => {
      this.open = false
      this.#bell.ring()
    }
    socket.on('end', ended)
    socket.on('close', ended)
  }

  async #take<T>(parse: (bytes: Buffer) => Step<{ value: T; end: number }>, what: string): Promise<T> {
    for (;;) {
      const step = parse(this.unread)
      if (step.kind === 'malformed') throw new Error(`${what}: ${step.reason} in ${quote(this.unread)}`)
      if (step.kind === 'complete') {
        this.unread = this.unread.subarray(step.value.end)
        return step.value.value
      }
      if (!this.open) throw new Gone(`${what}: the connection ended after ${quote(this.unread)}`)
      await this.#bell.wait()
    }
  }

  expectHead(): Promise<RequestHead> {
    return this.#take(bytes => withEnd(parseRequestHead(bytes)), 'a request head')
  }

  expectContent(head: RequestHead): Promise<Buffer> {
    const { framing } = head
    return this.#take(bytes => {
      const length = framing.kind === 'content-length' ? framing.length : 0
      const step = framing.kind === 'chunked' ? readChunked(bytes, 0) : readLength(bytes, 0, length)
      if (step.kind !== 'complete') return step
      return { kind: 'complete', value: { value: step.value.content, end: step.value.end } }
    }, 'content')
  }

  expectRequest(): Promise<StrictRequest> {
    return this.#take(bytes => withEnd(parseRequest(bytes)), 'a request')
  }

  expectBytes(count: number): Promise<Buffer> {
    return this.#take(
      bytes =>
        bytes.length < count
          ? { kind: 'incomplete' }
          : { kind: 'complete', value: { value: bytes.subarray(0, count), end: count } },
      `${count} bytes`,
    )
  }

  send(bytes: Bytes): Promise<void> {
    return write(this.#socket, bytes)
  }

  sendSplit(bytes: Bytes, offsets: readonly number[]): Promise<void> {
    return sendSplit(this.#socket, bytes, offsets)
  }

  close(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  stall(): Promise<never> {
    this.#socket.pause()
    return new Promise(() => {})
  }
}

function withEnd<T extends { readonly end: number }>(step: Step<T>): Step<{ value: T; end: number }> {
  return step.kind === 'complete' ? { kind: 'complete', value: { value: step.value, end: step.value.end } } : step
}

/**
 * An origin that plays a script on every connection. A script that ends leaves the connection open; one that throws
 * because the other side went away is done; any other error is kept and cuts the connection.
 */
export async function scriptedOrigin(script: Script, options: { unixPath?: string } = {}): Promise<ScriptedOrigin> {
  const connections: Connection[] = []
  const failures: Error[] = []
  const server = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    const connection = new Connection(connections.length, socket)
    connections.push(connection)
    // Half-open so that a script may answer after the other side's FIN; without one to do so, the connection ends.
    const played = script(connection).catch((error: Error) => {
      if (error instanceof Gone) return
      failures.push(error)
      socket.destroy()
    })
    void connection.closed.then(() => played).then(() => socket.end())
  })
  const listening = await listenOn(server, options.unixPath)
  return { ...listening, connections, takeFailures: () => failures.splice(0) }
}
