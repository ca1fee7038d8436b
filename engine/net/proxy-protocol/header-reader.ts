/**
 * A connection that has to begin with a header of the PROXY protocol, up to the end of that.
 *
 *     reading ──whole──▶ `onHeader`: the connection is its owner's
 *        └── malformed, deadline, FIN, RST: `onHeaderRefused`; FIN or RST before a byte has come: closed, and nobody is told
 */
import type { Connection, ConnectionOwner } from '../connection.ts'
import type { ParsedProxyHeader, ProxyHeader } from './header.ts'
import { MISSING, parseProxyHeader } from './parse.ts'

export const HEADER_MISSING = 'proxy_header_missing'
export const HEADER_MALFORMED = 'proxy_header_malformed'
export const HEADER_TIMEOUT = 'proxy_header_timeout'

export interface HeaderReaderOwner {
  /**
   * `connection.proxied` is set. Bytes `start` to `end` of the slot memory have come behind the header, none where the two are
   * equal; it is being read.
   */
  onHeader(connection: Connection, start: number, end: number): void
  /** It is for the owner to close it. `error` is one of the three above, `detail` a text for the log. */
  onHeaderRefused(connection: Connection, error: string, detail: string): void
}

const NONE = Buffer.alloc(0)

export class HeaderReader implements ConnectionOwner {
  readonly #owner: HeaderReaderOwner
  readonly #timeoutMs: number
  /** What has come so far. */
  #gathered: Buffer = NONE

  constructor(owner: HeaderReaderOwner, timeoutMs: number) {
    this.#owner = owner
    this.#timeoutMs = timeoutMs
  }

  /** Takes a connection that nobody has read yet. */
  begin(connection: Connection): void {
    connection.owner = this
    connection.context.wheel.refresh()
    connection.setDeadline(this.#timeoutMs)
    connection.resume()
  }

  onRead(connection: Connection, start: number, end: number): void {
    const came = connection.context.slots.memory.subarray(start, end)
    const kept = this.#gathered.length
    const bytes = kept === 0 ? came : Buffer.concat([this.#gathered, came])
    const parsed = parseProxyHeader(bytes)
    if (parsed.kind === 'partial') this.#gathered = kept === 0 ? Buffer.from(came) : bytes
    else if (parsed.kind === 'malformed')
      this.#refuse(connection, parsed === MISSING ? HEADER_MISSING : HEADER_MALFORMED, parsed.reason)
    else this.#take(connection, parsed, start + parsed.length - kept, end)
  }

  #take(connection: Connection, { header }: ParsedProxyHeader & { kind: 'whole' }, start: number, end: number): void {
    this.#gathered = NONE
    connection.clearDeadline()
    connection.proxied = header.isDatagram ? withoutEnds(header) : header
    this.#owner.onHeader(connection, start, end)
  }

  onReadEnd(connection: Connection): void {
    this.#ended(connection)
  }

  #ended(connection: Connection): void {
    // Whoever only looks whether somebody listens here is not to be heard of.
    if (this.#gathered.length === 0) connection.destroy()
    else this.#refuse(connection, HEADER_MALFORMED, 'the connection has ended within the header')
  }

  onDrain(): void {}

  onDeadline(connection: Connection): void {
    const seconds = this.#timeoutMs / 1000
    this.#refuse(connection, HEADER_TIMEOUT, `no whole header of the PROXY protocol has come within ${seconds} s`)
  }

  onClose(connection: Connection): void {
    this.#ended(connection)
  }

  #refuse(connection: Connection, error: string, detail: string): void {
    connection.clearDeadline()
    this.#owner.onHeaderRefused(connection, error, detail)
  }
}

/** What speaks of datagrams has no place on a connection: its ends are those of the socket, as with what is unspecified. */
function withoutEnds(header: ProxyHeader): ProxyHeader {
  return { ...header, source: null, destination: null }
}
