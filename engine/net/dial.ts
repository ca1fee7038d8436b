/**
 * Opens a connection to an endpoint, within a deadline, encrypted where that is asked for, and behind what it is to begin with. Names
 * have been resolved long before.
 */
import type { Address } from '../snapshot.ts'
import { Connection, type ConnectionOwner, type NetContext } from './connection.ts'
import { connectPipe, connectTcp, errorName, openPipe, openTcp, type StreamHandle, WriteWrap } from './handles.ts'
import { Timer, type TimerTarget } from './timer-wheel.ts'
import type { NewSessions } from './tls/client-sessions.ts'
import { handshakeText, type TlsPeer } from './tls/client-tls.ts'
import { type HandshakeListener, TlsConnection } from './tls/tls-connection.ts'

export interface DialOwner extends ConnectionOwner {
  onConnect(connection: Connection): void
  /**
   * The address did not take us: the system's error, or `ETIMEDOUT` past the deadline. Of a handshake that failed: OpenSSL's name
   * or Node's (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, `ERR_SSL_...`), and in `detail` what it means; else that is empty.
   */
  onConnectError(error: string, detail: string): void
}

export class Dial implements TimerTarget, HandshakeListener {
  readonly #context: NetContext
  readonly #owner: DialOwner
  readonly #timer: Timer
  readonly #peer: TlsPeer | null
  readonly #opening: Uint8Array | null
  #handle: StreamHandle | null = null
  /** From when the handshake begins until it has ended. */
  #securing: TlsConnection | null = null
  #sessions: NewSessions | null = null
  #done = false

  /**
   * `peer`: whom to expect there, and to encrypt for; `null` for plain text. `opening`: what goes ahead of everything, encryption
   * too; `null` for nothing.
   */
  constructor(
    context: NetContext,
    address: Address,
    timeoutMs: number,
    owner: DialOwner,
    peer: TlsPeer | null = null,
    opening: Uint8Array | null = null,
  ) {
    this.#context = context
    this.#owner = owner
    this.#peer = peer
    this.#opening = opening
    this.#timer = new Timer(this)
    context.wheel.refresh()
    context.wheel.set(this.#timer, timeoutMs)
    if (address.kind === 'unix') this.#tryPath(address.path)
    else this.#tryHost(address.host, address.port)
  }

  /** Gives up; the owner hears no more. */
  cancel(): void {
    if (this.#done) return
    this.#end()
    this.#close()
  }

  #close(): void {
    if (this.#securing !== null) this.#securing.destroy()
    else this.#handle?.close()
  }

  onDeadline(): void {
    this.#fail('ETIMEDOUT')
  }

  #tryHost(host: string, port: number): void {
    const handle = openTcp()
    this.#handle = handle
    this.#started(connectTcp(handle, host, port, status => this.#connected(handle, status)))
  }

  #tryPath(path: string): void {
    const handle = openPipe()
    this.#handle = handle
    this.#started(connectPipe(handle, path, status => this.#connected(handle, status)))
  }

  /** An error before anything was tried is told from a clean stack, as every other outcome is. */
  #started(status: number): void {
    const handle = this.#handle
    if (status !== 0 && handle !== null) process.nextTick(() => this.#connected(handle, status))
  }

  #connected(handle: StreamHandle, status: number): void {
    if (this.#done || handle !== this.#handle) return
    if (status !== 0) {
      this.#fail(errorName(status))
      return
    }
    handle.setNoDelay?.(true)
    const written = this.#opening === null ? 0 : writeAhead(handle, this.#opening)
    if (written !== 0) this.#fail(errorName(written))
    else if (this.#peer === null) this.#opened(new Connection(this.#context, handle))
    else this.#secure(handle, this.#peer)
  }

  #secure(handle: StreamHandle, peer: TlsPeer): void {
    const connection = new TlsConnection(this.#context, handle, peer.tls.context, false, this)
    this.#securing = connection
    this.#sessions = peer.prepare(connection)
    connection.begin(null)
  }

  check(connection: TlsConnection): string {
    const error = this.#peer === null ? '' : this.#peer.check(connection)
    if (error === '') this.#sessions?.keep()
    return error
  }

  onSecure(connection: TlsConnection): void {
    this.#opened(connection)
  }

  onHandshakeFailed(_connection: TlsConnection, error: string, detail: string): void {
    this.#fail(error, handshakeText(error, detail))
  }

  #opened(connection: Connection): void {
    this.#end()
    connection.owner = this.#owner
    try {
      this.#owner.onConnect(connection)
    } catch (error) {
      this.#context.onFault(error)
      connection.destroy()
    }
  }

  #fail(error: string, detail = ''): void {
    if (this.#done) return
    this.#end()
    this.#close()
    try {
      this.#owner.onConnectError(error, detail)
    } catch (fault) {
      this.#context.onFault(fault)
    }
  }

  #end(): void {
    this.#done = true
    this.#context.wheel.clear(this.#timer)
  }
}

/** What the kernel does not take at once goes ahead of what is written later all the same. Gives the system's error, or 0. */
function writeAhead(handle: StreamHandle, bytes: Uint8Array): number {
  const request = new WriteWrap()
  request.lent = bytes
  request.oncomplete = nothing
  return handle.writeBuffer(request, bytes)
}

/** Where it fails, the read side says soon what has become of the connection. */
function nothing(): void {}
