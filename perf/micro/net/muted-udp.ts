/** Handles of UDP without a kernel: they take everything, and bring what a bench says. */
import { type DatagramSource, type SendRequest, type UdpHandle, udpBinding } from '../../../engine/net/udp-handles.ts'

/** Bytes that were sent by muted handles so far. */
export let bytesSent = 0

/** Those that were opened, the latest last; a bench that opens many takes them out. */
export const opened: MutedUdp[] = []

const succeed = (): number => 0
const ignore = (): void => {}

export class MutedUdp implements UdpHandle {
  onmessage: UdpHandle['onmessage'] = ignore
  owner: unknown = null
  readonly fd = -1
  bind = succeed
  bind6 = succeed
  connect = succeed
  connect6 = succeed
  recvStart = succeed
  recvStop = succeed
  bufferSize = succeed
  getSendQueueSize = succeed
  getSendQueueCount = succeed
  close = ignore
  ref = ignore
  unref = ignore

  constructor() {
    opened.push(this)
  }

  send(_request: SendRequest, parts: readonly Uint8Array[]): number {
    let sent = 0
    for (const part of parts) sent += part.length
    bytesSent += sent
    return sent + 1
  }

  send6(request: SendRequest, parts: readonly Uint8Array[]): number {
    return this.send(request, parts)
  }

  getsockname(out: { address?: string; port?: number; family?: string }): number {
    Object.assign(out, { address: '192.0.2.1', port: 53, family: 'IPv4' })
    return 0
  }

  /** Lets its owner have a datagram, as the kernel would. */
  deliver(bytes: Buffer, source: DatagramSource): void {
    this.onmessage(bytes.length, this, bytes, source)
  }
}

/** From here on this thread opens no other sockets of UDP. */
export function muteUdp(): void {
  Object.assign(udpBinding(), { UDP: MutedUdp })
}
