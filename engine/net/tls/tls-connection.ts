/**
 * A connection that is encrypted. Its owners see what they see of any other; the differences are dealt with here:
 *
 *     handshake ──done──▶ open ── as `Connection` ──▶ closed
 *         └── failed, deadline: `HandshakeListener` is told ──▶ closed
 *
 * - Below, one write is under way at a time, and each ends in a later phase of the loop, when it has long been taken. Its bytes
 *   are encrypted when the call returns. So no write refers to its bytes any more (slots are never lent), what is written
 *   meanwhile is put together for the next, and closing waits for the end of the one under way: that is this turn of the loop.
 * - What one read of the socket brought is decrypted record by record, and goes on coming after `pause`: it is kept until `resume`.
 * - A whole end is announced (close_notify); a FIN without it may be anybody's, and counts as a broken connection. So `destroy`
 *   announces it if everything written has been taken, and `reset` does not.
 */
import { ByteBuffer } from '../byte-buffer.ts'
import { Connection, type NetContext } from '../connection.ts'
import {
  ALREADY_READING,
  END_OF_FILE,
  errorName,
  lastRead,
  type SecureContext,
  type StreamHandle,
  type TlsFailure,
  type TlsHandle,
  type WriteRequest,
  WriteWrap,
  wrapTls,
} from '../handles.ts'
import { ClientCertificate } from './client-certificate.ts'
import type { TlsFacts } from './tls-facts.ts'
import { WithheldWrite } from './withheld-write.ts'

export interface HandshakeListener {
  /** Both ends have what they need; the listener may still refuse the peer (`refuse`). Empty, or the error's name. */
  check(connection: TlsConnection): string
  /** Takes the connection: whatever it does not own from here on is lost. */
  onSecure(connection: TlsConnection): void
  /** It is about to be closed. `error` is OpenSSL's name or the system's, `detail` a text for the log. */
  onHandshakeFailed(connection: TlsConnection, error: string, detail: string): void
}

/** What `onClose` says where the peer's end was not announced: something may be missing. */
export const TRUNCATED = 'ERR_SSL_UNEXPECTED_EOF'

/** An alert in plain text (RFC 8446, section 6). */
const ALERT = 21
const FATAL = 2

const UNKNOWN: TlsFacts = {
  alpn: '',
  version: '',
  cipher: '',
  serverName: '',
  resumed: false,
  clientCertificate: null,
}

/** Bytes put together while a write is under way: what a turn of the loop brings; past it they are written in one piece all the same. */
const WAITING_BYTES_START = 4096

/** Milliseconds that the end of the last write is waited for when the connection is to be closed; past it nothing is announced. */
const FAREWELL_MS = 2000

export class TlsConnection extends Connection {
  declare readonly handle: TlsHandle
  #listener: HandshakeListener | null
  readonly #isServer: boolean
  #established = false
  /** Of the writes below, one after the other. Within the end of one another takes its turn: that one is in use still. */
  #request: WriteRequest = new WriteWrap()
  #otherRequest: WriteRequest | null = null
  /** It had not ended when somebody last looked. */
  #writing = false
  /** OpenSSL has not taken its bytes yet. */
  #withheld: WithheldWrite | null = null
  /** The FIN is to follow it. */
  #finWaits = false
  /** Closed, and everything is taken: the end is announced when the write has ended. */
  #farewell = false
  /** Written while a write was under way. */
  #waiting: ByteBuffer | null = null
  /** Came while nobody read, or before what came then was passed on. */
  #held: ByteBuffer | null = null
  #endHeld = false
  #deliveryScheduled = false
  #facts: TlsFacts = UNKNOWN
  #takenBytes = 0
  /** A write has met the peer's RST: of that a read tells no more than an end. */
  #isSevered = false

  /** The handshake begins with `begin`. */
  constructor(
    context: NetContext,
    transport: StreamHandle,
    secure: SecureContext,
    isServer: boolean,
    listener: HandshakeListener,
  ) {
    super(context, wrapTls(transport, secure, isServer), transport)
    this.#listener = listener
    this.#isServer = isServer
    // Whoever forgets a connection leaks it; were the encryption collected upon a socket that is open, Node would end the process.
    transport.connection = this
    const { handle } = this
    handle.onread = onRead
    handle.onhandshakestart = isServer ? onHandshakeStart : nothing
    handle.onhandshakedone = onHandshakeDone
    handle.onerror = onError
  }

