import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectSession, constants } from 'node:http2'
import type { Address } from '../../../engine/snapshot.ts'
import { Bell, within } from '../../support/bell.ts'
import { type Bytes, toBuffer } from '../../support/bytes.ts'
import type { Field } from '../../support/strict-head.ts'
import { connectSocket } from './connect.ts'
import {
  type ClientConnection,
  type ClientExchange,
  comparable,
  DEADLINE_MS,
  fieldsOf,
  Incoming,
  type Interim,
  lengthOf,
  type RequestSpec,
  type ResponseHead,
  type Trust,
  type Whole,
} from './exchange.ts'
import { endContent, rawOf, receive, writeContent } from './http2-wire.ts'

class Exchange implements ClientExchange {
  readonly incoming = new Incoming()
  readonly interim: Interim[] = []
  readonly #stream: ClientHttp2Stream
  readonly #bell = new Bell()
  #head: ResponseHead | null = null

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream
    stream.on('headers', (...[headers, , raw]) => {
      this.interim.push({
        status: Number(headers[':status']),
        fields: comparable(fieldsOf(raw as unknown as string[])),
      })
      this.#bell.ring()
    })
    stream.on('response', (...[headers, , raw]) => {
      const fields = fieldsOf(raw as unknown as string[])
      this.#head = {
        status: Number(headers[':status']),
        fields: comparable(fields),
        length: lengthOf(fields),
        interim: this.interim,
      }
      this.#bell.ring()
    })
    receive(stream, this.incoming)
    stream.on('close', () => this.#bell.ring())
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
    return writeContent(this.#stream, bytes)
  }

  end(trailers?: readonly Field[]): Promise<void> {
    return endContent(this.#stream, trailers)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  cut(): void {
    this.#stream.session?.destroy()
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const loop = async () => {
      while (!condition()) {
        if (this.#stream.closed) throw new Error(`${what}: the stream ended with ${this.#stream.rstCode}`)
        await this.#bell.wait()
      }
    }
    await within(loop(), DEADLINE_MS, () => what)
  }
}

class Connection implements ClientConnection {
  readonly closed: Promise<void>
  readonly #session: ClientHttp2Session
  readonly #scheme: string

  constructor(session: ClientHttp2Session, isSecure: boolean) {
    this.#session = session
    this.#scheme = isSecure ? 'https' : 'http'
    session.on('error', () => undefined)
    this.closed = new Promise(resolve => session.on('close', () => resolve()))
  }

  async request(spec: RequestSpec = {}): Promise<ClientExchange> {
    const { method = 'GET', target = '/', authority = 'a.example', fields = [], content, open = false } = spec
    const pseudo: Field[] = [
      [':method', method],
      [':scheme', this.#scheme],
      [':authority', authority],
      [':path', target],
    ]
    const all = [...fields]
    const saysLength = lengthOf(fields) !== null
    if (content !== undefined && !open && !spec.unknownLength && !saysLength) {
      all.push(['content-length', String(toBuffer(content).length)])
    }
    const stream = this.#session.request(rawOf(pseudo, all), {
      endStream: content === undefined && !open,
      waitForTrailers: open || spec.trailers !== undefined,
    })
    const exchange = new Exchange(stream)
    if (content !== undefined) await exchange.write(content)
    if (content !== undefined && !open) await exchange.end(spec.trailers)
    return exchange
  }

  cut(): void {
    this.#session.destroy()
  }
}

export async function connectHttp2(address: Address, trust: Trust | null): Promise<Connection> {
  const socket = await connectSocket(address, trust, 'h2')
  const origin = trust === null ? 'http://a.example' : 'https://a.example'
  return new Connection(connectSession(origin, { createConnection: () => socket }), trust !== null)
}
