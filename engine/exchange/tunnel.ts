/** What an exchange becomes after 101: bytes pass both ways as they come. */
import { memory } from '../http1/llhttp.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { ByteStream } from '../net/byte-stream.ts'
import { Pipe, type PipeEnd, type PipeOwner } from '../net/pipe.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'

export class Tunnel implements PipeOwner {
  readonly #pipe: Pipe
  readonly #exchange: Exchange

  constructor(downstream: ByteStream, upstream: ByteStream, idleMs: number, exchange: Exchange) {
    const timeouts = { idleMs, halfCloseMs: idleMs }
    // The exchange counts its bytes itself.
    const parts = { client: downstream, endpoint: upstream, memory, timeouts, counters: null, owner: this }
    this.#pipe = new Pipe(parts)
    this.#exchange = exchange
  }

  /** Takes both streams over; `ahead` is what the client sent behind its request. */
  begin(ahead: ByteBuffer | null): void {
    this.#pipe.begin(ahead === null ? null : ahead.bytes.subarray(0, ahead.length))
  }

  onFirstBytes(): void {}

  onSettled(): void {}

  onPipeEnd(end: PipeEnd): void {
    const { bytesIn, bytesOut } = this.#pipe
    this.#exchange.tunnelEnded(CODES[end], bytesIn, bytesOut)
  }
}

const CODES: Readonly<Record<PipeEnd, ErrorCode | ''>> = {
  whole: '',
  client_broken: 'client_closed',
  endpoint_broken: 'upstream_closed',
  idle: 'tunnel_idle_timeout',
  half_closed: 'tunnel_idle_timeout',
  aborted: 'shutdown',
}