  /** Servers: `received` is what the socket has brought already. Clients send their first flight. */
  begin(received: Buffer | null): void {
    this.reading = true
    const status = this.handle.readStart()
    if (status < 0) {
      process.nextTick(failed, this, errorName(status))
      return
    }
    if (!this.#isServer) this.handle.start()
    else if (received !== null) this.handle.receive(received)
  }

  get established(): boolean {
    return this.#established
  }

  /** Of a handshake that is not over: nothing. */
  override get tls(): TlsFacts {
    return this.#facts
  }

  #readFacts(): TlsFacts {
    const { handle } = this
    const certificate = this.#isServer ? handle.getPeerX509Certificate() : undefined
    return {
      alpn: handle.getALPNNegotiatedProtocol() || '',
      version: handle.getProtocol(),
      cipher: handle.getCipher().standardName,
      serverName: handle.getServername() || '',
      resumed: handle.isSessionReused(),
      clientCertificate: certificate === undefined ? null : new ClientCertificate(certificate),
    }
  }

  override get waitingBytes(): number {
    const waiting = this.#waiting === null ? 0 : this.#waiting.length
    return this.transport.writeQueueSize + waiting
  }

  override hasProgressed(): boolean {
    const before = this.#takenBytes
    this.#takenBytes = this.transport.bytesWritten - this.transport.writeQueueSize
    return this.pendingWrites > 0 && this.#takenBytes > before
  }

