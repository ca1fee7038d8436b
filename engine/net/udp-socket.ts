/**
 * One socket of UDP upon a raw handle. What is sent has left when the call returns, as a rule, and then costs no object at all. Where
 * the kernel has no room a few datagrams wait; those past them are dropped: whoever sends datagrams cannot be made to wait.
 */
import type { Address } from '../snapshot.ts'
import { errorName } from './handles.ts'
import { type DatagramSource, type SendRequest, type UdpHandle, udpBinding } from './udp-handles.ts'

export interface UdpSocketOwner {
  /** `bytes` are the owner's to keep. */
  onDatagram(bytes: Buffer, source: DatagramSource): void
  /** What was sent before has met with an error, e.g. `ECONNREFUSED`: told of connected sockets only. */
  onSocketError(error: string): void
}

/** What `send` and `sendTo` give: it is on its way; or there was no room for it, or it is too large. Below 0: an error. */
export const SENT = 1
export const DROPPED = 0

/** Bytes of a socket that wait for room in the kernel; one datagram may always wait. Past it: dropped. */
const WAITING_BYTES_MAX = 256 * 1024

/** Room that is asked for at a listener for what has come and was not read; the kernel gives up to `net.core.rmem_max`. */
const RECEIVE_BYTES = 4 * 1024 * 1024

interface LentRequest extends SendRequest {
  socket: UdpSocket | null
  /** Keeps the bytes alive that the kernel has not taken yet. */
  parts: readonly Uint8Array[] | null
}

const NOTHING = new Uint8Array(0)

/** For each call of `send`, as long as what is sent leaves at once. */
let spareRequest: LentRequest | null = null
const onePart: [Uint8Array] = [NOTHING]
const twoParts: [Uint8Array, Uint8Array] = [NOTHING, NOTHING]

export class UdpSocket {
  readonly #handle: UdpHandle
  readonly #isIpv6: boolean
  /** `null` once it is closed. */
  #owner: UdpSocketOwner | null
  /** Datagrams that wait for the kernel. */
  #waiting = 0

  private constructor(handle: UdpHandle, isIpv6: boolean, owner: UdpSocketOwner) {
    this.#handle = handle
    this.#isIpv6 = isIpv6
    this.#owner = owner
    handle.owner = this
    handle.onmessage = onMessage
  }

  /**
   * Binds to an IP address, and reads nothing before `read`. `::` takes IPv4, too. With `reusePort` others of this process may have
   * the same address; the kernel keeps each client with one of them. @throws with the system's error as `code`.
   */
  static bind(host: string, port: number, reusePort: boolean, owner: UdpSocketOwner): UdpSocket {
    const { UDP, constants } = udpBinding()
    const handle = new UDP()
    const isIpv6 = host.includes(':')
    const flags = reusePort ? constants.UV_UDP_REUSEPORT : 0
    const status = isIpv6 ? handle.bind6(host, port, flags) : handle.bind(host, port, flags)
    if (status !== 0) {
      handle.close()
      const code = errorName(status)
      throw Object.assign(new Error(`bind ${code}: ${host}:${port}`), { code })
    }
    // Less is no failure: a machine's own bound stands above what is asked for.
    handle.bufferSize(RECEIVE_BYTES, true, {})
    return new UdpSocket(handle, isIpv6, owner)
  }

  /** Of a port of its own, for the datagrams of one peer, which are read at once. Below 0: an error. @hotpath */
  static connect(host: string, port: number, owner: UdpSocketOwner): UdpSocket | number {
    const handle = new (udpBinding().UDP)()
    const isIpv6 = host.includes(':')
    const socket = new UdpSocket(handle, isIpv6, owner)
    let status = isIpv6 ? handle.connect6(host, port) : handle.connect(host, port)
    if (status === 0) status = handle.recvStart()
    if (status === 0) return socket
    socket.close()
    return status
  }

  /** Where it is bound. */
  get address(): Address {
    const name: { address?: string; port?: number } = {}
    this.#handle.getsockname(name)
    return { kind: 'tcp', host: name.address ?? '', port: name.port ?? 0 }
  }

  read(): void {
    this.#handle.recvStart()
  }

  /** Sends a datagram to the peer of a connected socket, with `opening` in front of it unless that is `null`. @hotpath */
  send(opening: Uint8Array | null, bytes: Uint8Array): number {
    if (this.#waiting > 0 && this.#isFull) return DROPPED
    const request = spareRequest ?? newRequest()
    const parts = partsOf(opening, bytes)
    const status = this.#handle.send(request, parts, parts.length, true)
    return status > 0 ? SENT : this.#notSent(status, request, parts)
  }

  /** Sends a datagram to whoever is there. @hotpath */
  sendTo(bytes: Uint8Array, host: string, port: number): number {
    if (this.#waiting > 0 && this.#isFull) return DROPPED
    const request = spareRequest ?? newRequest()
    const parts = partsOf(null, bytes)
    const status = this.#isIpv6
      ? this.#handle.send6(request, parts, 1, port, host, true)
      : this.#handle.send(request, parts, 1, port, host, true)
    return status > 0 ? SENT : this.#notSent(status, request, parts)
  }

  get #isFull(): boolean {
    return this.#handle.getSendQueueSize() >= WAITING_BYTES_MAX
  }

  #notSent(status: number, request: LentRequest, parts: readonly Uint8Array[]): number {
    if (status < 0) return errorName(status) === 'EMSGSIZE' ? DROPPED : status
    spareRequest = null
    request.socket = this
    request.parts = [...parts]
    this.#waiting += 1
    return SENT
  }

  /** @internal */
  sentLater(): void {
    this.#waiting -= 1
    if (this.#waiting === 0 && this.#owner === null) this.#handle.close()
  }

  /** Reads no more, and closes when what waits has left; the owner hears no more. */
  close(): void {
    if (this.#owner === null) return
    this.#owner = null
    if (this.#waiting === 0) this.#handle.close()
    else this.#handle.recvStop()
  }

  /** @internal @hotpath */
  received(count: number, bytes: Buffer, source: DatagramSource): void {
    if (this.#owner === null) return
    if (count >= 0) this.#owner.onDatagram(bytes, source)
    else this.#owner.onSocketError(errorName(count))
  }
}

/** @hotpath */
function partsOf(opening: Uint8Array | null, bytes: Uint8Array): readonly Uint8Array[] {
  if (opening === null) {
    onePart[0] = bytes
    return onePart
  }
  twoParts[0] = opening
  twoParts[1] = bytes
  return twoParts
}

function newRequest(): LentRequest {
  const request = new (udpBinding().SendWrap)() as LentRequest
  request.socket = null
  request.parts = null
  request.oncomplete = onSent
  spareRequest = request
  return request
}

/** What could not be sent in the end is lost, as datagrams are. */
function onSent(this: SendRequest): void {
  const request = this as LentRequest
  request.parts = null
  request.socket?.sentLater()
}

/** @hotpath */
function onMessage(count: number, handle: UdpHandle, bytes: Buffer, source: DatagramSource): void {
  ;(handle.owner as UdpSocket).received(count, bytes, source)
}
