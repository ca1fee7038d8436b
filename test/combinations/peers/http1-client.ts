import type { Socket } from 'node:net'
import type { Address } from '../../../engine/snapshot.ts'
import { Bell, within } from '../../support/bell.ts'
import type { Bytes } from '../../support/bytes.ts'
import type { Field } from '../../support/strict-head.ts'
import { parseResponseHead } from '../../support/strict-response.ts'
import { connectSocket, resetSocket } from './connect.ts'
import {
  type ClientConnection,
  type ClientExchange,
  comparable,
  DEADLINE_MS,
  Incoming,
  type Interim,
  lengthOf,
  type RequestSpec,
  type ResponseHead,
  type Trust,
  type Whole,
} from './exchange.ts'
import { type ContentFraming, Http1Link, Http1Writer } from './http1-link.ts'

class Exchange implements ClientExchange {
  readonly incoming = new Incoming()
  readonly interim: Interim[] = []
  readonly method: string
  readonly #socket: Socket
  readonly #writer: Http1Writer
  readonly #bell = new Bell()
  #head: ResponseHead | null = null

  constructor(socket: Socket, writer: Http1Writer, method: string) {
    this.#socket = socket
    this.#writer = writer
    this.method = method
  }

  get hasHead(): boolean {
    return this.#head !== null
  }

  takeInterim(interim: Interim): void {
    this.interim.push(interim)
    this.#bell.ring()
  }

  takeHead(head: Omit<ResponseHead, 'interim'>): void {
    this.#head = { ...head, interim: this.interim }
    this.#bell.ring()
  }

  connectionEnded(): void {
    this.incoming.cut()
    this.#bell.ring()
  }

  async head(): Promise<ResponseHead> {
    await this.#until(() => this.#head !== null, 'the head of a response')
    if (this.#head === null) throw new Error('unreachable')
    return this.#head
  }

  async interims(count: number): Promise<readonly Interim[]> {
    await this.#until(() => this.interim.length >= count, `${count} interim responses`)
    return this.interim
  }

  async response(): Promise<ResponseHead & Whole> {
    const head = await this.head()
    return { ...head, ...(await this.incoming.whole()) }
  }

  outcome(): Promise<'whole' | 'cut'> {
    return this.incoming.outcome()
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

  async #until(condition: () => boolean, what: string): Promise<void> {
    const loop = async () => {
      while (!condition()) {
        if (this.incoming.state === 'cut') throw new Error(`${what}: the connection ended`)
        await this.#bell.wait()
      }
    }
    await within(loop(), DEADLINE_MS, () => what)
  }
}

class Connection extends Http1Link implements ClientConnection {
  /** In the order of their requests. */
  readonly #waiting: Exchange[] = []

  async request(spec: RequestSpec = {}): Promise<ClientExchange> {
    const { method = 'GET', target = '/', authority = 'a.example', fields = [] } = spec
    const writer = new Http1Writer(this.socket)
    const exchange = new Exchange(this.socket, writer, method)
    this.#waiting.push(exchange)
    const saysNoLength = spec.content === undefined && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
    await writer.head(`${method} ${target} HTTP/1.1`, [['Host', authority], ...fields], spec, saysNoLength)
    return exchange
  }

  cut(): void {
    this.socket.destroy()
  }

  protected readHead(bytes: Buffer): { end: number; framing: ContentFraming; incoming: Incoming } | null {
    const exchange = this.#waiting[0]
    if (exchange === undefined) throw new Error('a response that nobody asked for')
    this.#takeInterims(bytes, exchange)
    const step = parseResponseHead(bytes, 0, { method: exchange.method })
    if (step.kind === 'malformed') throw new Error(step.reason)
    if (step.kind !== 'complete') return null
    const { status, fields, end, framing, length } = step.value
    this.#waiting.shift()
    exchange.takeHead({ status, fields: comparable(fields), length: lengthOf(fields) })
    return {
      end,
      framing: framing === 'content-length' ? { kind: framing, length } : { kind: framing },
      incoming: exchange.incoming,
    }
  }

  /** Those that are whole, before the final response has come. */
  #takeInterims(bytes: Buffer, exchange: Exchange): void {
    let at = 0
    let index = 0
    for (;;) {
      const end = bytes.indexOf('\r\n\r\n', at)
      if (end < 0) return
      const step = parseResponseHead(
        Buffer.concat([bytes.subarray(at, end + 4), Buffer.from('HTTP/1.1 200 OK\r\n\r\n')]),
        0,
        { method: 'HEAD' },
      )
      const interim = step.kind === 'complete' ? step.value.interim[0] : undefined
      if (interim === undefined) return
      if (index === exchange.interim.length) {
        exchange.takeInterim({ status: interim.status, fields: comparable(interim.fields) })
      }
      index += 1
      at = end + 4
    }
  }

  protected onClosed(): void {
    for (const exchange of this.#waiting.splice(0)) exchange.connectionEnded()
  }
}

export async function connectHttp1(address: Address, trust: Trust | null): Promise<Connection> {
  return new Connection(await connectSocket(address, trust, 'http/1.1'))
}
