/**
 * The beginning of a flow whose upstream depends on what the client sends first. Nothing is taken out of it, nothing put in.
 *
 *     begin ──decrypted here, and a name fits──────────────────────────────┐
 *       │                                                                  ▼
 *       └──▶ gathering ──kind is certain (TLS: ClientHello whole, or never)──▶ decided: the flow has the connection
 *              │  ├──FIN: what has come is all there is──────────────────────▲
 *              │  └──deadline──────────────────────────────────────────────┘
 *              └──RST──▶ over, and the flow told
 */
import { ByteBuffer } from '../../net/byte-buffer.ts'
import type { Connection, ConnectionOwner } from '../../net/connection.ts'
import { ASKS_FOR_NOTHING, type ClientHello, HelloProgress, readClientHello } from '../../net/tls/client-hello.ts'
import type { FirstBytesRoutes, TcpListenerSnapshot } from '../../snapshot.ts'
import type { FlowErrorCode } from '../errors.ts'
import { type FirstBytesKind, kindOf } from './first-bytes.ts'
import type { TcpTerms } from './terms.ts'

/** Where a flow goes, and what has shown it. */
export interface Course {
  /** Index into `upstreams`; -1 where nobody takes it. */
  readonly upstream: number
  /** `none` where too little has come to say. */
  readonly kind: FirstBytesKind | 'none'
  /** What the handshake asks for, passed on or ended here; empty where there is none. */
  readonly serverName: string
  readonly alpn: readonly string[]
  /** What the client has sent, for the endpoint: 16 KiB and what one read brings at most. `null` where nothing has come. */
  readonly ahead: Buffer | null
  /** Why nobody takes it; else empty. */
  readonly error: FlowErrorCode | ''
}

/** Whose beginning it is. */
export interface PrereadOwner {
  /** The client is not read, its deadline is gone, and it is the flow's to own. Its FIN may have come: see `readEnded`. */
  onCourse(course: Course): void
  /** The client's connection broke, and is closed. */
  onPrereadClosed(error: string): void
  abort(): void
}

/** Whether it takes more than a connection to know where it goes. */
export function needsPreread({ serverNames, firstBytes }: TcpListenerSnapshot): boolean {
  return serverNames.length > 0 || looksAtBytes(firstBytes)
}

function looksAtBytes({ http, proxy, tls }: FirstBytesRoutes): boolean {
  return http >= 0 || proxy >= 0 || tls >= 0
}

function upstreamFor(kind: FirstBytesKind | 'none', { http, proxy, tls }: FirstBytesRoutes): number {
  switch (kind) {
    case 'http':
      return http
    case 'proxy':
      return proxy
    case 'tls':
      return tls
    default:
      return -1
  }
}

/** Bytes to begin with where one read was not enough; more make it grow. */
const GATHERED_BYTES_START = 4096

const NOTHING = Buffer.alloc(0)

/** Says more than a connection that just ends: unrecognized_name, fatal (RFC 6066, section 3). */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112])

export class Preread implements ConnectionOwner {
  readonly #terms: TcpTerms
  readonly #client: Connection
  readonly #flow: PrereadOwner
  /** What has come with all reads but the last; `null` as long as that is nothing. */
  #gathered: ByteBuffer | null = null
  readonly #helloProgress = new HelloProgress()
  /** Of a handshake that has ended here, or that has come whole. */
  #asked: ClientHello = ASKS_FOR_NOTHING

  constructor(terms: TcpTerms, client: Connection, flow: PrereadOwner) {
    this.#terms = terms
    this.#client = client
    this.#flow = flow
  }

  /** Takes the connection: decrypted, if it is to be, and behind a header of the PROXY protocol that was for us. */
  begin(): void {
    const { firstBytes, timeouts } = this.#terms.settings
    const client = this.#client
    client.owner = this
    if (client.tls !== null) {
      const { serverName, alpn } = client.tls
      this.#asked = { serverName: serverName.toLowerCase(), alpn: alpn === '' ? [] : [alpn] }
      const upstream = this.#terms.serverNames.find(this.#asked.serverName, this.#asked.alpn)
      if (upstream >= 0 || !looksAtBytes(firstBytes)) {
        this.#decide('none', upstream, null, false)
        return
      }
    }
    client.context.wheel.refresh()
    client.setDeadline(timeouts.firstBytesMs)
    client.resume()
  }

  /** Ends the flow: the worker's grace is over. */
  abort(): void {
    this.#flow.abort()
  }

  onRead(connection: Connection, start: number, end: number): void {
    const { memory } = connection.context.slots
    const gathered = this.#gathered
    if (gathered !== null) gathered.copy(memory, start, end)
    const bytes = gathered === null ? memory.subarray(start, end) : contentOf(gathered)
    const kind = kindOf(bytes, bytes.length - (end - start))
    if (kind !== null && this.#isReadToTheEnd(kind, bytes)) {
      // What lies in the slot is overwritten by the next read, of whichever connection.
      this.#settle(kind, gathered === null ? Buffer.from(bytes) : bytes, false)
    } else if (gathered === null) {
      this.#gathered = new ByteBuffer(Math.max(GATHERED_BYTES_START, bytes.length))
      this.#gathered.copy(memory, start, end)
    }
  }

  /** Of a handshake that goes on as it comes, what it asks for has to be known too. */
  #isReadToTheEnd(kind: FirstBytesKind, bytes: Buffer): boolean {
    if (kind !== 'tls' || this.#client.tls !== null) return true
    const hello = readClientHello(bytes, this.#helloProgress)
    if (hello === null) return false
    this.#asked = hello
    return true
  }

  /** There will be no more: what has come says what it can. */
  onReadEnd(): void {
    this.#settleAsItIs(false)
  }

  onDeadline(): void {
    this.#settleAsItIs(true)
  }

  #settleAsItIs(isLate: boolean): void {
    const bytes = this.#gathered === null ? NOTHING : contentOf(this.#gathered)
    this.#settle(kindOf(bytes) ?? 'none', bytes, isLate)
  }

  #settle(kind: FirstBytesKind | 'none', bytes: Buffer, isLate: boolean): void {
    const { serverNames, settings } = this.#terms
    const isPassedOn = kind === 'tls' && this.#client.tls === null
    const byName = isPassedOn ? serverNames.find(this.#asked.serverName, this.#asked.alpn) : -1
    const upstream = byName >= 0 ? byName : upstreamFor(kind, settings.firstBytes)
    this.#decide(kind, upstream, bytes.length === 0 ? null : bytes, isLate)
  }

  #decide(kind: FirstBytesKind | 'none', found: number, ahead: Buffer | null, isLate: boolean): void {
    const client = this.#client
    const upstream = found >= 0 ? found : this.#terms.settings.upstream
    client.pause()
    client.clearDeadline()
    if (upstream < 0 && kind === 'tls' && client.tls === null) {
      client.write(UNRECOGNIZED_NAME, 0, UNRECOGNIZED_NAME.length, null)
    }
    const unserved = isLate ? 'first_bytes_timeout' : 'no_flow_route'
    const { serverName, alpn } = this.#asked
    this.#flow.onCourse({ upstream, kind, serverName, alpn, ahead, error: upstream < 0 ? unserved : '' })
  }

  onDrain(): void {}

  onClose(_connection: Connection, error: string): void {
    this.#flow.onPrereadClosed(error)
  }
}

function contentOf({ bytes, length }: ByteBuffer): Buffer {
  return bytes.subarray(0, length)
}