  /** Its bytes are never referred to when it returns; false asks to wait for `onDrain` all the same. @hotpath */
  override write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.closed || this.writeEnded || start === end) return true
    if (this.#isWriting()) {
      this.#request.oncomplete = onWriteComplete
      this.#waiting ??= new ByteBuffer(WAITING_BYTES_START, true)
      this.#waiting.copy(bytes as Buffer, start, end)
      this.pendingWrites = 1
      return false
    }
    if (this.#send(bytes.subarray(start, end))) return true
    this.pendingWrites = 1
    this.hasProgressed()
    return false
  }

  /**
   * A write ends in a later phase of the loop, when its bytes are gone. Whoever has to know sets `oncomplete`; nobody mostly does,
   * and a call for each would cost more than looking: perf/micro/net/tls/tls-connection.bench.ts. @hotpath
   */
  #isWriting(): boolean {
    if (this.#writing && this.#withheld === null && this.handle.writeQueueSize === 0) this.#writing = false
    return this.#writing
  }

  /** False when the kernel did not take it all. @hotpath */
  #send(view: Uint8Array): boolean {
    const { handle } = this
    const request = this.#request
    request.owner = this
    request.oncomplete = onWriteComplete
    this.#writing = true
    const before = handle.writeQueueSize
    const status = handle.writeBuffer(request, view)
    if (status !== 0) {
      this.#writing = false
      this.writeFailed(status)
      return true
    }
    if (this.#writing && handle.writeQueueSize - before < view.length) {
      this.#withheld = new WithheldWrite(this)
      return false
    }
    if (this.transport.writeQueueSize > 0 && this.#writing) return false
    request.oncomplete = undefined
    return true
  }

  /** @internal */
  override wrote(status: number): void {
    this.#writing = false
    this.#endWithheld()
    const used = this.#request
    this.#request = this.#otherRequest ?? new WriteWrap()
    this.#otherRequest = used
    if (this.#farewell) {
      this.#sayFarewell(status < 0)
      return
    }
    if (this.closed) return
    if (status < 0) {
      this.pendingWrites = 0
      this.writeFailed(status)
      return
    }
    const waiting = this.#waiting
    if (waiting !== null && waiting.length > 0) {
      const taken = this.#send(waiting.bytes.subarray(0, waiting.length))
      waiting.shrink()
      if (!taken || this.closed) return
    }
    if (this.#finWaits) this.sendFin()
    if (this.pendingWrites === 0 || this.closed) return
    // The base takes one off, and tells the owner.
    this.pendingWrites = 1
    super.wrote(0)
  }

  protected override writeFailed(status: number): void {
    this.#isSevered = true
    super.writeFailed(status)
  }

  /** @internal */
  tryAgain(): void {
    this.handle.newSessionDone()
  }

  /** @internal */
  giveUp(): void {
    this.breakWith('EPROTO')
  }

  #endWithheld(): void {
    this.#withheld?.end()
    this.#withheld = null
  }

  protected override release(): void {
    this.#endWithheld()
    super.release()
  }

  protected override sendFin(): void {
    this.#finWaits = this.#isWriting()
    if (this.#finWaits) this.#request.oncomplete = onWriteComplete
    else super.sendFin()
  }

  override resume(): void {
    if (this.reading || this.closed || this.readEnded) return
    if (!this.#hasHeld) {
      super.resume()
      return
    }
    // The socket brings no more before that is out: who takes little at a time would have ever more of it held.
    this.reading = true
    if (this.#deliveryScheduled) return
    this.#deliveryScheduled = true
    // Not before the next record of the same read.
    setImmediate(deliverHeld, this)
  }

  get #hasHeld(): boolean {
    return this.#endHeld || (this.#held !== null && this.#held.length > 0)
  }

  /** @internal */
  override nextSlot(): ReturnType<Connection['nextSlot']> {
    // More may follow from the same read, whether anybody reads on or not.
    if (this.slot.lent > 0) this.leaveLentSlot()
    return this.changedSlot()
  }

  /** Bytes `count` have come into the slot, or a negative status. */
  #came(count: number): void {
    if (!this.#established) {
      this.#fail(count === END_OF_FILE ? 'ECONNRESET' : errorName(count), 'the peer closed the connection')
      return
    }
    this.secure()
    if (this.closed) return
    if (!this.reading || this.#hasHeld) this.#hold(count)
    else if (count > 0) super.received(count)
    else this.#ended(count)
  }

  #hold(count: number): void {
    if (count < 0) {
      // Of a socket that is not read only the announced end can come.
      if (count === END_OF_FILE) this.#endHeld = true
      else this.breakWith(errorName(count))
      return
    }
    this.#held ??= new ByteBuffer(count, true)
    const { start } = this.slot
    this.#held.copy(this.context.slots.memory, start, start + count)
  }

  #ended(status: number): void {
    if (status === END_OF_FILE && !this.isLingering && this.transport.readStart() !== ALREADY_READING) {
      // The socket has ended by itself, not because the peer has announced it.
      this.breakWith(this.#isSevered ? 'ECONNRESET' : TRUNCATED)
      return
    }
    super.readFailed(status)
  }

  /** @internal */
  deliverHeld(): void {
    this.#deliveryScheduled = false
    const held = this.#held
    let at = 0
    while (held !== null && at < held.length && this.reading && !this.closed) {
      if (this.slot.lent > 0) this.leaveLentSlot()
      const { slot } = this
      const count = Math.min(slot.view.length, held.length - at)
      held.bytes.copy(slot.view, 0, at, at + count)
      at += count
      super.received(count)
    }
    if (this.closed) return
    if (held !== null) {
      held.bytes.copyWithin(0, at, held.length)
      held.length -= at
      if (held.length === 0) this.#held = null
    }
    // While nobody reads nothing comes: `resume` leaves what is lent still.
    if (this.reading && this.slot.lent > 0) this.leaveLentSlot()
    this.readIntoSlot()
    if (this.#held !== null || !this.reading) return
    if (!this.#endHeld) {
      this.startReading()
      return
    }
    this.#endHeld = false
    super.readFailed(END_OF_FILE)
  }

  /** @internal */
  arrived(count: number): Uint8Array | undefined {
    if (!this.closed && count !== 0) this.#came(count)
    return this.nextSlot()?.view
  }

  /**
   * @internal With TLS 1.2, another one upon the same connection (renegotiation). OpenSSL could refuse it by itself, with a warning
   * each time: a client that sent nothing else, and read nothing, would have Node keep these without bound.
   */
  handshakeStarted(): void {
    if (this.#established) this.breakWith('ERR_SSL_RENEGOTIATION')
  }

  /** @internal OpenSSL is still at work below: whatever follows has to wait until it has returned. */
  handshakeDone(): void {
    if (this.#established) return
    this.#established = true
    setImmediate(secure, this)
  }

  /** @internal */
  secure(): void {
    if (this.#listener !== null && !this.closed) this.guard(() => this.#secure())
  }

  #secure(): void {
    const listener = this.#listener as HandshakeListener
    const error = listener.check(this)
    if (error !== '') {
      this.#fail(error, 'the peer was refused')
      return
    }
    this.#listener = null
    // Nothing can be asked any more when it is closed.
    this.#facts = this.#readFacts()
    // As any other connection: nothing is read before the owner says so.
    this.pause()
    listener.onSecure(this)
  }

  /** @internal */
  failed(error: string, detail: string): void {
    if (this.#listener !== null) this.#fail(error, detail)
    else super.breakWith(error)
  }

  protected override breakWith(error: string): void {
    this.failed(error, '')
  }

  #fail(error: string, detail: string): void {
    const listener = this.#listener
    this.#listener = null
    if (this.closed || listener === null) return
    try {
      listener.onHandshakeFailed(this, error, detail)
    } catch (fault) {
      this.context.onFault(fault)
    }
    if (this.closed) return
    this.release()
    this.#closeNow()
  }

  /** Servers, before anything is agreed on: ends the handshake with an alert that OpenSSL would not send. */
  refuse(alert: number, error: string, detail: string): void {
    if (this.closed) return
    this.writePlain(Buffer.from([ALERT, 3, 3, 0, 2, FATAL, alert]))
    this.#fail(error, detail)
  }

  /** Servers, before anything is agreed on, as the last word: past OpenSSL, as it is. */
  writePlain(bytes: Buffer): void {
    if (this.closed) return
    const request = new WriteWrap()
    request.lent = bytes
    this.transport.writeBuffer(request, bytes)
  }

  override destroy(): void {
    this.#listener = null
    super.destroy()
  }

  protected override closeHandle(): void {
    if (this.pendingWrites > 0 || !this.#established) {
      this.#closeNow()
    } else if (this.#isWriting()) {
      this.#farewell = true
      this.#request.oncomplete = onWriteComplete
      this.context.wheel.set(this.timer, FAREWELL_MS)
    } else if (this.handle.writeQueueSize > 0) {
      // The end of the handshake is still on its way, and nobody will be told when it is out: at the end of this turn.
      this.#farewell = true
      setImmediate(sayFarewell, this)
    } else {
      this.#sayFarewell(false)
    }
  }

  protected override breakHandle(): void {
    this.#closeNow()
  }

  protected override resetHandle(): void {
    this.uncount()
    const { handle, transport } = this
    const ended = () => handle.destroySSL()
    if (this.isShutting || transport.reset === undefined || transport.reset(ended) !== 0) transport.close(ended)
  }

  /** @internal */
  sayFarewell(): void {
    if (this.#farewell) this.#sayFarewell(false)
  }

  #sayFarewell(failed: boolean): void {
    this.#farewell = false
    this.context.wheel.clear(this.timer)
    if (!failed && (!this.writeEnded || this.#finWaits)) super.sendFin()
    this.#closeNow()
  }

  #closeNow(): void {
    this.uncount()
    const { handle } = this
    // Not before the loop has come round: OpenSSL may still be at work below.
    this.transport.close(() => handle.destroySSL())
  }

  override onDeadline(): void {
    if (this.#farewell) this.#sayFarewell(true)
    else super.onDeadline()
  }
}

/** @hotpath */
function onRead(this: StreamHandle): Uint8Array | undefined {
  return (this.connection as TlsConnection).arrived(lastRead())
}

function onHandshakeStart(this: StreamHandle): void {
  const connection = this.connection as TlsConnection
  connection.handshakeStarted()
}

function onHandshakeDone(this: StreamHandle): void {
  const connection = this.connection as TlsConnection
  connection.handshakeDone()
}

function onError(this: StreamHandle, error: TlsFailure): void {
  const connection = this.connection as TlsConnection
  connection.failed(error.code ?? 'EPROTO', error.reason ?? error.message)
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const connection = this.owner as TlsConnection
  connection.wrote(status)
}

function secure(connection: TlsConnection): void {
  connection.secure()
}

function sayFarewell(connection: TlsConnection): void {
  connection.sayFarewell()
}

function deliverHeld(connection: TlsConnection): void {
  connection.guard(() => connection.deliverHeld())
}

function failed(connection: TlsConnection, error: string): void {
  connection.failed(error, 'the socket cannot be read')
}

function nothing(): void {}
