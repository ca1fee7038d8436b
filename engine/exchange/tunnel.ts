/**
 * What an exchange becomes after 101: bytes pass both ways as they come. One side's FIN is passed on and leaves the
 * other direction open; an error on either side, or silence on both, ends it.
 */
import { memory } from '../http1/llhttp.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { ByteStream, ByteStreamOwner } from '../net/byte-stream.ts'
import { BULK_READ_BYTES } from '../net/connection.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'

export class Tunnel implements ByteStreamOwner {
  readonly #downstream: ByteStream
  readonly #upstream: ByteStream
  readonly #idleMs: number
  readonly #exchange: Exchange
  #bytesIn = 0
  #bytesOut = 0
  #ended = false

  constructor(downstream: ByteStream, upstream: ByteStream, idleMs: number, exchange: Exchange) {
    this.#downstream = downstream
    this.#upstream = upstream
    this.#idleMs = idleMs
    this.#exchange = exchange
  }

  /** Takes both streams over; `ahead` is what the client sent behind its request. */
  begin(ahead: ByteBuffer | null): void {
    this.#downstream.owner = this
    this.#upstream.owner = this
    this.#upstream.clearDeadline()
    this.#downstream.setDeadline(this.#idleMs)
    const upstreamTakes = this.#downstream.pendingWrites === 0
    let downstreamTakes = true
    if (ahead !== null) {
      this.#bytesIn += ahead.length
      downstreamTakes = this.#upstream.write(ahead.bytes, 0, ahead.length, null)
    }
    if (upstreamTakes) this.#upstream.resume()
    else this.#upstream.pause()
    if (downstreamTakes) this.#downstream.resume()
    else this.#downstream.pause()
  }

  onRead(stream: ByteStream, start: number, end: number): void {
    const other = this.#other(stream)
    const count = end - start
    if (stream === this.#downstream) this.#bytesIn += count
    else this.#bytesOut += count
    this.#downstream.setDeadline(this.#idleMs)
    let taken: boolean
    if (stream.ownsSlot || other.copiesWrites) {
      taken = other.write(memory, start, end, stream.ownsSlot ? stream.slot : null)
    } else {
      // The landing slot is everybody's: what the kernel does not take at once needs a place of its own.
      taken = other.write(Buffer.from(memory.subarray(start, end)), 0, count, null)
    }
    if (!taken) stream.pause()
    if (count >= BULK_READ_BYTES) stream.takeSlot()
    else stream.giveSlot()
  }

  onDrain(stream: ByteStream): void {
    this.#downstream.setDeadline(this.#idleMs)
    this.#other(stream).resume()
    this.#endIfDone()
  }

  onReadEnd(stream: ByteStream): void {
    this.#other(stream).shutdown()
    this.#endIfDone()
  }

  #endIfDone(): void {
    const a = this.#downstream
    const b = this.#upstream
    if (a.readEnded && b.readEnded && a.pendingWrites === 0 && b.pendingWrites === 0) this.#end('')
  }

  onDeadline(): void {
    this.#end('tunnel_idle_timeout')
  }

  onClose(stream: ByteStream): void {
    const isClient = stream === this.#downstream
    if (!isClient) this.#downstream.reset()
    this.#end(isClient ? 'client_closed' : 'upstream_closed')
  }

  /** Ends the tunnel because the worker stops. */
  abort(): void {
    this.#end('shutdown')
  }

  #end(error: ErrorCode | ''): void {
    if (this.#ended) return
    this.#ended = true
    this.#downstream.destroy()
    this.#upstream.destroy()
    this.#exchange.tunnelEnded(error, this.#bytesIn, this.#bytesOut)
  }

  #other(stream: ByteStream): ByteStream {
    return stream === this.#downstream ? this.#upstream : this.#downstream
  }
}
