/**
 * One socket of ours: reads into slots, writes views, one deadline, one owner that is told what happens.
 *
 *          open ──shutdown()──▶ write side ended ──peer's FIN──▶ closed
 *           │ ╲──closeLingering()──▶ lingering (FIN sent, what comes is thrown away) ──FIN or deadline──▶ closed
 *           └──destroy() or an error, from anywhere──▶ closed
 *
 * Rules that keep memory whole:
 * - What `onRead` hands over lies in a slot and is valid until the callback returns. Bytes of a connection's own slot
 *   (`ownsSlot`) may be given to another's `write`; when that returns false the reader must `pause()` until it drains.
 * - Errors of reads and writes reach the owner as `onClose`, from a clean stack, at most once, and never after `destroy()`.
 */
import type { Address } from '../snapshot.ts'
import type { ByteStream } from './byte-stream.ts'
import {
  END_OF_FILE,
  errorName,
  lastRead,
  lastWriteIsPending,
  ShutdownWrap,
  type StreamHandle,
  type WriteRequest,
  WriteWrap,
} from './handles.ts'
import type { ProxyHeader } from './proxy-protocol/header.ts'
import type { Slot, SlotPool } from './slots.ts'
import { Timer, type TimerTarget, type TimerWheel } from './timer-wheel.ts'
import type { TlsFacts } from './tls/tls-facts.ts'

export interface ConnectionOwner {
  /** Bytes `start` to `end` of the slot memory have come. */
  onRead(connection: Connection, start: number, end: number): void
  /** The peer sends no more. */
  onReadEnd(connection: Connection): void
  /** Everything written has been taken by the kernel. */
  onDrain(connection: Connection): void
  onDeadline(connection: Connection): void
  /** The connection broke: `error` is the system's name for it, e.g. `ECONNRESET`. It is closed already. */
  onClose(connection: Connection, error: string): void
}

/** What the connections of a worker share. */
export interface NetContext {
  readonly slots: SlotPool
  readonly wheel: TimerWheel
  /** An exception in a connection's callbacks: a defect of ours, which costs that connection and nothing else. */
  onFault(error: unknown): void
}

/** Somebody who counts a connection for as long as it is open. */
export interface ConnectionCounter {
  onConnectionClosed(connection: Connection): void
  /** From here on `successor` stands for the same socket: it was encrypted. */
  onConnectionReplaced(connection: Connection, successor: Connection): void
}

/** A read that fills at least this much of a slot is taken for the middle of bulk content, worth a slot of its own. */
export const BULK_READ_BYTES = 16 * 1024

/** Milliseconds a closing connection waits for the peer's FIN, or for more to throw away; past it the rest gets RST. */
const LINGER_IDLE_MS = 2000

/** Milliseconds a closing connection throws away what comes, at most; past it the rest gets RST. */
const LINGER_TOTAL_MS = 30_000

let spareWriteRequest: WriteRequest = new WriteWrap()

/** What `onClose` says where an exception of ours broke the connection. */
export const FAULT = 'EFAULT'

export class Connection implements ByteStream, TimerTarget {
  readonly context: NetContext
  /** What is read and written: the socket, or the encryption upon it. */
  readonly handle: StreamHandle
  /** The socket. */
  readonly transport: StreamHandle
  readonly timer: Timer
  owner: ConnectionOwner
  slot: Slot
  /** Everybody's slot, or as much of it as one read may bring. */
  #landing: Slot
  /** Where the handle's next read goes. */
  #target: Slot
  /** Writes that still refer to their bytes. */
  pendingWrites = 0
  reading = false
  readEnded = false
  writeEnded = false
  /** FIN is on its way: as long as it is, libuv resets nothing, and a handle that was told to can be closed no more. */
  protected isShutting = false
  closed = false
  counter: ConnectionCounter | null = null
  /** The other end of the socket, where somebody has asked in time: of a peer that is gone the system knows nothing any more. */
  peer: Address | null = null
  /** What a header of the PROXY protocol has said of it; `null` where none came: its ends are those of the socket. */
  proxied: ProxyHeader | null = null
  protected isLingering = false
  #isDelivering = false
  /** Bytes that waited for the kernel when somebody last looked. */
  #waitingBytes = 0
  #lingerEndsAt = 0

