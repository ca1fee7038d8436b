import type { Socket } from 'node:net'
import { type Bytes, toBuffer } from '../../support/bytes.ts'
import { write } from '../../support/send-split.ts'
import { type Field, readFields, readLine, type Step } from '../../support/strict-head.ts'
import type { Incoming } from './exchange.ts'

export type ContentFraming =
  | { readonly kind: 'none' | 'chunked' | 'close' }
  | { readonly kind: 'content-length'; readonly length: number }

/** Takes the content of one message off a stream of bytes, as it comes. */
class ContentReader {
  readonly incoming: Incoming
  readonly #framing: ContentFraming
  #left: number
  /** Between the chunks: a line with a size comes next. */
  #atSize = true

  constructor(framing: ContentFraming, incoming: Incoming) {
    this.incoming = incoming
    this.#framing = framing
    this.#left = framing.kind === 'content-length' ? framing.length : 0
    if (framing.kind === 'none' || (framing.kind === 'content-length' && this.#left === 0)) incoming.finish([])
  }

  get isOver(): boolean {
    return this.incoming.state !== 'open'
  }

  /** How many bytes it took. */
  take(bytes: Buffer): number {
    if (this.#framing.kind === 'chunked') return this.#takeChunks(bytes)
    const count = this.#framing.kind === 'close' ? bytes.length : Math.min(bytes.length, this.#left)
    if (count > 0) this.incoming.take(bytes.subarray(0, count))
    this.#left -= count
    if (this.#framing.kind === 'content-length' && this.#left === 0) this.incoming.finish([])
    return count
  }

  #takeChunks(bytes: Buffer): number {
    let at = 0
    for (;;) {
      if (this.#left > 0) {
        const count = Math.min(bytes.length - at, this.#left)
        if (count === 0) return at
        this.incoming.take(bytes.subarray(at, at + count))
        this.#left -= count
        at += count
        if (this.#left > 0) return at
      }
      if (!this.#atSize) {
        if (bytes.length - at < 2) return at
        if (bytes.toString('latin1', at, at + 2) !== '\r\n') throw new Error('no CRLF after a chunk')
        at += 2
        this.#atSize = true
      }
      const line = sure(readLine(bytes, at))
      if (line === null) return at
      const size = Number.parseInt(line.line, 16)
      if (!/^[0-9a-f]+$/i.test(line.line)) throw new Error(`not the size of a chunk: ${line.line}`)
      if (size === 0) {
        const trailers = sure(readFields(bytes, line.end))
        if (trailers === null) return at
        this.incoming.finish(trailers.fields.map(([name, value]): Field => [name.toLowerCase(), value]))
        return trailers.end
      }
      this.#left = size
      this.#atSize = false
      at = line.end
    }
  }

  ended(how: 'fin' | 'reset'): void {
    if (this.#framing.kind === 'close' && how === 'fin') this.incoming.finish([])
    else this.incoming.cut()
  }
}

function sure<T>(step: Step<T>): T | null {
  if (step.kind === 'malformed') throw new Error(step.reason)
  return step.kind === 'complete' ? step.value : null
}

/** One side of a connection that speaks HTTP/1.1: heads and contents, one after the other. */
export abstract class Http1Link {
  readonly socket: Socket
  readonly closed: Promise<void>
  /** What could not be read. */
  readonly failures: Error[] = []
  #unread: Buffer = Buffer.alloc(0)
  #reader: ContentReader | null = null

  constructor(socket: Socket) {
    this.socket = socket
    let hasEnded = false
    this.closed = new Promise(resolve => {
      const ended = (how: 'fin' | 'reset') => {
        if (hasEnded) return
        hasEnded = true
        this.#reader?.ended(how)
        this.onClosed()
        resolve()
      }
      socket.on('error', () => ended('reset'))
      socket.on('end', () => ended('fin'))
      socket.on('close', () => ended('reset'))
    })
    socket.on('data', chunk => {
      this.#unread = this.#unread.length === 0 ? (chunk as Buffer) : Buffer.concat([this.#unread, chunk as Buffer])
      try {
        this.#read()
      } catch (error) {
        this.failures.push(error as Error)
        socket.destroy()
      }
    })
  }

  /** Takes a head off, and says what content follows; `null` where it is not whole yet. */
  protected abstract readHead(bytes: Buffer): { end: number; framing: ContentFraming; incoming: Incoming } | null
  protected abstract onClosed(): void

  #read(): void {
    while (this.#unread.length > 0) {
      if (this.#reader !== null && !this.#reader.isOver) {
        this.#unread = this.#unread.subarray(this.#reader.take(this.#unread))
        if (!this.#reader.isOver) return
      }
      this.#reader = null
      const head = this.#unread.length > 0 ? this.readHead(this.#unread) : null
      if (head === null) return
      this.#unread = this.#unread.subarray(head.end)
      this.#reader = new ContentReader(head.framing, head.incoming)
    }
  }
}

/** How a message of HTTP/1.1 is written: its field lines, then content with or without chunks. */
export class Http1Writer {
  readonly #socket: Socket
  #isChunked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  async head(
    startLine: string,
    fields: readonly Field[],
    spec: {
      readonly content?: Bytes
      readonly unknownLength?: boolean
      readonly open?: boolean
      readonly trailers?: readonly Field[]
    },
    saysNoLength: boolean,
  ): Promise<void> {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
    const saysLength = fields.some(([name]) => name.toLowerCase() === 'content-length')
    const hasContent = spec.content !== undefined || spec.open === true
    this.#isChunked = !saysLength && hasContent && (spec.unknownLength === true || spec.open === true)
    if (this.#isChunked) lines.push('Transfer-Encoding: chunked\r\n')
    else if (!saysLength && !saysNoLength) lines.push(`Content-Length: ${toBuffer(spec.content ?? '').length}\r\n`)
    await this.#send(`${startLine}\r\n${lines.join('')}\r\n`)
    if (spec.content !== undefined) await this.write(spec.content)
    if (spec.open !== true) await this.end(spec.trailers)
  }

  async write(bytes: Bytes): Promise<void> {
    const content = toBuffer(bytes)
    if (content.length === 0) return
    if (!this.#isChunked) return await this.#send(content)
    await this.#send(Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]))
  }

  async end(trailers: readonly Field[] = []): Promise<void> {
    if (!this.#isChunked) return
    await this.#send(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  }

  #send(bytes: Bytes): Promise<void> {
    return write(this.#socket, bytes)
  }
}
