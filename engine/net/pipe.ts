/**
 * Bytes both ways between a client and an endpoint, as they come: what tunnels and flows are in the middle of.
 *
 *     both open ──FIN of one, passed on──▶ half open ──FIN of the other──▶ ended
 *        └──── a broken connection, silence on both sides, abort ────────▶ ended, and told why
 *
 * In each direction one read at most is held: its reader stops until the other side has taken it. A connection that is not read
 * reports no RST, so whoever stops is looked after once a second.
 */

import { BYTES_IN, BYTES_OUT } from '../shared/state-page.ts'
import type { ByteStream, ByteStreamOwner } from './byte-stream.ts'
import { BULK_READ_BYTES } from './connection.ts'
import { TRUNCATED } from './tls/tls-connection.ts'

/** How it has come to its end. */
export type PipeEnd =
  /** Both sides have sent FIN, and have what was for them. */
  | 'whole'
  | 'client_broken'
  | 'endpoint_broken'
  | 'idle'
  /** Idle, with FIN of one side. */
  | 'half_closed'
  | 'aborted'

export interface PipeOwner {
  /** The first bytes of one side have come, and are about to be passed on. */
  onFirstBytes(isClient: boolean): void
  /** It has lasted for a second. Called once. */
  onSettled(): void
  /** `error` is the system's name for what broke; else empty. What connections it had are closed, or will be in a moment. */
  onPipeEnd(end: PipeEnd, error: string): void
}

export interface PipeTimeouts {
  /** Without a byte in either direction. Past it: it ends. */
  readonly idleMs: number
  /** The same once one side has sent FIN. */
  readonly halfCloseMs: number
}

export interface PipeParts {
  readonly client: ByteStream
  readonly endpoint: ByteStream
  /** That of slots. */
  readonly memory: Buffer
  readonly timeouts: PipeTimeouts
  /** Of the worker's row, where the bytes are counted as they come; `null` where somebody else counts them. */
  readonly counters: Float64Array | null
  readonly owner: PipeOwner
}

/** Milliseconds from the beginning to the first look at whether those who are not read are still there, and between two. */
const WATCH_MS = 1000

/** Bytes from which what the kernel has not taken is cut off: shared by those that have little. */
const SPARE_BYTES = 64 * 1024

let spare = Buffer.allocUnsafeSlow(SPARE_BYTES)
let spareUsed = 0

export class Pipe implements ByteStreamOwner {
  readonly #client: ByteStream
  readonly #endpoint: ByteStream
  readonly #memory: Buffer
  readonly #timeouts: PipeTimeouts
  readonly #owner: PipeOwner
  /** Of the worker's row, where the bytes are counted as they come; `null` where somebody else counts them. */
  readonly #counters: Float64Array | null
  bytesIn = 0
  bytesOut = 0
  #idleMs: number
  #hasSettled = false
  #hasEnded = false
  #isWatching = false
  /** It has had our FIN: nothing else than that has ended its write side. */
  #isClientShut = false
  #isEndpointShut = false

  constructor({ client, endpoint, memory, timeouts, counters, owner }: PipeParts) {
    this.#client = client
    this.#endpoint = endpoint
    this.#memory = memory
    this.#timeouts = timeouts
    this.#counters = counters
    this.#owner = owner
    this.#idleMs = timeouts.idleMs
  }

  /** Takes both over; `ahead` is what the client has sent already. Either side may have ended. */
  begin(ahead: Uint8Array | null): void {
    const client = this.#client
    const endpoint = this.#endpoint
    client.owner = this
    endpoint.owner = this
    this.#watch()
    client.setDeadline(this.#idleMs)
    let isAheadTaken = true
    if (ahead !== null && ahead.length > 0) {
      this.#countIn(ahead.length)
      isAheadTaken = endpoint.write(ahead, 0, ahead.length, null)
    }
    if (client.pendingWrites === 0) endpoint.resume()
    else this.stop(endpoint)
    if (client.readEnded) this.onReadEnd(client)
    else if (isAheadTaken) client.resume()
    else this.stop(client)
  }

  /** @hotpath */
  onRead(stream: ByteStream, start: number, end: number): void {
    const count = end - start
    const isClient = stream === this.#client
    if (isClient) this.#countIn(count)
    else this.#countOut(count)
    this.#client.setDeadline(this.#idleMs)
    const other = isClient ? this.#endpoint : this.#client
    if (!this.#pass(stream, other, start, end)) this.stop(stream)
    if (count >= BULK_READ_BYTES) stream.takeSlot()
    else stream.giveSlot()
  }

  #countIn(count: number): void {
    if (this.bytesIn === 0) this.#owner.onFirstBytes(true)
    this.bytesIn += count
    const counters = this.#counters
    if (counters !== null) counters[BYTES_IN] = (counters[BYTES_IN] as number) + count
  }

  #countOut(count: number): void {
    if (this.bytesOut === 0) this.#owner.onFirstBytes(false)
    this.bytesOut += count
    const counters = this.#counters
    if (counters !== null) counters[BYTES_OUT] = (counters[BYTES_OUT] as number) + count
  }

