import { Bell, within } from '../../support/bell.ts'
import type { Bytes } from '../../support/bytes.ts'
import type { Field } from '../../support/strict-head.ts'

/**
 * What the behaviours see of a client and of an origin: the semantics of HTTP (RFC 9110), whichever version is spoken on the
 * wire. Names of fields are in lower case; those that only frame a message, or belong to one connection, are left out.
 */

export type Version = 'h1' | 'h2'

/** What both ends of TLS have, in PEM. */
export interface Trust {
  readonly authority: string
  readonly chain: string
  readonly key: string
}

interface MessageSpec {
  readonly fields?: readonly Field[]
  readonly content?: Bytes
  /** Content comes without a length that is said beforehand. */
  readonly unknownLength?: boolean
  /** Only with content of unknown length. */
  readonly trailers?: readonly Field[]
  /** Content follows by `write` and `end`; its length is unknown unless `fields` say it. */
  readonly open?: boolean
}

export interface RequestSpec extends MessageSpec {
  readonly method?: string
  readonly target?: string
  readonly authority?: string
}

export interface ResponseSpec extends MessageSpec {
  readonly status?: number
}

export interface Interim {
  readonly status: number
  readonly fields: readonly Field[]
}

export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly authority: string
  readonly fields: readonly Field[]
  /** `content-length`; `null` where none is said. */
  readonly length: number | null
}

export interface ResponseHead extends Interim {
  readonly length: number | null
  readonly interim: readonly Interim[]
}

export interface Whole {
  readonly content: Buffer
  readonly trailers: readonly Field[]
}

/** The content of a message that comes in. */
export class Incoming {
  bytesReceived = 0
  state: 'open' | 'whole' | 'cut' = 'open'
  trailers: readonly Field[] = []
  readonly #chunks: Buffer[] = []
  readonly #bell = new Bell()

  take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.bytesReceived += chunk.length
    this.#bell.ring()
  }

  finish(trailers: readonly Field[]): void {
    if (this.state !== 'open') return
    this.state = 'whole'
    this.trailers = trailers
    this.#bell.ring()
  }

  cut(): void {
    if (this.state !== 'open') return
    this.state = 'cut'
    this.#bell.ring()
  }

  /** Resolves with all content so far when it is `count` bytes at least. */
  async receive(count: number): Promise<Buffer> {
    await this.#until(() => this.bytesReceived >= count, `${count} bytes of content`)
    return Buffer.concat(this.#chunks)
  }

  async whole(): Promise<Whole> {
    await this.#until(() => this.state === 'whole', 'a whole message')
    return { content: Buffer.concat(this.#chunks), trailers: this.trailers }
  }

  async outcome(): Promise<'whole' | 'cut'> {
    const over = async () => {
      while (this.state === 'open') await this.#bell.wait()
    }
    await within(over(), DEADLINE_MS, () => `the end of a message; ${this.bytesReceived} bytes so far`)
    return this.state === 'whole' ? 'whole' : 'cut'
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const loop = async () => {
      while (!condition()) {
        if (this.state !== 'open') throw new Error(`${what}: it was ${this.state} after ${this.bytesReceived} bytes`)
        await this.#bell.wait()
      }
    }
    await within(loop(), DEADLINE_MS, () => `${what}; ${this.bytesReceived} bytes so far`)
  }
}

export const DEADLINE_MS = 5_000

/** What both ends of an exchange can do. */
interface End {
  readonly incoming: Incoming
  /** Resolves when it has been taken: by the kernel, or by the windows of the other side. */
  write(bytes: Bytes): Promise<void>
  end(trailers?: readonly Field[]): Promise<void>
  /** Reads nothing more until `resume`. */
  pause(): void
  resume(): void
  /** Ends this exchange at once and no other, where the version can: RST_STREAM, or RST of the connection. */
  reset(): void
  /** Ends the connection at once. */
  cut(): void
}

export interface ClientExchange extends End {
  /** The head of the final response. */
  head(): Promise<ResponseHead>
  /** Interim responses so far. */
  readonly interim: readonly Interim[]
  /** Resolves when there are `count` of them. */
  interims(count: number): Promise<readonly Interim[]>
  /** Head and content of the final response. */
  response(): Promise<ResponseHead & Whole>
  /** As it ends, whether there was a head or not. */
  outcome(): Promise<'whole' | 'cut'>
}

export interface ClientConnection {
  /** Resolves when the head is written, and the content where it is given. */
  request(spec?: RequestSpec): Promise<ClientExchange>
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<void>
  /** Ends the connection at once. */
  cut(): void
}

export interface OriginExchange extends End {
  readonly head: RequestHead
  /** Which connection it came on, from 0. */
  readonly connection: number
  request(): Promise<RequestHead & Whole>
  interim(status: number, ...fields: Field[]): void
  respond(spec?: ResponseSpec): Promise<void>
  /** Resolves when the proxy has given this exchange up, or its connection is gone. */
  readonly gone: Promise<void>
}

export type Serve = (exchange: OriginExchange) => void

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'host'])

/** Fields as both versions have them. */
export function comparable(fields: readonly Field[]): Field[] {
  const lower = fields.map(([name, value]): Field => [name.toLowerCase(), value])
  return lower.filter(([name]) => !FRAMING.has(name) && !name.startsWith(':'))
}

/** The value of the only line of that name; `null` where there is none. */
export function onlyValueOf(fields: readonly Field[], name: string): string | null {
  const values = fields.filter(field => field[0].toLowerCase() === name).map(field => field[1])
  if (values.length > 1) throw new Error(`${values.length} lines of ${name}`)
  return values[0] ?? null
}

export function lengthOf(fields: readonly Field[]): number | null {
  const value = onlyValueOf(fields, 'content-length')
  return value === null ? null : Number(value)
}

/** `[a, 1, b, 2]` as fields. */
export function fieldsOf(raw: readonly string[]): Field[] {
  return Array.from({ length: raw.length / 2 }, (_, index): Field => [raw[2 * index] ?? '', raw[2 * index + 1] ?? ''])
}
