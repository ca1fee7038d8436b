import { connect, type Socket } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'
import { Bell, within } from './bell.ts'
import { type Bytes, quote } from './bytes.ts'
import { connectOptions } from './listen.ts'
import { sendSplit, write } from './send-split.ts'
import { parseResponse, parseResponseHead, type ResponseContext, type StrictResponse } from './strict-response.ts'

/** What reading one response came to. */
export type ResponseOutcome =
  | { readonly kind: 'whole'; readonly response: StrictResponse }
  /** The connection ended before the response was whole; `status` is 0 where not even the head was. */
  | { readonly kind: 'cut'; readonly how: 'fin' | 'reset'; readonly status: number; readonly received: Buffer }
  | { readonly kind: 'malformed'; readonly reason: string; readonly received: Buffer }

export interface ReadContext {
  readonly method?: string
  readonly clientVersion?: '1.0' | '1.1'
  readonly deadlineMs?: number
}

export interface RawClientOptions {
  /** Keeps the own side open after the other side's FIN. The default answers FIN with FIN. */
  readonly halfOpen?: boolean
}

export interface RawClient extends Disposable {
  readonly socket: Socket
  /** What has come and was not taken off by reading a response. */
  readonly unread: Buffer
  /** Everything that has come. */
  readonly received: Buffer
  readonly ended: 'no' | 'fin' | 'reset'
  /** How the other side ended the connection. */
  readonly closed: Promise<'fin' | 'reset'>
  /** Resolves when the kernel has taken the bytes. */
  send(bytes: Bytes): Promise<void>
  /** As `send`, each piece between the offsets in a segment of its own. */
  sendSplit(bytes: Bytes, offsets: readonly number[]): Promise<void>
  /** Sends FIN; what comes is still read. */
  end(): void
  /** Sends RST. */
  reset(): void
  /** Reads one final response with the strict parser; never rejects for what the other side sent. */
  nextResponse(context?: ReadContext): Promise<ResponseOutcome>
  /** As `nextResponse`, but rejects unless the response is whole. */
  readResponse(context?: ReadContext): Promise<StrictResponse>
  /** Waits until `unread` satisfies the condition. */
  readUntil(condition: (unread: Buffer) => boolean, deadlineMs?: number): Promise<Buffer>
  /** Reads until the connection ends and resolves with what was unread. */
  readAll(deadlineMs?: number): Promise<Buffer>
  /** Closes without ceremony. */
  close(): void
}

class Client implements RawClient {
  readonly socket: Socket
  readonly closed: Promise<'fin' | 'reset'>
  unread: Buffer = Buffer.alloc(0)
  ended: 'no' | 'fin' | 'reset' = 'no'
  #chunks: Buffer[] = []
  readonly #bell = new Bell()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => {
      this.#chunks.push(chunk as Buffer)
      this.unread = this.unread.length === 0 ? (chunk as Buffer) : Buffer.concat([this.unread, chunk as Buffer])
      this.#bell.ring()
    })
    this.closed = new Promise(resolve => {
      const ended = (how: 'fin' | 'reset') => {
        if (this.ended === 'no') this.ended = how
        resolve(this.ended as 'fin' | 'reset')
        this.#bell.ring()
      }
      socket.on('end', () => ended('fin'))
      socket.on('close', () => ended('reset'))
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  send(bytes: Bytes): Promise<void> {
    return write(this.socket, bytes)
  }

  sendSplit(bytes: Bytes, offsets: readonly number[]): Promise<void> {
    return sendSplit(this.socket, bytes, offsets)
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): void {
    this.socket.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  nextResponse(context: ReadContext = {}): Promise<ResponseOutcome> {
    const read = async (): Promise<ResponseOutcome> => {
      for (;;) {
        const outcome = this.#takeResponse(context)
        if (outcome) return outcome
        await this.#bell.wait()
      }
    }
    return within(read(), context.deadlineMs ?? 5_000, () => `a response; so far ${quote(this.unread)}`)
  }

  #takeResponse(context: ResponseContext): ResponseOutcome | null {
    const inContext = { ...context, ended: this.ended }
    const step = parseResponse(this.unread, 0, inContext)
    if (step.kind === 'complete') {
      this.unread = this.unread.subarray(step.value.end)
      return { kind: 'whole', response: step.value }
    }
    if (step.kind === 'malformed') return { kind: 'malformed', reason: step.reason, received: this.unread }
    if (this.ended === 'no') return null
    const head = parseResponseHead(this.unread, 0, inContext)
    const status = head.kind === 'complete' ? head.value.status : 0
    return { kind: 'cut', how: this.ended, status, received: this.unread }
  }

  async readResponse(context: ReadContext = {}): Promise<StrictResponse> {
    const outcome = await this.nextResponse(context)
    if (outcome.kind === 'whole') return outcome.response
    const why = outcome.kind === 'cut' ? `the connection ended (${outcome.how})` : outcome.reason
    throw new Error(`no whole response: ${why}; received ${quote(outcome.received)}`)
  }

  async readUntil(condition: (unread: Buffer) => boolean, deadlineMs = 5_000): Promise<Buffer> {
    const read = async () => {
      while (!condition(this.unread)) {
        if (this.ended !== 'no') throw new Error(`the connection ended (${this.ended}) after ${quote(this.unread)}`)
        await this.#bell.wait()
      }
    }
    await within(read(), deadlineMs, () => `the awaited bytes; so far ${quote(this.unread)}`)
    return this.unread
  }

  async readAll(deadlineMs = 5_000): Promise<Buffer> {
    await within(this.closed, deadlineMs, () => `the end of the connection; so far ${quote(this.unread)}`)
    const all = this.unread
    this.unread = Buffer.alloc(0)
    return all
  }
}

/** Connects; rejects when that fails. `using` closes the connection. */
export function rawClient(address: Address | number, options: RawClientOptions = {}): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...connectOptions(address), allowHalfOpen: options.halfOpen ?? false, noDelay: true })
    const client = new Client(socket)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(client)
    })
  })
}