  /** Reads nothing before `resume`; `owner` is nobody until somebody takes it. */
  constructor(context: NetContext, handle: StreamHandle, transport: StreamHandle = handle) {
    this.context = context
    this.handle = handle
    this.transport = transport
    this.owner = NOBODY
    this.#landing = context.slots.landing
    this.slot = this.#landing
    this.#target = this.slot
    this.timer = new Timer(this)
    handle.connection = this
    handle.onread = onRead
    handle.useUserBuffer(this.slot.view)
  }

  /** What both ends have agreed on, where the connection is encrypted; else `null`. */
  get tls(): TlsFacts | null {
    return null
  }

  /** Bytes written that the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.handle.writeQueueSize
  }

  get ownsSlot(): boolean {
    return this.slot !== this.#landing
  }

  /** Reads into a slot of its own from the next read on, if one is free. Call within `onRead` only. */
  takeSlot(): void {
    if (this.slot === this.context.slots.landing) this.slot = this.context.slots.take() ?? this.slot
  }

  /** Reads into the landing slot again from the next read on. Call within `onRead`. */
  giveSlot(): void {
    if (this.slot === this.#landing) return
    this.context.slots.give(this.slot)
    this.slot = this.#landing
  }

  /** Reads so many bytes at once from the next read on, and never into a slot of its own. Not within a read. */
  readAtMost(bytes: number): void {
    if (this.closed) return
    this.giveSlot()
    this.#landing = this.context.slots.landingOf(bytes)
    this.slot = this.#landing
    this.readIntoSlot()
  }

  /** Goes on reading. @hotpath */
  resume(): void {
    if (this.reading || this.closed || this.readEnded) return
    // Within a read the buffer of the next one is what the callback returns, and nothing else: see `nextSlot`.
    if (this.slot.lent > 0 && !this.#isDelivering) {
      this.leaveLentSlot()
      this.readIntoSlot()
    }
    this.reading = true
    this.startReading()
  }

  protected startReading(): void {
    const status = this.handle.readStart()
    if (status < 0) this.breakWith(errorName(status))
  }

  /** What lies in the slot is still being written somewhere: never read over it. */
  protected leaveLentSlot(): void {
    this.context.slots.give(this.slot)
    this.slot = this.context.slots.take() ?? this.#landing
  }

  /** Not within a read. Node keeps something of each buffer that a handle has ever been given this way: none without need. */
  protected readIntoSlot(): void {
    if (this.slot === this.#target) return
    this.#target = this.slot
    this.handle.useUserBuffer(this.slot.view)
  }

  /** @internal The slot for the next read, where it is not the one of this read. */
  nextSlot(): Slot | null {
    if (this.reading && this.slot.lent > 0) this.leaveLentSlot()
    return this.changedSlot()
  }

  /** To be given to the handle as the end of a read, of a closed connection too: there may be more of that read. */
  protected changedSlot(): Slot | null {
    if (this.slot === this.#target) return null
    this.#target = this.slot
    return this.slot
  }

  /** Stops reading: the kernel's buffer fills, and the peer has to wait. @hotpath */
  pause(): void {
    if (!this.reading || this.closed) return
    this.reading = false
    this.handle.readStop()
  }

  /**
   * Writes bytes `start` to `end`. False when the kernel did not take them whole: they must then stay as they are
   * until `onDrain`; `slot` is the slot they lie in, if any. A closed connection takes everything and drops it. @hotpath
   */
  write(bytes: Uint8Array, start: number, end: number, slot: Slot | null): boolean {
    if (this.closed || this.writeEnded || start === end) return true
    const view = bytes.subarray(start, end)
    const request = spareWriteRequest
    const status = this.handle.writeBuffer(request, view)
    if (status !== 0) {
      this.writeFailed(status)
      return true
    }
    if (!lastWriteIsPending()) return true
    spareWriteRequest = new WriteWrap()
    request.owner = this
    request.lent = view
    request.slot = slot
    if (slot !== null) slot.lent += 1
    request.oncomplete = onWriteComplete
    this.pendingWrites += 1
    this.#waitingBytes = this.handle.writeQueueSize
    return false
  }

  /**
   * Whether the system still knows the peer: not after a RST, which a connection that is not read does not report. It forgets
   * one as well who has had our FIN and sent its own, with all that is still to be read of it: who has had it is not asked for.
   */
  isConnected(): boolean {
    if (this.closed || this.writeEnded) return !this.closed
    return this.transport.getpeername === undefined || this.transport.getpeername({}) === 0
  }

  /** Whether the peer has taken some of what waits since the last call, or since it began to wait. */
  hasProgressed(): boolean {
    const before = this.#waitingBytes
    this.#waitingBytes = this.handle.writeQueueSize
    return this.pendingWrites > 0 && this.#waitingBytes < before
  }

  /** Sends FIN once everything written is out. */
  shutdown(): void {
    if (this.closed || this.writeEnded) return
    this.writeEnded = true
    this.sendFin()
  }

  get copiesWrites(): boolean {
    return false
  }

  protected sendFin(): void {
    const request = new ShutdownWrap()
    request.oncomplete = () => {
      this.isShutting = false
    }
    const status = this.handle.shutdown(request)
    this.isShutting = status === 0
    if (status < 0) this.breakWith(errorName(status))
  }

  setDeadline(milliseconds: number): void {
    if (!this.closed) this.context.wheel.set(this.timer, milliseconds)
  }

  clearDeadline(): void {
    this.context.wheel.disarm(this.timer)
  }

  /**
   * Closes without cutting off what was written: FIN goes out behind it, and what the peer still sends is thrown away
   * until it closes too, for a bounded time (RFC 9112, section 9.6). The owner hears no more.
   */
  closeLingering(): void {
    this.owner = NOBODY
    if (this.closed || this.isLingering) return
    this.isLingering = true
    if (this.readEnded && this.pendingWrites === 0) {
      this.destroy()
      return
    }
    this.shutdown()
    this.#lingerEndsAt = performance.now() + LINGER_TOTAL_MS
    this.setDeadline(LINGER_IDLE_MS)
    this.resume()
  }

  /** FIN is what closing is for the kernel. */
  finish(): void {
    this.destroy()
  }

  /** Closes at once. Whatever was not taken by the kernel is lost; the owner hears no more. */
  destroy(): void {
    this.owner = NOBODY
    if (this.closed) return
    this.release()
    this.closeHandle()
  }

  /** Closes with RST, so that the peer cannot take what it has for whole. The owner hears no more. */
  reset(): void {
    this.owner = NOBODY
    if (this.closed) return
    this.release()
    this.resetHandle()
  }

  protected closeHandle(): void {
    this.uncount()
    this.handle.close()
  }

  protected resetHandle(): void {
    this.uncount()
    if (this.isShutting || this.handle.reset === undefined || this.handle.reset() !== 0) this.handle.close()
  }

  /** Runs what the owner put off: an exception costs this connection and nothing else, as in any of its callbacks. */
  guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#fault(error)
    }
  }

  onDeadline(): void {
    if (this.closed) return
    if (this.isLingering) {
      // What the peer still has to take of ours comes first.
      if (this.hasProgressed()) this.setDeadline(LINGER_IDLE_MS)
      else this.destroy()
      return
    }
    try {
      this.owner.onDeadline(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  /** @internal */
  received(count: number): void {
    if (this.isLingering) {
      if (performance.now() > this.#lingerEndsAt) this.destroy()
      else this.setDeadline(LINGER_IDLE_MS)
      return
    }
    const start = this.slot.start
    this.#isDelivering = true
    try {
      this.owner.onRead(this, start, start + count)
    } catch (error) {
      this.#fault(error)
    }
    this.#isDelivering = false
  }

  /** @internal */
  readFailed(status: number): void {
    this.reading = false
    if (status !== END_OF_FILE) {
      this.breakWith(errorName(status))
      return
    }
    this.readEnded = true
    this.handle.readStop()
    if (this.isLingering) {
      if (this.pendingWrites === 0) this.destroy()
      return
    }
    try {
      this.owner.onReadEnd(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  /** @internal */
  wrote(status: number): void {
    this.pendingWrites -= 1
    if (this.closed) return
    if (status < 0) {
      this.writeFailed(status)
      return
    }
    if (this.pendingWrites !== 0) return
    if (this.isLingering) {
      if (this.readEnded) this.destroy()
      else this.setDeadline(LINGER_IDLE_MS)
      return
    }
    try {
      this.owner.onDrain(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  /**
   * The peer takes no more, but what it sent before may still lie in the kernel (an early answer to a large request):
   * whoever reads goes on to its end, which is near.
   */
  protected writeFailed(status: number): void {
    this.writeEnded = true
    if (!this.reading) this.breakWith(errorName(status))
  }

  #fault(error: unknown): void {
    this.context.onFault(error)
    this.breakWith(FAULT)
  }

  protected breakWith(error: string): void {
    if (this.closed) return
    this.release()
    // What it has had is not whole, and a FIN would say so.
    if (error === FAULT) this.resetHandle()
    else this.breakHandle()
    if (this.isLingering) return
    // From a clean stack: whoever was just writing to this connection must not find its own state changed under it.
    process.nextTick(tellClosed, this, error)
  }

  /** Closes without a word to the peer. */
  protected breakHandle(): void {
    this.closeHandle()
  }

  protected release(): void {
    this.closed = true
    this.reading = false
    this.context.wheel.clear(this.timer)
    if (this.slot !== this.#landing) {
      this.context.slots.give(this.slot)
      this.slot = this.#landing
    }
  }

  protected uncount(): void {
    const counter = this.counter
    this.counter = null
    if (counter !== null) counter.onConnectionClosed(this)
  }

  /** Gives its socket up to `make`, which makes the connection that stands for it from here on. Nothing may be under way. */
  replace<C extends Connection>(make: (socket: StreamHandle) => C): C {
    const counter = this.counter
    this.counter = null
    this.owner = NOBODY
    this.pause()
    this.release()
    const successor = make(this.transport)
    successor.counter = counter
    successor.peer = this.peer
    successor.proxied = this.proxied
    if (counter !== null) counter.onConnectionReplaced(this, successor)
    return successor
  }
}

function tellClosed(connection: Connection, error: string): void {
  try {
    connection.owner.onClose(connection, error)
  } catch (fault) {
    connection.context.onFault(fault)
  }
}

/** @hotpath */
function onRead(this: StreamHandle): Uint8Array | undefined {
  const connection = this.connection as Connection
  const count = lastRead()
  if (connection.closed || count === 0) return undefined
  if (count < 0) {
    connection.readFailed(count)
    return undefined
  }
  connection.received(count)
  return connection.nextSlot()?.view
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const connection = this.owner as Connection
  this.lent = undefined
  if (this.slot !== null) connection.context.slots.settle(this.slot)
  connection.wrote(status)
}

/** Owner of a connection that nobody wants to hear of any more. */
export const NOBODY: ConnectionOwner = {
  onRead() {},
  onReadEnd() {},
  onDrain() {},
  onDeadline() {},
  onClose() {},
}