  /** @hotpath */
  #pass(stream: ByteStream, other: ByteStream, start: number, end: number): boolean {
    if (stream.ownsSlot) return other.write(this.#memory, start, end, stream.slot)
    if (other.copiesWrites) return other.write(this.#memory, start, end, null)
    // The landing slot is everybody's: what the kernel does not take at once needs a place of its own.
    return writeCopy(other, this.#memory, start, end)
  }

  /** Reads no more of it before `goOn`. */
  protected stop(stream: ByteStream): void {
    stream.pause()
    this.#watch()
  }

  /** What was read of it has been taken. */
  protected goOn(stream: ByteStream): void {
    stream.resume()
  }

  /** Somebody is not read although all that was read has been taken. */
  protected get isHeldUp(): boolean {
    return false
  }

  /** What has held it up does no more: it is idle from now on at the earliest. */
  protected restartClock(): void {
    this.#client.setDeadline(this.#idleMs)
  }

  /** It has come to its end. */
  protected ended(): void {}

  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    this.#endpoint.setDeadline(WATCH_MS)
  }

  onDrain(stream: ByteStream): void {
    const other = this.#other(stream)
    this.#client.setDeadline(this.#idleMs)
    this.goOn(other)
    if (!this.#endIfWhole() && other.readEnded) this.#shut(stream)
  }

  onReadEnd(stream: ByteStream): void {
    const other = this.#other(stream)
    if (stream.writeEnded && !this.#isShut(stream)) {
      // Somebody's write has met its RST: what is left to read of it is an end, and not the peer's.
      this.onClose(stream, 'ECONNRESET')
      return
    }
    if (this.#endIfWhole()) return
    // Not behind something that waits: as long as a FIN is on its way there can be no RST.
    if (other.pendingWrites === 0) this.#shut(other)
    this.#idleMs = this.#timeouts.halfCloseMs
    this.#client.setDeadline(this.#idleMs)
    this.#watch()
  }

  #shut(stream: ByteStream): void {
    if (stream.writeEnded) return
    if (stream === this.#client) this.#isClientShut = true
    else this.#isEndpointShut = true
    stream.shutdown()
  }

  #isShut(stream: ByteStream): boolean {
    return stream === this.#client ? this.#isClientShut : this.#isEndpointShut
  }

  #endIfWhole(): boolean {
    const a = this.#client
    const b = this.#endpoint
    if (!a.readEnded || !b.readEnded || a.pendingWrites > 0 || b.pendingWrites > 0) return false
    this.#end('whole', '')
    return true
  }

  onDeadline(stream: ByteStream): void {
    if (stream === this.#endpoint) this.#look()
    else if (this.#isMoving()) this.#client.setDeadline(this.#idleMs)
    else this.#end(this.#client.readEnded || this.#endpoint.readEnded ? 'half_closed' : 'idle', '')
  }

  #isMoving(): boolean {
    return this.isHeldUp || this.#client.hasProgressed() || this.#endpoint.hasProgressed()
  }

  /** At those who are not read. */
  #look(): void {
    this.#isWatching = false
    if (!this.#hasSettled) {
      this.#hasSettled = true
      this.#owner.onSettled()
    }
    for (const stream of [this.#client, this.#endpoint]) {
      if (!stream.isConnected()) {
        this.onClose(stream, 'ECONNRESET')
        return
      }
    }
    if (this.isHeldUp || this.#isHalfOpen || this.#client.pendingWrites > 0 || this.#endpoint.pendingWrites > 0)
      this.#watch()
  }

  /** Who has sent FIN is read no more either. */
  get #isHalfOpen(): boolean {
    return this.#client.readEnded !== this.#endpoint.readEnded
  }

  onClose(stream: ByteStream, error: string): void {
    this.#end(stream === this.#client ? 'client_broken' : 'endpoint_broken', error)
  }

  /** Ends it because the worker stops. */
  abort(): void {
    this.#end('aborted', '')
  }

  #end(end: PipeEnd, error: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.ended()
    const a = this.#client
    const b = this.#endpoint
    // Whoever has not all that was meant for it must not take what it has for whole.
    if (!isQuiet(end, error) || a.pendingWrites > 0 || b.pendingWrites > 0) {
      a.reset()
      b.reset()
    } else {
      a.finish()
      b.finish()
    }
    this.#owner.onPipeEnd(end, error)
  }

  #other(stream: ByteStream): ByteStream {
    return stream === this.#client ? this.#endpoint : this.#client
  }
}

/** Nothing is lost by it. Clients that have what they want often close without having announced it (close_notify). */
function isQuiet(end: PipeEnd, error: string): boolean {
  if (end === 'client_broken') return error === TRUNCATED
  return end === 'whole' || end === 'idle' || end === 'half_closed'
}

/**
 * Writes from a place where the bytes may stay until the kernel has taken them, which it mostly has at once: then the place is
 * free for the next. A buffer for each read would cost more than all the rest: perf/micro/net/pipe.bench.ts. @hotpath
 */
function writeCopy(stream: ByteStream, memory: Buffer, start: number, end: number): boolean {
  const count = end - start
  if (count > SPARE_BYTES - spareUsed) {
    spare = Buffer.allocUnsafeSlow(SPARE_BYTES)
    spareUsed = 0
  }
  const from = spareUsed
  memory.copy(spare, from, start, end)
  if (stream.write(spare, from, from + count, null)) return true
  spareUsed += count
  return false
}
