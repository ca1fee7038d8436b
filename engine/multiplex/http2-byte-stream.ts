/** A stream of HTTP/2 as a tunnel has it (RFC 9113, section 8.5; RFC 8441): content of DATA frames, both ways. */
import { CANCEL } from '../http2/protocol.ts'
import type { ByteStream, ByteStreamOwner } from '../net/byte-stream.ts'
import type { Slot } from '../net/slots.ts'
import type { Http2Stream, Http2StreamOwner, ResetCause } from './http2-stream.ts'

export class Http2ByteStream implements ByteStream, Http2StreamOwner {
  readonly #stream: Http2Stream
  owner: ByteStreamOwner = NOBODY
  /** The peer has ended its side. */
  readEnded: boolean
  /** We have ended ours. */
  writeEnded = false
  closed = false
  /** Our end goes behind what still waits. */
  #endsBehind = false
  /** Content lies in the landing slot, or a slot of the connection's: it is never the stream's to give away. */
  readonly ownsSlot = false
  readonly copiesWrites = true
  readonly slot: Slot

  /** Takes the stream over; reads nothing before `resume`. */
  constructor(stream: Http2Stream) {
    this.#stream = stream
    this.slot = stream.connection.connection.context.slots.landing
    this.readEnded = stream.receivedAll
    stream.owner = this
    stream.isTunnel = true
    stream.clearDeadline()
  }

  get pendingWrites(): number {
    return this.#stream.waitingBytes > 0 ? 1 : 0
  }

  /** A reset of the stream, or the end of its connection, is told whether it is read or not. */
  isConnected(): boolean {
    return !this.closed
  }

  /** Whether the peer takes what waits is its windows' affair, which the connection watches. */
  hasProgressed(): boolean {
    return false
  }

  takeSlot(): void {}

  giveSlot(): void {}

  resume(): void {
    this.#stream.resume()
  }

  pause(): void {
    this.#stream.pause()
  }

  /** What windows do not take at once is copied: `bytes` are the caller's again when this returns. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.closed || this.writeEnded) return true
    return this.#stream.write(bytes as Buffer, start, end)
  }

  shutdown(): void {
    if (this.closed || this.writeEnded) return
    this.writeEnded = true
    // A stream that is over on both sides tells nobody that what waited has gone: so it ends when that is known.
    if (this.#stream.waitingBytes > 0) this.#endsBehind = true
    else this.#stream.end(null)
  }

  setDeadline(milliseconds: number): void {
    this.#stream.setDeadline(milliseconds)
  }

  clearDeadline(): void {
    this.#stream.clearDeadline()
  }

  finish(): void {
    if (this.readEnded) this.shutdown()
    this.destroy()
  }

  /** What both sides have ended needs no word; anything else does. */
  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.owner = NOBODY
    if (!this.readEnded || !this.writeEnded) this.#stream.reset(CANCEL)
  }

  reset(): void {
    if (this.closed) return
    this.closed = true
    this.owner = NOBODY
    this.#stream.reset(CANCEL)
  }

  onHead(): number {
    return 0
  }

  onContent(_stream: Http2Stream, start: number, end: number): void {
    this.owner.onRead(this, start, end)
  }

  onEnd(): void {
    this.readEnded = true
    this.owner.onReadEnd(this)
  }

  onFlush(): void {}

  onDrain(): void {
    if (this.#endsBehind) {
      this.#endsBehind = false
      this.#stream.end(null)
    }
    this.owner.onDrain(this)
  }

  onDeadline(): void {
    this.owner.onDeadline(this)
  }

  onReset(stream: Http2Stream, _code: number, _cause: ResetCause): void {
    if (this.closed) return
    this.closed = true
    this.readEnded = true
    this.writeEnded = true
    this.owner.onClose(this, stream.connection.systemError)
  }
}

const NOBODY: ByteStreamOwner = {
  onRead() {},
  onReadEnd() {},
  onDrain() {},
  onDeadline() {},
  onClose() {},
}
