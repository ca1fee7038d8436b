/**
 * Node's own UDP handles, the layer below `dgram`: beside `handles.ts` the only file that knows Node's internals. Loaded into a
 * thread with the first socket.
 *
 * Why not `dgram`: it makes an event, an object and a tick of each datagram, loads `node:dns`, and has no way to send without a
 * request object.
 */
import { binding } from './handles.ts'

/** Who has sent a datagram. */
export interface DatagramSource {
  readonly address: string
  readonly port: number
  readonly family: string
  readonly size: number
}

export interface SendRequest {
  oncomplete: (error: number) => void
}

export interface UdpHandle {
  /** `count` below 0 is an error of the system's, e.g. that the peer of a connected socket has refused a datagram. */
  onmessage: (count: number, handle: UdpHandle, bytes: Buffer, source: DatagramSource) => void
  /** Ours: whom the callbacks serve. */
  owner: unknown
  readonly fd: number
  bind(host: string, port: number, flags: number): number
  bind6(host: string, port: number, flags: number): number
  connect(host: string, port: number): number
  connect6(host: string, port: number): number
  /** Above 0: bytes + 1 that have left at once; 0: `oncomplete` follows; below 0: an error. */
  send(
    request: SendRequest,
    parts: readonly Uint8Array[],
    count: number,
    port: number,
    host: string,
    hasCallback: boolean,
  ): number
  /** The same to the peer of a connected socket. */
  send(request: SendRequest, parts: readonly Uint8Array[], count: number, hasCallback: boolean): number
  send6(
    request: SendRequest,
    parts: readonly Uint8Array[],
    count: number,
    port: number,
    host: string,
    hasCallback: boolean,
  ): number
  recvStart(): number
  recvStop(): number
  getsockname(out: { address?: string; port?: number; family?: string }): number
  bufferSize(bytes: number, isReceive: boolean, context: object): number | undefined
  getSendQueueSize(): number
  getSendQueueCount(): number
  close(callback?: () => void): void
  ref(): void
  unref(): void
}

interface UdpBinding {
  readonly UDP: new () => UdpHandle
  readonly SendWrap: new () => SendRequest
  readonly constants: {
    readonly UV_UDP_IPV6ONLY: number
    readonly UV_UDP_REUSEADDR: number
    readonly UV_UDP_REUSEPORT: number
  }
}

let udp: UdpBinding | null = null

export function udpBinding(): UdpBinding {
  udp ??= binding('udp_wrap') as UdpBinding
  return udp
}

/** As `tryBind` for a port of UDP. */
export function tryBindUdp(host: string, port: number): number {
  const handle = new (udpBinding().UDP)()
  const status = host.includes(':') ? handle.bind6(host, port, 0) : handle.bind(host, port, 0)
  handle.close()
  return status
}
