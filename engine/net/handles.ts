/**
 * Node's own stream handles, the layer below `net.Socket`: one read callback into a buffer of ours, one write call,
 * no stream machinery between. This is the only file that knows Node's internals; the rest sees the types below.
 *
 * Why not `net.Socket`: a write through it costs a request object, two function layers and a tick, and its flow states
 * restart reading behind our back, which would overwrite a buffer slot that is lent. The handles and their calls are
 * the same for TCP, pipes and TLS, and have been stable since Node 12.
 */
import type { Slot } from './slots.ts'

/** `Int32Array` in which Node leaves the outcome of the last stream call. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest
  readonly ShutdownWrap: new () => ShutdownRequest
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

export interface WriteRequest {
  oncomplete: ((this: WriteRequest, status: number) => void) | undefined
  /** What the request belongs to; ours. */
  owner: unknown
  /** Keeps the bytes alive that the kernel has not yet taken. */
  lent: Uint8Array | undefined
  /** The slot in which those bytes lie, if they lie in one. */
  slot: Slot | null
}

export interface ShutdownRequest {
  oncomplete: (status: number) => void
}

export interface ConnectRequest {
  oncomplete: (status: number) => void
}

export interface StreamHandle {
  /** Called with `this` the handle after each read; a returned view becomes the buffer of the next read. */
  onread: (this: StreamHandle) => Uint8Array | undefined
  /** Ours: whom the callbacks serve. */
  connection: unknown
  readonly fd: number
  /** Bytes written that the kernel has not taken yet. */
  readonly writeQueueSize: number
  useUserBuffer(view: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  shutdown(request: ShutdownRequest): number
  close(callback?: () => void): void
  ref(): void
  unref(): void
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, delaySeconds: number): number
  getpeername?(out: { address?: string; port?: number; family?: string }): number
  getsockname?(out: { address?: string; port?: number; family?: string }): number
  /** TCP only: closes with RST. */
  reset?(callback?: () => void): number
}

export interface TcpHandle extends StreamHandle {
  connect(request: ConnectRequest, host: string, port: number): number
  connect6(request: ConnectRequest, host: string, port: number): number
  bind(host: string, port: number): number
  bind6(host: string, port: number, flags: number): number
}

export interface PipeHandle extends StreamHandle {
  connect(request: ConnectRequest, path: string): number | undefined
}

interface HandleBinding<H> {
  readonly constants: { readonly SOCKET: number; readonly SERVER: number }
  readonly TCP: new (kind: number) => H
  readonly Pipe: new (kind: number) => H
  readonly TCPConnectWrap: new () => ConnectRequest
  readonly PipeConnectWrap: new () => ConnectRequest
}

function binding(name: string): unknown {
  const load = (process as unknown as { binding?: (name: string) => unknown }).binding
  if (load === undefined) {
    throw new Error(`Sluice needs Node's stream handles, which this Node (${process.version}) does not give`)
  }
  return load(name)
}

const stream = binding('stream_wrap') as StreamBinding
const tcp = binding('tcp_wrap') as HandleBinding<TcpHandle>
const pipe = binding('pipe_wrap') as HandleBinding<PipeHandle>

export const { WriteWrap, ShutdownWrap } = stream
const state = stream.streamBaseState
const readResult = stream.kReadBytesOrError
const writeWasAsync = stream.kLastWriteWasAsync

const uv = binding('uv') as { readonly UV_EOF: number; errname(status: number): string }

/** End of file, as a read reports it. */
export const END_OF_FILE: number = uv.UV_EOF

/** Bytes of the read that is being reported, or a negative error. @hotpath */
export function lastRead(): number {
  return state[readResult] as number
}

/** Whether the write just made still refers to its bytes. @hotpath */
export function lastWriteIsPending(): boolean {
  return state[writeWasAsync] !== 0
}

export function openTcp(): TcpHandle {
  return new tcp.TCP(tcp.constants.SOCKET)
}

export function openPipe(): PipeHandle {
  return new pipe.Pipe(pipe.constants.SOCKET)
}

export function connectTcp(handle: TcpHandle, host: string, port: number, done: (status: number) => void): number {
  const request = new tcp.TCPConnectWrap()
  request.oncomplete = done
  return host.includes(':') ? handle.connect6(request, host, port) : handle.connect(request, host, port)
}

export function connectPipe(handle: PipeHandle, path: string, done: (status: number) => void): number {
  const request = new pipe.PipeConnectWrap()
  request.oncomplete = done
  return handle.connect(request, path) ?? 0
}

/** Binds a socket to an IP address and closes it again: 0, or the error that binding gave. It never listens. */
export function tryBind(host: string, port: number): number {
  const handle = new tcp.TCP(tcp.constants.SERVER)
  const status = host.includes(':') ? handle.bind6(host, port, 0) : handle.bind(host, port)
  // That an address is in use comes out only when the socket is asked for its name.
  const outcome = status === 0 ? (handle.getsockname?.({}) ?? 0) : status
  handle.close()
  return outcome
}

/** `ECONNRESET` and the like for a negative status of a handle call. */
export function errorName(status: number): string {
  return uv.errname(status)
}
